-- Once the snapshots that still hold the rows are past their age (5 days unless the table says otherwise), VACUUM removes the bytes: files
-- with deleted rows are written again, snapshots expire, and the files that only those needed are removed. On Athena, run
-- OPTIMIZE clinic.visits REWRITE DATA USING BIN_PACK first: its VACUUM does not write files again.
VACUUM clinic.visits;
