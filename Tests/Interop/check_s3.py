"""Tables on a real S3 server (OpenStack Swift): written by Frazil, read by PyIceberg, DuckDB and boto3, and the other way round."""

import gzip
import io
import json
import os
import pathlib
import resource
import signal
import subprocess
import time
import types
import unittest.mock

import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet
import support
from check_prompt import Terminal
from pyiceberg.table import StaticTable
from servers import FaultProxy, Served

SERVERS_PYTHON = os.environ.get("FRAZIL_SERVERS_PYTHON", str(pathlib.Path.home() / ".cache" / "frazil" / "venv-servers" / "bin" / "python"))
BUCKET = "interop"


class S3(Served):
    """A server of its own for one check, and Frazil with its warehouse there."""

    def __init__(self, place, kind="swift"):
        self.place = place
        script = pathlib.Path(__file__).resolve().parents[1] / "Servers" / "s3_server.py"
        self.process = subprocess.Popen(
            [SERVERS_PYTHON, str(script), kind, os.path.join(place.folder, "server"), BUCKET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line, f"the S3 server did not start; is {SERVERS_PYTHON} there (.ci/install servers)?"
        server = json.loads(line)
        self.endpoint, self.key, self.secret, self.region = (server[name] for name in ("endpoint", "access_key", "secret_key", "region"))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": place.folder, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": self.region, "AWS_ENDPOINT_URL_S3": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}

    def frazil(self, *arguments, code=0):
        command = [support.binary(), "--warehouse", f"s3://{BUCKET}/wh", "--format", "jsonl", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.place.folder, env=self.environment, timeout=300)
        assert done.returncode == code, f"exit code {done.returncode}: {done.stderr}"
        assert self.secret not in done.stderr and self.secret not in done.stdout, "a secret was printed"
        return done

    def run(self, sql, *options):
        return [tuple(json.loads(line).values()) for line in self.frazil(*options, "-c", sql).stdout.splitlines()]

    def filesystem(self):
        return pyarrow.fs.S3FileSystem(
            access_key=self.key, secret_key=self.secret, region=self.region, endpoint_override=self.endpoint.removeprefix("http://"), scheme="http")

    def keys(self, prefix):
        found = self.filesystem().get_file_info(pyarrow.fs.FileSelector(f"{BUCKET}/{prefix}", recursive=True, allow_not_found=True))
        return sorted(info.path for info in found if info.type == pyarrow.fs.FileType.File)

    def metadata_file(self, table):
        path = pathlib.Path(self.place.folder) / ".frazil" / "catalog" / "default" / f"{table}.table.json"
        return json.loads(path.read_text())["Parameters"]["metadata_location"]

    def pyiceberg_rows(self, table):
        properties = {
            "s3.endpoint": self.endpoint, "s3.access-key-id": self.key, "s3.secret-access-key": self.secret, "s3.region": self.region,
            "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}
        rows = StaticTable.from_metadata(self.metadata_file(table), properties).scan().to_arrow().to_pylist()
        return [tuple(row.values()) for row in rows]

    def duckdb(self):
        connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for module in (duckdb_extension_httpfs, duckdb_extension_avro, duckdb_extension_iceberg):
            (extension,) = pathlib.Path(module.__file__).parent.rglob("*.duckdb_extension")
            connection.execute(f"LOAD '{extension}'")
        connection.execute(
            f"CREATE SECRET (TYPE s3, KEY_ID '{self.key}', SECRET '{self.secret}', REGION '{self.region}', ENDPOINT '{self.endpoint.removeprefix('http://')}', "
            "URL_STYLE 'path', USE_SSL false)")
        return connection


@support.check
def s3_table_life(place):
    """CREATE, INSERT, MERGE, UPDATE, DELETE, OPTIMIZE and VACUUM in a warehouse on S3; others read every state."""
    with S3(place) as s3:
        s3.run("CREATE TABLE t (id bigint, name varchar, day date) PARTITIONED BY (day) TBLPROPERTIES ('table_type' = 'ICEBERG')")
        s3.run("INSERT INTO t VALUES (1, 'one', DATE '2026-01-01'), (2, 'zwei ü', DATE '2026-01-02'), (3, NULL, NULL)")
        s3.run("INSERT INTO t SELECT n, 'row ' || CAST(n AS varchar), DATE '2026-01-03' FROM UNNEST(sequence(10, 2009)) AS s (n)")
        s3.run(
            "MERGE INTO t USING (VALUES (1, 'eins'), (5000, 'new')) AS s (id, name) ON t.id = s.id "
            "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name, day) VALUES (s.id, s.name, DATE '2026-01-04')")
        s3.run("DELETE FROM t WHERE id BETWEEN 100 AND 1999")
        s3.run("UPDATE t SET name = 'two' WHERE id = 2")
        expected = sorted(tuple(row) for row in s3.run("SELECT id, name, CAST(day AS varchar) FROM t"))
        assert len(expected) == 3 + 2000 - 1900 + 1, len(expected)
        assert (1, "eins", "2026-01-01") in expected and (2, "two", "2026-01-02") in expected

        def everyone():
            rows = sorted((id, name, str(day) if day else None) for id, name, day in s3.pyiceberg_rows("t"))
            assert sorted(rows, key=repr) == sorted(expected, key=repr), "PyIceberg reads other rows"
            rows = s3.duckdb().execute(f"SELECT id, name, CAST(day AS varchar) FROM iceberg_scan('{s3.metadata_file('t')}')").fetchall()
            assert sorted(rows, key=repr) == sorted(expected, key=repr), "DuckDB reads other rows"

        everyone()
        s3.run("OPTIMIZE t REWRITE DATA USING BIN_PACK")
        everyone()
        s3.run("ALTER TABLE t SET TBLPROPERTIES ('vacuum_max_snapshot_age_seconds' = '1', 'vacuum_min_snapshots_to_keep' = '1')")
        before = len(s3.keys("wh/t"))
        s3.run("VACUUM t")
        assert len(s3.keys("wh/t")) <= before
        everyone()
        assert s3.run("CALL system.check_table('t')") == [], "check_table finds problems"
        s3.run("DROP TABLE t")
        assert s3.keys("wh/t") == []


@support.check
def s3_files(place):
    """LOCATION, external tables, read_parquet, read_csv and UNLOAD with s3:// locations; s3a:// is the same place."""
    with S3(place) as s3:
        files = s3.filesystem()
        table = pa.table({"a": list(range(50_000)), "b": [f"text {n % 97}" for n in range(50_000)]})
        for number in range(3):
            with files.open_output_stream(f"{BUCKET}/in/part {number}.parquet") as out:
                pyarrow.parquet.write_table(table, out, row_group_size=10_000)
        with files.open_output_stream(f"{BUCKET}/csv/x.csv") as out:
            out.write(b"k,v\n1,one\n2,two\n")
        assert s3.run(f"SELECT count(*), sum(a), count(DISTINCT b) FROM read_parquet('s3://{BUCKET}/in/*.parquet')") == [(150_000, 3 * 1_249_975_000, 97)]
        assert s3.run(f"SELECT count(*) FROM read_parquet('s3a://{BUCKET}/in/part 1.parquet') WHERE a >= 49990") == [(10,)]
        assert s3.run(f"SELECT sum(k) FROM read_csv('s3://{BUCKET}/csv/x.csv')") == [(3,)]
        s3.run(f"CREATE TABLE here (a bigint) LOCATION 's3://{BUCKET}/elsewhere/here' TBLPROPERTIES ('table_type' = 'ICEBERG')")
        s3.run("INSERT INTO here VALUES 1, 2")
        assert any(key.endswith(".parquet") for key in s3.keys("elsewhere/here"))
        s3.run(f"UNLOAD (SELECT a, b FROM read_parquet('s3://{BUCKET}/in/part 0.parquet')) TO 's3://{BUCKET}/out/' WITH (format = 'PARQUET')")
        rows = s3.duckdb().execute(f"SELECT count(*), sum(a) FROM read_parquet('s3://{BUCKET}/out/*')").fetchone()
        assert rows == (50_000, 1_249_975_000), rows
        read_back = sum(pyarrow.parquet.read_table(io.BytesIO(files.open_input_stream(key).readall())).num_rows for key in s3.keys("out"))
        assert read_back == 50_000


@support.check
def s3_every_kind_of_file(place):
    """UNLOAD in every format is read back by the function of its format; external tables of every SerDe take INSERT, partitions are found and dropped."""
    with S3(place) as s3:
        at = f"s3://{BUCKET}/kinds"
        query = "SELECT * FROM (VALUES (1, 'one', DATE '2026-01-31'), (2, NULL, NULL)) AS v (n, s, d)"
        for name, properties, function in (
            ("p", "format = 'PARQUET', compression = 'GZIP'", f"read_parquet('{at}/p')"), ("a", "format = 'AVRO'", f"read_avro('{at}/a')"),
            ("j", "format = 'JSON'", f"read_json('{at}/j/*.gz')"), ("c", "format = 'CSV', header = true", f"read_csv('{at}/c/*')"),
        ):
            s3.run(f"UNLOAD ({query}) TO '{at}/{name}' WITH ({properties})")
            assert s3.run(f"SELECT n, s FROM {function} ORDER BY n") == [(1, "one"), (2, None)], name
            assert "already exists" in s3.frazil("-c", f"UNLOAD ({query}) TO '{at}/{name}' WITH ({properties})", code=1).stderr
        s3.run(f"UNLOAD (SELECT n, n % 2 AS part FROM UNNEST(sequence(1, 10)) AS t (n)) TO '{at}/parts' WITH (format = 'PARQUET', partitioned_by = ARRAY['part'])")
        assert s3.run(f"SELECT part, count(*) FROM read_parquet('{at}/parts/*/*', hive_partitioning => true) GROUP BY 1 ORDER BY 1") == [(0, 5), (1, 5)]
        for name, clauses in (
            ("csv", "ROW FORMAT DELIMITED FIELDS TERMINATED BY ','"), ("json", "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"), ("parquet", "STORED AS PARQUET"),
            ("opencsv", "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'"),
        ):
            s3.run(f"CREATE EXTERNAL TABLE e_{name} (s string) PARTITIONED BY (day int) {clauses} LOCATION '{at}/e_{name}/'")
            s3.run(f"INSERT INTO e_{name} VALUES ('x', 1), ('y', 2)")
            s3.run(f"INSERT INTO e_{name} VALUES ('z', 2)")
            assert s3.run(f"SELECT s, day FROM e_{name} ORDER BY s") == [("x", 1), ("y", 2), ("z", 2)], name
            s3.run(f"CREATE EXTERNAL TABLE f_{name} (s string) PARTITIONED BY (day int) {clauses} LOCATION '{at}/e_{name}/'; MSCK REPAIR TABLE f_{name}; ALTER TABLE f_{name} DROP PARTITION (day = 1)")
            assert s3.run(f"SELECT s FROM f_{name} ORDER BY s") == [("y",), ("z",)], name
            s3.run(f"CREATE TABLE c_{name} WITH (format = 'PARQUET', external_location = '{at}/c_{name}/') AS SELECT * FROM e_{name}")
            assert s3.run(f"SELECT count(*) FROM c_{name}") == [(3,)], name
            s3.run(f"DROP TABLE e_{name}")
            assert s3.run(f"SELECT count(*) FROM f_{name}") == [(2,)], name


def asked(proxy):
    """How often each object was read since the faults were last set."""
    counts = {}
    for entry in proxy.log():
        if entry["method"] == "GET" and "list-type" not in entry["target"]:
            counts[entry["target"]] = counts.get(entry["target"], 0) + 1
    return counts


@support.check
def s3_text_and_avro_are_read_once(place):
    """CSV, JSON and Avro files: small ones take a request each, large ones their bytes once; a cache on disk has them for the next process."""
    with S3(place) as s3:
        files, at = s3.filesystem(), f"s3://{BUCKET}"
        for number in range(16):
            with files.open_output_stream(f"{BUCKET}/many/part={number % 4}/f{number:02}.csv") as out:
                # The header's order differs from file to file: it is looked at before the rows are read.
                names = ["k", "v"] if number % 2 else ["v", "k"]
                out.write((",".join(names) + "\n" + "".join(f"{number * 100 + n},{number * 100 + n}\n" for n in range(100))).encode())
        # A record of three lines, one of them in quotes: parts of the file begin in the middle of fields.
        record = '{0},"first line of {0}\nsecond, ""quoted"" line",x{0}\n'
        with files.open_output_stream(f"{BUCKET}/large/quoted.csv") as out:
            out.write(b"id,note,tag\n" + b"".join(record.format(n).encode() for n in range(60_000)))
        with files.open_output_stream(f"{BUCKET}/large/packed.json.gz", compression=None) as out:
            out.write(gzip.compress(b"".join(b'{"id": %d, "s": "%s"}\n' % (n, os.urandom(40).hex().encode()) for n in range(40_000)), 1))
        s3.run(f"UNLOAD (SELECT n, n % 12 AS p FROM UNNEST(sequence(1, 1200)) AS t (n)) TO '{at}/avro' WITH (format = 'AVRO', partitioned_by = ARRAY['p'])")
        s3.run(f"CREATE EXTERNAL TABLE e (v bigint, k bigint) PARTITIONED BY (part int) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION '{at}/many/' "
               "TBLPROPERTIES ('skip.header.line.count' = '1'); MSCK REPAIR TABLE e")
        proxy = FaultProxy(s3.endpoint)
        try:
            s3.environment["AWS_ENDPOINT_URL_S3"] = proxy.url
            small = (
                (f"SELECT count(*), sum(k) FROM read_csv('{at}/many/*/*.csv')", (1_600, 1_279_200), 16),
                (f"SELECT count(*), sum(v) FROM read_csv('{at}/many/*/*.csv', union_by_name => true)", (1_600, 1_279_200), 16),
                ("SELECT count(*), sum(k) FROM e WHERE part < 2", (800, 559_600), 8),
                (f"SELECT count(*), sum(n) FROM read_avro('{at}/avro/*/*')", (1_200, 720_600), 12),
            )
            kept = set()
            for options in ([], ["--cache", "kept"], ["--cache", "kept"]):
                for sql, row, count in small:
                    proxy.faults()
                    done = s3.frazil(*options, "-c", sql)
                    assert tuple(json.loads(done.stdout).values()) == row, (sql, done.stdout)
                    counts = asked(proxy)
                    assert set(counts.values()) <= {1} and kept.isdisjoint(counts), (sql, options, counts)
                    assert options or len(counts) == count, (sql, counts)
                    if options:
                        kept.update(counts)
            assert len(kept) == 16 + 12, kept
            # Folders of many partitions are listed together, unless few of them are wanted.
            s3.run(f"CREATE EXTERNAL TABLE parts (n bigint) PARTITIONED BY (p int) STORED AS AVRO LOCATION '{at}/avro/'; MSCK REPAIR TABLE parts")
            for condition, row, lists in (("true", (1_200, 720_600, 6_600), 1), ("p IN (1, 3, 7)", (300, 179_300, 1_100), 3)):
                proxy.faults()
                assert s3.run(f"SELECT count(*), sum(n), sum(p) FROM parts WHERE {condition}") == [row]
                assert len([entry for entry in proxy.log() if "list-type" in entry["target"]]) == lists, proxy.log()
            # One that was replaced is read anew.
            with files.open_output_stream(f"{BUCKET}/many/part=0/f00.csv") as out:
                out.write(b"v,k\n7,7\n")
            assert s3.run(f"SELECT sum(k) FROM read_csv('{at}/many/part=0/f00.csv')", "--cache", "kept") == [(7,)]
            for sql, row, key in (
                (f"SELECT count(*), sum(id), max(length(note)) FROM read_csv('{at}/large/quoted.csv')", (60_000, 1_799_970_000, 41), "large/quoted.csv"),
                (f"SELECT count(*), sum(id), max(length(s)) FROM read_json('{at}/large/packed.json.gz')", (40_000, 799_980_000, 80), "large/packed.json.gz"),
            ):
                size = files.get_file_info(f"{BUCKET}/{key}").size
                assert s3.run(sql) == [row]
                told = json.loads("".join(json.loads(line)["Query Plan"] for line in s3.frazil("-c", "EXPLAIN ANALYZE (FORMAT JSON) " + sql).stdout.splitlines()))["storage"]
                assert size <= told["bytesAsked"] < size * 1.02 + (64 << 10), (key, size, told)
                assert size * 0.99 <= told["bytesUsed"] < size * 1.02 + (64 << 10), (key, size, told)
                # A few rows are not worth more than the file; of the larger one, not all of it.
                few = json.loads("".join(json.loads(line)["Query Plan"] for line in s3.frazil(
                    "-c", f"EXPLAIN ANALYZE (FORMAT JSON) SELECT * FROM {sql.split(' FROM ')[1]} LIMIT 3").stdout.splitlines()))["storage"]
                assert few["bytesAsked"] <= min(size, 4 << 20), (key, size, few)
        finally:
            proxy.close()


@support.check
def s3_bloom_filters_come_together(place):
    """What Bloom filters of many row groups are asked for comes in one wave, not in a round trip for each."""
    with S3(place, "rclone") as s3:
        s3.run(
            "CREATE TABLE t (id string, n bigint) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write.parquet.bloom-filter-enabled.column.id' = 'true', "
            "'write.parquet.row-group-size-bytes' = '200000'); "
            "INSERT INTO t SELECT to_hex(sha256(to_utf8(CAST(a * 10000 + b AS varchar)))), a * 10000 + b "
            "FROM UNNEST(sequence(0, 5)) AS t (a) CROSS JOIN UNNEST(sequence(0, 9999)) AS u (b)")
        groups = s3.run('SELECT cardinality(split_offsets) FROM "t$files"')
        assert len(groups) == 1 and groups[0][0] >= 15, groups
        proxy = FaultProxy(s3.endpoint)
        try:
            s3.environment["AWS_ENDPOINT_URL_S3"] = proxy.url
            for number, rows in ((4_321, 1), (-1, 0)):
                proxy.faults()
                told = s3.frazil("-c", f"EXPLAIN ANALYZE SELECT n FROM t WHERE id = to_hex(sha256(to_utf8('{number}')))").stdout
                assert "row groups skipped by" in told, told
                # The footer, the filters side by side, and the row groups that are left.
                reads = [entry for entry in proxy.log() if entry["target"].split("?")[0].endswith(".parquet")]
                assert len(reads) <= 6, reads
                assert s3.run(f"SELECT count(*) FROM t WHERE id = to_hex(sha256(to_utf8('{number}')))") == [(rows,)]
        finally:
            proxy.close()


@support.check
def s3_cache_on_disk(place):
    """The cache holds what one server has, apart from others; with a table, a folder or a file goes what it holds of it, other tables' pieces stay."""
    cache = pathlib.Path(place.folder) / "cache"
    options = ("--cache", str(cache), "-c")

    def pieces():
        return sorted(path.name for path in cache.rglob("*-0*"))

    with S3(place, "moto") as s3:
        for name in ("gone", "kept"):
            s3.run(f"CREATE TABLE {name} (id bigint) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO {name} SELECT * FROM UNNEST(sequence(1, 100)) AS t (id)")
        s3.frazil(*options, "SELECT sum(id) FROM kept")
        kept = pieces()
        assert kept, "nothing went into the cache"
        s3.frazil(*options, "SELECT sum(id) FROM gone")
        assert len(pieces()) > len(kept)
        # From disk: no request reads an object.
        assert "bytes asked: 0 B" in s3.frazil(*options, "EXPLAIN ANALYZE SELECT sum(id) FROM gone").stdout
        s3.frazil(*options, "DROP TABLE gone")
        assert pieces() == kept, "pieces of a table that was dropped are there"
        # Another server with the same bucket, and nothing in it.
        with support.Place() as other, S3(other, "moto") as empty:
            s3.environment["AWS_ENDPOINT_URL_S3"], before = empty.endpoint, s3.environment["AWS_ENDPOINT_URL_S3"]
            assert "NoSuchKey" in s3.frazil(*options, "SELECT sum(id) FROM kept", code=1).stderr
            s3.environment["AWS_ENDPOINT_URL_S3"] = before
        assert s3.frazil(*options, "SELECT sum(id) AS s FROM kept").stdout.strip() == '{"s":5050}'


@support.check
def s3_cache_on_disk_in_bad_times(place):
    """A full disk, processes that are killed while they fill the cache, and several at once in one with little room: rows are right, and the limit holds."""
    with S3(place, "rclone") as s3:
        at = f"s3://{BUCKET}/data"
        for number in range(3):
            s3.run(f"UNLOAD (SELECT n, to_hex(sha256(to_utf8(CAST(n AS varchar)))) AS s FROM UNNEST(sequence(1, 20000)) AS t (n)) TO '{at}/p{number}' WITH (format = 'PARQUET')")
            s3.run(f"UNLOAD (SELECT n FROM UNNEST(sequence(1, 100000)) AS t (n)) TO '{at}/csv{number}' WITH (format = 'CSV', compression = 'NONE')")
        sql = (f"SELECT (SELECT count(*) FROM read_parquet('{at}/p*/*') WHERE length(s) = 64), (SELECT sum(n) FROM read_csv('{at}/csv*/*'))")
        row = [(60_000, 3 * 5_000_050_000)]
        assert s3.run(sql) == row
        cache = pathlib.Path(place.folder) / "kept"
        command = [support.binary(), "--warehouse", f"s3://{BUCKET}/wh", "--format", "jsonl", "--cache", str(cache)]

        def start(*options, **settings):
            return subprocess.Popen([*command, *options, "-c", sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place.folder, env=s3.environment, **settings)

        def finish(process):
            out, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
            assert [tuple(json.loads(line).values()) for line in out.splitlines()] == row, out

        def files():
            return [path for path in cache.rglob("*") if path.is_file() and len(path.parent.name) == 2]

        def small_disk():
            # Writes beyond a file's first bytes fail, as those on a full disk do.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

        # The cache tells servers apart: one stands in front of the other from the beginning.
        proxy = FaultProxy(s3.endpoint)
        try:
            s3.environment["AWS_ENDPOINT_URL_S3"] = proxy.url
            finish(start(preexec_fn=small_disk))
            assert files() == [], files()
            for delay in (0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2):
                process = start()
                time.sleep(delay)
                process.kill()
                process.communicate()
            finish(start())
            proxy.faults()
            finish(start())
            assert asked(proxy) == {}, asked(proxy)
            for _ in range(3):
                processes = [start("--cache-size", "1500KB") for _ in range(4)]
                for process in processes:
                    finish(process)
                total = sum(path.stat().st_size for path in files())
                assert 0 < total <= 1_500 << 10, total
        finally:
            proxy.close()


@support.check
def s3_results(place):
    """--output writes results there, all or nothing; more than one part too."""
    with S3(place) as s3:
        at = f"s3://{BUCKET}/results"
        done = s3.frazil("--output", f"{at}/two.jsonl", "-c", "SELECT 1 AS a; SELECT 2 AS a")
        assert done.stdout == "" and done.stderr == "", done
        assert s3.run(f"SELECT a FROM read_json('{at}/two.jsonl') ORDER BY a") == [(1,), (2,)]
        s3.frazil("--format", "csv", "--output", f"{at}/large.csv", "-c", "SELECT n, repeat('x', 100) AS s FROM UNNEST(sequence(1, 100000)) AS t (n)")
        assert s3.run(f"SELECT count(*), sum(n) FROM read_csv('{at}/large.csv')") == [(100_000, 5_000_050_000)]
        s3.frazil("--format", "csv", "--output", f"{at}/large.csv", "-c", "SELECT 7 AS n")
        assert s3.run(f"SELECT sum(n) FROM read_csv('{at}/large.csv')") == [(7,)]
        s3.frazil("--output", f"{at}/failed.jsonl", "-c", "SELECT 1 AS a; SELECT nothing", code=1)
        assert not any("failed" in key for key in s3.keys("results")), s3.keys("results")
        nowhere = s3.frazil("--output", "s3://no-such-bucket/x.csv", "-c", "SELECT 1 AS a", code=1)
        assert "no-such-bucket" in nowhere.stderr, nowhere.stderr
        s3.run("CREATE TABLE t (x int) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t VALUES (1)")
        s3.frazil("check", "t", "--output", f"{at}/report.txt")
        report = s3.filesystem().open_input_stream(f"{BUCKET}/results/report.txt").readall().decode()
        assert report == s3.frazil("check", "t").stdout != "", report
        with unittest.mock.patch.dict(os.environ, s3.environment):
            terminal = Terminal(types.SimpleNamespace(binary=support.binary(), warehouse=f"s3://{BUCKET}/wh"), place.folder, "--format", "csv")
        for line, shown in (
            (f".output {at}/prompt.csv", ""), ("SELECT 8 AS n;", ""), ("SELECT 9 AS n;", ""), (".output s3://no-such-bucket/x.csv", ""), ("SELECT 10 AS n;", ""),
            (".output", "no-such-bucket"), ("SELECT 11 AS n;", '"11"'), (f".output {at}/last.csv", ""), ("SELECT 12 AS n;", ""),
        ):
            terminal.type(line + "\n")
            if shown:
                terminal.expect(shown)
            terminal.expect("frazil> ")
        terminal.type("\\q\n")
        assert terminal.end() == 0
        texts = [s3.filesystem().open_input_stream(f"{BUCKET}/results/{name}.csv").readall() for name in ("prompt", "last")]
        assert texts == [b'"n"\n"8"\n"n"\n"9"\n', b'"n"\n"12"\n'], texts


@support.check
def s3_credentials_that_expire(place):
    """Keys that a service calls expired in the middle of a statement are asked for anew, for reads, writes and uploads in parts."""
    folder = pathlib.Path(place.folder)
    with S3(place) as s3:
        asked = folder / "asked"
        script = folder / "keys.sh"
        script.write_text(
            f"#!/bin/sh\necho x >> {asked}\nsecond=$(wc -l < {asked})\n"
            f"""printf '{{"Version": 1, "AccessKeyId": "{s3.key}", "SecretAccessKey": "{s3.secret}", "Expiration": "2100-01-01T00:00:%02dZ"}}' "$second"\n""")
        script.chmod(0o700)
        (folder / ".aws").mkdir()
        (folder / ".aws" / "config").write_text(f"[default]\ncredential_process = {script}\n")
        proxy = FaultProxy(s3.endpoint)
        try:
            del s3.environment["AWS_ACCESS_KEY_ID"], s3.environment["AWS_SECRET_ACCESS_KEY"]
            s3.environment["AWS_ENDPOINT_URL_S3"] = proxy.url
            s3.run("CREATE TABLE t (id bigint, text varchar) TBLPROPERTIES ('table_type' = 'ICEBERG')")
            expired = {"action": "status", "status": 400, "code": "ExpiredToken"}
            statements = [
                # 20 MB that no codec makes small: parts.
                ("INSERT INTO t SELECT id, to_hex(sha512(to_utf8(CAST(id AS varchar)))) FROM UNNEST(sequence(1, 200000)) AS s (id)", {"contains": "partNumber=2"}),
                ("INSERT INTO t VALUES (0, 'x')", {"method": "PUT", "skip": 1}), ("SELECT count(*) FROM t WHERE text > ''", {"method": "GET", "skip": 2})]
            for sql, place_of_fault in statements:
                asked.write_text("")
                proxy.faults({**expired, **place_of_fault})
                found = s3.run(sql)
                assert len(proxy.struck()) == 1, f"the keys did not expire in {sql}"
                assert len(asked.read_text().splitlines()) == 2, f"{sql}: {asked.read_text()}"
            assert found == [(200_001,)], found
            # Keys that stay expired.
            proxy.faults({**expired, "times": 1_000})
            text = s3.frazil("-c", "SELECT count(*) FROM t WHERE text > ''", code=1).stderr
            assert "ExpiredToken" in text and "expired" in text, text
        finally:
            proxy.close()


@support.check
def s3_errors(place):
    """Missing buckets and objects, wrong keys and no credentials are told by name, with what to do, and without secrets."""
    with S3(place) as s3:
        missing = s3.frazil("-c", "SELECT * FROM read_parquet('s3://no-such-bucket/x.parquet')", code=1).stderr
        assert "no-such-bucket" in missing, missing
        absent = s3.frazil("-c", f"SELECT * FROM read_parquet('s3://{BUCKET}/nothing.parquet')", code=1).stderr
        assert "nothing.parquet" in absent, absent
        identity = s3.frazil("whoami").stdout
        assert "AWS_ACCESS_KEY_ID" in identity and s3.endpoint in identity, identity
        endpoint = s3.environment["AWS_ENDPOINT_URL_S3"]
        s3.environment["AWS_ENDPOINT_URL_S3"] = "http://me:passw0rd@127.0.0.1:9"
        for arguments, code in ((("-c", f"SELECT * FROM read_parquet('s3://{BUCKET}/nothing.parquet')"), 1), (("whoami",), 0)):
            done = s3.frazil(*arguments, code=code)
            assert "no URL" in done.stdout + done.stderr and "passw0rd" not in done.stdout + done.stderr, done
        s3.environment["AWS_ENDPOINT_URL_S3"] = endpoint
        s3.environment["AWS_SECRET_ACCESS_KEY"] = "not-the-secret"
        denied = s3.frazil("-c", f"SELECT * FROM read_parquet('s3://{BUCKET}/nothing.parquet')", code=1).stderr
        assert "whoami" in denied and "not-the-secret" not in denied, denied
        del s3.environment["AWS_ACCESS_KEY_ID"]
        nobody = s3.frazil("-c", f"SELECT * FROM read_parquet('s3://{BUCKET}/nothing.parquet')", code=1).stderr
        assert "no AWS credentials were found" in nobody, nobody
        assert "not configured" in s3.frazil("whoami", code=1).stdout
