"""TPC-H at scale factor 1: Frazil over Iceberg tables of its own (Parquet, zstd), DuckDB over the same Parquet files.

Both run all queries in one process, several rounds; of each query the median counts, as each engine's own clock has it: Frazil by --timer,
DuckDB around execute and fetchall. Peak memory is that of the process over all rounds. Frazil's rows are compared with the answers of the
specification before any time is reported.
"""
import decimal
import json
import math
import pathlib
import re
import statistics
import subprocess
import sys

from processes import Measurement, measure

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.append(str(BENCH.parent / "Tests/Interop"))
import tpch  # noqa: E402  (of the tests: tables, queries and answers)

ROUNDS = 5


class TPCH:
    def __init__(self, bench):
        self.bench = bench
        self.folder = bench.data / "tpch_1"
        self.warehouse = self.folder / "warehouse"
        self.connection = tpch.connect()
        self.queries = {number: tpch.query(number, self.connection) for number in tpch.QUERIES}

    def prepare(self):
        if (self.folder / "complete").exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        tpch.generate(self.folder, 1, self.connection)
        script = self.folder / "tables.sql"
        script.write_text(";\n".join(tpch.tables_of(self.folder)))
        made = measure([self.bench.frazil_binary, "--warehouse", str(self.warehouse), "run", str(script)])
        if made.failed:
            sys.exit(f"TPC-H tables: {made.error}")
        (self.folder / "complete").touch()

    def check(self):
        """The queries whose rows are not the specification's."""
        wrong = []
        for number, sql in self.queries.items():
            done = subprocess.run([self.bench.frazil_binary, "--warehouse", str(self.warehouse), "--format", "jsonl", "-c", sql],
                                  capture_output=True, text=True)
            if done.returncode:
                wrong.append(f"query {number}: {done.stderr.strip().splitlines()[0]}")
                continue
            rows = [tuple(json.loads(line, parse_float=decimal.Decimal).values()) for line in done.stdout.splitlines()]
            problem = tpch.difference(rows, tpch.answer(number, 1, self.connection))
            if problem:
                wrong.append(f"query {number}: {problem}")
        return wrong

    def frazil(self):
        script = self.folder / "queries.sql"
        script.write_text(";\n".join([*self.queries.values()] * ROUNDS))
        with open(self.folder / "times.txt", "w+") as times:
            result = measure(["sh", "-c", 'exec "$@" 2>"$0"', str(self.folder / "times.txt"), self.bench.frazil_binary, "--warehouse",
                              str(self.warehouse), "--timer", "--format", "csv", "run", str(script)])
            text = times.read()
        return result, [float(found) for found in re.findall(r"^time: ([\d.]+) s\b", text, re.M)]

    def duckdb(self):
        script = self.folder / "queries.json"
        files = {name: [str(path) for path in (self.warehouse / "default" / name / "data").rglob("*.parquet")] for name in tpch.TABLES}
        script.write_text(json.dumps({"files": files, "queries": list(self.queries.values()) * ROUNDS}))
        result = self.bench.duckdb_peer("duckdb_queries.py", str(script))
        return result, json.loads(result.output) if not result.failed else []

    def run(self):
        print("TPC-H, scale factor 1", flush=True)
        self.prepare()
        wrong = self.check()
        note = "answers right" if not wrong else "ROWS DIFFER: " + "; ".join(wrong)
        medians = {}
        for engine, action in (("Frazil", self.frazil), ("DuckDB", self.duckdb)):
            result, times = action()
            if result.failed or len(times) != len(self.queries) * ROUNDS:
                self.bench.report("TPC-H, 22 queries", engine, Measurement(0, 0, 0, "", result.error or "times are missing"))
                return
            medians[engine] = [statistics.median(times[index::len(self.queries)]) for index in range(len(self.queries))]
            total = Measurement(sum(medians[engine]), result.cpu / ROUNDS, result.peak_bytes, "", None)
            self.bench.report("TPC-H, 22 queries", engine, total, note if engine == "Frazil" else self.comparison(medians))
        for index, number in enumerate(self.queries):
            ours, theirs = medians["Frazil"][index], medians["DuckDB"][index]
            print(f"    query {number:2}: {ours:6.3f} s, DuckDB {theirs:6.3f} s, {theirs / ours:.2f}x", flush=True)

    @staticmethod
    def comparison(medians):
        ratios = {number: theirs / ours for number, (ours, theirs) in enumerate(zip(medians["Frazil"], medians["DuckDB"]), 1)}
        mean = math.exp(statistics.fmean(math.log(ratio) for ratio in ratios.values()))
        worst = min(ratios, key=ratios.get)
        return f"geometric mean {mean:.2f}x, worst query {worst} {ratios[worst]:.2f}x"
