WITH departments AS (
    SELECT
        department,
        sum(shelf_value) AS shelf_value,
        sum(loyalty_discount) AS loyalty_discount,
        sum(coupon_match_discount) AS coupon_match_discount,
        sum(coupon_discount) AS coupon_discount,
        sum(sales_value) AS sales_value,
        coalesce(sum(sales_value) FILTER (WHERE is_discounted), 0) AS discounted_sales
    FROM fact_basket_lines
    GROUP BY department
)

SELECT
    department,
    shelf_value,
    loyalty_discount,
    coupon_match_discount,
    sales_value,
    ratio(100 * (shelf_value - sales_value), shelf_value) AS discount_depth,
    coupon_discount,
    discounted_sales,
    ratio(100 * discounted_sales, sales_value) AS discounted_share
FROM departments
