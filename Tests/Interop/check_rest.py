"""Tables and views behind a REST catalog: written by Frazil, read by PyIceberg and DuckDB, and the other way round; lost answers, conflicts, secrets."""

import decimal
import json
import pathlib
import urllib.parse

import pyarrow as pa
import support
from check_s3 import BUCKET, S3
from servers import REST, race, same

ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"


def everyone_reads(rest, table, expected, columns="*"):
    """PyIceberg, DuckDB and Frazil give these rows."""
    same(rest.run(f"SELECT {columns} FROM lake.{table}"), expected, "Frazil")
    rows = rest.pyiceberg().load_table(table).scan().to_arrow().to_pylist()
    same([tuple(row.values()) for row in rows], expected, "PyIceberg")
    same(rest.duckdb().execute(f"SELECT {columns} FROM lake.{table}").fetchall(), expected, "DuckDB")


@support.check
def rest_table_life(place):
    """Every kind of change goes through the catalog, and others read every state."""
    with REST(place) as rest:
        rest.run("CREATE DATABASE lake.db COMMENT 'of tests'")
        assert rest.pyiceberg().load_namespace_properties("db")["comment"] == "of tests"
        rest.run("ALTER DATABASE lake.db SET DBPROPERTIES ('owner' = 'me'); COMMENT ON SCHEMA lake.db IS 'of more tests'")
        shown = dict(rest.run("DESCRIBE DATABASE EXTENDED lake.db"))
        assert shown["Comment"] == "of more tests" and "(owner,me)" in shown["Properties"], shown
        rest.run(f"CREATE TABLE lake.db.t (id bigint, name string, part string) PARTITIONED BY (part) {ICEBERG}")
        rest.run("INSERT INTO lake.db.t VALUES (1, 'one', 'a'), (2, NULL, 'b'), (3, 'drei', NULL)")
        everyone_reads(rest, "db.t", [(1, "one", "a"), (2, None, "b"), (3, "drei", None)])
        rest.run("MERGE INTO lake.db.t AS t USING (VALUES (2, 'two'), (4, 'four')) AS s (id, name) ON t.id = s.id "
                 "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name, part) VALUES (s.id, s.name, 'a')")
        rest.run("DELETE FROM lake.db.t WHERE id = 1")
        everyone_reads(rest, "db.t", [(2, "two", "b"), (3, "drei", None), (4, "four", "a")])
        rest.run("ALTER TABLE lake.db.t ADD COLUMNS (more decimal(5,2))")
        rest.run("INSERT INTO lake.db.t VALUES (5, 'five', 'a', DECIMAL '1.25')")
        rest.run("ALTER TABLE lake.db.t SET TBLPROPERTIES ('k' = 'v')")
        rest.run("OPTIMIZE lake.db.t REWRITE DATA USING BIN_PACK")
        table = rest.pyiceberg().load_table("db.t")
        assert table.properties["k"] == "v" and [field.name for field in table.schema().fields] == ["id", "name", "part", "more"]
        same([tuple(row.values()) for row in table.scan().to_arrow().to_pylist()],
             [(2, "two", "b", None), (3, "drei", None, None), (4, "four", "a", None), (5, "five", "a", decimal.Decimal("1.25"))], "PyIceberg")
        rest.run("ALTER TABLE lake.db.t CREATE BRANCH side")
        rest.run("INSERT INTO lake.db.t.branch_side VALUES (6, 'six', 'c', NULL)")
        assert rest.run("SELECT count(*) FROM lake.db.t FOR VERSION AS OF 'side'") == [(5,)]
        assert rest.pyiceberg().load_table("db.t").refs()["side"].snapshot_ref_type == "branch"
        rest.run("ALTER TABLE lake.db.t DROP BRANCH side")
        first = rest.run('SELECT min_by(snapshot_id, committed_at) FROM lake.db."t$snapshots"')[0][0]
        rest.run(f"CALL lake.system.rollback_to_snapshot('db.t', {first})")
        assert rest.run("SELECT count(*) FROM lake.db.t") == [(3,)]
        rest.run("CALL lake.system.expire_snapshots(table => 'db.t', older_than => TIMESTAMP '2100-01-01 00:00:00 UTC', retain_last => 1)")
        assert len(rest.pyiceberg().load_table("db.t").snapshots()) == 1
        assert [row for row in rest.run("CALL lake.system.check_table('db.t')") if row[0] != "engine"] == []
        rest.run("ALTER TABLE lake.db.t RENAME TO db.u")
        assert rest.run("SHOW TABLES IN lake.db") == [("u",)]
        files = pathlib.Path(urllib.parse.urlparse(rest.pyiceberg().load_table("db.u").metadata.location).path)
        rest.run("DROP TABLE lake.db.u")
        assert rest.run("SHOW TABLES IN lake.db") == [] and not any(path.is_file() for path in files.rglob("*")), "files were left"
        rest.run("DROP DATABASE lake.db")
        assert rest.run("SHOW DATABASES IN lake") == []


