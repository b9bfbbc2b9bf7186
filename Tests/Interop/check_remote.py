"""Scripts that run elsewhere: in Athena's API and on a Trino coordinator, both played by servers that run statements in DuckDB."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import boto3
import support
from servers import SERVERS, FaultProxy, Served, start

SCRIPT = """CREATE TABLE t AS SELECT * FROM (VALUES (1, 'one'), (2, NULL), (3, '')) AS v (id, name);
INSERT INTO t VALUES (4, 'four'), (5, 'fünf');
DELETE FROM t WHERE id = 5;
SELECT id, name FROM t ORDER BY id;
"""


class Remote(Served):
    """A server, and the binary that sends statements to it."""

    def __init__(self, place, script, through_proxy=False):
        self.place = place
        self.process, port = start([sys.executable, str(SERVERS / script)], script)
        self.port = port
        self.direct = f"http://127.0.0.1:{port}"
        self.proxy = FaultProxy(self.direct) if through_proxy else None
        self.url = self.proxy.url if self.proxy else self.direct
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": place.folder, "USER": "ann", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_ATHENA": self.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def command(self, *arguments):
        return [support.binary(), *self.options(), *arguments]

    def frazil(self, *arguments, code=0):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, cwd=self.place.folder, env=self.environment, timeout=120)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def control(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request(method, path, body)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def script(self, text):
        path = pathlib.Path(self.place.folder) / "s.sql"
        path.write_text(text)
        return "s.sql"

    def interrupted(self, sql, is_running):
        """Sends a statement that does not end, and Ctrl-C once it runs there."""
        process = subprocess.Popen(
            self.command("-c", sql), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.place.folder, env=self.environment)
        until = time.monotonic() + 60
        while not is_running():
            assert time.monotonic() < until, "the statement did not get there"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, (process.returncode, errors)
        assert "USER_CANCELED" in errors, errors


class Athena(Remote):
    def __init__(self, place, through_proxy=False):
        super().__init__(place, "athena_server.py", through_proxy)

    def options(self):
        return ["--on", "athena"]

    def executions(self):
        return self.control("GET", "/__executions")


class Trino(Remote):
    def __init__(self, place, through_proxy=False):
        super().__init__(place, "trino_server.py", through_proxy)

    def options(self):
        return ["--on", f"trino={self.url}/lake/sales"]

    def log(self):
        return self.control("GET", "/__log")


def same(remote, sql):
    """A statement's results in every format are those of a local run."""
    for options in (["--format", "csv"], ["--format", "json"], ["--format", "jsonl"], ["--format", "table"], ["--format", "markdown"]):
        found = remote.frazil(*options, "-c", sql).stdout
        local = subprocess.run([support.binary(), "--warehouse", remote.place.warehouse, *options, "-c", sql], capture_output=True, text=True, timeout=120)
        assert local.returncode == 0, local.stderr
        assert found == local.stdout, f"{options}:\n{found}\n{local.stdout}"


def same_everywhere(remote):
    values = ("VALUES (1, CAST(1.5 AS double), CAST('12.30' AS decimal(4, 2)), true, DATE '2026-01-31', TIMESTAMP '2026-01-31 12:00:00.123456', 'a \"b\"'), "
              "(2, NULL, NULL, NULL, NULL, NULL, '')")
    same(remote, f"SELECT * FROM ({values}) AS v (i, d, m, b, day, moment, s) ORDER BY i")


@support.check
def athena_runs_a_script(place):
    with Athena(place) as athena:
        done = athena.frazil("--format", "csv", "run", athena.script(SCRIPT))
        assert done.stdout == '"id","name"\n"1","one"\n"2",\n"3",""\n"4","four"\n', done.stdout
        assert done.stderr == "rows affected: 3\nrows affected: 2\nrows affected: 1\n", done.stderr
        runs = athena.executions()
        assert [run["query"] for run in runs] == [text.strip() for text in SCRIPT.split(";")[:4]], runs
        assert {run["database"] for run in runs} == {"default"} and {run["workgroup"] for run in runs} == {"primary"}, runs
        assert len({run["token"] for run in runs}) == 4
        same_everywhere(athena)


