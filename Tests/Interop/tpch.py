"""TPC-H: its tables and queries from DuckDB's extension, the rows that are due, and how they are compared with Frazil's."""

import decimal

import duckdb_extension_tpch
import duckdb_extensions

TABLES = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"]
QUERIES = range(1, 23)


def connect():
    return duckdb_extensions.connect(duckdb_extension_tpch)


def generate(folder, scale, connection):
    """Writes the tables as Parquet files, row groups and all as DuckDB makes them."""
    connection.execute(f"CALL dbgen(sf = {scale})")
    for name in TABLES:
        connection.execute(f"COPY {name} TO '{folder}/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")


def tables_of(folder):
    """The statements that make Iceberg tables of the files."""
    return [f"CREATE TABLE {name} WITH (table_type = 'ICEBERG', is_external = false, format = 'PARQUET') AS "
            f"SELECT * FROM read_parquet('{folder}/{name}.parquet')" for name in TABLES]


def query(number, connection):
    """The query as DuckDB's extension has it; Trino does not let GROUP BY name an alias, which one of them does."""
    text = connection.execute("SELECT query FROM tpch_queries() WHERE query_nr = ?", [number]).fetchone()[0]
    return text.strip().rstrip(";").replace("GROUP BY\n        supplier_no", "GROUP BY\n        l_suppkey")


def answer(number, scale, connection):
    """The rows that are due at this scale, as lists of texts."""
    text = connection.execute(
        "SELECT answer FROM tpch_answers() WHERE query_nr = ? AND scale_factor = ?", [number, scale]).fetchone()[0]
    # A line that holds nothing is a row of one NULL.
    return [line.split("|") for line in text.removesuffix("\n").split("\n")[1:]]


def same(ours, expected):
    """Whether a value of Frazil's JSON is the expected text: numbers up to half of the last digit that Trino's decimal division keeps, or nine
    digits of a double."""
    if ours is None:
        return expected in ("", "NULL")
    if not isinstance(ours, (int, float, decimal.Decimal)):
        return str(ours).rstrip() == expected.rstrip()
    try:
        number, wanted = decimal.Decimal(str(ours)), decimal.Decimal(expected)
    except decimal.InvalidOperation:
        return False
    exponent = min(0, number.as_tuple().exponent)
    allowed = max(decimal.Decimal("0.51").scaleb(exponent) if exponent < 0 else 0, abs(wanted) * decimal.Decimal("1e-9"))
    return abs(number - wanted) <= allowed


def difference(ours, expected):
    """The first difference between Frazil's rows (tuples) and the expected ones, in order; None when there is none."""
    if len(ours) != len(expected):
        return f"{len(ours)} rows where {len(expected)} are due"
    for position, (row, wanted) in enumerate(zip(ours, expected)):
        if len(row) != len(wanted) or not all(same(value, text) for value, text in zip(row, wanted)):
            return f"row {position + 1}: {row} where {wanted} is due"
    return None
