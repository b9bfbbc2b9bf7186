"""The pivot in Polars, in its streaming engine: python polars_pivot.py GLOB SAMPLES TARGET

The lazy form of the conditional aggregates; Polars' own eager pivot holds the long table in memory as well.
"""
import sys

import polars

pattern, samples, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
names = [f"sample_{i:04d}" for i in range(samples)]
table = polars.scan_parquet(pattern)
wide = table.group_by("cpg_coordinate").agg(
    [polars.col("beta_value").filter(polars.col("sample_id") == name).max().alias(name) for name in names])
wide.sink_parquet(target, compression="zstd")