@support.check
def rest_made_by_others(place):
    """Tables of PyIceberg and DuckDB are read and changed; CREATE TABLE AS and joins go across catalogs."""
    with REST(place) as rest:
        catalog = rest.pyiceberg()
        catalog.create_namespace("db")
        table = catalog.create_table("db.p", schema=pa.schema([("id", pa.int64()), ("name", pa.string())]))
        table.append(pa.table({"id": [1, 2], "name": ["one", "two"]}))
        duck = rest.duckdb()
        duck.execute("CREATE TABLE lake.db.d (id BIGINT, name VARCHAR)")
        duck.execute("INSERT INTO lake.db.d VALUES (10, 'ten'), (11, NULL)")
        same(rest.run("SELECT * FROM lake.db.p"), [(1, "one"), (2, "two")], "Frazil")
        same(rest.run("SELECT * FROM lake.db.d"), [(10, "ten"), (11, None)], "Frazil")
        rest.run("UPDATE lake.db.p SET name = 'ONE' WHERE id = 1")
        rest.run("INSERT INTO lake.db.d SELECT id, name FROM lake.db.p")
        table.refresh()
        table.append(pa.table({"id": [3], "name": ["three"]}))
        everyone_reads(rest, "db.p", [(1, "ONE"), (2, "two"), (3, "three")])
        everyone_reads(rest, "db.d", [(10, "ten"), (11, None), (1, "ONE"), (2, "two")])
        rest.run(f"CREATE TABLE near (id bigint, place varchar) {ICEBERG}; INSERT INTO near VALUES (1, 'here'), (3, 'there')")
        same(rest.run("SELECT p.name, n.place FROM lake.db.p JOIN near n ON p.id = n.id"), [("ONE", "here"), ("three", "there")], "a join")
        rest.run("CREATE TABLE lake.db.c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT n.id, n.place FROM near n")
        everyone_reads(rest, "db.c", [(1, "here"), (3, "there")])
        rest.fails("CREATE TABLE lake.db.c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 AS a", "TABLE_ALREADY_EXISTS")
        rest.run("CALL system.register_table('lake.db.copy', '{}')".format(catalog.load_table("db.c").metadata_location))
        same(rest.run("SELECT * FROM lake.db.copy"), [(1, "here"), (3, "there")], "a registered table")
        rest.fails("DROP DATABASE lake.db", "SCHEMA_NOT_EMPTY")
        rest.fails("SELECT * FROM lake.db.copi", "TABLE_NOT_FOUND", "did you mean 'copy'")
        rest.fails("SELECT * FROM lake.bd.copy", "SCHEMA_NOT_FOUND", "'bd'")
        rest.run(f"CREATE TABLE lake.db.placed (id bigint) LOCATION 'file://{place.folder}/placed' {ICEBERG}; INSERT INTO lake.db.placed VALUES 1")
        rest.run(f"CREATE TABLE lake.db.filled WITH (table_type = 'ICEBERG', is_external = false, location = 'file://{place.folder}/filled') AS SELECT 2 AS id")
        for name, id in (("placed", 1), ("filled", 2)):
            assert rest.pyiceberg().load_table(f"db.{name}").metadata.location == f"file://{place.folder}/{name}"
            everyone_reads(rest, f"db.{name}", [(id,)])


