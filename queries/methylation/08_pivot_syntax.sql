-- The same matrix with the columns found in the data. Not for Athena: PIVOT is Frazil's.

SELECT *
FROM (SELECT cpg_coordinate, sample_id, beta_value FROM methylation.calls)
PIVOT (max(beta_value) FOR sample_id IN (ANY ORDER BY sample_id))
ORDER BY cpg_coordinate
LIMIT 8;
