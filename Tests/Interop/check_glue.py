"""Tables and views in Glue: written by Frazil, read by PyIceberg, DuckDB and boto3, and the other way round; lost answers, races, throttling."""

import base64
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet
import support
from check_s3 import BUCKET, S3
from pyiceberg.catalog import load_catalog
from servers import Glue, race, same

ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"


def everyone_reads(glue, table, expected):
    """PyIceberg, DuckDB and Frazil give these rows."""
    same(glue.run(f"SELECT * FROM lake.{table}"), expected, "Frazil")
    rows = glue.pyiceberg().load_table(table).scan().to_arrow().to_pylist()
    same([tuple(row.values()) for row in rows], expected, "PyIceberg")
    same(glue.duckdb_rows(table), expected, "DuckDB")


@support.check
def glue_table_life(place):
    """Every kind of change is committed as Athena and Java's library do it; the entry is kept as they keep it."""
    with Glue(place) as glue:
        glue.run("CREATE DATABASE lake.db COMMENT 'of tests'")
        assert glue.boto3().get_database(Name="db")["Database"]["Description"] == "of tests"
        glue.run("ALTER DATABASE lake.db SET DBPROPERTIES ('owner' = 'me'); COMMENT ON SCHEMA lake.db IS 'of more tests'")
        shown = dict(glue.run("DESCRIBE DATABASE EXTENDED lake.db"))
        assert shown["Comment"] == "of more tests" and "(owner,me)" in shown["Properties"], shown
        glue.run(f"CREATE TABLE lake.db.t (id bigint, name string COMMENT 'what it is called', at timestamp) {ICEBERG}")
        entry = glue.entry("db.t")
        assert entry["TableType"] == "EXTERNAL_TABLE" and entry["Parameters"]["table_type"] == "ICEBERG", entry
        assert entry["StorageDescriptor"]["Location"] == f"file://{glue.folder}/db/t", entry
        assert entry["StorageDescriptor"]["Columns"] == [
            {"Name": name, "Type": type, **extra, "Parameters": {
                "iceberg.field.id": str(number), "iceberg.field.optional": "true", "iceberg.field.current": "true"}}
            for number, (name, type, extra) in enumerate(
                [("id", "bigint", {}), ("name", "string", {"Comment": "what it is called"}), ("at", "timestamp", {})], 1)], entry
        glue.run("INSERT INTO lake.db.t VALUES (1, 'one', NULL), (2, NULL, NULL)")
        after = glue.entry("db.t")
        assert after["Parameters"]["previous_metadata_location"] == entry["Parameters"]["metadata_location"], after
        # What others keep in the entry stays.
        client = glue.boto3()
        table_input = {key: after[key] for key in ("Name", "TableType", "Parameters", "StorageDescriptor")}
        table_input["StorageDescriptor"]["AdditionalLocations"] = ["s3://elsewhere/x"]
        client.update_table(DatabaseName="db", TableInput={**table_input, "Owner": "somebody", "Retention": 7})
        glue.run("MERGE INTO lake.db.t AS t USING (VALUES (2, 'two'), (3, 'three')) AS s (id, name) ON t.id = s.id "
                 "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)")
        glue.run("DELETE FROM lake.db.t WHERE id = 1; ALTER TABLE lake.db.t DROP COLUMN at; ALTER TABLE lake.db.t ADD COLUMNS (more int)")
        entry = glue.entry("db.t")
        assert entry["Owner"] == "somebody" and entry["Retention"] == 7 and entry["StorageDescriptor"]["AdditionalLocations"], entry
        columns = {column["Name"]: column["Parameters"]["iceberg.field.current"] for column in entry["StorageDescriptor"]["Columns"]}
        assert columns == {"id": "true", "name": "true", "more": "true", "at": "false"}, columns
        assert glue.run("SHOW COLUMNS IN lake.db.t") == [("id",), ("name",), ("more",)]
        everyone_reads(glue, "db.t", [(2, "two", None), (3, "three", None)])
        glue.run("OPTIMIZE lake.db.t REWRITE DATA USING BIN_PACK; VACUUM lake.db.t")
        everyone_reads(glue, "db.t", [(2, "two", None), (3, "three", None)])
        assert [row for row in glue.run("CALL lake.system.check_table('db.t')") if row[0] != "engine"] == []
        glue.run("BEGIN; INSERT INTO lake.db.t VALUES (4, 'four', 4); UPDATE lake.db.t SET more = 5 WHERE id = 4; COMMIT")
        glue.run("ALTER TABLE lake.db.t RENAME TO u")
        everyone_reads(glue, "db.u", [(2, "two", None), (3, "three", None), (4, "four", 5)])
        glue.run(f"CREATE TABLE lake.db.second (id bigint) {ICEBERG}")
        glue.fails("BEGIN; INSERT INTO lake.db.u VALUES (9, 'x', 9); INSERT INTO lake.db.second VALUES 9; COMMIT", "NOT_SUPPORTED", "several tables")
        assert glue.run("SELECT count(*) FROM lake.db.u") == [(3,)] and glue.run("SELECT count(*) FROM lake.db.second") == [(0,)]
        glue.fails("DROP DATABASE lake.db", "SCHEMA_NOT_EMPTY")
        glue.run("DROP TABLE lake.db.second; DROP TABLE lake.db.u; DROP DATABASE lake.db")
        assert glue.files("db.t") == [] and glue.run("SHOW DATABASES IN lake") == []
        glue.fails("SELECT * FROM lake.db.t", "SCHEMA_NOT_FOUND")


