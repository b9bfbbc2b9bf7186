"""Frazil writes, PyIceberg and DuckDB read: rows, and what the metadata promises."""

import datetime as dt
import decimal
import json

import pyarrow.parquet as pq
from harness import *

D = decimal.Decimal
ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"


@check
def every_primitive_type(frazil, folder):
    frazil.run(f"""
        CREATE TABLE t (b boolean, i int, l bigint, f float, d double, m decimal(9,2), h decimal(38,10), s string, x binary,
          day date, ts timestamp) {ICEBERG};
        INSERT INTO t VALUES
          (true, 1, 9223372036854775807, REAL '1.5', 1e300, DECIMAL '1234567.89', DECIMAL '1234567890123456789012345678.0123456789', 'text',
            X'00ff10', DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.123456'),
          (false, -2147483648, -9223372036854775808, REAL '-0.25', -2.5, DECIMAL '-0.01', DECIMAL '-0.0000000001', '', X'', DATE '1969-12-31',
            TIMESTAMP '1969-12-31 23:59:59.999999'),
          (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          (true, 0, 0, REAL '0', 0e0, DECIMAL '0', DECIMAL '0', 'é 日本 🙂', X'61', DATE '0001-01-01', TIMESTAMP '1582-10-15 00:00:00')""")
    read_everywhere(frazil, "t", [
        (True, 1, 2**63 - 1, 1.5, 1e300, D("1234567.89"), D("1234567890123456789012345678.0123456789"), "text", b"\x00\xff\x10",
         dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 12, 34, 56, 123456)),
        (False, -2**31, -2**63, -0.25, -2.5, D("-0.01"), D("-0.0000000001"), "", b"", dt.date(1969, 12, 31),
         dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),
        (None,) * 11,
        (True, 0, 0, 0.0, 0.0, D(0), D(0), "é 日本 🙂", b"a", dt.date(1, 1, 1), dt.datetime(1582, 10, 15)),
    ])


@check
def nan_and_infinity(frazil, folder):
    frazil.run(f"CREATE TABLE t (id int, d double, f float) {ICEBERG};"
               "INSERT INTO t VALUES (1, nan(), CAST(nan() AS real)), (2, infinity(), REAL '1'), (3, -infinity(), NULL)")
    read_everywhere(frazil, "t", [
        (1, float("nan"), float("nan")), (2, float("inf"), 1.0), (3, float("-inf"), None)])


@check
def nested_types(frazil, folder):
    frazil.run(f"""
        CREATE TABLE t (id int, a array<int>, aa array<array<string>>, m map<string,double>, r struct<x: int, y: string>,
          deep array<struct<k: string, v: map<string, array<int>>>>) {ICEBERG};
        INSERT INTO t VALUES
          (1, ARRAY[1, 2, NULL], ARRAY[ARRAY['a'], ARRAY[]], MAP(ARRAY['p', 'q'], ARRAY[1.5, NULL]), ROW(7, 'y'),
            ARRAY[ROW('k', MAP(ARRAY['z'], ARRAY[ARRAY[1, 2]]))]),
          (2, ARRAY[], ARRAY[], MAP(), ROW(NULL, NULL), ARRAY[]),
          (3, NULL, NULL, NULL, NULL, NULL)""")
    expected = [
        (1, [1, 2, None], [["a"], []], {"p": 1.5, "q": None}, {"x": 7, "y": "y"}, [{"k": "k", "v": {"z": [1, 2]}}]),
        (2, [], [], {}, {"x": None, "y": None}, []),
        (3, None, None, None, None, None),
    ]
    same(frazil.run("SELECT * FROM t"), expected, "in Frazil")
    same(duckdb_rows(frazil.metadata("t")), expected, "in DuckDB")
    # PyIceberg reads a missing list of structs as an empty one.
    same(pyiceberg_rows(frazil.metadata("t")), expected[:2] + [expected[2][:-1] + ([],)], "in PyIceberg")


