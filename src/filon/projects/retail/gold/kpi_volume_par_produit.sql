WITH volumes AS (
    SELECT
        produit,
        count(*) AS nb_ventes,
        sum(montant) AS ca_total,
        count(DISTINCT id_client) AS nb_clients
    FROM fact_ventes
    GROUP BY produit
)

SELECT
    produit,
    nb_ventes,
    ca_total,
    ratio(ca_total, nb_ventes) AS prix_moyen,
    nb_clients,
    row_number() OVER (ORDER BY nb_ventes DESC, produit ASC) AS rang
FROM volumes
