WITH departments AS (
    SELECT
        department,
        sum(sales_value) AS sales_value,
        count(DISTINCT basket_id) FILTER (WHERE is_purchase) AS baskets,
        count(DISTINCT household_id) FILTER (WHERE is_purchase) AS households
    FROM fact_basket_lines
    GROUP BY department
)

SELECT
    department,
    sales_value,
    ratio(100 * sales_value, sum(sales_value) OVER ()) AS share_of_sales,
    baskets,
    households,
    ratio(sales_value, baskets) AS sales_per_basket
FROM departments
