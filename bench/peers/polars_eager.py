"""Polars' own pivot of the table in memory: python polars_eager.py GLOB TARGET"""
import sys

import polars

pattern, target = sys.argv[1:3]
table = polars.read_parquet(pattern, columns=["cpg_coordinate", "sample_id", "beta_value"])
wide = table.pivot(on="sample_id", index="cpg_coordinate", values="beta_value", aggregate_function="max")
wide.write_parquet(target, compression="zstd")