@support.check
def athena_context_and_options(place):
    """USE changes the database of what follows; workgroup and place of the results go along; parameters are put in."""
    with Athena(place) as athena:
        done = athena.frazil(
            "--format", "csv", "--workgroup", "nightly", "--output", "s3://results/x/", "--param", "n=41", "--param", "s=it's", "-c",
            "USE other.sales; SELECT :n + 1 AS a, :s AS b")
        assert done.stdout == '"a","b"\n"42","it\'s"\n', done.stdout
        run, = athena.executions()
        assert run["database"] == "sales" and run["catalog"] == "other" and run["workgroup"] == "nightly" and run["output"] == "s3://results/x/", run
        assert run["query"] == "SELECT 41 + 1 AS a, 'it''s' AS b", run
        missing = athena.frazil("-c", "SELECT :x", code=1)
        assert "':x'" in missing.stderr and len(athena.executions()) == 1, missing.stderr
        refused = athena.frazil("--workgroup", "missing", "-c", "SELECT 1", code=1)
        assert "WorkGroup missing is not found" in refused.stderr, refused.stderr


@support.check
def athena_pages(place):
    """More rows than a page, in order, and a number for every one."""
    with Athena(place) as athena:
        done = athena.frazil("--format", "jsonl", "-c", "SELECT n FROM UNNEST(range(2500)) AS t (n) ORDER BY n")
        assert done.stdout.splitlines() == [json.dumps({"n": number}, separators=(",", ":")) for number in range(2500)], done.stdout[:200]
        timed = athena.frazil("--format", "jsonl", "--timer", "-c", "SELECT n FROM UNNEST(range(2500)) AS t (n)")
        assert "Athena scanned" in timed.stderr and "10 MB" in timed.stderr, timed.stderr


@support.check
def athena_nested_values(place):
    """Athena tells of arrays, maps and rows only that they are such: they come as its text, in every format; as JSON they are what JSON says."""
    with Athena(place) as athena:
        sql = ("SELECT ARRAY[1, NULL] AS a, MAP(ARRAY['k'], ARRAY[CAST('1.5' AS double)]) AS m, CAST(ROW(1, 'it') AS ROW(x integer, y varchar)) AS r, "
               "CAST(ARRAY[1, 2] AS json) AS j")
        texts = ("[1, null]", "{k=1.5}", "{x=1, y=it}", "[1,2]")
        path = pathlib.Path(place.folder) / "out"
        for options, expected in (
            (["--format", "csv"], '"a","m","r","j"\n"%s","%s","%s","%s"\n' % texts),
            (["--format", "jsonl"], '{"a":"%s","m":"%s","r":"%s","j":%s}\n' % texts),
        ):
            assert athena.frazil(*options, "-c", sql).stdout == expected, options
            athena.frazil(*options, "--output", str(path), "-c", sql)
            assert path.read_text() == expected, options
        table = athena.frazil("-c", sql).stdout
        assert all(text in table for text in texts), table


@support.check
def athena_failures_say_where(place):
    with Athena(place) as athena:
        text = "SELECT 1 AS a;\n\nSELECT\n  nothing\nFROM (VALUES (1)) AS t (x);\nSELECT 3"
        done = athena.frazil("--format", "csv", "run", athena.script(text), code=1)
        assert done.stdout == '"a"\n"1"\n', done.stdout
        assert done.stderr.startswith("s.sql: COLUMN_NOT_FOUND: ") and "  line 4, column 3\n  4 |   nothing\n    |   ^^^^^^^\n" in done.stderr, done.stderr
        assert "Athena's query id is " in done.stderr and len(athena.executions()) == 2, done.stderr