@support.check
def rest_views(place):
    """Views are kept in the catalog in the dialect of Trino, with the names of their catalog."""
    with REST(place) as rest:
        rest.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint, name varchar) {ICEBERG}; INSERT INTO lake.db.t VALUES (1, 'x')")
        rest.run("USE lake.db; CREATE VIEW v AS SELECT id + 1 AS next, name FROM t")
        assert rest.run("SELECT * FROM lake.db.v") == [(2, "x")]
        rest.fails("CREATE VIEW lake.db.v AS SELECT 1 AS a", "TABLE_ALREADY_EXISTS")
        rest.run("CREATE OR REPLACE VIEW lake.db.v AS SELECT name FROM lake.db.t")
        assert rest.run("SELECT * FROM lake.db.v") == [("x",)]
        assert rest.run("SHOW VIEWS IN lake.db") == [("v",)] and rest.run("SHOW TABLES IN lake.db") == [("t",), ("v",)]
        assert rest.run("SELECT table_name, table_type FROM lake.information_schema.tables WHERE table_schema = 'db' ORDER BY 1") == [("t", "BASE TABLE"), ("v", "VIEW")]
        version = json.loads((rest.folder / "views.json").read_text())["db.v"]["versions"][-1]
        assert version["representations"] == [{"type": "sql", "sql": "SELECT name FROM lake.db.t", "dialect": "trino"}], version
        rest.fails("SELECT * FROM lake.db.w", "TABLE_NOT_FOUND")
        rest.run("DROP VIEW lake.db.v")
        assert rest.run("SHOW TABLES IN lake.db") == [("t",)]


@support.check
def rest_transactions(place):
    """Changes of several tables become visible together, where the catalog offers that; else the transaction is refused before it begins to."""
    with REST(place) as rest:
        rest.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.a (id bigint) {ICEBERG}; CREATE TABLE lake.db.b (id bigint) {ICEBERG}")
        rest.run("BEGIN; INSERT INTO lake.db.a VALUES 1; INSERT INTO lake.db.b VALUES 2; UPDATE lake.db.b SET id = 3; COMMIT")
        everyone_reads(rest, "db.a", [(1,)])
        everyone_reads(rest, "db.b", [(3,)])
        rest.run("BEGIN; INSERT INTO lake.db.a VALUES 7; ROLLBACK")
        rest.run("BEGIN; INSERT INTO lake.db.a VALUES 4; COMMIT")
        everyone_reads(rest, "db.a", [(1,), (4,)])
        rest.run(f"CREATE TABLE near (id bigint) {ICEBERG}")
        rest.fails("BEGIN; INSERT INTO near VALUES 1; INSERT INTO lake.db.a VALUES 1; COMMIT", "NOT_SUPPORTED", "two catalogs")
    with REST(place, {"endpoints": False}) as rest:
        rest.fails("BEGIN; INSERT INTO lake.db.a VALUES 9; INSERT INTO lake.db.b VALUES 9; COMMIT", "NOT_SUPPORTED", "several tables")
        before = rest.files("db.a")
        rest.run("BEGIN; INSERT INTO lake.db.a VALUES 5; COMMIT")
        same(rest.run("SELECT * FROM lake.db.a"), [(1,), (4,), (5,)], "one table alone")
        assert len(rest.files("db.a")) > len(before)


@support.check
def rest_concurrent_commits(place):
    """Frazil and PyIceberg append at once: every row arrives once."""
    with REST(place) as rest:
        everyone_reads(rest, "db.t", race(rest))


