"""DuckDB's extensions come as Python packages; a connection loads them from there."""

import pathlib

import duckdb


def connect(*packages):
    """A connection with the extensions of some packages, such as the module duckdb_extension_iceberg."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    load(connection, *packages)
    return connection


def load(connection, *packages):
    for package in packages:
        (extension,) = pathlib.Path(package.__file__).parent.rglob("*.duckdb_extension")
        connection.load_extension(str(extension))
    return connection
