-- The wide matrix: one row per locus, one column per sample.
--
-- A column per sample is a conditional aggregate, as Athena writes it. Frazil recognises the form and runs it as one pivot, whose cost per
-- row does not grow with the number of samples.

UNLOAD (
  SELECT
    cpg_coordinate,
    max(CASE WHEN sample_id = 'imr90_r1' THEN beta_value END) AS imr90_r1,
    max(CASE WHEN sample_id = 'imr90_r2' THEN beta_value END) AS imr90_r2,
    max(CASE WHEN sample_id = 'made_up_1' THEN beta_value END) AS made_up_1,
    max(CASE WHEN sample_id = 'made_up_2' THEN beta_value END) AS made_up_2
  FROM methylation.calls
  GROUP BY cpg_coordinate
  ORDER BY cpg_coordinate
)
TO 's3://example-methylation/matrix/'
WITH (format = 'PARQUET', compression = 'ZSTD');
