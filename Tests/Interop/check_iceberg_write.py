"""Tables that Frazil made and wrote, read by PyIceberg and DuckDB; expected rows come from the values that went in."""

import datetime
import decimal
import json
import math
import os
import pathlib
import random
import signal
import subprocess
import time
import uuid

import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo, GreaterThanOrEqual, IsNull, LessThan, And

from support import check, literal, same_rows, values

ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"
UTC = datetime.timezone.utc


def columns_table(place, definitions, rows, clauses=""):
    place.run(f"CREATE TABLE t ({definitions}) {clauses} {ICEBERG}")
    if rows:
        place.run(f"INSERT INTO t {values(rows)}")


@check
def primitive_types(place):
    rows = [
        (True, 2**31 - 1, 2**63 - 1, 1.5, -0.0, decimal.Decimal("123.45"), decimal.Decimal("99999999999999.9999"),
         decimal.Decimal("12345678901234567890123456789012345678"), datetime.date(9999, 12, 31),
         datetime.datetime(2262, 4, 11, 23, 47, 16, 854775), "Grüße, 世界 𝄞", b"\x00\xff"),
        (False, -(2**31), -(2**63), -2.25, math.inf, decimal.Decimal("-999.99"), decimal.Decimal("-0.0001"),
         decimal.Decimal("-1"), datetime.date(1, 1, 1), datetime.datetime(1, 1, 1), "", b""),
        (None,) * 12,
        (True, 0, 0, 0.0, math.nan, decimal.Decimal("0.00"), decimal.Decimal("0.0000"), decimal.Decimal("0"),
         datetime.date(1969, 12, 31), datetime.datetime(1969, 12, 31, 23, 59, 59, 999999), "it's", b"'"),
    ]
    columns_table(
        place,
        "b boolean, i int, l bigint, f float, d double, d5 decimal(5,2), d18 decimal(18,4), d38 decimal(38,0), dt date, ts timestamp, "
        "s string, bin binary", rows)
    place.everyone_reads("t", rows)


@check
def other_types(place):
    rows = [
        (datetime.datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC), datetime.time(23, 59, 59, 999999),
         uuid.UUID("f79c3e09-677c-4bbd-a479-3f349cb785e7")),
        (datetime.datetime(1960, 1, 1, tzinfo=UTC), datetime.time(0, 0), uuid.UUID(int=2**127)),
        (None, None, None),
    ]
    columns_table(place, "tz timestamp(6) with time zone, t time(6), u uuid", rows)
    arrow = place.pyiceberg("t").scan().to_arrow().to_pylist()
    same_rows([(row["tz"], row["t"], row["u"] and uuid.UUID(bytes=row["u"]) if isinstance(row["u"], bytes) else row["u"]) for row in arrow],
              rows, "PyIceberg")
    # DuckDB's Python package wants pytz for instants, so they are asked for in UTC.
    naive = [(instant and instant.replace(tzinfo=None), time, identifier) for instant, time, identifier in rows]
    same_rows(place.duckdb_rows("t", "tz AT TIME ZONE 'UTC', t, u"), naive, "DuckDB")


@check
def nested_types(place):
    place.run(
        f"CREATE TABLE t (id int, a array<int>, s struct<x:int,y:struct<z:string>>, l array<array<string>>, o array<struct<k:int>>) {ICEBERG};"
        "INSERT INTO t VALUES (1, ARRAY[1, NULL, 3], ROW(1, ROW('a')), ARRAY[ARRAY['p', NULL], ARRAY[]], ARRAY[ROW(7), NULL]),"
        "(2, NULL, NULL, NULL, NULL), (3, ARRAY[], ROW(NULL, NULL), ARRAY[], ARRAY[]), (4, ARRAY[4], ROW(4, ROW(NULL)), ARRAY[NULL], ARRAY[ROW(NULL)])")
    rows = [
        (1, [1, None, 3], {"x": 1, "y": {"z": "a"}}, [["p", None], []], [{"k": 7}, None]),
        (2, None, None, None, None),
        (3, [], {"x": None, "y": None}, [], []),
        (4, [4], {"x": 4, "y": {"z": None}}, [None], [{"k": None}]),
    ]
    same_rows(place.stored_rows("t"), rows, "PyArrow")
    same_rows(place.duckdb_rows("t"), rows, "DuckDB")
    # PyIceberg 0.12 gives an empty list for a NULL list of structs; the other columns can be compared.
    arrow = place.pyiceberg("t").scan(selected_fields=("id", "a", "s", "l")).to_arrow().to_pylist()
    same_rows([tuple(row.values()) for row in arrow], [row[:4] for row in rows], "PyIceberg")


