WITH product_sales AS (
    SELECT
        product_id,
        sum(sales_value) AS sales_value,
        count(DISTINCT basket_id) FILTER (WHERE is_purchase) AS baskets,
        count(DISTINCT household_id) FILTER (WHERE is_purchase) AS households
    FROM fact_basket_lines
    GROUP BY product_id
),

ranked AS (
    SELECT *, row_number() OVER (ORDER BY sales_value DESC, product_id ASC) AS rank
    FROM product_sales
)

SELECT
    rank,
    ranked.product_id,
    department,
    product_category,
    product_type,
    brand,
    package_size,
    sales_value,
    baskets,
    households
FROM ranked
INNER JOIN dim_products ON ranked.product_id = dim_products.product_id
WHERE rank <= 100
