SELECT
    achats.id_client,
    coalesce(clients_history.pays, 'Inconnu') AS pays,
    sum(montant) AS ca_total,
    count(*) AS nb_transactions
FROM achats
LEFT JOIN clients_history
    ON achats.id_client = clients_history.id_client
    AND achats.date_achat >= clients_history.valid_from
    AND achats.date_achat < coalesce(clients_history.valid_to, CAST('9999-12-31 00:00:00+00' AS TIMESTAMPTZ))
GROUP BY achats.id_client, coalesce(clients_history.pays, 'Inconnu')
