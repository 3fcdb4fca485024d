WITH weeks AS (
    SELECT
        week,
        min(sale_date) AS first_day,
        count(DISTINCT sale_date) AS selling_days,
        sum(sales_value) AS sales_value,
        count(DISTINCT basket_id) FILTER (WHERE is_purchase) AS baskets,
        count(DISTINCT household_id) FILTER (WHERE is_purchase) AS households
    FROM fact_basket_lines
    GROUP BY week
),

with_previous AS (
    SELECT
        *,
        lag(sales_value) OVER (ORDER BY week) AS previous_sales,
        lag(selling_days) OVER (ORDER BY week) AS previous_days
    FROM weeks
)

SELECT
    week,
    first_day,
    selling_days,
    sales_value,
    ratio(sales_value, selling_days) AS sales_per_day,
    -- weeks 1 and 53 are short: days are compared, not weeks
    ratio(
        100 * (sales_value * previous_days - previous_sales * selling_days),
        previous_sales * selling_days
    ) AS growth,
    baskets,
    households
FROM with_previous