@support.check
def rest_lost_answers(place):
    """A commit whose answer is lost, or an error that says nothing, is looked up: nothing is lost, doubled or left behind."""
    with REST(place, through_proxy=True) as rest:
        rest.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint) {ICEBERG}")
        commit = {"method": "POST", "contains": "/tables/t"}
        expected = []
        for number, rule in enumerate([
                {"action": "reset_after"}, {"action": "status_after", "status": 504}, {"action": "status_after", "status": 503},
                {"action": "status_after", "status": 500}, {"action": "truncate"}, {"action": "status", "status": 429, "headers": {"Retry-After": "0"}}]):
            rest.proxy.faults({**commit, **rule})
            rest.run(f"INSERT INTO lake.db.t VALUES {number}")
            assert len(rest.proxy.struck()) == 1, f"{rule} did not strike"
            expected.append((number,))
            everyone_reads(rest, "db.t", expected)
        before = rest.files("db.t")
        for rule in ({"action": "reset_before"}, {"action": "status", "status": 500}, {"action": "status", "status": 403, "code": "AccessDenied"}):
            rest.proxy.faults({**commit, **rule})
            rest.fails("INSERT INTO lake.db.t VALUES 99", "catalog 'lake': POST http://")
            assert len(rest.proxy.struck()) == 1, f"{rule} did not strike"
            assert rest.files("db.t") == before, f"{rule} left files"
        # A gateway that stops waiting says nothing of what comes: nothing may be removed.
        rest.proxy.faults({**commit, "action": "status", "status": 504})
        rest.fails("INSERT INTO lake.db.t VALUES 99", "ICEBERG_COMMIT_STATE_UNKNOWN", "answered 504", "may be on its way still", "its files were left")
        assert set(rest.files("db.t")) > set(before), "files of a commit that may come yet were removed"
        rest.proxy.faults({**commit, "action": "reset_after"}, {"method": "GET", "contains": "/tables/t", "skip": 1, "times": 2, "action": "status", "status": 500})
        rest.run("INSERT INTO lake.db.t VALUES 50")
        everyone_reads(rest, "db.t", [*expected, (50,)])
        # A change of properties has no snapshot to be known by.
        rest.proxy.faults({**commit, "action": "reset_after"})
        rest.run("ALTER TABLE lake.db.t SET TBLPROPERTIES ('k' = 'v')")
        assert rest.pyiceberg().load_table("db.t").properties["k"] == "v"
        rest.proxy.faults({"method": "POST", "contains": "/tables", "skip": 1, "action": "reset_after"})
        rest.run("CREATE TABLE lake.db.c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 AS a")
        assert rest.run("SELECT * FROM lake.db.c") == [(1,)]
        rest.run(f"CREATE TABLE lake.db.other (id bigint) {ICEBERG}")
        for rule in ({"action": "reset_after"}, {"action": "status_after", "status": 502}):
            rest.proxy.faults({"contains": "/transactions/commit", **rule})
            rest.run("BEGIN; INSERT INTO lake.db.other VALUES 1; INSERT INTO lake.db.c VALUES 1; COMMIT")
        before = rest.files("db.other")
        rest.proxy.faults({"contains": "/transactions/commit", "action": "reset_before"})
        rest.fails("BEGIN; INSERT INTO lake.db.other VALUES 1; INSERT INTO lake.db.c VALUES 1; COMMIT", "the connection was lost")
        assert rest.files("db.other") == before, "a transaction that failed left files"
        everyone_reads(rest, "db.other", [(1,), (1,)])
        everyone_reads(rest, "db.c", [(1,), (1,), (1,)])
        rest.proxy.faults({"method": "DELETE", "contains": "/tables/c", "action": "reset_after"})
        rest.run("DROP TABLE lake.db.c")
        rest.proxy.faults({"contains": "/v1/config", "times": 1, "action": "status", "status": 502})
        rest.run("SHOW TABLES IN lake.db")


@support.check
def rest_who_asks(place):
    """Tokens, client credentials, prefixes, pages and headers; secrets are printed nowhere."""
    with REST(place, {"token": "t0k3n-of-mine", "prefix": "pre/fix", "page-size": 1}, {"token": "${LAKE_TOKEN}"}, LAKE_TOKEN="t0k3n-of-mine") as rest:
        rest.secrets = ["t0k3n-of-mine"]
        rest.run("CREATE DATABASE lake.a; CREATE DATABASE lake.b; CREATE DATABASE lake.c")
        assert rest.run("SHOW DATABASES IN lake") == [("a",), ("b",), ("c",)]
        rest.run(f"CREATE TABLE lake.a.t (id bigint) {ICEBERG}; CREATE TABLE lake.a.u (id bigint) {ICEBERG}")
        assert rest.run("SHOW TABLES IN lake.a") == [("t",), ("u",)]
        rest.properties = {"token": "wr0ng-one"}
        rest.secrets = ["wr0ng-one"]
        rest.fails("SHOW DATABASES IN lake", "PERMISSION_DENIED", "answered 401 NotAuthorizedException", "/v1/config")
        rest.properties = {"token": "${NO_SUCH_TOKEN}"}
        rest.fails("SHOW DATABASES IN lake", "NO_SUCH_TOKEN, which is not set")
    with REST(place, {"credential": "me:s3cret-w0rd", "token-requests": 5}, {"credential": "me:s3cret-w0rd"}) as rest:
        rest.secrets = ["s3cret-w0rd"]
        rest.run("INSERT INTO lake.a.t VALUES 1; INSERT INTO lake.a.t VALUES 2; INSERT INTO lake.a.t VALUES 3")
        assert rest.run("SELECT count(*) FROM lake.a.t") == [(3,)]
        rest.properties = {"credential": "me:wr0ng-w0rd"}
        rest.secrets = ["wr0ng-w0rd"]
        rest.fails("SHOW DATABASES IN lake", "PERMISSION_DENIED", "answered 401 invalid_client")
    rest.process.wait()
    rest.fails("SHOW DATABASES IN lake", "ICEBERG_CATALOG_ERROR", "127.0.0.1")


