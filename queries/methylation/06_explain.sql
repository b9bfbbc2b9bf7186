-- Only the files of one batch are read: the plan says which were skipped and why.

EXPLAIN ANALYZE
SELECT count(*) AS calls, avg(beta_value) AS mean_beta
FROM methylation.calls
WHERE batch_id = 'batch_1';
