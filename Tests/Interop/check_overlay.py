"""Overlays: tables are read where they are, and everything that is written goes under a folder of its own; the base stays as it is to the byte."""

import hashlib
import json
import os
import pathlib
import subprocess

import pyarrow as pa
import support
from check_s3 import BUCKET, S3
from check_sql import SQL
from servers import REST, FaultProxy, Glue

ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"
MERGE = ("MERGE INTO {0} AS t USING (VALUES (2, 'zwei'), (4, 'vier')) AS s (id, name) ON t.id = s.id "
         "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)")
MERGED = [(1, "one"), (2, "zwei"), (3, "three"), (4, "vier")]


def digests(folder, without=()):
    """Every file below a folder with what it holds."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and not any(part in without for part in path.relative_to(folder).parts):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


class Local:
    """The local catalog of a place, with and without an overlay."""

    def __init__(self, place):
        self.place = place
        self.run(f"CREATE TABLE t (id int, name string) {ICEBERG}; INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")

    def frazil(self, *arguments, code=0):
        done = subprocess.run(
            [support.binary(), "--warehouse", "warehouse", "--format", "jsonl", *arguments], capture_output=True, text=True, cwd=self.place.folder, timeout=300)
        assert done.returncode == code, f"exit code {done.returncode} of {arguments}\n{done.stderr}"
        return done

    def run(self, sql):
        return [tuple(json.loads(line).values()) for line in self.frazil("-c", sql).stdout.splitlines()]

    def over(self, sql, *options):
        return [tuple(json.loads(line).values()) for line in self.frazil("--overlay", "ov", *options, "-c", sql).stdout.splitlines()]

    def differences(self):
        rows = [json.loads(line) for line in self.frazil("overlay", "diff", "ov").stdout.splitlines()]
        return {row["name"]: row for row in rows}

    def base(self):
        return digests(self.place.folder, without=("ov",))


@support.check
def overlay_keeps_the_base(place):
    """Every kind of change, over several runs; the base's bytes stay, and a run without the overlay sees nothing of it."""
    local = Local(place)
    local.run(f"CREATE TABLE gone (x int) {ICEBERG}; INSERT INTO gone VALUES (1); CREATE DATABASE empty; CREATE VIEW v AS SELECT count(*) AS n FROM t; "
              f"CREATE TABLE renamed (x int) {ICEBERG}")
    before = local.base()
    assert local.over("SELECT * FROM t ORDER BY id") == [(1, "one"), (2, "two"), (3, "three")]
    local.over(MERGE.format("t"))
    assert local.over("SELECT * FROM t ORDER BY id") == MERGED
    local.over("DELETE FROM t WHERE id = 1; UPDATE t SET name = 'drei' WHERE id = 3; ALTER TABLE t ADD COLUMNS (more int)")
    local.over("OPTIMIZE t REWRITE DATA USING BIN_PACK; ALTER TABLE t SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds' = '1', 'vacuum_min_snapshots_to_keep' = '1')")
    local.over("VACUUM t; CALL system.expire_snapshots(table => 't', retain_last => 1, older_than => TIMESTAMP '2100-01-01 00:00:00')")
    local.over("CALL system.remove_orphan_files(table => 't', older_than => TIMESTAMP '2020-01-01 00:00:00')")
    assert local.over("SELECT * FROM t ORDER BY id") == [(2, "zwei", None), (3, "drei", None), (4, "vier", None)]
    assert [row for row in local.over("CALL system.check_table('t')") if row[0] != "engine"] == []
    local.over("DROP TABLE gone; DROP DATABASE empty; CREATE DATABASE d; CREATE OR REPLACE VIEW v AS SELECT sum(id) AS n FROM t; ALTER TABLE renamed RENAME TO other")
    local.over(f"CREATE TABLE d.made (x int) {ICEBERG}; INSERT INTO d.made SELECT id FROM t")
    assert local.over("SELECT n FROM v") == [(9,)] and local.over("SHOW TABLES") == [("other",), ("t",), ("v",)]
    assert local.over("SHOW DATABASES") == [("d",), ("default",)]
    assert "does not exist" in local.frazil("--overlay", "ov", "-c", "SELECT * FROM gone", code=1).stderr
    assert local.base() == before
    assert local.run("SELECT * FROM t ORDER BY id") == [(1, "one"), (2, "two"), (3, "three")] and local.run("SELECT n FROM v") == [(3,)]
    assert local.run("SHOW TABLES") == [("gone",), ("renamed",), ("t",), ("v",)]
    found = {name: (row["kind"], row["change"]) for name, row in local.differences().items()}
    assert found == {
        "local.d": ("database", "created"), "local.d.made": ("table", "created"), "local.default.gone": ("table", "dropped"), "local.default.other": ("table", "changed"),
        "local.default.renamed": ("table", "dropped"), "local.default.t": ("table", "changed"), "local.default.v": ("view", "changed"), "local.empty": ("database", "dropped")}, found
    made = local.differences()["local.d.made"]
    assert (made["snapshots"], made["rows_added"], made["rows_deleted"]) == (1, 3, 0), made
    # What was dropped can be made anew, and is not what the base has.
    local.over(f"CREATE TABLE gone (y bigint) {ICEBERG}; INSERT INTO gone VALUES (7); CREATE DATABASE empty")
    assert local.over("SELECT y FROM gone") == [(7,)] and local.differences()["local.default.gone"]["change"] == "replaced"
    assert local.differences()["local.empty"]["change"] == "replaced" and local.base() == before
    local.frazil("overlay", "drop", "ov", "gone")
    assert local.over("SELECT * FROM gone") == [(1,)]
    local.frazil("overlay", "drop", "ov")
    assert not (pathlib.Path(place.folder) / "ov").exists() and local.base() == before