@support.check
def rest_credentials_for_storage(place):
    """Frazil has no keys of its own: the catalog hands them out with the table, for all of it or by prefix."""
    with S3(place) as s3:
        keys = {"s3.access-key-id": s3.key, "s3.secret-access-key": s3.secret, "s3.region": s3.region, "s3.endpoint": s3.endpoint}
        own = {"warehouse": f"s3://{BUCKET}/lake", "properties": keys}
        ways = [
            {"config": keys},
            {"config": {"s3.endpoint": s3.endpoint, "s3.region": s3.region}, "storage-credentials": [
                {"prefix": f"s3://{BUCKET}", "config": {"s3.access-key-id": "nobody", "s3.secret-access-key": "nothing"}},
                {"prefix": f"s3://{BUCKET}/lake", "config": {"s3.access-key-id": s3.key, "s3.secret-access-key": s3.secret}}]},
            # Keys that seem to have expired are asked for again.
            {"config": {**keys, "s3.session-token-expires-at-ms": "1000"}},
        ]
        for number, way in enumerate(ways):
            with REST(place, {**own, **way}) as rest:
                rest.secrets = [s3.secret]
                rest.run(f"CREATE DATABASE lake.db{number}; CREATE TABLE lake.db{number}.t (id bigint) {ICEBERG}")
                rest.run(f"INSERT INTO lake.db{number}.t VALUES 1, 2; DELETE FROM lake.db{number}.t WHERE id = 1")
                assert rest.run(f"SELECT * FROM lake.db{number}.t") == [(2,)]
                rest.run(f"CREATE TABLE lake.db{number}.c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT id + 1 AS id FROM lake.db{number}.t")
                rows = rest.pyiceberg(**keys).load_table(f"db{number}.c").scan().to_arrow().to_pylist()
                assert rows == [{"id": 3}], rows
        with REST(place, own) as rest:
            rest.fails("SELECT * FROM lake.db0.t", "no AWS credentials were found")


