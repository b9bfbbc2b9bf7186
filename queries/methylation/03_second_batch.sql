-- A second batch: made-up samples (make_samples.sh writes them).

ALTER TABLE methylation.raw_calls ADD IF NOT EXISTS PARTITION (batch_id = 'batch_2');

INSERT INTO methylation.calls
SELECT
  chromosome || ':' || CAST("start" AS varchar) || '-' || CAST("end" AS varchar),
  regexp_extract("$path", '([^/]+)\.csv', 1),
  beta_value,
  coverage,
  batch_id
FROM methylation.raw_calls
WHERE batch_id = 'batch_2';

SELECT batch_id, count(DISTINCT sample_id) AS samples, count(*) AS calls
FROM methylation.calls
GROUP BY batch_id
ORDER BY batch_id;
