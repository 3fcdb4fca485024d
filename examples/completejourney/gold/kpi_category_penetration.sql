WITH categories AS (
    SELECT
        department,
        product_category,
        count(DISTINCT household_id) FILTER (WHERE is_purchase) AS households,
        sum(sales_value) AS sales_value
    FROM fact_basket_lines
    GROUP BY department, product_category
),

everyone AS (
    SELECT count(DISTINCT household_id) AS households
    FROM fact_basket_lines
    WHERE is_purchase
)

SELECT
    department,
    product_category,
    categories.households,
    ratio(100 * categories.households, everyone.households) AS penetration,
    sales_value,
    ratio(sales_value, categories.households) AS sales_per_household
FROM categories
CROSS JOIN everyone
