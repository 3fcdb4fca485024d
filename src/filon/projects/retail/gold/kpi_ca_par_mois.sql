WITH avec_precedent AS (
    SELECT *, lag(ca_total) OVER (ORDER BY mois) AS ca_precedent
    FROM int_ventes_par_mois
)

SELECT
    mois,
    ca_total,
    nb_transactions,
    nb_clients_uniques,
    ratio(ca_total, nb_transactions) AS panier_moyen,
    ratio(100 * (ca_total - ca_precedent), ca_precedent) AS taux_croissance
FROM avec_precedent
