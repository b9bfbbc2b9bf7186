"""Tables as storage that failed in the middle of a statement left them, read by PyIceberg and DuckDB."""

import json
import pathlib
import subprocess

import duckdb
from pyiceberg.table import StaticTable
from support import binary, check, load_extensions, same_rows


@check
def tables_after_faults(place):
    tool = pathlib.Path(binary()).with_name("faults")
    assert tool.exists(), f"{tool} is missing: build the product faults"
    folder = pathlib.Path(place.folder) / "tables"
    folder.mkdir()
    done = subprocess.run([str(tool), "export", str(folder)], capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout
    tables = [json.loads(line) for line in (folder / "tables.jsonl").read_text().splitlines()]
    assert len(tables) > 30, len(tables)
    connection = load_extensions(duckdb.connect())
    for table in tables:
        expected = [tuple(row) for row in table["rows"]]
        scan = StaticTable.from_metadata(table["metadata"]).scan(selected_fields=("id", "region")).to_arrow()
        same_rows([(str(row["id"]), row["region"]) for row in scan.to_pylist()], expected, f"PyIceberg, {table['name']},")
        found = connection.execute(f"SELECT CAST(id AS varchar), region FROM iceberg_scan('{table['metadata']}')").fetchall()
        same_rows(found, expected, f"DuckDB, {table['name']},")