def sample_rows(count, seed=1):
    """Rows over many partitions, NULL in every column now and then."""
    generator = random.Random(seed)
    rows = []
    for index in range(count):
        row = [
            index,
            generator.choice(["north", "south", "a/b=c d", "ümlaut", "", "null", "%41"]),
            datetime.date(1960, 1, 1) + datetime.timedelta(days=generator.randrange(30_000)),
            datetime.datetime(1969, 12, 30) + datetime.timedelta(seconds=generator.randrange(400_000), microseconds=generator.randrange(10**6)),
            generator.randrange(-10**12, 10**12),
            decimal.Decimal(generator.randrange(-10**6, 10**6)).scaleb(-2),
            generator.choice(["", "ab", "abc", "δέλτα", "𝄞𝄞𝄞𝄞"]) + str(generator.randrange(3)),
        ]
        for column in range(1, len(row)):
            if generator.random() < 0.1:
                row[column] = None
        rows.append(tuple(row))
    return rows


SAMPLE = "id int, region string, d date, ts timestamp, n bigint, m decimal(10,2), s string"


def partition_check(place, terms, count=60):
    """Every row lies in the partition that PyIceberg's own transforms give for it."""
    rows = sample_rows(count)
    columns_table(place, SAMPLE, rows, f"PARTITIONED BY ({terms})")
    place.everyone_reads("t", rows)
    table = place.pyiceberg("t")
    schema, spec = table.schema(), table.spec()
    seen = 0
    for task in table.scan().plan_files():
        content = pyarrow.parquet.read_table(task.file.file_path)
        partition = [task.file.partition[index] for index in range(len(spec.fields))]
        for row in content.to_pylist():
            seen += 1
            for field, value in zip(spec.fields, partition):
                source = schema.find_field(field.source_id)
                expected = field.transform.transform(source.field_type)(physical(row[source.name]))
                assert expected == value, f"{field.name}: {row[source.name]!r} gives {expected!r}, the file says {value!r}"
    assert seen == count
    # Hidden partitioning: filters on the columns themselves find all rows.
    day = datetime.date(1999, 1, 1)
    for condition, keep in [
        (GreaterThanOrEqual("d", day.isoformat()), lambda row: row[2] is not None and row[2] >= day),
        (LessThan("n", 0), lambda row: row[4] is not None and row[4] < 0),
        (EqualTo("region", "a/b=c d"), lambda row: row[1] == "a/b=c d"),
        (IsNull("ts"), lambda row: row[3] is None),
        (And(LessThan("ts", "1970-01-01T00:00:00"), IsNull("s")), lambda row: row[3] is not None and row[3].year < 1970 and row[6] is None),
    ]:
        found = place.pyiceberg("t").scan(row_filter=condition).to_arrow().to_pylist()
        same_rows([tuple(row.values()) for row in found], [row for row in rows if keep(row)], f"PyIceberg with {condition}")


def physical(value):
    """Dates and timestamps as the numbers that transforms take."""
    if isinstance(value, datetime.datetime):
        delta = value - datetime.datetime(1970, 1, 1)
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).days
    return value


@check
def partitions_identity(place):
    partition_check(place, "region")


@check
def partitions_identity_of_date_and_decimal(place):
    partition_check(place, "d, m", count=30)


@check
def partitions_years_months(place):
    partition_check(place, "year(d), month(ts)")


@check
def partitions_days(place):
    partition_check(place, "day(ts), year(d)")


