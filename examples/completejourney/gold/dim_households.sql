-- every household in the baskets, and every one whose demographics are known
WITH buyers AS (
    SELECT
        household_id,
        min(local_date(transaction_timestamp)) FILTER (WHERE quantity > 0) AS first_purchase,
        max(local_date(transaction_timestamp)) FILTER (WHERE quantity > 0) AS last_purchase,
        count(DISTINCT basket_id) FILTER (WHERE quantity > 0) AS baskets
    FROM transactions
    GROUP BY household_id
)

SELECT
    coalesce(buyers.household_id, households.household_id) AS household_id,
    households.household_id IS NOT NULL AS demographics_known,
    age,
    income,
    home_ownership,
    marital_status,
    household_size,
    household_comp,
    kids_count,
    first_purchase,
    last_purchase,
    coalesce(baskets, 0) AS baskets
FROM buyers
FULL OUTER JOIN households ON buyers.household_id = households.household_id
