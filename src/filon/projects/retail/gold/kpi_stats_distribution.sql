-- in whole cents: sums are exact, and quarters of a cent are exact in binary, so no rounding happens before the last one
WITH centimes AS (
    SELECT produit, montant, CAST(montant * 100 AS BIGINT) AS centime
    FROM fact_ventes
),

sommes AS (
    SELECT
        produit,
        count(*) AS nombre,
        sum(montant) AS total,
        CAST(sum(centime) AS HUGEINT) AS somme,
        sum(CAST(centime AS HUGEINT) * centime) AS somme_des_carres,
        min(montant) AS minimum,
        max(montant) AS maximum,
        quantile_cont(centime, 0.25) AS q25,
        quantile_cont(centime, 0.5) AS q50,
        quantile_cont(centime, 0.75) AS q75
    FROM centimes
    GROUP BY produit
)

SELECT
    produit,
    nombre AS count,
    ratio(total, nombre) AS mean,
    CASE
        WHEN nombre > 1 THEN
            ratio(CAST(floor(
                sqrt((nombre * somme_des_carres - somme * somme) / (CAST(nombre AS HUGEINT) * (nombre - 1))) + 0.5
            ) AS BIGINT), 100)
    END AS std,
    minimum AS min,
    ratio(CAST(q25 AS DECIMAL(18, 2)), 100) AS "25%",
    ratio(CAST(q50 AS DECIMAL(18, 2)), 100) AS "50%",
    ratio(CAST(q75 AS DECIMAL(18, 2)), 100) AS "75%",
    maximum AS max
FROM sommes
