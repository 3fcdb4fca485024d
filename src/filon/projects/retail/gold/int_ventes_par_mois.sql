SELECT
    mois,
    sum(montant) AS ca_total,
    count(*) AS nb_transactions,
    count(DISTINCT id_client) AS nb_clients_uniques
FROM fact_ventes
GROUP BY mois
