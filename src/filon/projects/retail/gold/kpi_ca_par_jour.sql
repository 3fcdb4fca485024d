SELECT
    date,
    sum(montant) AS ca_total,
    count(*) AS nb_transactions,
    ratio(sum(montant), count(*)) AS panier_moyen
FROM fact_ventes
GROUP BY date
