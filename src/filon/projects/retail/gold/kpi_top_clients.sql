WITH meilleurs AS (
    SELECT *
    FROM dim_clients
    ORDER BY total_ca DESC, id_client ASC
    LIMIT 100
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
    row_number() OVER (ORDER BY total_ca DESC, id_client ASC) AS rang
FROM meilleurs