@support.check
def rest_signs_requests(place):
    """Nobody but the catalog has keys: it signs every request to storage, with its own token or the table's, and refuses what is not for the caller."""
    with S3(place) as s3:
        keys = {"s3.access-key-id": s3.key, "s3.secret-access-key": s3.secret, "s3.region": s3.region, "s3.endpoint": s3.endpoint}
        signer = {"access_key": s3.key, "secret_key": s3.secret, "below": f"/{BUCKET}/lake/"}
        place_of_storage = {"s3.region": s3.region, "s3.endpoint": s3.endpoint}
        signs = {"s3.remote-signing-enabled": "true", **place_of_storage}
        options = {"warehouse": f"s3://{BUCKET}/lake", "properties": keys, "token": "t0k3n-of-mine", "signer": signer, "config": signs}
        mine = {"token": "t0k3n-of-mine"}
        with REST(place, options, mine) as rest:
            rest.secrets = [s3.secret, "t0k3n-of-mine", "Signature="]
            rest.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint, part varchar) PARTITIONED BY (part) {ICEBERG}")
            rest.run("INSERT INTO lake.db.t SELECT id, 'p' || CAST(id % 3 AS varchar) FROM UNNEST(sequence(1, 1000)) AS s (id)")
            rest.run("DELETE FROM lake.db.t WHERE id = 1; UPDATE lake.db.t SET part = 'new' WHERE id = 2; OPTIMIZE lake.db.t REWRITE DATA USING BIN_PACK")
            rest.run("CALL lake.system.expire_snapshots(table => 'db.t', older_than => TIMESTAMP '2100-01-01 00:00:00 UTC', retain_last => 1)")
            same(rest.run("SELECT count(*), sum(id), count(DISTINCT part) FROM lake.db.t"), [(999, 500499, 4)], "Frazil")
            assert [row for row in rest.run("CALL lake.system.check_table('db.t')") if row[0] != "engine"] == []
            rows = rest.pyiceberg(token="t0k3n-of-mine", **keys).load_table("db.t").scan().to_arrow()
            assert rows.num_rows == 999 and sum(rows["id"].to_pylist()) == 500499
            asked = [json.loads(line) for line in (rest.folder / "signed.jsonl").read_text().splitlines()]
            assert {question["method"] for question in asked} >= {"GET", "PUT", "POST"}, "what is written and deleted was not signed"
            deletions = [question for question in asked if "?delete" in question["uri"]]
            assert deletions and all("<Delete" in question["body"] for question in deletions), "the signer does not see what is deleted"
            assert all("body" not in question for question in asked if question["method"] == "PUT"), "data went to the signer"
            # A signature of the table's metadata is good for the second statement as well.
            before = len(asked)
            rest.run("SELECT count(part) FROM lake.db.t; SELECT count(part) FROM lake.db.t; SELECT count(id) FROM lake.db.t")
            thrice = len((rest.folder / "signed.jsonl").read_text().splitlines()) - before
            before += thrice
            rest.run("SELECT count(part) FROM lake.db.t")
            once = len((rest.folder / "signed.jsonl").read_text().splitlines()) - before
            assert thrice <= once + 1, f"{once} signatures for one statement, {thrice} for three"
            # Others' objects.
            rest.fails(f"SELECT * FROM read_parquet('s3://{BUCKET}/elsewhere/x.parquet')", "no AWS credentials were found")
        for change, *words in (
                ({"signer": {**signer, "below": "/other/"}}, "the catalog does not sign GET of this object", "answered 403 ForbiddenException: not below your table"),
                ({"signer": {**signer, "secret_key": "wrong"}}, "SignatureDoesNotMatch"),
                ({"signer": {**signer, "token": "another"}}, "answered 401 NotAuthorizedException"),
                ({"signer": {"answer": {"uri": "http://127.0.0.1:1/elsewhere", "headers": {}}}}, "is no signature", "another place"),
                ({"signer": {"answer": {"headers": {}}}}, "is no signature", "uri"),
                ({"signer": {"answer": []}}, "is no signature"),
                ({"signer": {"answer": None}}, "is no signature"),
                ({"config": {**signs, "s3.signer.uri": "http://127.0.0.1:1"}}, "the request was not signed", "http://127.0.0.1:1/v1/aws/s3/sign"),
                ({"config": {**signs, "s3.signer.endpoint": "v1/nowhere"}}, "/v1/nowhere answered 404"),
                ({"config": {**signs, "s3.signer.uri": "no url"}}, "is no URL")):
            with REST(place, {**options, **change}, mine) as rest:
                rest.secrets = [s3.secret, "t0k3n-of-mine", "Signature="]
                rest.fails("SELECT * FROM lake.db.t", *words)
        # A token of the table's own; a signer elsewhere; what is asked for is said in the request.
        with REST(place, {**options, "signer": {**signer, "token": "of-the-table"}, "config": {**signs, "token": "of-the-table"}}, mine) as rest:
            same(rest.run("SELECT count(*) FROM lake.db.t"), [(999,)], "with the table's token")
        with REST(place, options, mine) as signing, REST(place, {**options, "config": {**signs, "s3.signer.uri": signing.direct}}, mine) as rest:
            signing.secrets = rest.secrets = [s3.secret]
            same(rest.run("SELECT count(*) FROM lake.db.t"), [(999,)], "signed elsewhere")
        with REST(place, {**options, "config": place_of_storage}, {**mine, "s3.remote-signing-enabled": "true"}) as rest:
            same(rest.run("SELECT count(*) FROM lake.db.t"), [(999,)], "signing asked for by the client")


