WITH months AS (
    SELECT
        month,
        count(DISTINCT basket_id) FILTER (WHERE is_purchase) AS baskets,
        count(DISTINCT household_id) FILTER (WHERE is_purchase) AS households,
        count(*) FILTER (WHERE is_purchase) AS purchased_lines,
        sum(sales_value) AS sales_value
    FROM fact_basket_lines
    GROUP BY month
)

SELECT
    month,
    baskets,
    households,
    purchased_lines,
    sales_value,
    ratio(sales_value, baskets) AS sales_per_basket,
    ratio(purchased_lines, baskets) AS products_per_basket,
    ratio(baskets, households) AS baskets_per_household
FROM months
