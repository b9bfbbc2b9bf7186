-- What the table held before the second batch. Each INSERT made one snapshot.
-- (The demo fixes the clock: the first batch is loaded on 5 January 2026, the second on the 12th.)

SELECT committed_at, operation, summary['added-records'] AS added_records
FROM "methylation"."calls$snapshots"
ORDER BY committed_at;

SELECT count(*) AS calls, count(DISTINCT sample_id) AS samples
FROM methylation.calls FOR TIMESTAMP AS OF TIMESTAMP '2026-01-10 00:00:00 UTC';

SELECT count(*) AS calls, count(DISTINCT sample_id) AS samples
FROM methylation.calls;