def mixed_case(lake, catalog, has_views):
    """Every statement on a table whose names have capitals, made by PyIceberg, which reads what came of it."""
    catalog.create_namespace("MyDb")
    schema = pa.schema([("SampleId", pa.int64()), ("Kind", pa.string()), ("When", pa.timestamp("us"))])
    catalog.create_table("MyDb.MyTable", schema=schema).append(pa.table(
        {"SampleId": [1, 2, 3], "Kind": ["a", "b", None], "When": pa.array([0, 1, 2], pa.timestamp("us"))}, schema=schema))

    def pyiceberg_reads(expected, name="MyDb.MyTable", columns=("SampleId", "Kind")):
        table = catalog.load_table(name).scan().to_arrow()
        assert table.column_names[:2] == list(columns), table.column_names
        same(zip(*(table[column].to_pylist() for column in columns)), expected, "PyIceberg")

    assert ("mydb",) in lake.run("SHOW DATABASES IN lake") and lake.run("SHOW TABLES IN lake.mydb") == [("mytable",)]
    same(lake.run("SELECT sampleid, KIND FROM lake.MYDB.MyTable WHERE SampleId < 3"), [(1, "a"), (2, "b")], "unquoted")
    same(lake.run('SELECT "SampleId", t."kind" FROM lake."MyDb"."MYTABLE" AS t WHERE "sampleID" < 3'), [(1, "a"), (2, "b")], "quoted")
    assert [row[0].split()[0] for row in lake.run("DESCRIBE lake.mydb.mytable")][:3] == ["sampleid", "kind", "when"]
    same(lake.run("SELECT table_schema, table_name, column_name FROM lake.information_schema.columns WHERE table_schema = 'mydb' AND ordinal_position = 1"),
         [("mydb", "mytable", "sampleid")], "information_schema")
    lake.run("INSERT INTO lake.mydb.mytable (sampleid, kind) VALUES (4, 'd'); INSERT INTO lake.mydb.mytable SELECT sampleid + 10, kind, \"when\" FROM lake.mydb.mytable")
    lake.run("DELETE FROM lake.MyDb.MyTable WHERE SampleId > 11; UPDATE lake.mydb.mytable SET Kind = upper(kind) WHERE sampleid = 2")
    lake.run("MERGE INTO lake.mydb.mytable AS t USING (VALUES (3, 'c'), (5, 'e')) AS s (SampleId, Kind) ON t.SampleId = s.SampleId "
             "WHEN MATCHED THEN UPDATE SET Kind = s.Kind WHEN NOT MATCHED THEN INSERT (SampleId, Kind) VALUES (s.SampleId, s.Kind)")
    pyiceberg_reads([(1, "a"), (2, "B"), (3, "c"), (4, "d"), (5, "e"), (11, "a")])
    lake.run("ALTER TABLE lake.mydb.mytable ADD COLUMNS (extra int); ALTER TABLE lake.mydb.mytable CHANGE COLUMN kind kind string COMMENT 'of it'")
    lake.run("ALTER TABLE lake.mydb.mytable SET TBLPROPERTIES ('k' = 'v'); OPTIMIZE lake.mydb.mytable REWRITE DATA USING BIN_PACK; VACUUM lake.mydb.mytable")
    lake.run("ALTER TABLE lake.mydb.mytable DROP COLUMN \"when\"; ANALYZE lake.mydb.mytable; CALL lake.system.expire_snapshots('mydb.mytable')")
    assert catalog.load_table("MyDb.MyTable").properties["k"] == "v"
    assert [field.name for field in catalog.load_table("MyDb.MyTable").schema().fields] == ["SampleId", "Kind", "extra"]
    assert lake.run("SELECT count(*) FROM lake.mydb.\"mytable$snapshots\"")[0][0] > 1
    pyiceberg_reads([(1, "a"), (2, "B"), (3, "c"), (4, "d"), (5, "e"), (11, "a")])
    assert [row for row in lake.run("CALL lake.system.check_table('mydb.mytable')") if row[0] != "engine"] == []
    lake.run("BEGIN; INSERT INTO lake.mydb.mytable (sampleid) VALUES 6; DELETE FROM lake.mydb.mytable WHERE sampleid = 11; COMMIT")
    lake.run(f"CREATE TABLE lake.mydb.second (id bigint) {ICEBERG}; INSERT INTO lake.mydb.second VALUES 1")
    lake.run("BEGIN; INSERT INTO lake.mydb.mytable (sampleid) VALUES 7; INSERT INTO lake.mydb.second VALUES 2; COMMIT")
    pyiceberg_reads([(1, "a"), (2, "B"), (3, "c"), (4, "d"), (5, "e"), (6, None), (7, None)])
    lake.fails(f"CREATE TABLE lake.mydb.mytable (id bigint) {ICEBERG}", "TABLE_ALREADY_EXISTS")
    lake.run(f"CREATE TABLE IF NOT EXISTS lake.mydb.mytable (id bigint) {ICEBERG}; CREATE SCHEMA IF NOT EXISTS lake.mydb")
    lake.fails("CREATE DATABASE lake.mydb", "SCHEMA_ALREADY_EXISTS", "'MyDb'")
    lake.fails("CREATE TABLE lake.mydb.mytable WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 AS a", "TABLE_ALREADY_EXISTS")
    lake.fails("DROP DATABASE lake.mydb", "SCHEMA_NOT_EMPTY")
    lake.fails("SELECT * FROM lake.mydb.mytabel", "TABLE_NOT_FOUND", "did you mean 'mytable'")
    lake.fails("SELECT simpleid FROM lake.mydb.mytable", "COLUMN_NOT_FOUND", "did you mean 'SampleId'")
    lake.run("CREATE TABLE lake.mydb.copied WITH (table_type = 'ICEBERG', is_external = false) AS SELECT SampleId, kind AS \"NewKind\" FROM lake.mydb.mytable WHERE sampleid < 3")
    pyiceberg_reads([(1, "a"), (2, "B")], "MyDb.copied", ("sampleid", "newkind"))
    # A table of the very name goes first, two that differ in capitals alone are told apart by nobody.
    catalog.create_table("MyDb.MYTABLE", schema=schema)
    lake.fails("SELECT * FROM lake.mydb.mytable", "ambiguous", "'MYTABLE' and 'MyTable'")
    lake.fails("DROP TABLE lake.mydb.mytable", "ambiguous")
    catalog.create_table("MyDb.mytable", schema=pa.schema([("One", pa.int64())])).append(pa.table({"One": [1]}))
    assert lake.run("SELECT * FROM lake.mydb.mytable") == [(1,)]
    catalog.drop_table("MyDb.mytable")
    catalog.drop_table("MyDb.MYTABLE")
    if has_views:
        lake.run("USE lake.mydb; CREATE VIEW \"MyView\" AS SELECT SampleId + 1 AS Next FROM MyTable WHERE SampleId = 1")
        assert lake.run("SELECT NEXT FROM lake.mydb.myview") == [(2,)]
        lake.run("ALTER VIEW lake.mydb.myview RENAME TO lake.mydb.other; DROP VIEW lake.mydb.other")
    lake.run("ALTER TABLE lake.mydb.mytable RENAME TO lake.mydb.renamed; DROP TABLE lake.mydb.renamed; DROP TABLE lake.mydb.copied; DROP TABLE lake.mydb.second")
    assert [row for row in lake.run("SHOW TABLES IN lake.mydb")] == []
    lake.run("DROP DATABASE lake.mydb")
    assert lake.run("SHOW DATABASES IN lake") == []


