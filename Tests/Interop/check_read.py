"""PyIceberg writes, Frazil reads: all transforms, nested types, several snapshots, schema changes, versions 1 and 2."""

import datetime as dt
import decimal
import uuid

import pyarrow as pa
from harness import *
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import (
    BucketTransform, DayTransform, HourTransform, IdentityTransform, MonthTransform, TruncateTransform, YearTransform)
from pyiceberg.types import (
    BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType, ListType, LongType, MapType,
    NestedField, StringType, StructType, TimestampType, TimestamptzType, TimeType, UUIDType)

D = decimal.Decimal


def catalog(folder):
    made = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/lake")
    made.create_namespace_if_not_exists("n")
    return made


def create(folder, name, schema, spec=None, version=2, rows=None, **properties):
    options = {} if spec is None else {"partition_spec": spec}
    table = catalog(folder).create_table(f"n.{name}", schema, properties={"format-version": str(version), **properties}, **options)
    if rows is not None:
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
    return table


def read(frazil, table, columns="*", suffix=""):
    return frazil.run(f"SELECT {columns} FROM iceberg_table('{table.metadata_location}'){suffix}")


def field(number, name, type, required=False):
    return NestedField(number, name, type, required=required)


PRIMITIVES = Schema(
    field(1, "b", BooleanType()), field(2, "i", IntegerType()), field(3, "l", LongType()), field(4, "f", FloatType()),
    field(5, "d", DoubleType()), field(6, "m", DecimalType(12, 3)), field(7, "h", DecimalType(38, 5)), field(8, "s", StringType()),
    field(9, "x", BinaryType()), field(10, "fx", FixedType(3)), field(11, "day", DateType()), field(12, "t", TimeType()),
    field(13, "ts", TimestampType()), field(14, "tz", TimestamptzType()), field(15, "u", UUIDType()))


@check
def every_primitive_type(frazil, folder):
    rows = [
        dict(b=True, i=-5, l=2**62, f=0.5, d=-1e-300, m=D("123456789.125"), h=D("123456789012345678901234567890123.12345"), s="é", x=b"\x00\x01",
             fx=b"abc", day=dt.date(2024, 5, 6), t=dt.time(23, 59, 59, 999999), ts=dt.datetime(1960, 1, 1, 0, 0, 0, 1),
             tz=utc(2024, 1, 1, 12), u=uuid.UUID(int=2**127 + 5).bytes),
        {name: None for name in PRIMITIVES.column_names},
    ]
    for version in (1, 2):
        table = create(folder, f"t{version}", PRIMITIVES, version=version, rows=rows)
        expected = [tuple(rows[0].values())[:-1] + (uuid.UUID(int=2**127 + 5),), (None,) * 15]
        same(read(frazil, table), expected, f"version {version}")


@check
def nested_types(frazil, folder):
    schema = Schema(
        field(1, "id", IntegerType()),
        field(2, "l", ListType(10, LongType(), element_required=False)),
        field(3, "m", MapType(11, StringType(), 12, DoubleType(), value_required=False)),
        field(4, "s", StructType(field(13, "x", IntegerType()), field(14, "y", ListType(15, StringType(), element_required=False)))),
        field(5, "deep", ListType(16, StructType(field(17, "m", MapType(18, StringType(), 19, ListType(20, IntegerType()), value_required=False))))))
    rows = [
        dict(id=1, l=[1, None, 3], m={"a": 1.5, "b": None}, s={"x": 1, "y": ["p", None]}, deep=[{"m": {"k": [1, 2]}}, {"m": {}}]),
        dict(id=2, l=[], m={}, s={"x": None, "y": []}, deep=[]),
        # PyIceberg writes a missing list of structs as an empty one.
        dict(id=3, l=None, m=None, s=None, deep=[]),
    ]
    table = create(folder, "t", schema, rows=rows)
    same(read(frazil, table), [tuple(row.values()) for row in rows], "nested")
    same(read(frazil, table, "id, s.x, element_at(m, 'a'), cardinality(l)"), [(1, 1, 1.5, 3), (2, None, None, 0), (3, None, None, None)], "fields")


