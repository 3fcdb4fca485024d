WITH pays_par_pays AS (
    SELECT
        pays,
        sum(total_ca) AS ca_total,
        sum(nb_achats) AS nb_transactions,
        count(*) AS nb_clients
    FROM dim_clients
    WHERE nb_achats > 0
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