@support.check
def rest_mixed_case(place):
    """Names with capitals are found without them."""
    with REST(place) as rest:
        mixed_case(rest, rest.pyiceberg(), has_views=True)
        # A view that another engine made in such a namespace.
        rest.pyiceberg().create_namespace("MyDb")
        rest.pyiceberg().create_table("MyDb.T", schema=pa.schema([("Id", pa.int64())])).append(pa.table({"Id": [7]}))
        views = rest.folder / "views.json"
        known = json.loads(views.read_text()) if views.exists() else {}
        known["MyDb.TheView"] = {
            "view-uuid": "6f1b1a1c-6f9e-4b7e-9d57-0a3c1d2b3c4d", "format-version": 1, "location": f"file://{rest.folder}/warehouse/v", "properties": {},
            "schemas": [{"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "Id", "required": False, "type": "long"}]}],
            "current-version-id": 1, "version-log": [{"timestamp-ms": 1, "version-id": 1}],
            "versions": [{"version-id": 1, "timestamp-ms": 1, "schema-id": 0, "summary": {}, "default-namespace": ["MyDb"],
                          "representations": [{"type": "sql", "sql": "SELECT Id FROM T", "dialect": "spark"}]}]}
        views.write_text(json.dumps(known))
        assert rest.run("SELECT id FROM lake.mydb.theview") == [(7,)]
        rest.run("CREATE VIEW lake.mydb.mine AS SELECT id FROM lake.mydb.t; USE lake.mydb; CREATE VIEW near AS SELECT id FROM t")
        versions = json.loads(views.read_text())["MyDb.near"]["versions"]
        assert versions[-1]["default-namespace"] == ["MyDb"], versions
