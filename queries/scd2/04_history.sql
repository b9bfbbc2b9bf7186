-- Every version of every customer.
SELECT customer_id, name, city, tier, valid_from, valid_to, is_current, source_file
FROM crm.customers
ORDER BY customer_id, valid_from;