@check
def partitions_hours(place):
    partition_check(place, "hour(ts)")


@check
def partitions_buckets(place):
    partition_check(place, "bucket(4, id), bucket(region, 3), bucket(5, d)")


@check
def partitions_buckets_of_other_types(place):
    partition_check(place, "bucket(4, ts), bucket(3, n), bucket(2, m), bucket(3, s)")


@check
def partitions_truncated(place):
    partition_check(place, "truncate(2, s), truncate(n, 1000000000), truncate(m, 100000)")


@check
def column_metrics_enclose_the_rows(place):
    rows = sample_rows(300, seed=7)
    columns_table(place, SAMPLE, rows, "PARTITIONED BY (bucket(3, id))")
    files = place.pyiceberg("t").inspect.files().to_pylist()
    assert len(files) == 3
    for file in files:
        content = pyarrow.parquet.read_table(file["file_path"]).to_pylist()
        assert file["record_count"] == len(content)
        assert file["file_size_in_bytes"] == os.path.getsize(file["file_path"])
        offsets = [group.column(0).dictionary_page_offset or group.column(0).data_page_offset
                   for group in map(pyarrow.parquet.ParquetFile(file["file_path"]).metadata.row_group, range(1))]
        assert file["split_offsets"] == offsets
        for name, metrics in file["readable_metrics"].items():
            present = [row[name] for row in content if row[name] is not None]
            assert metrics["value_count"] == len(content)
            assert metrics["null_value_count"] == len(content) - len(present)
            lower, upper = metrics["lower_bound"], metrics["upper_bound"]
            if isinstance(present[0], str):
                assert lower == min(present, key=lambda text: text.encode())[:16]
                assert upper.encode() >= max(text.encode() for text in present)
            else:
                assert (lower, upper) == (min(present), max(present)), f"{name}: {lower} {upper}"


@check
def long_text_bounds(place):
    texts = ["a" * 40, "a" * 15 + "\U0010ffff" * 5, "ab" + "é" * 30]
    columns_table(place, "s string", [(text,) for text in texts])
    metrics = place.pyiceberg("t").inspect.files().to_pylist()[0]["readable_metrics"]["s"]
    # 16 characters; the last one raised above.
    assert metrics["lower_bound"] == "a" * 16
    assert metrics["upper_bound"] == "ab" + "é" * 13 + "ê"


@check
def compressions_and_row_groups(place):
    rows = [(index, f"text {index % 100}") for index in range(2000)]
    for codec, stored in [("zstd", "ZSTD"), ("snappy", "SNAPPY"), ("gzip", "GZIP"), ("none", "UNCOMPRESSED")]:
        place.run(
            f"CREATE TABLE {codec}_t (id int, s string) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_compression' = '{codec}', "
            f"'write.parquet.row-group-size-bytes' = '5000'); INSERT INTO {codec}_t {values(rows)}")
        place.everyone_reads(f"{codec}_t", rows)
        path = place.pyiceberg(f"{codec}_t").inspect.files().to_pylist()[0]["file_path"]
        metadata = pyarrow.parquet.ParquetFile(path).metadata
        assert metadata.num_row_groups > 2
        codecs = {metadata.row_group(group).column(column).compression for group in range(metadata.num_row_groups) for column in range(2)}
        # Chunks that do not get smaller are stored as they are.
        assert stored in codecs and codecs <= {stored, "UNCOMPRESSED"}, codecs


@check
def files_roll_over_at_the_target_size(place):
    place.run("CREATE TABLE t (id bigint, x double) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_target_data_file_size_bytes' = '5000')")
    rows = [(index, index / 7) for index in range(10_000)]
    place.run(f"INSERT INTO t {values(rows)}")
    place.everyone_reads("t", rows)
    assert len(place.pyiceberg("t").inspect.files()) >= 4