@support.check
def overlay_counts_and_base_that_moves(place):
    local = Local(place)
    local.over("INSERT INTO t VALUES (4, 'four'), (5, 'five'); DELETE FROM t WHERE id = 1")
    row = local.differences()["local.default.t"]
    assert (row["snapshots"], row["rows_added"], row["rows_deleted"]) == (2, 2, 1) and row["base_snapshot"] == row["base_is_at"], row
    quiet = local.frazil("--overlay", "ov", "-c", "SELECT 1 FROM t")
    assert quiet.stderr == "", quiet.stderr
    local.run("INSERT INTO t VALUES (99, 'of the base')")
    base, now = (int(number) for number in local.run("SELECT CAST(snapshot_id AS varchar) FROM \"t$snapshots\" ORDER BY committed_at") for number in number)
    told = local.frazil("--overlay", "ov", "-c", "SELECT * FROM t; SELECT * FROM t")
    assert told.stderr == f"note: the overlay's table default.t stands on snapshot {base} of the base, which is at snapshot {now} by now\n", told.stderr
    assert (99, "of the base") not in local.over("SELECT * FROM t")
    row = local.differences()["local.default.t"]
    assert (row["base_snapshot"], row["base_is_at"]) == (base, now), row
    local.over("CALL system.expire_snapshots(table => 't', retain_last => 1, older_than => TIMESTAMP '2100-01-01 00:00:00')")
    row = local.differences()["local.default.t"]
    assert (row["change"], row["snapshots"], row["rows_added"]) == ("changed", None, None), row
    # Dropped from the overlay, the table is the base's again.
    local.frazil("overlay", "drop", "ov", "default.t")
    assert (99, "of the base") in local.over("SELECT * FROM t") and local.differences() == {}
    local.run("DROP TABLE t")
    refused = local.frazil("overlay", "drop", "ov", "t", code=1)
    assert "holds nothing of default.t" in refused.stderr, refused.stderr


@support.check
def overlay_counts_branches_and_tags(place):
    """What lies on a branch or under a tag counts like what lies on main, each snapshot once; the base's counts nowhere."""
    local = Local(place)
    local.run("INSERT INTO t VALUES (4, 'four'); ALTER TABLE t CREATE BRANCH early")
    local.over("ALTER TABLE t CREATE BRANCH audit; INSERT INTO t.branch_audit VALUES (5, 'five'), (6, 'six')")
    ((head,),) = local.over("SELECT CAST(snapshot_id AS varchar) FROM \"t$refs\" WHERE name = 'audit'")
    local.over(f"ALTER TABLE t CREATE TAG seen AS OF VERSION {head}; DELETE FROM t.branch_audit WHERE id = 5; INSERT INTO t VALUES (7, 'seven')")
    row = local.differences()["local.default.t"]
    assert (row["snapshots"], row["rows_added"], row["rows_deleted"]) == (3, 3, 1), row
    local.over("CALL system.fast_forward('t', 'early', 'main')")
    row = local.differences()["local.default.t"]
    assert (row["snapshots"], row["rows_added"], row["rows_deleted"]) == (3, 3, 1), row
    # Back to a state of the base: nothing of main is left.
    first = local.run("SELECT CAST(snapshot_id AS varchar) FROM \"t$snapshots\" ORDER BY committed_at")[0][0]
    local.over(f"CALL system.rollback_to_snapshot('t', {first}); ALTER TABLE t DROP BRANCH early; ALTER TABLE t DROP BRANCH audit")
    row = local.differences()["local.default.t"]
    assert (row["snapshots"], row["rows_added"], row["rows_deleted"]) == (1, 2, 0), row