EVENTS = Schema(field(1, "id", LongType()), field(2, "k", StringType()), field(3, "ts", TimestampType()), field(4, "day", DateType()),
                field(5, "m", DecimalType(9, 2)), field(6, "x", BinaryType()), field(7, "u", UUIDType()), field(8, "tz", TimestamptzType()))


def event(number):
    moment = dt.datetime(1969, 12, 30, 22, 30) + dt.timedelta(hours=7 * number)
    return dict(id=number * 3 - 20, k=f"key{number % 5}" if number % 7 else None, ts=moment, day=moment.date(), m=D(number * 13 - 60) / 100,
                x=bytes([number % 3, 9]), u=uuid.UUID(int=number * 2**100).bytes, tz=moment.replace(tzinfo=dt.timezone.utc))


PARTITIONS = [
    ("identity", 2, IdentityTransform()), ("identity", 4, IdentityTransform()), ("year", 3, YearTransform()), ("month", 3, MonthTransform()),
    ("day", 3, DayTransform()), ("hour", 3, HourTransform()), ("year", 4, YearTransform()), ("month", 4, MonthTransform()),
    ("day", 4, DayTransform()), ("hour", 8, HourTransform()), ("bucket", 1, BucketTransform(4)), ("bucket", 2, BucketTransform(3)),
    ("bucket", 3, BucketTransform(5)), ("bucket", 4, BucketTransform(5)), ("bucket", 5, BucketTransform(6)), ("bucket", 6, BucketTransform(7)),
    ("bucket", 7, BucketTransform(3)), ("truncate", 1, TruncateTransform(10)), ("truncate", 2, TruncateTransform(2)),
    ("truncate", 5, TruncateTransform(50)),
]


@check
def all_transforms(frazil, folder):
    """Every partitioned table gives all rows, and every filter on a source column the right ones: pruning loses nothing."""
    rows = [event(number) for number in range(30)]
    filters = {
        1: ("id >= 10 AND id < 31", lambda row: 10 <= row["id"] < 31), 2: ("k = 'key3'", lambda row: row["k"] == "key3"),
        3: ("ts < TIMESTAMP '1970-01-02 03:00:00'", lambda row: row["ts"] < dt.datetime(1970, 1, 2, 3)),
        4: ("day = DATE '1970-01-01'", lambda row: row["day"] == dt.date(1970, 1, 1)), 5: ("m < 0", lambda row: row["m"] < 0),
        6: ("x = X'0109'", lambda row: row["x"] == b"\x01\x09"),
        7: ("u = UUID '00000030-0000-0000-0000-000000000000'", lambda row: uuid.UUID(bytes=row["u"]).int == 3 * 2**100),
        8: ("tz >= TIMESTAMP '1970-01-03 00:00:00 UTC'", lambda row: row["tz"] >= utc(1970, 1, 3)),
    }
    for number, (name, source, transform) in enumerate(PARTITIONS):
        spec = PartitionSpec(PartitionField(source, 1000, transform, f"part_{name}"))
        table = create(folder, f"t{number}", EVENTS, spec, version=1 + number % 2, rows=rows)
        what = f"{name} of {EVENTS.find_column_name(source)}"
        same(read(frazil, table, "id"), [(row["id"],) for row in rows], what)
        condition, keeps = filters[source]
        same(read(frazil, table, "id", f" WHERE {condition}"), [(row["id"],) for row in rows if keeps(row)], f"{what} WHERE {condition}")


@check
def snapshots_and_overwrites(frazil, folder):
    schema = Schema(field(1, "id", LongType()), field(2, "v", StringType()))
    table = create(folder, "t", schema)
    states = []
    current = []
    for step in range(3):
        rows = [{"id": step * 10 + i, "v": f"s{step}"} for i in range(3)]
        table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))
        current = current + [tuple(row.values()) for row in rows]
        states.append((table.current_snapshot().snapshot_id, list(current)))
    table.delete(EqualTo("id", 10))
    current = [row for row in current if row[0] != 10]
    states.append((table.current_snapshot().snapshot_id, list(current)))
    table.overwrite(pa.Table.from_pylist([{"id": 99, "v": "new"}], schema=table.schema().as_arrow()))
    states.append((table.current_snapshot().snapshot_id, [(99, "new")]))
    same(read(frazil, table), states[-1][1], "current")
    frazil.run(f"CALL system.register_table('default.t', '{table.metadata_location}')")
    for number, (snapshot, expected) in enumerate(states):
        same(frazil.run(f"SELECT * FROM t FOR VERSION AS OF {snapshot}"), expected, f"state {number}")
    found = frazil.run('SELECT snapshot_id FROM "t$snapshots"')
    equal({row[0] for row in found} >= {snapshot for snapshot, _ in states}, True, "$snapshots lists them")