@check
def field_ids_and_nullability_in_files(place):
    place.run(
        f"CREATE TABLE t (id int NOT NULL, s struct<a:int,b:array<string>>, o string) {ICEBERG};"
        "INSERT INTO t VALUES (1, ROW(1, ARRAY['x']), 'y')")
    path = place.pyiceberg("t").inspect.files().to_pylist()[0]["file_path"]
    schema = pyarrow.parquet.read_schema(path)

    def identifier(field):
        return int(field.metadata[b"PARQUET:field_id"])

    assert [(field.name, identifier(field), field.nullable) for field in schema] == [("id", 1, False), ("s", 2, True), ("o", 3, True)]
    inner = {field.name: field for field in schema.field("s").type}
    assert (identifier(inner["a"]), identifier(inner["b"]), identifier(inner["b"].type.value_field)) == (4, 5, 6)


@check
def snapshots_and_time_travel(place):
    place.run(f"CREATE TABLE t (id int) {ICEBERG}")
    assert place.metadata("t")["current-snapshot-id"] == -1
    for value in (1, 2, 3):
        place.run(f"INSERT INTO t VALUES ({value})")
    table = place.pyiceberg("t")
    snapshots = table.snapshots()
    assert [snapshot.sequence_number for snapshot in snapshots] == [1, 2, 3]
    assert [snapshot.parent_snapshot_id for snapshot in snapshots] == [None] + [snapshot.snapshot_id for snapshot in snapshots[:2]]
    assert [entry.snapshot_id for entry in table.history()] == [snapshot.snapshot_id for snapshot in snapshots]
    for count, snapshot in enumerate(snapshots, start=1):
        ids = [(row["id"],) for row in table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().to_pylist()]
        same_rows(ids, [(number,) for number in range(1, count + 1)], "PyIceberg")
        rows = place.duckdb_rows("t", options=f", snapshot_from_id = {snapshot.snapshot_id}")
        same_rows(rows, [(number,) for number in range(1, count + 1)], "DuckDB")
        same_rows([tuple(row.values()) for row in place.run(f"SELECT id FROM t FOR VERSION AS OF {snapshot.snapshot_id}")],
                  [(number,) for number in range(1, count + 1)], "Frazil")
    names = [pathlib.Path(entry.metadata_file).name for entry in table.metadata.metadata_log]
    assert [name[:6] for name in names] == ["00000-", "00001-", "00002-"]
    assert pathlib.Path(place.metadata_file("t")).name.startswith("00003-")


@check
def version_one(place):
    rows = sample_rows(40)
    place.run(f"CREATE TABLE t ({SAMPLE}) PARTITIONED BY (region) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '1')")
    place.run(f"INSERT INTO t {values(rows[:20])}")
    place.run(f"INSERT INTO t {values(rows[20:])}")
    assert place.metadata("t")["format-version"] == 1
    place.everyone_reads("t", rows)


@check
def create_table_as(place):
    rows = sample_rows(50)
    columns_table(place, SAMPLE, rows)
    place.run(
        "CREATE TABLE u WITH (table_type = 'ICEBERG', is_external = false, partitioning = ARRAY['day(ts)', 'bucket(id, 2)'], "
        "write_compression = 'snappy') AS SELECT id, ts, upper(region) AS region FROM t WHERE id % 2 = 0")
    place.everyone_reads("u", [(row[0], row[3], row[1] and row[1].upper()) for row in rows if row[0] % 2 == 0])
    assert pathlib.Path(place.metadata_file("u")).name.startswith("00000-")
    assert str(place.pyiceberg("u").spec().fields[0]).startswith("1000: ts_day: day(2)")


