-- every household that buys, or whose demographics are known
WITH buyers AS (
    SELECT
        household_id,
        min(CAST(in_zone(transaction_timestamp, 'America/New_York') AS DATE)) AS first_purchase,
        max(CAST(in_zone(transaction_timestamp, 'America/New_York') AS DATE)) AS last_purchase,
        count(DISTINCT basket_id) AS baskets
    FROM transactions
    WHERE quantity > 0
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
