WITH classement AS (
    SELECT *, row_number() OVER (ORDER BY total_ca DESC, id_client ASC) AS rang
    FROM dim_clients
)

SELECT
    id_client,
    nom,
    pays,
    segment,
    total_ca,
    nb_achats,
    premiere_commande,
    derniere_commande,
    rang
FROM classement
WHERE rang <= 100
