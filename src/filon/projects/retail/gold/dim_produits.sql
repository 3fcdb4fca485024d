SELECT
    surrogate_key(produit) AS id_produit,
    produit,
    count(*) AS nb_ventes,
    sum(montant) AS ca_total,
    ratio(sum(montant), count(*)) AS prix_moyen,
    min(montant) AS prix_min,
    max(montant) AS prix_max
FROM achats
GROUP BY produit