@support.check
def overlay_makes_databases_anew(place):
    """A database of the base that was dropped in the overlay can be made again, elsewhere too, and has nothing of the base's."""
    local = Local(place)
    place_of = pathlib.Path(place.folder) / "elsewhere"
    local.run(f"CREATE DATABASE d COMMENT 'of the base'; CREATE TABLE d.old (x int) {ICEBERG}; INSERT INTO d.old VALUES (1)")
    before = local.base()
    assert "non-empty" in local.frazil("--overlay", "ov", "-c", "DROP DATABASE d", code=1).stderr
    local.over("DROP TABLE d.old; DROP DATABASE d")
    assert "does not exist" in local.frazil("--overlay", "ov", "-c", "SHOW TABLES IN d", code=1).stderr
    local.over(f"CREATE DATABASE d COMMENT 'anew' LOCATION '{place_of}'; CREATE TABLE d.old AS SELECT 2 AS y; CREATE TABLE d.made (x int) {ICEBERG}")
    assert local.over("SELECT * FROM d.old") == [(2,)] and local.over("SHOW TABLES IN d") == [("made",), ("old",)]
    assert f"'{place_of}'" in local.over("SHOW CREATE DATABASE d")[0][0]
    assert "already exists" in local.frazil("--overlay", "ov", "-c", "CREATE DATABASE d", code=1).stderr
    # What comes into the base's database meanwhile is not in this one.
    local.run(f"CREATE TABLE d.later (x int) {ICEBERG}")
    assert local.over("SHOW TABLES IN d") == [("made",), ("old",)] and local.run("SELECT * FROM d.old") == [(1,)]
    assert "does not exist" in local.frazil("--overlay", "ov", "-c", "SELECT * FROM d.later", code=1).stderr
    found = {name: row["change"] for name, row in local.differences().items()}
    assert found == {"local.d": "replaced", "local.d.old": "created", "local.d.made": "created"}, found
    local.over("DROP TABLE d.old; DROP TABLE d.made; DROP DATABASE d")
    assert {name: row["change"] for name, row in local.differences().items()} == {"local.d": "dropped"}
    assert local.over("SHOW DATABASES") == [("default",)] and not place_of.exists()
    local.run("DROP TABLE d.later; DROP TABLE d.old; DROP DATABASE d")
    assert local.differences() == {} and local.base() != before
    local.over("CREATE DATABASE d")
    assert local.over("SHOW TABLES IN d") == [] and local.differences()["local.d"]["change"] == "created"
    local.over("DROP DATABASE d")
    assert local.over("SHOW DATABASES") == [("default",)] and local.differences() == {}


@support.check
def overlay_and_transactions(place):
    """COMMIT makes changes of several tables visible at once, ROLLBACK none; a failed statement leaves nothing behind."""
    local = Local(place)
    local.run(f"CREATE TABLE u (id int) {ICEBERG}; INSERT INTO u VALUES (1)")
    before = local.base()
    local.over("BEGIN; INSERT INTO t VALUES (4, 'four'); DELETE FROM u WHERE id = 1; INSERT INTO u VALUES (8); COMMIT")
    assert local.over("SELECT count(*) FROM t") == [(4,)] and local.over("SELECT id FROM u") == [(8,)]
    local.over("BEGIN; INSERT INTO t VALUES (5, 'five'); ROLLBACK")
    assert local.over("SELECT count(*) FROM t") == [(4,)]
    kept = digests(pathlib.Path(place.folder) / "ov")
    local.frazil("--overlay", "ov", "-c", "INSERT INTO t SELECT id / 0, name FROM t", code=1)
    assert digests(pathlib.Path(place.folder) / "ov") == kept and local.base() == before


@support.check
def overlay_of_external_tables(place):
    """Files of external tables too: INSERT, INSERT OVERWRITE and partitions leave the base's files alone."""
    local = Local(place)
    folder = pathlib.Path(place.folder) / "ext"
    (folder / "day=1").mkdir(parents=True)
    (folder / "day=1" / "a.csv").write_text("1,x\n2,y\n")
    local.run(f"CREATE EXTERNAL TABLE e (id int, s string) PARTITIONED BY (day int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION '{folder}'; MSCK REPAIR TABLE e")
    before = local.base()
    local.over("INSERT INTO e VALUES (3, 'z', 1), (4, 'w', 2)")
    assert local.over("SELECT * FROM e ORDER BY id") == [(1, "x", 1), (2, "y", 1), (3, "z", 1), (4, "w", 2)]
    assert local.over("SHOW PARTITIONS e") == [("day=1",), ("day=2",)] and local.run("SHOW PARTITIONS e") == [("day=1",)]
    local.over("ALTER TABLE e DROP PARTITION (day = 1)")
    assert local.over("SELECT * FROM e ORDER BY id") == [(4, "w", 2)] and local.run("SELECT count(*) FROM e") == [(2,)]
    assert local.base() == before


