-- Customers with their history: one row per version, the current one open. Slowly changing dimension, type 2.
--
-- On Athena, put your bucket in place of s3://example-crm. Locally `--mount s3://example-crm=FOLDER` leaves the scripts as they are.

CREATE DATABASE IF NOT EXISTS crm LOCATION 's3://example-crm/tables/';

CREATE TABLE IF NOT EXISTS crm.customers (
  customer_id bigint,
  name string,
  city string,
  tier string,
  valid_from timestamp,
  valid_to timestamp,
  is_current boolean,
  source_file string)
PARTITIONED BY (bucket(4, customer_id))
LOCATION 's3://example-crm/tables/customers/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet');