@check
def schema_changes(frazil, folder):
    schema = Schema(field(1, "a", IntegerType()), field(2, "b", StringType()), field(3, "gone", DoubleType()))
    table = create(folder, "t", schema, rows=[dict(a=1, b="x", gone=0.5)])
    with table.update_schema() as update:
        update.rename_column("b", "renamed")
        update.update_column("a", LongType())
        update.delete_column("gone")
        update.add_column("added", StringType())
    table.append(pa.Table.from_pylist([dict(a=2**40, renamed="y", added="z")], schema=table.schema().as_arrow()))
    same(read(frazil, table), [(1, "x", None), (2**40, "y", "z")], "changed")
    with table.update_schema() as update:
        update.add_column("gone", IntegerType())
        update.move_first("added")
    same(read(frazil, table), [(None, 1, "x", None), ("z", 2**40, "y", None)], "a dropped name comes back empty, columns in the new order")


@check
def partition_evolution(frazil, folder):
    schema = Schema(field(1, "id", LongType()), field(2, "day", DateType()))
    spec = PartitionSpec(PartitionField(2, 1000, MonthTransform(), "day_month"))
    table = create(folder, "t", schema, spec, rows=[dict(id=1, day=dt.date(2024, 1, 5)), dict(id=2, day=dt.date(2024, 2, 5))])
    with table.update_spec() as update:
        update.remove_field("day_month")
        update.add_field("day", DayTransform(), "day_day")
        update.add_field("id", BucketTransform(2), "id_bucket")
    table.append(pa.Table.from_pylist([dict(id=3, day=dt.date(2024, 2, 5)), dict(id=4, day=dt.date(2024, 2, 6))], schema=table.schema().as_arrow()))
    same(read(frazil, table), [(1, "2024-01-05"), (2, "2024-02-05"), (3, "2024-02-05"), (4, "2024-02-06")], "all")
    same(read(frazil, table, "id", " WHERE day = DATE '2024-02-05'"), [(2,), (3,)], "by day")
    same(read(frazil, table, "id", " WHERE id = 3"), [(3,)], "by id")


@check
def files_are_skipped(frazil, folder):
    schema = Schema(field(1, "id", LongType()), field(2, "k", StringType()))
    table = create(folder, "t", schema, PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "k")),
                   rows=[dict(id=i, k=f"k{i % 10}") for i in range(100)])
    plan = "\n".join(row[0] for row in frazil.run(
        f"EXPLAIN ANALYZE SELECT count(*) FROM iceberg_table('{table.metadata_location}') WHERE k = 'k3'"))
    equal("9" in plan and "skipped" in plan, True, f"nine of ten files skipped in\n{plan}\n")


@check
def compression_and_metadata_options(frazil, folder):
    schema = Schema(field(1, "id", LongType()), field(2, "s", StringType()))
    rows = [dict(id=i, s=f"text {i % 3}") for i in range(500)]
    for codec in ("zstd", "snappy", "gzip", "uncompressed", "lz4", "brotli"):
        for metadata in ("none", "gzip"):
            try:
                table = create(folder, f"t_{codec}_{metadata}", schema, rows=rows,
                               **{"write.parquet.compression-codec": codec, "write.metadata.compression-codec": metadata})
            except Exception:  # a codec that this PyArrow was built without
                continue
            if codec == "brotli":
                frazil.fails(f"SELECT * FROM iceberg_table('{table.metadata_location}')", "brotli")
            else:
                same(read(frazil, table), [tuple(row.values()) for row in rows], f"{codec}, metadata {metadata}")