@support.check
def athena_is_sent_nothing_it_would_refuse(place):
    """Everything that only Frazil has is named at once, in all scripts, and nothing is sent."""
    with Athena(place) as athena:
        text = "CREATE TABLE a AS SELECT 1 AS x;\nSELECT * FROM read_csv('x.csv');\nCALL system.check_table('a');\nSELECT x FROM a QUALIFY row_number() OVER () = 1;\n"
        done = athena.frazil("run", athena.script(text), code=1)
        for line in (2, 3, 4):
            assert f"  line {line}, column " in done.stderr, done.stderr
        assert "nothing was sent" in done.stderr and athena.executions() == [], done.stderr
        session = athena.frazil("-c", "SET SESSION x = 1; BEGIN; SELECT 1", code=1)
        assert "Athena has no SET SESSION" in session.stderr and "line 1, column 20" in session.stderr and athena.executions() == [], session.stderr
        typing = athena.frazil("-c", "SELECT 1; SELEC 2", code=1)
        assert "line 1, column 11" in typing.stderr and athena.executions() == [], typing.stderr


@support.check
def athena_lost_answers_and_throttling(place):
    """A lost answer does not run a statement twice; a service that asks for patience is given it."""
    with Athena(place, through_proxy=True) as athena:
        athena.proxy.faults(
            {"target": "StartQueryExecution", "action": "reset_after", "times": 2}, {"target": "GetQueryExecution", "action": "status", "status": 400, "code": "ThrottlingException"},
            {"target": "GetQueryResults", "action": "truncate"})
        done = athena.frazil("--format", "csv", "-c", "CREATE TABLE t AS SELECT 1 AS x", "-c", "SELECT count(*) AS n FROM t")
        assert done.stdout == '"n"\n"1"\n', done.stdout
        runs = athena.executions()
        assert len(runs) == 2 and [run["state"] for run in runs] == ["SUCCEEDED", "SUCCEEDED"], runs
        assert len(athena.proxy.struck()) == 4, athena.proxy.log()
        athena.proxy.faults({"target": "StartQueryExecution", "action": "status", "status": 403, "code": "AccessDeniedException"})
        refused = athena.frazil("-c", "SELECT 1", code=1)
        assert "PERMISSION_DENIED" in refused.stderr and "secret" not in refused.stderr, refused.stderr


@support.check
def athena_is_told_of_an_interrupt(place):
    with Athena(place) as athena:
        athena.interrupted("SELECT /* hold */ 1", lambda: any(run["state"] == "RUNNING" for run in athena.executions()))
        until = time.monotonic() + 10
        while (state := athena.executions()[0]["state"]) != "CANCELLED":
            assert time.monotonic() < until, state
            time.sleep(0.02)


@support.check
def an_interrupt_does_not_wait_for_silence(place):
    """A service that answers nothing any more is not waited for, and still told to stop."""
    with Athena(place, through_proxy=True) as athena:
        athena.proxy.faults({"target": "GetQueryExecution", "action": "stall", "times": 100})
        begin = time.monotonic()
        athena.interrupted("SELECT /* hold */ 1", lambda: athena.proxy.struck())
        assert time.monotonic() - begin < 20
        assert athena.executions()[0]["state"] == "CANCELLED", athena.executions()
    with support.Place() as own, Trino(own, through_proxy=True) as trino:
        trino.proxy.faults({"method": "GET", "action": "stall", "times": 100})
        begin = time.monotonic()
        trino.interrupted("SELECT /* hold */ 1", lambda: trino.proxy.struck())
        assert time.monotonic() - begin < 20
        assert any(entry["method"] == "DELETE" for entry in trino.log()), trino.log()


