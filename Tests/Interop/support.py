"""What the interoperability checks share: running the binary, and reading its tables with other engines.

A check is a function marked with `@check`; it fails by raising. Every check gets a `Place` of its own: an empty warehouse that is
removed afterwards. `run.py` runs them all.
"""

import datetime
import decimal
import json
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import uuid

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import duckdb_extensions
import pyarrow.parquet
from pyiceberg.table import StaticTable

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def binary():
    """The binary under test: FRAZIL_BINARY, else what was built last."""
    stated = os.environ.get("FRAZIL_BINARY")
    if stated:
        return str(pathlib.Path(stated).resolve())
    root = pathlib.Path(__file__).resolve().parents[2] / ".build"
    built = [path for kind in ("release", "debug") if (path := root / kind / "frazil").exists()]
    if not built:
        raise SystemExit("no binary: set FRAZIL_BINARY, or build the product frazil")
    return str(max(built, key=lambda path: path.stat().st_mtime))


class Place:
    """An empty warehouse."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="frazil-interop-")
        self.warehouse = os.path.join(self.folder, "warehouse")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *arguments):
        return [binary(), "--warehouse", self.warehouse, "--format", "json", *arguments]

    def run(self, sql, *options):
        """Runs a script and returns the rows of its last query."""
        done = subprocess.run(self.command(*options), input=sql, capture_output=True, text=True, errors="replace", cwd=self.folder)
        assert done.returncode == 0, done.stderr
        text = done.stdout.strip()
        return json.loads(text[text.rindex("\n[") + 1 if "\n[" in text else 0 :]) if text else []

    def fails(self, sql):
        """Runs a script that must fail and returns what it says."""
        done = subprocess.run(self.command(), input=sql, capture_output=True, text=True, errors="replace", cwd=self.folder)
        assert done.returncode == 1, f"exit code {done.returncode}: {done.stdout}"
        return done.stderr

    def metadata_file(self, table, database="default"):
        path = pathlib.Path(self.warehouse) / ".frazil" / "catalog" / database / f"{table}.table.json"
        return json.loads(path.read_text())["Parameters"]["metadata_location"]

    def metadata(self, table):
        return json.loads(pathlib.Path(self.metadata_file(table)).read_text())

    def pyiceberg(self, table):
        return StaticTable.from_metadata(self.metadata_file(table))

    def duckdb_rows(self, table, columns="*", options=""):
        """The rows as DuckDB's iceberg extension reads them, as tuples."""
        connection = load_extensions(duckdb.connect())
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(f"SELECT {columns} FROM iceberg_scan('{self.metadata_file(table)}'{options})").fetchall()

    def files(self, table=None):
        """All files below the warehouse, or below a table's location, without the catalog's."""
        top = self.warehouse if table is None else self.metadata(table)["location"]
        found = []
        for folder, folders, names in os.walk(top):
            folders[:] = [name for name in folders if name != ".frazil"]
            found += [os.path.join(folder, name) for name in names]
        return sorted(found)

    def stored_rows(self, table):
        """The rows as they lie in the data files, without any table format on top."""
        rows = []
        for task in self.pyiceberg(table).scan().plan_files():
            rows += [tuple(row.values()) for row in pyarrow.parquet.read_table(task.file.file_path).to_pylist()]
        return rows

    def everyone_reads(self, table, expected, columns=None):
        """PyIceberg and DuckDB give these rows (tuples in column order), in any order."""
        arrow = self.pyiceberg(table).scan().to_arrow()
        names = columns or arrow.column_names
        rows = [tuple(row[name] for name in names) for row in arrow.to_pylist()]
        same_rows(rows, expected, "PyIceberg")
        same_rows(self.duckdb_rows(table, ", ".join(f'"{name}"' for name in names)), expected, "DuckDB")


def load_extensions(connection):
    """Gives a DuckDB connection the extensions that read Iceberg tables."""
    return duckdb_extensions.load(connection, duckdb_extension_avro, duckdb_extension_iceberg)


def plain(value):
    """A value in a form that compares and sorts the same whichever engine gave it."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else ("float", value, math.copysign(1, value))
    if isinstance(value, decimal.Decimal):
        return ("decimal", str(value))
    if isinstance(value, datetime.datetime):
        zone = value.tzinfo is not None
        return ("timestamp", (value.astimezone(datetime.timezone.utc) if zone else value).replace(tzinfo=None).isoformat(), zone)
    if isinstance(value, datetime.date):
        return ("date", value.isoformat())
    if isinstance(value, datetime.time):
        return ("time", value.isoformat())
    if isinstance(value, uuid.UUID):
        return ("uuid", value.hex)
    if isinstance(value, bytes):
        return ("bytes", value.hex())
    if isinstance(value, dict):
        return ("struct", tuple((key, plain(item)) for key, item in value.items()))
    if isinstance(value, list):
        # PyArrow gives maps as lists of pairs.
        if value and all(isinstance(item, tuple) for item in value):
            return ("struct", tuple((key, plain(item)) for key, item in value))
        return ("list", tuple(plain(item) for item in value))
    return value


def same_rows(found, expected, who):
    found = sorted((tuple(plain(value) for value in row) for row in found), key=repr)
    expected = sorted((tuple(plain(value) for value in row) for row in expected), key=repr)
    assert len(found) == len(expected), f"{who} gives {len(found)} rows, expected {len(expected)}"
    for one, other in zip(found, expected):
        assert one == other, f"{who} gives {one}, expected {other}"


def literal(value):
    """A Python value as an SQL literal."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "nan()"
        if math.isinf(value):
            return "infinity()" if value > 0 else "-infinity()"
        return f"DOUBLE '{value!r}'"
    if isinstance(value, decimal.Decimal):
        return f"DECIMAL '{value}'"
    if isinstance(value, datetime.datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S.%f")
        return f"TIMESTAMP '{text}{' UTC' if value.tzinfo else ''}'"
    if isinstance(value, datetime.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, datetime.time):
        return f"TIME '{value.isoformat()}'"
    if isinstance(value, uuid.UUID):
        return f"UUID '{value}'"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, list):
        return "ARRAY[" + ", ".join(literal(item) for item in value) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def values(rows):
    return "VALUES " + ", ".join("(" + ", ".join(literal(value) for value in row) + ")" for row in rows)
