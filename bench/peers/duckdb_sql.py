"""Runs SQL in DuckDB as a process of its own: python duckdb_sql.py MEMORY SPILL_FOLDER SPILL_LIMIT SQL

`-- load NAME` lines at the start of the SQL load extension packages. The last statement's rows go to standard output.
"""
import importlib
import pathlib
import sys

import duckdb_capped

memory, spill, spill_limit, sql = sys.argv[1:5]
connection = duckdb_capped.connect(memory, spill, spill_limit)
for line in sql.splitlines():
    if line.startswith("-- load "):
        name = line.removeprefix("-- load ").strip()
        folder = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
        (extension,) = folder.rglob("*.duckdb_extension")
        connection.execute(f"LOAD '{extension}'")
result = connection.execute(sql)
for row in result.fetchall() if result.description else []:
    print(*row, sep="|")
