-- The calls as the sequencing pipeline delivers them: one gzipped CSV per sample, one folder per batch.
--
-- On Athena, put your bucket in place of s3://example-methylation. Locally `--mount s3://example-methylation=FOLDER` makes every read and
-- write of that prefix a local one, so that the scripts stay as they are.

CREATE DATABASE IF NOT EXISTS methylation LOCATION 's3://example-methylation/tables/';

-- An empty beta_value (no coverage) becomes NULL, as the SerDe prescribes for numbers.
CREATE EXTERNAL TABLE IF NOT EXISTS methylation.raw_calls (
  chromosome string,
  `start` int COMMENT '0-based',
  `end` int COMMENT 'exclusive',
  beta_value double COMMENT 'percent methylated',
  coverage int COMMENT 'reads')
PARTITIONED BY (batch_id string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
LOCATION 's3://example-methylation/raw/'
TBLPROPERTIES ('skip.header.line.count' = '1');

-- One row per locus and sample. Partitioned by batch: a batch is loaded, read and erased as a whole.
CREATE TABLE IF NOT EXISTS methylation.calls (
  cpg_coordinate string,
  sample_id string,
  beta_value double,
  coverage int,
  batch_id string)
PARTITIONED BY (batch_id)
LOCATION 's3://example-methylation/tables/calls/'
TBLPROPERTIES ('table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd');
