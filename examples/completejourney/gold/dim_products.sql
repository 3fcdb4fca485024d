SELECT
    product_id,
    manufacturer_id,
    department,
    coalesce(product_category, 'UNCLASSIFIED') AS product_category,
    coalesce(product_type, 'UNCLASSIFIED') AS product_type,
    brand,
    package_size
FROM products
