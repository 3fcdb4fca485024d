WITH mois_par_mois AS (
    SELECT
        mois,
        sum(montant) AS ca_total,
        count(*) AS nb_transactions,
        count(DISTINCT id_client) AS nb_clients_uniques
    FROM fact_ventes
    GROUP BY mois
),

avec_precedent AS (
    SELECT *, lag(ca_total) OVER (ORDER BY mois) AS ca_precedent
    FROM mois_par_mois
)

SELECT
    mois,
    ca_total,
    nb_transactions,
    nb_clients_uniques,
    ratio(ca_total, nb_transactions) AS panier_moyen,
    ratio(100 * (ca_total - ca_precedent), ca_precedent) AS taux_croissance
FROM avec_precedent
