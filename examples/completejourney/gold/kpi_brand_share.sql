WITH brands AS (
    SELECT department, brand, sum(sales_value) AS sales_value
    FROM fact_basket_lines
    GROUP BY department, brand
)

SELECT
    department,
    brand,
    sales_value,
    ratio(100 * sales_value, sum(sales_value) OVER (PARTITION BY department)) AS share_of_department
FROM brands
