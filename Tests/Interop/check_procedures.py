"""What Frazil's procedures leave behind, as PyIceberg and DuckDB read it."""

import subprocess

import duckdb as duck
import pyarrow as pa
import pyarrow.parquet as pq
from harness import *


def healthy(frazil, name):
    done = subprocess.run([frazil.binary, "--warehouse", str(frazil.warehouse), "check", name], capture_output=True, text=True)
    equal(done.returncode, 0, f"frazil check {name}: {done.stdout}{done.stderr}")


@check
def manifests_rewritten(frazil, folder):
    frazil.run("CREATE TABLE t (id bigint, grp string) PARTITIONED BY (grp) "
               "TBLPROPERTIES ('table_type' = 'ICEBERG', 'commit.manifest-merge.enabled' = 'false')")
    rows = []
    for step in range(6):
        frazil.run(f"INSERT INTO t VALUES ({step}, 'g{step % 2}'), ({step + 10}, 'g{step % 3}')")
        rows += [(step, f"g{step % 2}"), (step + 10, f"g{step % 3}")]
    frazil.run("DELETE FROM t WHERE id = 3")
    rows.remove((3, "g1"))
    before = pyiceberg_table(frazil.metadata("t")).inspect.entries().to_pylist()
    frazil.run("CALL system.rewrite_manifests('t')")
    read_everywhere(frazil, "t", rows)
    table = pyiceberg_table(frazil.metadata("t"))
    after = table.inspect.entries().to_pylist()
    key = lambda item: (item["data_file"]["file_path"], item["sequence_number"], item["file_sequence_number"], item["snapshot_id"])
    equal(sorted(map(key, after)), sorted(key(item) for item in before if item["status"] != 2), "files with their sequence numbers")
    equal([item["content"] for item in table.inspect.manifests().to_pylist()], [0], "manifests")
    equal(table.current_snapshot().summary.operation.value, "replace", "operation")
    healthy(frazil, "t")


@check
def position_deletes_rewritten(frazil, folder):
    frazil.run("CREATE TABLE t (id bigint, grp string) PARTITIONED BY (grp) TBLPROPERTIES ('table_type' = 'ICEBERG');"
               "INSERT INTO t SELECT x, 'g' || CAST(x % 2 AS varchar) FROM UNNEST(sequence(1, 60)) AS u(x);"
               "INSERT INTO t SELECT x, 'g' || CAST(x % 2 AS varchar) FROM UNNEST(sequence(61, 80)) AS u(x)")
    gone = [2, 4, 6, 8, 10, 62, 64, 1, 3]
    for number in gone:
        frazil.run(f"DELETE FROM t WHERE id = {number}")
    rows = [(number, f"g{number % 2}") for number in range(1, 81) if number not in gone]
    frazil.run("CALL system.rewrite_position_delete_files('t')")
    equal(len([item for item in pyiceberg_table(frazil.metadata("t")).inspect.delete_files().to_pylist()]), 3, "delete files")
    read_everywhere(frazil, "t", rows)
    healthy(frazil, "t")
    frazil.run("ALTER TABLE t SET TBLPROPERTIES ('format-version' = '3'); CALL system.rewrite_position_delete_files('t')")
    # PyIceberg 0.12 does not read deletion vectors.
    read_everywhere(frazil, "t", rows, engines=("frazil", "duckdb"))
    healthy(frazil, "t")


@check
def published_writes(frazil, folder):
    frazil.run("CREATE TABLE t (id bigint) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.wap.enabled' = 'true'); INSERT INTO t VALUES 1;"
               "SET spark.wap.id = 'x'; INSERT INTO t VALUES 2; RESET spark.wap.id; INSERT INTO t VALUES 3")
    read_everywhere(frazil, "t", [(1,), (3,)])
    staged = [item for item in pyiceberg_table(frazil.metadata("t")).snapshots() if item.summary["wap.id"] == "x"]
    same(pyiceberg_rows(frazil.metadata("t"), snapshot_id=staged[0].snapshot_id), [(1,), (2,)], "the staged snapshot")
    frazil.run("CALL system.publish_changes('t', 'x')")
    read_everywhere(frazil, "t", [(1,), (2,), (3,)])
    healthy(frazil, "t")


