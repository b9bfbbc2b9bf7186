"""Reading and writing tables in object storage: over loopback beside DuckDB's httpfs, and through `slow_storage.py`, which is as far away as it is told.

The server is rclone's S3 (Tests/Servers/s3_server.py), in the Python environment of the servers. Tables are written into its folder through a mount,
which takes seconds where an upload would take minutes. What a query asks for is counted by the proxy in a run of its own, so that the times of the
loopback items are those of the server alone.
"""
import gzip
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import urllib.request

import generate
import verify
from processes import measure
from slow_storage import sequence

BENCH = pathlib.Path(__file__).resolve().parent
SERVERS_PYTHON = os.environ.get("FRAZIL_SERVERS_PYTHON", str(pathlib.Path.home() / ".cache" / "frazil" / "venv-servers" / "bin" / "python"))
BUCKET = "lake"
DELAY_MS, MEGABYTES = 30, 50
FILES, COMMITS = 10_000, 25
SAMPLES = 20
TEXT_FILES, TEXT_ROWS = 200, 4_000


class RemoteStorage:
    def __init__(self, bench):
        self.bench = bench
        self.folder = bench.data / "remote"
        self.processes = []

    def run(self):
        if not self.bench.wants("remote"):
            return
        self.generate()
        try:
            self.start()
            self.loopback()
            self.far()
        finally:
            for process in reversed(self.processes):
                process.stdin.close()
                process.wait(30)

    # Tables

    @property
    def bucket(self):
        return self.folder / "rclone" / BUCKET

    def generate(self):
        """The long table as files, and an Iceberg table of many small files; both are there from then on."""
        loci = 50_000 if self.bench.options.size == "quick" else 500_000
        self.loci = loci
        generate.generate(self.bucket / f"long_{loci}", SAMPLES, loci)
        self.generate_text()
        if (self.folder / "complete").exists():
            return
        shutil.rmtree(self.folder / "catalog", ignore_errors=True)
        shutil.rmtree(self.bucket / "points", ignore_errors=True)
        rows = FILES // COMMITS
        statements = [f"CREATE TABLE points (k bigint, v double, note string) PARTITIONED BY (truncate(100, k)) LOCATION 's3://{BUCKET}/points' "
                      "TBLPROPERTIES ('table_type' = 'ICEBERG')"]
        statements += [
            f"INSERT INTO points SELECT ({commit * rows} + f.n) * 100 + r.n, CAST(r.n AS double), 'row ' || CAST(r.n AS string) "
            f"FROM UNNEST(sequence(0, {rows - 1})) f (n) CROSS JOIN UNNEST(sequence(0, 99)) r (n)" for commit in range(COMMITS)]
        self.folder.mkdir(parents=True, exist_ok=True)
        made = self.measure(";\n".join(statements), "--mount", f"s3://{BUCKET}/={self.bucket}/")
        if made.failed:
            raise SystemExit(f"remote: {made.error}")
        (self.folder / "complete").touch()

    def generate_text(self):
        """Many small CSV files, and the same rows three times in one that is compressed."""
        folder, packed = self.bucket / "events", self.bucket / "events.csv.gz"
        if packed.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        chance = random.Random(7)
        header, texts = "id,name,value,day,code\n", []
        for file in range(TEXT_FILES):
            keys = range(file * TEXT_ROWS, (file + 1) * TEXT_ROWS)
            texts.append("".join(
                f"{key},name {chance.randrange(10 ** 6)},{chance.random() * 100:.4f},2026-01-{1 + key % 28:02},{chance.randrange(10 ** 9)}\n" for key in keys))
            (folder / f"{file:03}.csv").write_text(header + texts[-1])
        with gzip.open(packed, "wt", compresslevel=1) as out:
            out.write(header + "".join(texts) * 3)

    # Servers

    def start(self):
        server = subprocess.Popen(
            [SERVERS_PYTHON, str(BENCH.parent / "Tests" / "Servers" / "s3_server.py"), "rclone", str(self.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.processes.append(server)
        self.server = json.loads(server.stdout.readline())
        self.direct = int(self.server["endpoint"].rsplit(":", 1)[1])
        self.counter = self.proxy(0, 0)
        self.distant = self.proxy(DELAY_MS, MEGABYTES)

    def proxy(self, delay, megabytes):
        process = subprocess.Popen(
            [sys.executable, str(BENCH / "slow_storage.py"), self.server["endpoint"], "--delay-ms", str(delay), "--megabytes-per-second", str(megabytes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.processes.append(process)
        return int(process.stdout.readline().split()[-1])

    @staticmethod
    def log(port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__log") as answer:
            return json.loads(answer.read())

    # Engines

    def measure(self, sql, *settings):
        return measure([
            self.bench.frazil_binary, "--warehouse", f"s3://{BUCKET}/warehouse", "--catalog-directory", str(self.folder / "catalog"), "--format", "csv",
            *settings, "-c", sql])

    def frazil(self, port, sql, *settings):
        os.environ.update({
            "AWS_ACCESS_KEY_ID": self.server["access_key"], "AWS_SECRET_ACCESS_KEY": self.server["secret_key"], "AWS_REGION": self.server["region"],
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", "AWS_EC2_METADATA_DISABLED": "true"})
        return self.measure(sql, *settings)

    def duckdb(self, port, sql):
        secret = (f"CREATE SECRET (TYPE s3, KEY_ID '{self.server['access_key']}', SECRET '{self.server['secret_key']}', REGION '{self.server['region']}', "
                  f"ENDPOINT '127.0.0.1:{port}', URL_STYLE 'path', USE_SSL false)")
        return self.bench.duckdb(f"-- load httpfs\n{secret};\n{sql}")

    def asked(self, port, action):
        """Requests, bytes and round trips of one run."""
        self.log(port)
        result = action()
        log = self.log(port)
        return result, log, f"{len(log)} requests, {sum(entry['bytes'] for entry in log) / 1e6:.1f} MB, {sequence(log)} in sequence"

    # Items

    def queries(self):
        files = f"read_parquet('s3://{BUCKET}/long_{self.loci}/*.parquet')"
        cells = ", ".join(f"max(CASE WHEN sample_id = 'sample_{sample:04d}' THEN beta_value END) AS s{sample}" for sample in range(SAMPLES))
        counts = ", ".join(f"count(s{sample})" for sample in range(SAMPLES))
        return {
            "full scan": f"SELECT count(cpg_coordinate), count(sample_id), count(beta_value), sum(coverage), count(batch_id) FROM {files}",
            "filter": f"SELECT count(*), count(beta_value), max(coverage) FROM {files} WHERE sample_id = 'sample_0007'",
            "group by": f"SELECT sample_id, count(*), sum(coverage) FROM {files} GROUP BY sample_id ORDER BY sample_id",
            "pivot": f"SELECT count(*), {counts} FROM (SELECT cpg_coordinate, {cells} FROM {files} GROUP BY cpg_coordinate) t",
        }

    def loopback(self):
        for name, sql in self.queries().items():
            self.compare(f"remote, loopback: {name}", sql, self.direct, self.counter)

    def compare(self, item, sql, port, counter, note=lambda log, result: ""):
        engines = {"Frazil": lambda port: self.frazil(port, sql), "DuckDB httpfs": lambda port: self.duckdb(port, sql)}
        fastest = self.bench.take_turns({engine: lambda action=action: action(port) for engine, action in engines.items()})
        rows = {engine: result.output.splitlines()[1 if engine == "Frazil" else 0:] for engine, result in fastest.items()}
        same = verify.same_rows(*rows.values())
        for engine, result in fastest.items():
            if result.failed:
                self.bench.report(item, engine, result)
                continue
            _, log, asked = self.asked(counter, lambda engine=engine: engines[engine](counter))
            agreement = "" if engine == "Frazil" else "; rows equal" if same else "; ROWS DIFFER"
            self.bench.report(item, engine, result, asked + note(log, result) + agreement)

    def far(self):
        def share(log, result):
            if not log:
                return ""
            moved = sum(entry["bytes"] for entry in log)
            seconds = max(entry["end"] for entry in log) - min(entry["begin"] for entry in log)
            return f", {moved / seconds / MEGABYTES / 1e4:.0f} % of the bandwidth"

        self.compare(f"remote, {DELAY_MS} ms, {MEGABYTES} MB/s: full scan", self.queries()["full scan"], self.distant, self.distant, share)
        for item, files in ((f"{TEXT_FILES} CSV files", "events/*.csv"), ("one CSV file, gzip", "events.csv.gz")):
            sql = f"SELECT count(*), sum(code), max(name), min(day) FROM read_csv('s3://{BUCKET}/{files}')"
            self.compare(f"remote, {DELAY_MS} ms, {MEGABYTES} MB/s: {item}", sql, self.distant, self.distant, share)
        one_row = "SELECT v, note FROM points WHERE k = 512345"
        insert = "INSERT INTO points VALUES (-1, 0.5, 'new')"
        cache = self.bench.scratch / "cache"
        for item, sql, settings in (
            (f"one row of {FILES:,} files", one_row, []), (f"one row of {FILES:,} files, cache on disk", one_row, ["--cache", str(cache)]),
            ("INSERT of one row", insert, []),
        ):
            best = None
            for _ in range(self.bench.runs):
                result, _, asked = self.asked(self.distant, lambda: self.frazil(self.distant, sql, *settings))
                if best is None or result.failed or result.seconds < best[0].seconds:
                    best = (result, asked)
            self.bench.report(f"remote, {DELAY_MS} ms: {item}", "Frazil", *best)
        result, _, asked = self.asked(self.distant, lambda: self.frazil(self.distant, "SELECT count(*), sum(v) FROM points"))
        self.bench.report(f"remote, {DELAY_MS} ms: scan of {FILES:,} files", "Frazil", result, asked)