@support.check
def overlay_and_places_outside(place):
    """UNLOAD and LOCATION outside lead under the folder; results are refused where tables lie; a folder that is something else is refused."""
    local = Local(place)
    out = pathlib.Path(place.folder) / "out"
    note = local.frazil("--overlay", "ov", "-c", f"UNLOAD (SELECT * FROM t) TO '{out}' WITH (format = 'parquet')").stderr
    assert "in the overlay" in note and not out.exists(), note
    assert len(local.over(f"SELECT * FROM read_parquet('{out}')")) == 3
    local.over(f"CREATE TABLE l (x int) LOCATION '{out}/l' {ICEBERG}; INSERT INTO l VALUES (1)")
    assert local.over("SELECT x FROM l") == [(1,)] and not out.exists()
    refused = local.frazil("--overlay", "ov", "--output", "warehouse/default/t/data/x.csv", "-c", "SELECT 1", code=2)
    assert "--overlay" in refused.stderr, refused.stderr
    local.frazil("--overlay", "ov", "--output", "result.jsonl", "-c", "SELECT 1 AS x")
    assert (pathlib.Path(place.folder) / "result.jsonl").read_text() == '{"x":1}\n'
    wrong = local.frazil("--overlay", "warehouse", "-c", "SELECT 1", code=1)
    assert "holds files that are no overlay" in wrong.stderr, wrong.stderr
    for arguments in (("overlay", "diff", "warehouse"), ("overlay", "drop", "warehouse"), ("overlay", "diff", "nothing")):
        assert "is no overlay" in local.frazil(*arguments, code=1).stderr
    assert len(local.run("SELECT * FROM t")) == 3
    assert local.frazil("overlay", "frob", "ov", code=2).stderr.startswith("frazil: overlay is overlay diff DIR")


@support.check
def overlay_of_s3(place):
    """Tables on S3: the server sees reads only."""
    with S3(place) as s3:
        s3.run(f"CREATE TABLE t (id int, name string) {ICEBERG}; INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
        before = s3.keys("")
        proxy = FaultProxy(s3.endpoint)
        try:
            s3.environment["AWS_ENDPOINT_URL_S3"] = proxy.url
            def over(sql):
                return [tuple(json.loads(line).values()) for line in s3.frazil("--overlay", "ov", "-c", sql).stdout.splitlines()]
            over(MERGE.format("t"))
            over("ALTER TABLE t SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds' = '1', 'vacuum_min_snapshots_to_keep' = '1')")
            over("OPTIMIZE t REWRITE DATA USING BIN_PACK; VACUUM t; CREATE TABLE n AS SELECT * FROM t")
            over(f"CREATE TABLE l (x int) LOCATION 's3://{BUCKET}/elsewhere/l' {ICEBERG}; INSERT INTO l VALUES (1); DROP TABLE l")
            over(f"UNLOAD (SELECT * FROM t) TO 's3://{BUCKET}/out' WITH (format = 'parquet')")
            assert over(f"SELECT count(*) FROM read_parquet('s3://{BUCKET}/out')") == [(4,)]
            assert over("SELECT * FROM t ORDER BY id") == MERGED and over("SELECT count(*) FROM n") == [(4,)]
            over("DROP TABLE t")
            assert "does not exist" in s3.frazil("--overlay", "ov", "-c", "SELECT * FROM t", code=1).stderr
            methods = {entry["method"] for entry in proxy.log()}
            assert methods <= {"GET", "HEAD"} and "GET" in methods, methods
        finally:
            proxy.close()
        s3.environment["AWS_ENDPOINT_URL_S3"] = s3.endpoint
        assert s3.keys("") == before and s3.run("SELECT count(*) FROM t") == [(3,)]


def lake_stays(lake, before):
    """A MERGE into a table of another catalog is seen in the overlay, and by nobody else."""
    lake.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id int, name string) {ICEBERG}; INSERT INTO lake.db.t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    state = before()
    over = ("--overlay", os.path.join(lake.place.folder, "ov"))
    lake.run(MERGE.format("lake.db.t"), *over)
    assert lake.run("SELECT * FROM lake.db.t ORDER BY id", *over) == MERGED
    lake.run(f"CREATE TABLE lake.db.n AS SELECT * FROM lake.db.t; CREATE DATABASE lake.more; CREATE TABLE lake.more.m (x int) {ICEBERG}; INSERT INTO lake.more.m VALUES (1)", *over)
    lake.run("BEGIN; INSERT INTO lake.db.t VALUES (5, 'five'); INSERT INTO lake.more.m VALUES (2); COMMIT; DROP TABLE lake.db.n", *over)
    assert lake.run("SHOW TABLES IN lake.db", *over) == [("t",)] and lake.run("SELECT count(*) FROM lake.more.m", *over) == [(2,)]
    assert before() == state
    lake.run("INSERT INTO lake.db.t VALUES (9, 'base')")
    assert "is at snapshot" in lake.frazil("SELECT count(*) FROM lake.db.t", *over).stderr
    assert lake.run("SELECT count(*) FROM lake.db.t", *over) == [(5,)]