@check
def object_storage_layout(place):
    place.run(
        "CREATE TABLE t (id int, region string) PARTITIONED BY (region) "
        "TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.object-storage.enabled' = 'true');"
        "INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    place.everyone_reads("t", [(1, "a"), (2, "b")])
    for file in place.pyiceberg("t").inspect.files().to_pylist():
        parts = file["file_path"].split("/data/")[1].split("/")
        assert [len(part) for part in parts[:4]] == [4, 4, 4, 8] and parts[4].startswith("region="), parts


@check
def pyiceberg_and_frazil_take_turns(place):
    """A table made here, continued by PyIceberg in its own catalog, and taken back."""
    place.run(f"CREATE TABLE t (id bigint, region string) PARTITIONED BY (region) {ICEBERG}; INSERT INTO t VALUES (1, 'a')")
    catalog = SqlCatalog("c", uri=f"sqlite:///{place.folder}/c.db", warehouse=f"file://{place.folder}/other")
    catalog.create_namespace("n")
    table = catalog.register_table("n.t", place.metadata_file("t"))
    table.append(pyarrow.table({"id": [2, 3], "region": ["b", None]}))
    rows = place.run(
        f"CALL system.unregister_table('default', 't'); CALL system.register_table('t', '{table.metadata_location}');"
        "INSERT INTO t VALUES (4, 'a'); SELECT id, region FROM t ORDER BY id")
    expected = [(1, "a"), (2, "b"), (3, None), (4, "a")]
    same_rows([tuple(row.values()) for row in rows], expected, "Frazil")
    place.everyone_reads("t", expected)
    assert place.metadata("t")["last-sequence-number"] == 3


@check
def many_commits_merge_manifests(place):
    place.run("CREATE TABLE t (id int) TBLPROPERTIES ('table_type' = 'ICEBERG', 'commit.manifest.min-count-to-merge' = '5')")
    place.run(";".join(f"INSERT INTO t VALUES ({number})" for number in range(12)))
    place.everyone_reads("t", [(number,) for number in range(12)])
    table = place.pyiceberg("t")
    manifests = table.inspect.manifests().to_pylist()
    assert len(manifests) < 8, len(manifests)
    # Entries of merged manifests still know who added them.
    added = {entry["snapshot_id"] for entry in table.inspect.entries().to_pylist()}
    assert added == {snapshot.snapshot_id for snapshot in table.snapshots()}


@check
def failed_inserts_leave_nothing(place):
    columns_table(place, "id int NOT NULL, region string", [(1, "a")], "PARTITIONED BY (region)")
    before = place.files()
    for sql, code in [
        ("INSERT INTO t VALUES (2, 'b'), (NULL, 'c')", "CONSTRAINT_VIOLATION"),
        ("INSERT INTO t SELECT 1 / (id - 1), 'b' FROM t", "DIVISION_BY_ZERO"),
        ("INSERT INTO t VALUES (1, 2)", "TYPE_MISMATCH"),
        ("CREATE TABLE u WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 / (id - 1) AS x FROM t", "DIVISION_BY_ZERO"),
    ]:
        assert code in place.fails(sql), sql
        assert place.files() == before, sql
    assert not os.path.exists(os.path.join(place.warehouse, "default", "u"))
    place.everyone_reads("t", [(1, "a")])


@check
def replaced_tables(place):
    """CREATE OR REPLACE TABLE: others read the new rows, and the old ones by their snapshot; ids and columns go on as in Java's library."""
    columns_table(place, "id int, name string, s struct<x:int,y:string>", [], "PARTITIONED BY (name)")
    place.run("INSERT INTO t VALUES (1, 'one', ROW(1, 'a')), (2, 'two', NULL)")
    old = place.metadata("t")
    before = place.files("t")
    assert "DIVISION_BY_ZERO" in place.fails("CREATE OR REPLACE TABLE t AS SELECT 1 / (id - 1) AS id FROM t")
    assert place.files("t") == before and place.metadata("t") == old
    place.run("CREATE OR REPLACE TABLE t WITH (partitioning = ARRAY['bucket(id, 4)', 'name']) AS "
              "SELECT name, CAST(id AS bigint) AS id, length(name) AS size, CAST(ROW(s.y) AS row(y varchar)) AS s FROM t")
    place.everyone_reads("t", [("one", 1, 3, {"y": "a"}), ("two", 2, 3, {"y": None})])
    new = place.metadata("t")
    assert (new["table-uuid"], new["location"]) == (old["table-uuid"], old["location"])
    assert new["schemas"][0] == old["schemas"][0] and new["current-schema-id"] == 1 and new["last-column-id"] == 6
    ids = {field.name: field.field_id for field in place.pyiceberg("t").schema().fields}
    assert ids == {"id": 1, "name": 2, "s": 3, "size": 6} and place.pyiceberg("t").schema().find_field("s.y").field_id == 5
    # The partition field of an older spec has its id again.
    assert [(field["name"], field["field-id"]) for field in new["partition-specs"][1]["fields"]] == [("id_bucket", 1001), ("name", 1000)]
    table = place.pyiceberg("t")
    first, second = table.snapshots()
    assert second.parent_snapshot_id is None and second.sequence_number == 2 and table.current_snapshot() == second
    assert [entry["snapshot-id"] for entry in new["snapshot-log"]] == [first.snapshot_id, second.snapshot_id]
    rows = [tuple(row.values()) for row in table.scan(snapshot_id=first.snapshot_id).to_arrow().to_pylist()]
    same_rows(rows, [(1, "one", {"x": 1, "y": "a"}), (2, "two", None)], "PyIceberg, older snapshot")
    place.run("CREATE OR REPLACE TABLE t (id string) COMMENT 'empty'")
    place.everyone_reads("t", [])
    assert place.pyiceberg("t").current_snapshot() is None and place.pyiceberg("t").properties["comment"] == "empty"
    place.run("INSERT INTO t VALUES 'x'")
    place.everyone_reads("t", [("x",)])


@check
def mounted_s3_locations(place):
    """What dbt and awswrangler send, with all of s3:// below a folder: metadata says s3://, files are local."""
    options = ("--offline", os.path.join(place.folder, "s3"))
    place.run(
        "CREATE TABLE IF NOT EXISTS `raw` (`id` bigint, `v` string)  LOCATION 's3://lake/raw/' TBLPROPERTIES ('table_type' ='ICEBERG', 'format'='parquet');"
        "INSERT INTO raw VALUES (1, 'a'), (2, 'b');"
        """create table "awsdatacatalog"."default"."model" with (table_type='iceberg', is_external=false, location='s3://lake/model/x',
           partitioning=ARRAY['bucket(id, 2)'], format='parquet') as select id, upper(v) as v from raw""", *options)
    metadata_file = place.metadata_file("model")
    assert metadata_file.startswith("s3://lake/model/x/metadata/00000-"), metadata_file
    local = metadata_file.replace("s3://", options[1] + "/")
    metadata = json.loads(pathlib.Path(local).read_text())
    assert metadata["location"] == "s3://lake/model/x"
    assert all(snapshot["manifest-list"].startswith("s3://lake/model/x/metadata/snap-") for snapshot in metadata["snapshots"])
    rows = place.run('SELECT id, v, "$path" AS p FROM model', *options)
    same_rows([(row["id"], row["v"]) for row in rows], [(1, "A"), (2, "B")], "Frazil")
    assert all(row["p"].startswith("s3://lake/model/x/data/id_bucket=") for row in rows), rows
    place.run("DROP TABLE model", *options)
    assert not os.path.exists(os.path.join(options[1], "lake", "model", "x"))
    assert os.path.exists(os.path.join(options[1], "lake", "raw"))


@check
def an_interrupted_insert_leaves_nothing(place):
    place.run(
        "CREATE TABLE t (n bigint, part bigint) PARTITIONED BY (part) "
        "TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.parquet.row-group-size-bytes' = '50000'); INSERT INTO t VALUES (0, 0)")
    before = place.files()
    digits = "(VALUES 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"
    joins = " CROSS JOIN ".join(f"{digits} AS d{index}(d)" for index in range(7))
    running = subprocess.Popen(place.command("-c", f"INSERT INTO t SELECT d0.d, d1.d FROM {joins}"), stderr=subprocess.PIPE, text=True, errors="replace", cwd=place.folder)
    deadline = time.monotonic() + 60
    while not os.path.exists(os.path.join(place.warehouse, "default", "t", "data", "part=5")):  # its first file is open then
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, problem = running.communicate(timeout=60)
    assert running.returncode == 130 and "USER_CANCELED" in problem, (running.returncode, problem)
    assert place.files() == before
    place.everyone_reads("t", [(0, 0)])
