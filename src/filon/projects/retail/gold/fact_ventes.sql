SELECT
    id_achat,
    achats.id_client,
    id_produit,
    date_achat,
    date_achat AS date,
    strftime(date_achat, '%Y-%m') AS mois,
    year(date_achat) AS annee,
    achats.produit,
    montant,
    segment AS segment_client
FROM achats
INNER JOIN dim_clients ON achats.id_client = dim_clients.id_client
INNER JOIN dim_produits ON achats.produit = dim_produits.produit
