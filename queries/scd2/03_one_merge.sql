-- The same in one MERGE, and so in one snapshot: changed customers come twice from the source, once with their key, which closes the
-- old version, and once without, which no row matches and which is therefore inserted.

CREATE EXTERNAL TABLE crm.landing (
  customerid bigint, name string, city string, tier string, updatedat timestamp)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://example-crm/landing/:day/';

MERGE INTO crm.customers AS c
USING (
  WITH latest AS (
    SELECT * FROM (
      SELECT *, "$path" AS path, row_number() OVER (PARTITION BY customerid ORDER BY updatedat DESC) AS nth FROM crm.landing)
    WHERE nth = 1)
  SELECT l.customerid AS merge_key, l.* FROM latest AS l
  UNION ALL
  SELECT NULL AS merge_key, l.*
  FROM latest AS l JOIN crm.customers AS c ON c.customer_id = l.customerid AND c.is_current
  WHERE c.name IS DISTINCT FROM l.name OR c.city IS DISTINCT FROM l.city OR c.tier IS DISTINCT FROM l.tier) AS s
ON c.customer_id = s.merge_key AND c.is_current
WHEN MATCHED AND (c.name IS DISTINCT FROM s.name OR c.city IS DISTINCT FROM s.city OR c.tier IS DISTINCT FROM s.tier)
  THEN UPDATE SET valid_to = s.updatedat, is_current = false
WHEN NOT MATCHED
  THEN INSERT VALUES (s.customerid, s.name, s.city, s.tier, s.updatedat, NULL, true, regexp_extract(s.path, '[^/]+/[^/]+$'));

DROP TABLE crm.landing;