TRANSFORMS = [
    ("identity", "k", lambda row: row[1]),
    ("year", "year(ts)", lambda row: row[3].year - 1970),
    ("month", "month(ts)", lambda row: (row[3].year - 1970) * 12 + row[3].month - 1),
    ("day", "day(ts)", lambda row: row[3].date()),
    ("hour", "hour(ts)", lambda row: int((row[3] - dt.datetime(1970, 1, 1)).total_seconds() // 3600)),
    ("truncate", "truncate(2, k)", lambda row: row[1][:2]),
    ("truncate_number", "truncate(10, n)", lambda row: row[2] - row[2] % 10),
]
ROWS = [
    (1, "alpha", 7, dt.datetime(2023, 12, 31, 23, 59, 59)), (2, "alpine", -3, dt.datetime(2024, 1, 1, 0, 0, 0)),
    (3, "beta", 25, dt.datetime(1969, 12, 31, 22, 0, 0)), (4, "b", 20, dt.datetime(2024, 1, 1, 1, 30, 0)),
]
VALUES = "VALUES " + ", ".join(f"({i}, '{k}', {n}, TIMESTAMP '{ts}')" for i, k, n, ts in ROWS)


@check
def partition_transforms(frazil, folder):
    for name, term, expected in TRANSFORMS:
        table = f"by_{name}"
        frazil.run(f"CREATE TABLE {table} (id int, k string, n int, ts timestamp) PARTITIONED BY ({term}) {ICEBERG};"
                   f"INSERT INTO {table} {VALUES}")
        read_everywhere(frazil, table, ROWS)
        partitions = pyiceberg_table(frazil.metadata(table)).inspect.partitions().to_pylist()
        found = sorted(list(entry["partition"].values())[0] for entry in partitions)
        equal(found, sorted({expected(row) for row in ROWS}), f"partition values of {term}")


@check
def bucket_transform(frazil, folder):
    """PyIceberg computes the same buckets: a filter on the column finds every row again through the partition values."""
    frazil.run(f"""
        CREATE TABLE t (id bigint, k string, day date, m decimal(9,2)) PARTITIONED BY (bucket(5, id), bucket(3, k), bucket(4, day), bucket(7, m)) {ICEBERG};
        INSERT INTO t VALUES {", ".join(f"({i}, 'key {i}', DATE '2024-01-{i + 1:02}', DECIMAL '{i}.50')" for i in range(20))}""")
    rows = [(i, f"key {i}", dt.date(2024, 1, i + 1), D(f"{i}.50")) for i in range(20)]
    read_everywhere(frazil, "t", rows)
    for row in rows:
        for column, literal in (("id", row[0]), ("k", f"'{row[1]}'"), ("day", f"'{row[2]}'"), ("m", row[3])):
            same(pyiceberg_rows(frazil.metadata("t"), row_filter=f"{column} = {literal}"), [row], f"{column} = {literal} in PyIceberg")


@check
def null_partitions(frazil, folder):
    frazil.run(f"CREATE TABLE t (id int, k string, day date) PARTITIONED BY (k, month(day)) {ICEBERG};"
               "INSERT INTO t VALUES (1, NULL, NULL), (2, '', DATE '2024-01-15'), (3, 'a/b=c %', DATE '2024-02-15')")
    read_everywhere(frazil, "t", [(1, None, None), (2, "", dt.date(2024, 1, 15)), (3, "a/b=c %", dt.date(2024, 2, 15))])


@check
def snapshots(frazil, folder):
    frazil.run(f"CREATE TABLE t (id int) {ICEBERG}")
    for number in range(4):
        frazil.run(f"INSERT INTO t VALUES ({number}), ({number + 10})")
    metadata = frazil.metadata("t")
    table = pyiceberg_table(metadata)
    history = table.snapshots()
    equal(len(history), 4, "snapshots")
    for number, snapshot in enumerate(history):
        expected = [(i + t,) for i in range(number + 1) for t in (0, 10)]
        same(pyiceberg_rows(metadata, snapshot_id=snapshot.snapshot_id), expected, f"snapshot {number} in PyIceberg")
        same(frazil.run(f"SELECT * FROM t FOR VERSION AS OF {snapshot.snapshot_id}"), expected, f"snapshot {number} in Frazil")
        same(duckdb_connection().execute(
            f"SELECT * FROM iceberg_scan('{metadata}', snapshot_from_id => {snapshot.snapshot_id}::UBIGINT)").fetchall(),
            expected, f"snapshot {number} in DuckDB")
    summary = history[-1].summary
    equal(summary.operation.value, "append", "operation")
    for key, value in {"added-records": "2", "total-records": "8", "added-data-files": "1", "total-data-files": "4"}.items():
        equal(summary[key], value, key)


@check
def metrics_of_data_files(frazil, folder):
    frazil.run(f"CREATE TABLE t (id int, s string, d double, m decimal(9,2)) {ICEBERG};"
               "INSERT INTO t VALUES (3, 'c', 1.5, DECIMAL '1.00'), (1, NULL, nan(), DECIMAL '-2.50'), (2, 'a', -4, NULL)")
    (entry,) = pyiceberg_table(frazil.metadata("t")).inspect.files().to_pylist()
    equal(entry["record_count"], 3, "record_count")
    metrics = entry["readable_metrics"]
    equal((metrics["id"]["lower_bound"], metrics["id"]["upper_bound"], metrics["id"]["null_value_count"]), (1, 3, 0), "id")
    equal((metrics["s"]["lower_bound"], metrics["s"]["upper_bound"], metrics["s"]["null_value_count"]), ("a", "c", 1), "s")
    equal((metrics["d"]["lower_bound"], metrics["d"]["upper_bound"]), (-4.0, 1.5), "d")
    equal((metrics["m"]["lower_bound"], metrics["m"]["upper_bound"], metrics["m"]["value_count"]), (D("-2.50"), D("1.00"), 3), "m")
    equal(entry["file_size_in_bytes"], __import__("os").path.getsize(entry["file_path"].removeprefix("file://")), "file size")


@check
def field_ids_are_in_the_files(frazil, folder):
    frazil.run(f"CREATE TABLE t (a int, s struct<x: int, l: array<string>>, m map<string, int>) {ICEBERG};"
               "INSERT INTO t VALUES (1, ROW(2, ARRAY['z']), MAP(ARRAY['k'], ARRAY[3]))")
    (path,) = frazil.location("t").rglob("*.parquet")
    schema = pq.read_schema(path)
    ids = {name: schema.field(name).metadata[b"PARQUET:field_id"] for name in schema.names}
    equal(ids, {"a": b"1", "s": b"2", "m": b"3"}, "field ids")
    table = pyiceberg_table(frazil.metadata("t"))
    equal([field.field_id for field in table.schema().fields], [1, 2, 3], "ids of the schema")


@check
def compression(frazil, folder):
    for codec, expected in (("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("gzip", "GZIP"), ("uncompressed", "UNCOMPRESSED")):
        table = f"t_{codec}"
        frazil.run(f"CREATE TABLE {table} (id int, s string) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_compression' = '{codec}');"
                   f"INSERT INTO {table} SELECT x, 'the same text' FROM UNNEST(sequence(1, 1000)) t (x)")
        read_everywhere(frazil, table, [(i, "the same text") for i in range(1, 1001)])
        (path,) = frazil.location(table).rglob("*.parquet")
        equal(pq.ParquetFile(path).metadata.row_group(0).column(1).compression, expected, f"codec of {codec}")


@check
def create_table_as(frazil, folder):
    frazil.run("""
        CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, format = 'PARQUET', partitioning = ARRAY['bucket(k, 2)', 'month(day)']) AS
        SELECT k, CAST(k AS varchar) AS s, date_add('day', CAST(k AS integer), DATE '2024-01-01') AS day, k / 7e0 AS d FROM UNNEST(sequence(1, 200)) t (k)""")
    read_everywhere(frazil, "t", [
        (k, str(k), dt.date(2024, 1, 1) + dt.timedelta(days=k), k / 7.0) for k in range(1, 201)])


@check
def spark_create_table(frazil, folder):
    frazil.run("CREATE TABLE t (id bigint, data string, ts timestamp) USING iceberg PARTITIONED BY (days(ts), truncate(1, data));"
               "INSERT INTO t VALUES (1, 'abc', TIMESTAMP '2024-01-02 03:04:05 UTC')")
    same(pyiceberg_rows(frazil.metadata("t")), [(1, "abc", utc(2024, 1, 2, 3, 4, 5))], "in PyIceberg")
    same(duckdb_rows(frazil.metadata("t")), [(1, "abc", utc(2024, 1, 2, 3, 4, 5))], "in DuckDB")
    equal(str(pyiceberg_table(frazil.metadata("t")).schema().find_type("ts")), "timestamptz", "Spark's TIMESTAMP")


@check
def many_files_and_rows(frazil, folder):
    frazil.run(f"CREATE TABLE t (id bigint, k bigint, v double) PARTITIONED BY (k) {ICEBERG};"
               "INSERT INTO t SELECT x, x % 40, x / 8e0 FROM UNNEST(sequence(1, 50000)) t (x)")
    metadata = frazil.metadata("t")
    expected = [(50000, 50000 * 50001 // 2, 40, 50000 * 50001 / 16)]
    sql = "count(*), sum(id), count(DISTINCT k), sum(v)"
    same(frazil.run(f"SELECT {sql} FROM t"), expected, "in Frazil")
    same(duckdb_rows(metadata, sql), expected, "in DuckDB")
    table = pyiceberg_table(metadata).scan().to_arrow()
    equal((table.num_rows, sum(table["id"].to_pylist())), expected[0][:2], "in PyIceberg")
    equal(len(pyiceberg_table(metadata).scan(row_filter="k = 7").to_arrow()), 1250, "filtered in PyIceberg")


@check
def empty_table(frazil, folder):
    frazil.run(f"CREATE TABLE t (id int, k string) PARTITIONED BY (k) {ICEBERG}")
    read_everywhere(frazil, "t", [], engines=("frazil", "pyiceberg"))
    frazil.run("INSERT INTO t SELECT * FROM (VALUES (1, 'a')) t (id, k) WHERE id > 5")
    read_everywhere(frazil, "t", [], engines=("frazil", "pyiceberg"))


@check
def metadata_has_the_habits_of_athena(frazil, folder):
    frazil.run(f"CREATE TABLE t (id int COMMENT 'the key') COMMENT 'a table' {ICEBERG}; INSERT INTO t VALUES (1)")
    with open(frazil.metadata("t")) as file:
        metadata = json.load(file)
    equal(metadata["format-version"], 2, "format-version")
    equal(metadata["last-sequence-number"], 1, "last-sequence-number")
    equal(metadata["schemas"][0]["fields"][0]["doc"], "the key", "doc")
    equal(len(metadata["metadata-log"]), 1, "metadata-log")
    equal([log["snapshot-id"] for log in metadata["snapshot-log"]], [metadata["current-snapshot-id"]], "snapshot-log")
    equal(metadata["refs"]["main"]["snapshot-id"], metadata["current-snapshot-id"], "refs")
    names = sorted(path.name for path in (frazil.location("t") / "metadata").iterdir())
    equal([name.split("-")[0] for name in names if name.endswith(".metadata.json")], ["00000", "00001"], "metadata files")


@check
def pyiceberg_appends_to_our_table(frazil, folder):
    """Another engine goes on where Frazil stopped, and Frazil reads on from there."""
    import pyarrow as pa
    from pyiceberg.catalog.sql import SqlCatalog
    frazil.run(f"CREATE TABLE t (id int, k string) PARTITIONED BY (k) {ICEBERG}; INSERT INTO t VALUES (1, 'a')")
    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/other")
    catalog.create_namespace("n")
    table = catalog.register_table("n.t", frazil.metadata("t"))
    table.append(pa.table({"id": pa.array([2], pa.int32()), "k": ["b"]}))
    found = frazil.run(f"SELECT * FROM iceberg_table('{table.metadata_location}')")
    same(found, [(1, "a"), (2, "b")], "by metadata file")
    frazil.run(f"CALL system.register_table('default.u', '{table.metadata_location}'); INSERT INTO u VALUES (3, 'a')")
    same(frazil.run("SELECT * FROM u"), [(1, "a"), (2, "b"), (3, "a")], "registered and written")
