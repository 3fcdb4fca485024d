WITH ventes_par_pays AS (
    SELECT
        pays,
        sum(ca_total) AS ca_total,
        sum(nb_transactions) AS nb_transactions,
        count(*) AS nb_clients
    FROM int_ventes_par_client_pays
    GROUP BY pays
)

SELECT
    pays,
    ca_total,
    nb_transactions,
    nb_clients,
    ratio(ca_total, nb_transactions) AS panier_moyen,
    ratio(100 * ca_total, sum(ca_total) OVER ()) AS part_ca
FROM ventes_par_pays