@support.check
def glue_made_by_others(place):
    """Tables of PyIceberg, external tables as awswrangler enters them, and views as Athena stores them."""
    with Glue(place) as glue:
        catalog, client = glue.pyiceberg(), glue.boto3()
        catalog.create_namespace("db")
        table = catalog.create_table("db.p", schema=pa.schema([("id", pa.int64()), ("Name", pa.string())]))
        table.append(pa.table({"id": [1, 2], "Name": ["one", "two"]}))
        glue.run("UPDATE lake.db.p SET name = 'ONE' WHERE id = 1")
        catalog.load_table("db.p").append(pa.table({"id": [3], "Name": ["three"]}))
        everyone_reads(glue, "db.p", [(1, "ONE"), (2, "two"), (3, "three")])
        # awswrangler: s3.to_parquet(dataset=True, database=..., table=..., partition_cols=["day"])
        folder = pathlib.Path(place.folder) / "wrangled"
        days = [f"day-{number}" for number in range(1_100)]
        storage = {
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat", "Compressed": True, "NumberOfBuckets": -1,
            "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "Parameters": {"serialization.format": "1"}},
            "StoredAsSubDirectories": False, "Columns": [{"Name": "amount", "Type": "double"}]}
        client.create_table(DatabaseName="db", TableInput={
            "Name": "wrangled", "PartitionKeys": [{"Name": "day", "Type": "string"}], "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet", "compressionType": "snappy", "typeOfData": "file"},
            "StorageDescriptor": {**storage, "Location": f"{folder}/"}})
        for number in (0, 1_050):
            part = folder / f"day={days[number]}"
            part.mkdir(parents=True)
            pyarrow.parquet.write_table(pa.table({"amount": [1.5, number * 1.0]}), part / "x.snappy.parquet", compression="snappy")
        for start in range(0, len(days), 100):
            client.batch_create_partition(DatabaseName="db", TableName="wrangled", PartitionInputList=[
                {"Values": [day], "StorageDescriptor": {**storage, "Location": f"{folder}/day={day}/"}} for day in days[start : start + 100]])
        same(glue.run("SELECT amount, day FROM lake.db.wrangled"),
             [(1.5, "day-0"), (0.0, "day-0"), (1.5, "day-1050"), (1050.0, "day-1050")], "Frazil")
        assert glue.run("SELECT count(*) FROM lake.db.wrangled WHERE day = 'day-1050'") == [(2,)]
        glue.run("INSERT INTO lake.db.wrangled VALUES (7.5, 'day-new')")
        assert client.get_partition(DatabaseName="db", TableName="wrangled", PartitionValues=["day-new"])
        glue.run("ALTER TABLE lake.db.wrangled DROP PARTITION (day = 'day-0')")
        assert len(client.get_partitions(DatabaseName="db", TableName="wrangled")["Partitions"]) == 1_000
        assert glue.run("SELECT count(*), sum(amount) FROM lake.db.wrangled") == [(3, 1059.0)]
        # Athena's view: its catalog is the one that holds it.
        view = {"originalSql": "SELECT id, upper(\"name\") AS name FROM p WHERE id < 3", "catalog": "awsdatacatalog", "schema": "db",
                "columns": [{"name": "id", "type": "bigint"}, {"name": "name", "type": "varchar"}]}
        client.create_table(DatabaseName="db", TableInput={
            "Name": "v", "TableType": "VIRTUAL_VIEW", "Parameters": {"presto_view": "true", "comment": "Presto View"}, "ViewExpandedText": "/* Presto View */",
            "ViewOriginalText": f"/* Presto View: {base64.b64encode(json.dumps(view).encode()).decode()} */",
            "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "name", "Type": "string"}], "Location": ""}})
        same(glue.run("SELECT * FROM lake.db.v"), [(1, "ONE"), (2, "TWO")], "Athena's view")
        glue.run("USE lake.db; CREATE VIEW w AS SELECT name FROM v; CREATE OR REPLACE VIEW w AS SELECT id FROM v WHERE id > 1")
        entry = glue.entry("db.w")
        text = json.loads(base64.b64decode(entry["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")))
        assert text["catalog"] == "awsdatacatalog" and text["schema"] == "db" and entry["TableType"] == "VIRTUAL_VIEW", entry
        assert glue.run("SELECT * FROM lake.db.w") == [(2,)]
        assert glue.run("SHOW VIEWS IN lake.db") == [("v",), ("w",)]
        # As the default catalog, Athena's scripts run as they are.
        same(glue.run("SELECT * FROM awsdatacatalog.db.v UNION ALL SELECT * FROM db.v", "--default-catalog", "lake"), [(1, "ONE"), (2, "TWO")] * 2, "Frazil")
        glue.run("DROP VIEW lake.db.w")


@support.check
def glue_entries(place):
    """Local tables are registered, copied and printed as the AWS command line takes them."""
    with Glue(place) as glue:
        glue.run("CREATE DATABASE lake.db")
        glue.run(f"CREATE TABLE near (id bigint, name varchar) {ICEBERG}; INSERT INTO near VALUES (1, 'x')")
        document = json.loads(glue.run("CALL system.glue_table_input('near')")[0][0])
        glue.boto3().create_table(DatabaseName="db", TableInput={**document["TableInput"], "Name": "printed"})
        everyone_reads(glue, "db.printed", [(1, "x")])
        glue.run("CALL system.register_table('lake.db.registered', '{}')".format(document["TableInput"]["Parameters"]["metadata_location"]))
        everyone_reads(glue, "db.registered", [(1, "x")])
        glue.fails("CALL system.register_table('lake.db.registered', '{}')".format(document["TableInput"]["Parameters"]["metadata_location"]), "TABLE_ALREADY_EXISTS")
        glue.run("CREATE TABLE lake.db.copy WITH (table_type = 'ICEBERG', is_external = false) AS SELECT * FROM near")
        everyone_reads(glue, "db.copy", [(1, "x")])
        glue.run(f"CREATE EXTERNAL TABLE lake.db.ext (a int) PARTITIONED BY (p string) STORED AS PARQUET LOCATION '{place.folder}/ext/'")
        glue.run("INSERT INTO lake.db.ext VALUES (1, 'u'), (2, 'v')")
        assert glue.run("SHOW PARTITIONS lake.db.ext") == [("p=u",), ("p=v",)]
        glue.run("DROP TABLE lake.db.ext; DROP DATABASE lake.db CASCADE")
        # As the AWS command line finds region and server.
        glue.environment.update(AWS_REGION="eu-central-1", AWS_ENDPOINT_URL_GLUE=glue.endpoint)
        assert glue.run("SHOW DATABASES IN found", "--catalog", "found=glue") == glue.run("SHOW DATABASES IN lake")
        del glue.environment["AWS_SECRET_ACCESS_KEY"]
        glue.secrets = ()
        glue.fails("SHOW DATABASES IN lake", "PERMISSION_DENIED", "AWS_SECRET_ACCESS_KEY")


@support.check
def glue_concurrent_commits(place):
    """Frazil and PyIceberg append at once: VersionId lets one win, and every row arrives once."""
    with Glue(place) as glue:
        everyone_reads(glue, "db.t", race(glue))


@support.check
def glue_lost_answers(place):
    """Throttling is waited out; a commit whose answer is lost is looked up: nothing is lost, doubled or left behind."""
    with Glue(place, through_proxy=True) as glue:
        glue.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint) {ICEBERG}")
        expected = []
        for number, rule in enumerate([
                {"action": "reset_after"}, {"action": "status_after", "status": 500, "code": "InternalServiceException"}, {"action": "truncate"},
                {"action": "status", "status": 400, "code": "ThrottlingException"},
                {"action": "status", "status": 400, "code": "ConcurrentModificationException"}]):
            glue.proxy.faults({"target": "UpdateTable", **rule})
            glue.run(f"INSERT INTO lake.db.t VALUES {number}")
            assert len(glue.proxy.struck()) == 1, f"{rule} did not strike"
            expected.append((number,))
            everyone_reads(glue, "db.t", expected)
        glue.proxy.faults({"target": "GetTable", "times": 2, "action": "status", "status": 400, "code": "ThrottlingException"},
                          {"target": "GetTable", "action": "reset_before"})
        same(glue.run("SELECT * FROM lake.db.t"), expected, "Frazil")
        before = glue.files("db.t")
        for rule in ({"action": "reset_before"}, {"action": "status", "status": 500, "code": "InternalServiceException"},
                     {"action": "status", "status": 400, "code": "AccessDeniedException"}):
            glue.proxy.faults({"target": "UpdateTable", **rule})
            glue.fails("INSERT INTO lake.db.t VALUES 99", "catalog 'lake': Glue UpdateTable")
            assert len(glue.proxy.struck()) == 1, f"{rule} did not strike"
            assert glue.files("db.t") == before, f"{rule} left files"
        glue.proxy.faults({"target": "CreateTable", "action": "reset_after"})
        glue.run("CREATE TABLE lake.db.c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 AS a")
        glue.proxy.faults({"target": "DeleteTable", "action": "reset_after"})
        glue.run("DROP TABLE lake.db.c")
        assert glue.run("SHOW TABLES IN lake.db") == [("t",)]


@support.check
def glue_of_many_tables(place):
    """VACUUM and DROP ask for entries in pages to see what else lies in a table's folder, CASCADE once for all its tables; no other table's metadata is read."""
    with Glue(place, through_proxy=True) as glue:
        client = glue.boto3()
        for number in range(12):
            client.create_database(DatabaseInput={"Name": f"d{number}"})
            for table in range(110 if number == 0 else 3):
                client.create_table(DatabaseName=f"d{number}", TableInput={
                    "Name": f"t{table}", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Location": f"file:///nowhere/d{number}/t{table}"},
                    "Parameters": {"table_type": "ICEBERG", "metadata_location": f"file:///nowhere/d{number}/t{table}/metadata/1.metadata.json"}})

        def requests(sql):
            before = len(glue.proxy.log())
            done = glue.frazil(sql)
            return len(glue.proxy.log()) - before, done.stderr + done.stdout

        glue.run(f"CREATE DATABASE lake.own; CREATE TABLE lake.own.t (id bigint) {ICEBERG}; INSERT INTO lake.own.t VALUES 1")
        # Databases in one request, each one's tables in one for a hundred.
        listing = 1 + 13 + 1
        count, _ = requests("VACUUM lake.own.t")
        assert count <= listing + 6, count
        count, _ = requests("DROP TABLE lake.own.t")
        assert count <= listing + 3, count
        for name in "abcd":
            glue.run(f"CREATE TABLE lake.own.{name} (id bigint) {ICEBERG}; INSERT INTO lake.own.{name} VALUES 1")
        # In a database far behind lies something in the folder of one of them.
        location = glue.entry("own.c")["StorageDescriptor"]["Location"]
        client.create_table(DatabaseName="d9", TableInput={"Name": "inside", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Location": location + "/data/x"}})
        files = glue.files("own.c")
        assert "orphan files were not looked for: those of table d9.inside" in requests("VACUUM lake.own.c")[1]
        count, notes = requests("DROP DATABASE lake.own CASCADE")
        assert count <= listing + 1 + 4 * 2 + 3, count
        assert "were kept: those of table d9.inside are among them" in notes, notes
        assert glue.files("own.c") >= files and files and not glue.files("own.a") and not glue.files("own.d")


@support.check
def glue_on_s3(place):
    """The whole of it: entries in Glue, files on S3, and nothing on this machine."""
    with S3(place) as s3, Glue(place) as glue:
        glue.environment = {**s3.environment, "PATH": glue.environment["PATH"]}
        glue.secrets, glue.folder = (s3.secret,), None
        glue.catalog_options = lambda: ["--catalog", f"lake=glue,region=eu-central-1,endpoint={glue.endpoint},warehouse=s3://{BUCKET}/lake"]
        glue.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint, part string) PARTITIONED BY (part) {ICEBERG}")
        glue.run("INSERT INTO lake.db.t VALUES (1, 'a'), (2, 'b'), (3, 'a'); DELETE FROM lake.db.t WHERE id = 2; UPDATE lake.db.t SET part = 'c' WHERE id = 3")
        assert glue.entry("db.t")["StorageDescriptor"]["Location"] == f"s3://{BUCKET}/lake/db/t"
        catalog = load_catalog("glue", type="glue", **{
            "glue.endpoint": glue.direct, "glue.region": "eu-central-1", "glue.access-key-id": "any", "glue.secret-access-key": "any",
            "s3.endpoint": s3.endpoint, "s3.access-key-id": s3.key, "s3.secret-access-key": s3.secret, "s3.region": s3.region})
        catalog.load_table("db.t").append(pa.table({"id": [4], "part": ["d"]}))
        same(glue.run("SELECT * FROM lake.db.t"), [(1, "a"), (3, "c"), (4, "d")], "Frazil")
        same([tuple(row.values()) for row in catalog.load_table("db.t").scan().to_arrow().to_pylist()], [(1, "a"), (3, "c"), (4, "d")], "PyIceberg")
        glue.run("OPTIMIZE lake.db.t REWRITE DATA USING BIN_PACK; VACUUM lake.db.t")
        assert glue.run("CALL lake.system.check_table('db.t')") == []
        assert not pathlib.Path(place.warehouse).exists() or not any(path.is_file() for path in pathlib.Path(place.warehouse).rglob("*"))
        glue.run("DROP TABLE lake.db.t")
        assert s3.keys("lake") == []
