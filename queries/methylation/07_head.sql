-- The matrix as written, through a table over its folder.

CREATE EXTERNAL TABLE IF NOT EXISTS methylation.matrix (
  cpg_coordinate string, imr90_r1 double, imr90_r2 double, made_up_1 double, made_up_2 double)
STORED AS PARQUET
LOCATION 's3://example-methylation/matrix/';

SELECT count(*) AS loci, count(imr90_r1) AS imr90_r1, count(imr90_r2) AS imr90_r2, count(made_up_1) AS made_up_1, count(made_up_2) AS made_up_2
FROM methylation.matrix;

SELECT * FROM methylation.matrix ORDER BY cpg_coordinate LIMIT 8;