@support.check
def athena_of_moto(place):
    """An independent server of the API takes the same calls, and gives the results that it was told to give."""
    python = os.environ.get("FRAZIL_SERVERS_PYTHON", str(pathlib.Path.home() / ".cache" / "frazil" / "venv-servers" / "bin" / "python"))
    process, port = start([python, str(SERVERS / "glue_server.py")], "moto")
    try:
        url = f"http://127.0.0.1:{port}"
        column = {"CatalogName": "hive", "Name": "n", "Label": "n", "Type": "bigint", "Precision": 19, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": False}
        results = [{"rows": [{"Data": [{"VarCharValue": "n"}]}, {"Data": [{"VarCharValue": "7"}]}, {"Data": [{}]}], "column_info": [column]}]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("POST", "/moto-api/static/athena/query-results", json.dumps({"region": "eu-central-1", "results": results}))
        assert connection.getresponse().status == 201
        connection.close()
        client = boto3.client("athena", region_name="eu-central-1", endpoint_url=url, aws_access_key_id="k", aws_secret_access_key="s")
        environment = {"PATH": os.environ["PATH"], "HOME": place.folder, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-central-1",
                       "AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}
        done = subprocess.run(
            [support.binary(), "--on", "athena", "--output", "s3://results/", "--format", "jsonl", "-c", "SELECT n FROM t"], capture_output=True, text=True,
            cwd=place.folder, env=environment, timeout=120)
        assert done.returncode == 0 and done.stdout == '{"n":7}\n{"n":null}\n', (done.stdout, done.stderr)
        identity, = client.list_query_executions()["QueryExecutionIds"]
        execution = client.get_query_execution(QueryExecutionId=identity)["QueryExecution"]
        assert execution["Query"] == "SELECT n FROM t" and execution["QueryExecutionContext"]["Database"] == "default", execution
    finally:
        process.stdin.close()
        process.wait(30)


@support.check
def trino_runs_a_script(place):
    with Trino(place) as trino:
        done = trino.frazil("--format", "csv", "run", trino.script(SCRIPT))
        assert done.stdout == '"id","name"\n"1","one"\n"2",\n"3",""\n"4","four"\n', done.stdout
        assert done.stderr == "rows affected: 3\nrows affected: 2\nrows affected: 1\n", done.stderr
        posts = [entry for entry in trino.log() if entry["method"] == "POST"]
        assert [entry["body"] for entry in posts] == [text.strip() for text in SCRIPT.split(";")[:4]], posts
        for entry in posts:
            headers = entry["headers"]
            assert (headers["X-Trino-User"], headers["X-Trino-Catalog"], headers["X-Trino-Schema"], headers["X-Trino-Source"]) == ("ann", "lake", "sales", "frazil"), headers
        same_everywhere(trino)
        nested = ("SELECT n, ARRAY[n, NULL] AS a, MAP(ARRAY['k'], ARRAY[CAST('1.5' AS double)]) AS m, CAST(ROW(n, NULL) AS ROW(x integer, y varchar)) AS r, "
                  "from_hex('01ff') AS b, CAST('NaN' AS double) AS d, CAST(NULL AS varchar) AS s FROM (VALUES (1), (2), (3), (4), (5), (6), (7)) AS t (n) ORDER BY n")
        same(trino, nested)


@support.check
def trino_session_follows(place):
    """USE, SET SESSION and PREPARE answer with headers that go along with later statements."""
    with Trino(place) as trino:
        done = trino.frazil(
            "--format", "csv", "-c",
            "USE other.db; SET SESSION join_distribution_type = 'BROADCAST'; PREPARE p FROM SELECT ? + 1 AS a, 'x,y=z' AS b; EXECUTE p USING 41; DEALLOCATE PREPARE p; SELECT 1 AS c")
        assert done.stdout == '"a","b"\n"42","x,y=z"\n"c"\n"1"\n', done.stdout
        posts = [entry["headers"] for entry in trino.log() if entry["method"] == "POST"]
        assert (posts[1]["X-Trino-Catalog"], posts[1]["X-Trino-Schema"]) == ("other", "db"), posts[1]
        assert posts[2]["X-Trino-Session"] == "join_distribution_type=%27BROADCAST%27", posts[2]
        assert "X-Trino-Prepared-Statement" in posts[3] and "X-Trino-Prepared-Statement" not in posts[5], posts
        sent = len(posts)
        trino.frazil("-c", "SET SESSION a = 1; RESET SESSION a; START TRANSACTION; SELECT 1 AS c; COMMIT; SELECT 2 AS c")
        posts = [entry["headers"] for entry in trino.log() if entry["method"] == "POST"][sent:]
        assert [headers.get("X-Trino-Session") for headers in posts[:3]] == [None, "a=1", None], posts
        assert [headers["X-Trino-Transaction-Id"] for headers in posts] == ["NONE"] * 3 + ["transaction-1"] * 2 + ["NONE"], posts
        missing = trino.frazil("-c", "EXECUTE nothing", code=1)
        assert "NOT_FOUND: Prepared statement not found: nothing" in missing.stderr, missing.stderr


@support.check
def trino_failures_say_where(place):
    with Trino(place) as trino:
        text = "SELECT 1 AS a;\nSELECT\n  nothing\nFROM (VALUES (1)) AS t (x);\nSELECT 3"
        done = trino.frazil("--format", "csv", "run", trino.script(text), code=1)
        assert done.stdout == '"a"\n"1"\n', done.stdout
        assert done.stderr.startswith("s.sql: COLUMN_NOT_FOUND: ") and "  line 3, column 3\n  3 |   nothing\n" in done.stderr, done.stderr
        assert "Trino's query id is " in done.stderr, done.stderr
        timed = trino.frazil("--timer", "-c", "SELECT 1 AS a")
        assert "; scanned 1000 B" in timed.stderr, timed.stderr
        sent = len(trino.log())
        refused = trino.frazil("-c", "SELECT 1;\nVACUUM t;\nSELECT * FROM t VERSION AS OF 1", code=1)
        assert "line 2, column 1" in refused.stderr and "line 3, column " in refused.stderr and "Trino has no VACUUM" in refused.stderr, refused.stderr
        assert len(trino.log()) == sent
        for url in ("nonsense", "http://h/a/b/c"):
            wrong = subprocess.run([support.binary(), "--on", f"trino={url}", "-c", "SELECT 1"], capture_output=True, text=True, env=trino.environment, timeout=60)
            assert wrong.returncode == 1 and "INVALID_ARGUMENTS" in wrong.stderr, wrong


@support.check
def trino_unavailable_and_lost(place):
    """503 is waited out; a page that was lost is asked for again; a statement whose answer was lost is not sent twice."""
    with Trino(place, through_proxy=True) as trino:
        trino.control("PUT", "/__unavailable", "2")
        trino.proxy.faults({"method": "GET", "action": "reset_after"}, {"method": "GET", "action": "truncate", "skip": 1})
        done = trino.frazil("--format", "jsonl", "-c", "SELECT n FROM UNNEST(range(10)) AS t (n)")
        assert [json.loads(line)["n"] for line in done.stdout.splitlines()] == list(range(10)), done.stdout
        assert len(trino.proxy.struck()) == 2, trino.proxy.log()
        trino.proxy.faults({"method": "POST", "action": "reset_after"})
        lost = trino.frazil("-c", "CREATE TABLE lost AS SELECT 1 AS x", code=1)
        assert "it may have run" in lost.stderr, lost.stderr
        assert len([entry for entry in trino.log() if entry["body"].startswith("CREATE TABLE lost")]) == 1


@support.check
def trino_is_told_of_an_interrupt(place):
    with Trino(place) as trino:
        trino.interrupted("SELECT /* hold */ 1", lambda: any(entry["method"] == "GET" for entry in trino.log()))
        assert any(entry["method"] == "DELETE" for entry in trino.log()), trino.log()
