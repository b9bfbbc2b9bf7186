"""Catalog servers of one check, on free loopback ports, and Frazil with a catalog `lake` there."""

import http.client
import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

import boto3
import duckdb
import duckdb_extension_avro
import duckdb_extension_httpfs
import duckdb_extension_iceberg
import pyarrow as pa
import support
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException

SERVERS = pathlib.Path(__file__).resolve().parents[1] / "Servers"


def start(command, what):
    """Starts a server that prints `listening on PORT`; the process and its port."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line.startswith("listening on "), f"{what} did not start"
    return process, int(line.split()[-1])


def same(found, expected, who):
    """Compares rows without their order."""
    found, expected = sorted(map(tuple, found), key=repr), sorted(map(tuple, expected), key=repr)
    assert found == expected, f"{who}: {found} found, {expected} expected"


def race(lake):
    """PyIceberg and two Frazils append to a new table `db.t` at once; the rows that must be there then."""
    lake.run("CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    catalog = lake.pyiceberg()

    def append():
        for number in range(8):
            while True:
                try:
                    catalog.load_table("db.t").append(pa.table({"id": [100 + number]}))
                    break
                except CommitFailedException:
                    continue

    thread = threading.Thread(target=append)
    thread.start()
    processes = [lake.start_frazil("; ".join(f"INSERT INTO lake.db.t VALUES {start + number}" for number in range(6))) for start in (200, 300)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    thread.join()
    problems = [row for row in lake.run("CALL lake.system.check_table('db.t')") if row[0] != "engine"]
    assert problems == [], problems
    return [(number,) for start, count in ((100, 8), (200, 6), (300, 6)) for number in range(start, start + count)]


class FaultProxy:
    """Breaks requests on their way to a server; see Tests/Servers/fault_proxy.py."""

    def __init__(self, url):
        self.process, self.port = start([sys.executable, str(SERVERS / "fault_proxy.py"), url], "the proxy")
        self.url = f"http://127.0.0.1:{self.port}"

    def _control(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, json.dumps(body) if body is not None else None)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def faults(self, *rules):
        self._control("PUT", "/__faults", list(rules))

    def log(self):
        return self._control("GET", "/__log")

    def struck(self):
        return [entry for entry in self.log() if entry["action"]]

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)


class Served:
    """A server process of one check, perhaps with a proxy in front of it."""

    proxy = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proxy:
            self.proxy.close()
        self.process.stdin.close()
        self.process.wait(30)


class Lake:
    """Runs the binary with a catalog `lake`."""

    secrets = ()

    def __init__(self, place, **environment):
        self.place = place
        self.environment = {"PATH": os.environ["PATH"], "HOME": place.folder, "AWS_EC2_METADATA_DISABLED": "true", **environment}

    def catalog_options(self):
        raise NotImplementedError

    def frazil(self, sql, *options, code=0):
        command = [support.binary(), "--warehouse", self.place.warehouse, "--format", "jsonl", *self.catalog_options(), *options, "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.place.folder, env=self.environment, timeout=300)
        for secret in self.secrets:
            assert secret not in done.stdout + done.stderr, "a secret was printed"
        assert done.returncode == code, f"exit code {done.returncode} of\n{sql}\n{done.stderr}"
        return done

    def run(self, sql, *options):
        return [tuple(json.loads(line).values()) for line in self.frazil(sql, *options).stdout.splitlines()]

    def fails(self, sql, *words, options=()):
        text = self.frazil(sql, *options, code=1).stderr
        for word in words:
            assert word in text, f"'{word}' is missing in\n{text}"
        return text

    def start_frazil(self, sql):
        command = [support.binary(), "--warehouse", self.place.warehouse, "--format", "jsonl", *self.catalog_options(), "-c", sql]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.place.folder, env=self.environment)


class Glue(Served, Lake):
    """A Glue catalog over moto, tables in a folder; see Tests/Servers/glue_server.py."""

    python = os.environ.get("FRAZIL_SERVERS_PYTHON", str(pathlib.Path.home() / ".cache" / "frazil" / "venv-servers" / "bin" / "python"))
    keys = {"aws_access_key_id": "key-of-tests", "aws_secret_access_key": "s3cret-of-tests"}
    secrets = ("s3cret-of-tests",)

    def __init__(self, place, through_proxy=False):
        super().__init__(place, AWS_ACCESS_KEY_ID=self.keys["aws_access_key_id"], AWS_SECRET_ACCESS_KEY=self.keys["aws_secret_access_key"])
        self.process, port = start([self.python, str(SERVERS / "glue_server.py")], "Glue")
        self.direct = f"http://127.0.0.1:{port}"
        self.proxy = FaultProxy(self.direct) if through_proxy else None
        self.endpoint = self.proxy.url if self.proxy else self.direct
        self.folder = pathlib.Path(place.folder) / "glue"

    def catalog_options(self):
        return ["--catalog", f"lake=glue,region=eu-central-1,endpoint={self.endpoint},warehouse=file://{self.folder}"]

    def boto3(self):
        return boto3.client("glue", region_name="eu-central-1", endpoint_url=self.direct, **self.keys)

    def entry(self, table):
        database, name = table.split(".")
        return self.boto3().get_table(DatabaseName=database, Name=name)["Table"]

    def pyiceberg(self):
        return load_catalog("glue", type="glue", warehouse=f"file://{self.folder}", **{
            "glue.endpoint": self.direct, "glue.region": "eu-central-1", "glue.access-key-id": self.keys["aws_access_key_id"],
            "glue.secret-access-key": self.keys["aws_secret_access_key"]})

    def duckdb_rows(self, table):
        connection = support.load_extensions(duckdb.connect(config={"allow_unsigned_extensions": "true"}))
        return connection.execute(f"SELECT * FROM iceberg_scan('{self.entry(table)['Parameters']['metadata_location']}')").fetchall()

    def files(self, table):
        return sorted(str(path) for path in (self.folder / table.replace(".", "/")).rglob("*") if path.is_file())


class REST(Lake):
    """A REST catalog over PyIceberg; see Tests/Servers/rest_catalog.py for its options."""

    def __init__(self, place, options=None, properties=None, through_proxy=False, **environment):
        super().__init__(place, **environment)
        self.folder = pathlib.Path(place.folder) / "rest"
        self.process, self.port = start(
            [sys.executable, str(SERVERS / "rest_catalog.py"), str(self.folder), "0", json.dumps(options or {})], "the REST catalog")
        self.direct = f"http://127.0.0.1:{self.port}"
        self.proxy = FaultProxy(self.direct) if through_proxy else None
        self.uri = self.proxy.url if self.proxy else self.direct
        self.properties = properties or {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proxy:
            self.proxy.close()
        self.process.terminate()
        self.process.wait(30)

    def catalog_options(self):
        text = ",".join([f"lake=rest,uri={self.uri}", *(f"{key}={value}" for key, value in self.properties.items())])
        return ["--catalog", text]

    def pyiceberg(self, **properties):
        return load_catalog("rest", type="rest", uri=self.direct, **properties)

    def duckdb(self):
        connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        for module in (duckdb_extension_httpfs, duckdb_extension_avro, duckdb_extension_iceberg):
            (extension,) = pathlib.Path(module.__file__).parent.rglob("*.duckdb_extension")
            connection.execute(f"LOAD '{extension}'")
        connection.execute(f"ATTACH 'any' AS lake (TYPE iceberg, ENDPOINT '{self.direct}', AUTHORIZATION_TYPE 'none')")
        return connection

    def files(self, table):
        """All files of a table, as its location has them now."""
        location = self.pyiceberg().load_table(table).metadata.location
        root = pathlib.Path(urllib.parse.urlparse(location).path)
        return sorted(str(path) for path in root.rglob("*") if path.is_file())