@check
def dynamic_overwrite_published(frazil, folder):
    """Spark stages its dynamic INSERT OVERWRITE; here the mark in the summary is put in by hand."""
    for other, refused in [("g1", False), ("g0", True)]:
        name = f"t_{other}"
        frazil.run(f"CREATE TABLE {name} (id bigint, grp string) PARTITIONED BY (grp) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.wap.enabled' = 'true');"
                   f"INSERT INTO {name} VALUES (1, 'g0'), (2, 'g0');"
                   f"SET spark.wap.id = 'x'; INSERT OVERWRITE {name} SELECT BIGINT '3', 'g0'; RESET spark.wap.id")
        path = pathlib.Path(frazil.metadata(name))
        content = json.loads(path.read_text())
        content["snapshots"][-1]["summary"]["replace-partitions"] = "true"
        path.write_text(json.dumps(content))
        frazil.run(f"INSERT INTO {name} VALUES (9, '{other}')")
        if refused:
            frazil.fails(f"CALL system.publish_changes('{name}', 'x')", "changed partition: grp=g0")
            read_everywhere(frazil, name, [(1, "g0"), (2, "g0"), (9, "g0")])
        else:
            frazil.run(f"CALL system.publish_changes('{name}', 'x')")
            read_everywhere(frazil, name, [(3, "g0"), (9, "g1")])
            summary = pyiceberg_table(frazil.metadata(name)).current_snapshot().summary
            equal((summary.operation.value, summary["replace-partitions"], summary["published-wap-id"]), ("overwrite", "true", "x"), "summary")
        healthy(frazil, name)


def foreign_files(folder):
    """Hive-style folders that PyArrow wrote: no field ids, names in other cases, one file by DuckDB."""
    root = folder / "source"
    for day in ("2026-01-01", "2026-01-02"):
        place = root / f"day={day}"
        place.mkdir(parents=True)
        table = pa.table({
            "Id": pa.array([1, 2, None], pa.int32()), "name": ["a b", None, "zz"], "price": pa.array([1.5, float("nan"), -0.0], pa.float32()),
            "tags": [["x"], [], None], "at": pa.array([0, 1_700_000_000_000_000, None], pa.timestamp("us"))})
        pq.write_table(table, place / "one.parquet", row_group_size=2)
    duck.sql("SELECT 9::BIGINT AS Id, 'duck' AS name, 2.5::DOUBLE AS price, ['y', 'z'] AS tags, TIMESTAMP '2024-01-31 10:20:30' AS at").write_parquet(
        str(root / "day=2026-01-02" / "two.parquet"))
    first = [(1, "a b", 1.5, ["x"], dt.datetime(1970, 1, 1)), (2, None, float("nan"), [], dt.datetime(2023, 11, 14, 22, 13, 20)), (None, "zz", -0.0, None, None)]
    rows = [(*row, dt.date(2026, 1, day)) for day in (1, 2) for row in first]
    return root, rows + [(9, "duck", 2.5, ["y", "z"], dt.datetime(2024, 1, 31, 10, 20, 30), dt.date(2026, 1, 2))]


COLUMNS = "id bigint, name string, price double, tags array<string>, at timestamp"


@check
def foreign_files_added(frazil, folder):
    root, rows = foreign_files(folder)
    frazil.run(f"CREATE TABLE t ({COLUMNS}, day date) PARTITIONED BY (day) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    equal(frazil.run(f"CALL system.add_files('t', 'parquet.`{root}`')"), [("3", "2")], "files and partitions")
    read_everywhere(frazil, "t", rows, engines=("frazil", "pyiceberg"))
    same(frazil.run("SELECT name FROM t WHERE id = 9"), [("duck",)], "rows by the footers' bounds")
    same(pyiceberg_rows(frazil.metadata("t"), ["name"], row_filter="id = 9"), [("duck",)], "rows by the footers' bounds in PyIceberg")
    healthy(frazil, "t")
    frazil.run("DELETE FROM t WHERE id = 1; CALL system.rewrite_data_files(table => 't', options => map('rewrite-all', 'true'))")
    read_everywhere(frazil, "t", [row for row in rows if row[0] != 1])
    healthy(frazil, "t")


@check
def hive_table_migrated(frazil, folder):
    root, rows = foreign_files(folder)
    frazil.run(f"CREATE EXTERNAL TABLE t ({COLUMNS}) PARTITIONED BY (day date) STORED AS PARQUET LOCATION '{root}/'; MSCK REPAIR TABLE t;"
               "CALL system.snapshot('t', 'copy'); CALL system.migrate('t')")
    metadata = str(max((root / "metadata").glob("*.metadata.json")))
    same(pyiceberg_rows(metadata), rows, "the migrated table in PyIceberg")
    same(pyiceberg_rows(frazil.metadata("copy")), rows, "the snapshot table in PyIceberg")
    frazil.run("INSERT INTO t (id, day) VALUES (77, DATE '2026-01-03')")
    same(frazil.run("SELECT count(*) FROM t"), [(len(rows) + 1,)], "after an INSERT")
    same(frazil.run("SELECT count(*) FROM t_backup_"), [(len(rows),)], "the backup")
    healthy(frazil, "t")
    healthy(frazil, "copy")
