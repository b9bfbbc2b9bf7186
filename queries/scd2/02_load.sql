-- One day's load. The folder's name is a parameter of the pipeline; run.sh puts it in place of :day.
--
-- Three statements, as many pipelines write them: the file is laid under a table for the time of the load, the MERGE closes what has
-- changed, the INSERT opens the new versions. Run twice on the same files, the second run changes nothing.

CREATE EXTERNAL TABLE crm.landing (
  customerid bigint,
  name string,
  city string,
  tier string,
  updatedat timestamp)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://example-crm/landing/:day/';

-- NULL is a value like others here: IS DISTINCT FROM sees the change from NULL and to it.
MERGE INTO crm.customers AS c
USING (
  SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY customerid ORDER BY updatedat DESC) AS nth FROM crm.landing)
  WHERE nth = 1) AS l
ON c.customer_id = l.customerid AND c.is_current
WHEN MATCHED AND (c.name IS DISTINCT FROM l.name OR c.city IS DISTINCT FROM l.city OR c.tier IS DISTINCT FROM l.tier)
  THEN UPDATE SET valid_to = l.updatedat, is_current = false;

INSERT INTO crm.customers
SELECT l.customerid, l.name, l.city, l.tier, l.updatedat, NULL, true, regexp_extract(l.path, '[^/]+/[^/]+$')
FROM (
  SELECT *, "$path" AS path, row_number() OVER (PARTITION BY customerid ORDER BY updatedat DESC) AS nth FROM crm.landing) AS l
LEFT JOIN crm.customers AS c ON c.customer_id = l.customerid AND c.is_current
WHERE l.nth = 1 AND c.customer_id IS NULL;

DROP TABLE crm.landing;
