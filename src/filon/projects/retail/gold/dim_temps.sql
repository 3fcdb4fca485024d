-- every day of the calendar between the first and the last purchase
WITH bornes AS (
    SELECT min(date_achat) AS debut, max(date_achat) AS fin
    FROM achats
),

jours AS (
    SELECT CAST(unnest(generate_series(debut, fin, INTERVAL '1' DAY)) AS DATE) AS jour
    FROM bornes
    WHERE debut IS NOT NULL
)

SELECT
    year(jour) * 10000 + month(jour) * 100 + day(jour) AS id_date,
    jour AS date,
    day(jour) AS jour,
    month(jour) AS mois,
    year(jour) AS annee,
    quarter(jour) AS trimestre,
    week(jour) AS semaine,
    isodow(jour) - 1 AS jour_semaine,
    day_name(jour) AS nom_jour,
    month_name(jour) AS nom_mois,
    isodow(jour) >= 6 AS est_weekend
FROM jours
