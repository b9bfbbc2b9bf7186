"""Runs queries in DuckDB in one process: python duckdb_queries.py MEMORY SPILL_FOLDER SPILL_LIMIT JSON_FILE

The file holds an object of `files` (table -> Parquet files) and `queries`.

Prints a JSON list of seconds, one per query, rows fetched included.
"""
import json
import sys
import time

import duckdb_capped

memory, spill, spill_limit, path = sys.argv[1:5]
with open(path) as file:
    work = json.load(file)
connection = duckdb_capped.connect(memory, spill, spill_limit)
for name, files in work["files"].items():
    connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({files})")
times = []
for sql in work["queries"]:
    start = time.perf_counter()
    connection.execute(sql).fetchall()
    times.append(time.perf_counter() - start)
json.dump(times, sys.stdout)
