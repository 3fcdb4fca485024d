WITH local_lines AS (
    SELECT *, local_date(transaction_timestamp) AS sale_date
    FROM transactions
)

SELECT
    basket_id,
    local_lines.product_id,
    household_id,
    store_id,
    transaction_timestamp AS sold_at,
    sale_date,
    week,
    strftime(sale_date, '%Y-%m') AS month,
    department,
    product_category,
    brand,
    quantity,
    quantity > 0 AS is_purchase,
    sales_value,
    retail_disc AS loyalty_discount,
    coupon_match_disc AS coupon_match_discount,
    coupon_disc AS coupon_discount,
    sales_value + retail_disc + coupon_match_disc AS shelf_value,
    retail_disc + coupon_match_disc + coupon_disc > 0 AS is_discounted
FROM local_lines
INNER JOIN dim_products ON local_lines.product_id = dim_products.product_id