@support.check
def overlay_of_glue(place):
    with Glue(place) as glue:
        lake_stays(glue, lambda: (digests(glue.folder), glue.boto3().get_tables(DatabaseName="db")["TableList"], glue.boto3().get_databases()["DatabaseList"]))


@support.check
def overlay_of_glue_only_reads(place):
    """Glue is asked, and told nothing, whatever is done in the overlay."""
    with Glue(place, through_proxy=True) as glue:
        glue.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id int, name string) {ICEBERG}; INSERT INTO lake.db.t VALUES (1, 'one'), (2, 'two'), (3, 'three')")
        over = ("--overlay", os.path.join(place.folder, "ov"))
        glue.proxy.faults()
        glue.run(MERGE.format("lake.db.t"), *over)
        glue.run(f"CREATE TABLE lake.db.n (x int) {ICEBERG}; INSERT INTO lake.db.n VALUES (1); CREATE VIEW lake.db.v AS SELECT * FROM lake.db.t; CREATE DATABASE lake.e", *over)
        glue.run(f"CREATE EXTERNAL TABLE lake.e.x (a int) PARTITIONED BY (p int) LOCATION '{place.folder}/x'; INSERT INTO lake.e.x VALUES (1, 2)", *over)
        assert glue.run("SELECT * FROM lake.db.v ORDER BY id", *over) == MERGED and glue.run("SELECT a, p FROM lake.e.x", *over) == [(1, 2)]
        glue.run("DROP VIEW lake.db.v; DROP TABLE lake.db.n; DROP TABLE lake.db.t; DROP DATABASE lake.db; ALTER TABLE lake.e.x DROP PARTITION (p = 2)", *over)
        operations = {entry["operation"] for entry in glue.proxy.log()}
        assert operations and all(operation.startswith("AWSGlue.Get") for operation in operations), operations
        assert glue.run("SELECT count(*) FROM lake.db.t") == [(3,)]


@support.check
def overlay_of_rest(place):
    with REST(place) as rest:
        lake_stays(rest, lambda: digests(place.folder, without=("ov", "warehouse")))


@support.check
def overlay_of_rest_only_reads(place):
    """The catalog is asked, and told nothing."""
    with REST(place, through_proxy=True) as rest:
        catalog = rest.pyiceberg()
        catalog.create_namespace("db")
        catalog.create_table("db.t", schema=pa.schema([("id", pa.int32()), ("name", pa.string())])).append(
            pa.table({"id": pa.array([1, 2, 3], pa.int32()), "name": ["one", "two", "three"]}))
        over = ("--overlay", os.path.join(place.folder, "ov"))
        rest.run(MERGE.format("lake.db.t"), *over)
        rest.run(f"CREATE TABLE lake.db.n (x int) {ICEBERG}; INSERT INTO lake.db.n VALUES (1); ALTER TABLE lake.db.n RENAME TO lake.db.m; CREATE VIEW lake.db.v AS SELECT * FROM lake.db.t", *over)
        assert rest.run("SELECT * FROM lake.db.v ORDER BY id", *over) == MERGED and rest.run("SELECT x FROM lake.db.m", *over) == [(1,)]
        rest.run("DROP VIEW lake.db.v; DROP TABLE lake.db.m; DROP TABLE lake.db.t; DROP DATABASE lake.db", *over)
        assert {entry["method"] for entry in rest.proxy.log()} <= {"GET", "HEAD"}, rest.proxy.log()
        assert catalog.load_table("db.t").scan().to_arrow().num_rows == 3 and catalog.list_tables("db") == [("db", "t")]


@support.check
def overlay_of_sqlite(place):
    lake = SQL(place)
    lake_stays(lake, lambda: digests(place.folder, without=("ov", "warehouse")))
