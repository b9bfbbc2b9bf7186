"""A DuckDB connection that holds so much memory and spills so much to disk, and no more."""
import duckdb


def connect(memory, spill, spill_limit):
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    connection.execute(f"SET memory_limit = '{memory}'")
    connection.execute(f"SET temp_directory = '{spill}'")
    connection.execute(f"SET max_temp_directory_size = '{spill_limit}'")
    return connection
