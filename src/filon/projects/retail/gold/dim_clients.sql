WITH achats_par_client AS (
    SELECT
        id_client,
        sum(montant) AS total_ca,
        count(*) AS nb_achats,
        min(date_achat) AS premiere_commande,
        max(date_achat) AS derniere_commande
    FROM achats
    GROUP BY id_client
)

SELECT
    clients.id_client,
    nom,
    email,
    date_inscription,
    pays,
    coalesce(total_ca, 0) AS total_ca,
    coalesce(nb_achats, 0) AS nb_achats,
    premiere_commande,
    derniere_commande,
    CASE
        WHEN total_ca >= 5000 THEN 'Platinum'
        WHEN total_ca >= 2000 THEN 'Gold'
        WHEN total_ca >= 500 THEN 'Silver'
        ELSE 'Bronze'
    END AS segment
FROM clients
LEFT JOIN achats_par_client ON clients.id_client = achats_par_client.id_client
