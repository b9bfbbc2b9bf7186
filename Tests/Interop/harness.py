"""What the checks share: running Frazil, reading tables with PyIceberg and DuckDB, and one form of values to compare."""

import datetime as dt
import decimal
import json
import math
import pathlib
import subprocess
import uuid

import duckdb
import duckdb_extension_avro
import duckdb_extension_iceberg
import duckdb_extensions
import pyarrow as pa
import support
from pyiceberg.table import StaticTable

decimal.getcontext().prec = 60


class Failure(AssertionError):
    """A check found a difference; its text says which."""


def check(function):
    """Marks a check that takes the binary with a warehouse of its own, and a folder that is removed afterwards."""
    def run(place):
        folder = pathlib.Path(place.folder)
        function(Frazil(support.binary(), folder), folder)
    run.__name__, run.__module__ = function.__name__, function.__module__
    return support.check(run)


class Frazil:
    """The binary with a warehouse of its own."""

    def __init__(self, binary, folder):
        self.binary = binary
        self.warehouse = pathlib.Path(folder) / "warehouse"

    def command(self, sql, *options):
        return [self.binary, "--warehouse", str(self.warehouse), "--format", "jsonl", *options, "-c", sql]

    def run(self, sql, *options):
        """Runs statements that must succeed; the rows of all of them as tuples."""
        done = subprocess.run(self.command(sql, *options), capture_output=True, text=True, errors="replace", timeout=120)
        if done.returncode != 0:
            raise Failure(f"exit {done.returncode} from\n{sql}\n{done.stderr[-2000:]}")
        lines = done.stdout.splitlines()
        return [tuple(json.loads(line, parse_float=decimal.Decimal).values()) for line in lines]

    def fails(self, sql, *words):
        """Runs statements that must fail with exit code 1 and every one of the words in the message."""
        done = subprocess.run(self.command(sql), capture_output=True, text=True, errors="replace", timeout=120)
        if done.returncode != 1:
            raise Failure(f"exit {done.returncode} where 1 was expected from\n{sql}\n{done.stderr[-2000:]}")
        for word in words:
            if word not in done.stderr:
                raise Failure(f"'{word}' is missing in\n{done.stderr}")
        return done.stderr

    def location(self, table):
        """The folder of a table that was made without LOCATION."""
        return self.warehouse / table.replace(".", "/") if "." in table else self.warehouse / "default" / table

    def metadata(self, table):
        """The newest metadata file of a table."""
        files = list((self.location(table) / "metadata").glob("*.metadata.json"))
        if not files:
            raise Failure(f"{table} has no metadata in {self.location(table)}")
        return str(max(files, key=lambda path: int(path.name.split("-")[0].lstrip("v"))))


def pyiceberg_table(metadata):
    return StaticTable.from_metadata(metadata)


def pyiceberg_rows(metadata, columns=None, **scan):
    """All rows of the current snapshot as PyIceberg reads them, columns in the schema's order."""
    table = pyiceberg_table(metadata).scan(**scan).to_arrow()
    names = columns or table.column_names
    return [tuple(row[name] for name in names) for row in table.to_pylist()]


def duckdb_connection():
    connection = duckdb_extensions.connect(duckdb_extension_avro, duckdb_extension_iceberg)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def duckdb_rows(metadata, columns="*"):
    """All rows of the current snapshot as DuckDB's Iceberg extension reads them."""
    table = duckdb_connection().execute(f"SELECT {columns} FROM iceberg_scan('{metadata}')").to_arrow_table()
    return list(zip(*(column.to_pylist() for column in table.columns))) if table.num_columns else []


def plain(value):
    """A value of any engine in one form: numbers as decimals, times as Frazil's JSON writes them, nesting as tuples."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        # The shortest digits that give the same double, as in JSON.
        return decimal.Decimal(repr(value)).normalize() + 0 if math.isfinite(value) else SPECIAL[str(value)]
    if isinstance(value, (int, decimal.Decimal)):
        return decimal.Decimal(value).normalize() + 0
    if isinstance(value, dt.datetime):
        zone = "" if value.tzinfo is None else " UTC"
        return f"{value.replace(tzinfo=None).isoformat(sep=' ', timespec='microseconds')}{zone}"
    if isinstance(value, dt.time):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex(" ")
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, dict):
        return tuple((str(key), plain(item)) for key, item in sorted(value.items()))
    if isinstance(value, (list, tuple)):
        # PyArrow gives maps as lists of pairs.
        if value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
            return tuple((str(key), plain(item)) for key, item in sorted(value))
        return tuple(plain(item) for item in value)
    return str(value)


SPECIAL = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def rows_of(rows):
    return sorted((tuple(plain(value) for value in row) for row in rows), key=repr)


def same(found, expected, what):
    """Compares rows without their order."""
    found, expected = rows_of(found), rows_of(expected)
    if found == expected:
        return
    lines = [f"{what}: {len(found)} rows found, {len(expected)} expected"]
    lines += [f"  found only:    {row}" for row in found if row not in expected][:4]
    lines += [f"  expected only: {row}" for row in expected if row not in found][:4]
    raise Failure("\n".join(lines))


def equal(found, expected, what):
    if found != expected:
        raise Failure(f"{what}: {found!r} found, {expected!r} expected")


def read_everywhere(frazil, table, expected, *, engines=("frazil", "pyiceberg", "duckdb")):
    """The rows of a table that Frazil wrote, as Frazil and the others read them."""
    metadata = frazil.metadata(table)
    if "frazil" in engines:
        same(frazil.run(f"SELECT * FROM {table}"), expected, f"{table} in Frazil")
    if "pyiceberg" in engines:
        same(pyiceberg_rows(metadata), expected, f"{table} in PyIceberg")
    if "duckdb" in engines:
        same(duckdb_rows(metadata), expected, f"{table} in DuckDB")


def utc(*parts):
    return dt.datetime(*parts, tzinfo=dt.timezone.utc)


__all__ = [name for name in dir() if not name.startswith("_")]
