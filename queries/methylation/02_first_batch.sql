-- The first batch has arrived: the two replicates of the IMR90 cell line.

ALTER TABLE methylation.raw_calls ADD IF NOT EXISTS PARTITION (batch_id = 'batch_1');

-- The sample's name is the file's.
INSERT INTO methylation.calls
SELECT
  chromosome || ':' || CAST("start" AS varchar) || '-' || CAST("end" AS varchar),
  regexp_extract("$path", '([^/]+)\.csv', 1),
  beta_value,
  coverage,
  batch_id
FROM methylation.raw_calls
WHERE batch_id = 'batch_1';

SELECT sample_id, count(*) AS loci, count(beta_value) AS with_beta, round(avg(beta_value), 4) AS mean_beta, max(coverage) AS max_coverage
FROM methylation.calls
GROUP BY sample_id
ORDER BY sample_id;
