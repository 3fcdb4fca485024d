WITH pays_par_pays AS (
    SELECT
        pays,
        sum(montant) AS ca_total,
        count(*) AS nb_transactions,
        count(DISTINCT fact_ventes.id_client) AS nb_clients
    FROM fact_ventes
    INNER JOIN dim_clients ON fact_ventes.id_client = dim_clients.id_client
    GROUP BY pays
)

SELECT
    pays,
    ca_total,
    nb_transactions,
    nb_clients,
    ratio(ca_total, nb_transactions) AS panier_moyen,
    ratio(100 * ca_total, sum(ca_total) OVER ()) AS part_ca
FROM pays_par_pays
