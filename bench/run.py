"""Runs Frazil and its peers on the same files, one process after the other, and writes bench/RESULTS.md.

    make bench                              quick: 7 million rows
    make bench BENCH="--size standard"      148 samples x 500,000 loci, 70 million rows
    make bench BENCH="--size full"          adds the pivot of 148 x 4,000,000 loci (5 GB of input)
    make bench BENCH="--only pivot"         the items whose name begins so; the report keeps the others from earlier runs of the size

Every number is the best of some runs of a whole process, start included, with warm file caches. The engines of an item take turns, so that
whatever else the machine does meets all of them. Results of an item are compared with each other before any ratio is reported.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import duckdb
import polars
import pyarrow

import chart
import generate
import remote_storage
import row_changes
import tpch_queries
import verify
from processes import Measurement, measure

BENCH = pathlib.Path(__file__).resolve().parent
SIZES = {"quick": (148, 50_000), "standard": (148, 500_000), "full": (148, 500_000)}
MEMORY = "16GB"
ORDER = ["start", "pivot", "pivot, shuffled", "pivot, mixed", "pivot, full", "group by", "filter", "insert", "SCD2 MERGE", "upsert", "delete one sample", "optimize", "operators", "TPC-H", "remote", "write", "count(*)", "one row"]
FIGURE = ["pivot", "pivot, shuffled files", "insert one sample from CSV", "group by sample", "filter on one sample"]


class Bench:
    def __init__(self, options):
        self.options = options
        self.data = pathlib.Path(options.data).resolve()
        self.frazil_binary = os.path.abspath(options.frazil)
        self.scratch = self.data / "scratch"
        self.samples, self.loci = SIZES[options.size]
        self.runs = options.runs
        self.rows = []
        self.earlier = self.load()
        self.all_rows = self.earlier
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(parents=True)

    # Engines

    def frazil(self, sql, *settings):
        return measure([self.frazil_binary, "--warehouse", str(self.scratch / "warehouse"), "--format", "csv", *settings, "-c", sql])

    def duckdb(self, sql):
        return self.duckdb_peer("duckdb_sql.py", sql)

    def duckdb_peer(self, script, argument):
        """A script of `peers` that runs DuckDB, capped like every DuckDB here."""
        return measure([sys.executable, str(BENCH / "peers" / script), MEMORY, str(self.scratch / "spill"), self.options.spill_limit, argument])

    def polars(self, script, *arguments):
        return measure([sys.executable, str(BENCH / "peers" / script), *map(str, arguments)])

    def take_turns(self, actions, runs=None):
        """The fastest run of each engine; one that fails is not run again."""
        fastest = {}
        for _ in range(runs or self.runs):
            for engine, action in actions.items():
                known = fastest.get(engine)
                if known is not None and known.failed:
                    continue
                result = action()
                if known is None or result.failed or result.seconds < known.seconds:
                    fastest[engine] = result
        return fastest

    # Report

    def report(self, item, engine, result, note=""):
        self.rows.append((item, engine, result, note))
        self.save()
        state = f"failed: {result.error[:120]}" if result.failed else (
            f"{result.seconds:8.3f} s  cpu {result.cpu:7.2f} s  peak {result.peak_bytes / 1e6:7.0f} MB")
        print(f"  {item:34} {engine:22} {state} {note}", flush=True)

    @property
    def saved(self):
        return self.data / f"results_{self.options.size}.json"

    def save(self):
        """Keeps the numbers for the report; those of items that this run leaves out stay from before."""
        ran = {item for item, *_ in self.rows}
        kept = [row for row in self.earlier if row[0] not in ran]
        self.all_rows = kept + self.rows
        self.all_rows.sort(key=lambda row: max((len(name), i) for i, name in enumerate([*ORDER, ""]) if row[0].startswith(name))[1])
        self.saved.write_text(json.dumps([
            [item, engine, [result.seconds, result.cpu, result.peak_bytes, result.error], note]
            for item, engine, result, note in self.all_rows], indent=1))

    def load(self):
        if not self.saved.exists():
            return []
        return [(item, engine, Measurement(*numbers[:3], "", numbers[3]), note)
                for item, engine, numbers, note in json.loads(self.saved.read_text())]

    def wants(self, item):
        return not self.options.only or any(item.startswith(name) for name in self.options.only)

    # Items

    def pivot(self, item, loci, peers, shuffled=False, mixed=False, runs=None, distinct=None):
        if not self.wants(item):
            return
        folder = self.data / f"{self.samples}x{loci}{'_shuffled' if shuffled else ''}{'_mixed' if mixed else ''}"
        rows = generate.generate(folder, self.samples, loci, shuffled=shuffled, mixed=mixed, distinct=distinct)
        print(f"{item}: {rows:,} rows", flush=True)
        files = f"{folder}/*.parquet"
        names = [f"sample_{i:04d}" for i in range(self.samples)]
        cases = ",\n".join(f"max(CASE WHEN sample_id = '{n}' THEN beta_value END) AS {n}" for n in names)
        unload = (f"UNLOAD (SELECT cpg_coordinate, {cases} FROM read_parquet('{files}') GROUP BY cpg_coordinate) TO '{{path}}' "
                  "WITH (format = 'PARQUET', compression = 'ZSTD')")
        copy_case = (f"COPY (SELECT cpg_coordinate, {cases} FROM read_parquet('{files}') GROUP BY cpg_coordinate) "
                     "TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        copy_pivot = (f"COPY (PIVOT (SELECT cpg_coordinate, sample_id, beta_value FROM read_parquet('{files}')) ON sample_id "
                      "USING max(beta_value) GROUP BY cpg_coordinate) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        engines = {
            "Frazil": lambda path: self.frazil(unload.replace("{path}", str(path))),
            "DuckDB CASE": lambda path: self.duckdb(copy_case.replace("{path}", str(path))),
            "DuckDB PIVOT": lambda path: self.duckdb(copy_pivot.replace("{path}", str(path))),
            "Polars lazy": lambda path: self.polars("polars_pivot.py", files, self.samples, path),
            "Polars pivot": lambda path: self.polars("polars_eager.py", files, path),
        }
        paths = {engine: self.scratch / engine.lower().replace(" ", "_") for engine in ["Frazil", *peers]}

        def action(engine):
            path = paths[engine]
            shutil.rmtree(path, ignore_errors=True)
            if path.is_file():
                path.unlink()
            return engines[engine](path)

        fastest = self.take_turns({engine: lambda engine=engine: action(engine) for engine in paths}, runs)
        for engine, result in fastest.items():
            note = ""
            if not result.failed and engine != "Frazil" and not fastest["Frazil"].failed:
                difference = verify.same_cells(paths["Frazil"], paths[engine], "cpg_coordinate")
                note = "cells equal" if difference is None else f"CELLS DIFFER: {difference}"
            self.report(item, engine, result, note)
        for path in paths.values():
            shutil.rmtree(path, ignore_errors=True)
            if path.is_file():
                path.unlink()

    def aggregates(self):
        if not (self.wants("group by") or self.wants("filter")):
            return
        samples = 21 if self.options.size != "quick" else 148
        folder = self.data / f"{samples}x{self.loci}"
        rows = generate.generate(folder, samples, self.loci)
        files = f"{folder}/*.parquet"
        print(f"group by, filter: {rows:,} rows", flush=True)
        queries = {
            "group by sample": "SELECT sample_id, count(*), avg(beta_value) FROM read_parquet('{files}') "
                               "WHERE NOT {isnan}(beta_value) OR beta_value IS NULL GROUP BY sample_id ORDER BY sample_id",
            "filter on one sample": "SELECT count(*), count(beta_value), max(coverage) FROM read_parquet('{files}') "
                                    "WHERE sample_id = 'sample_0007'",
        }
        for item, sql in queries.items():
            self.compare(item, sql.format(files=files, isnan="is_nan"), sql.format(files=files, isnan="isnan"))

    def compare(self, item, ours, theirs):
        """The same query in both engines; their rows must agree."""
        fastest = self.take_turns({"Frazil": lambda: self.frazil(ours), "DuckDB": lambda: self.duckdb(theirs)})
        frazil, duck = fastest["Frazil"], fastest["DuckDB"]
        same = verify.same_rows(frazil.output.splitlines()[1:], duck.output.splitlines())
        self.report(item, "Frazil", frazil)
        self.report(item, "DuckDB", duck, "" if frazil.failed or duck.failed else "rows equal" if same else "ROWS DIFFER")

    def operators(self):
        """The general operators: nothing here is special to Frazil, so this is about keeping up."""
        if not self.wants("operators"):
            return
        scale = 1 if self.options.size != "quick" else 10
        folder = self.data / f"facts_{10 // scale}m"
        rows = generate.generate_facts(folder, 10_000_000 // scale, 4_000_000 // scale)
        print(f"operators: {rows:,} rows", flush=True)
        facts, keys = f"read_parquet('{folder}/facts.parquet')", f"read_parquet('{folder}/keys.parquet')"
        queries = {
            "operators: group by text, 1 M groups":
                f"SELECT count(*), sum(n), max(top) FROM (SELECT name, count(*) AS n, max(value) AS top FROM {facts} GROUP BY name) t",
            "operators: group by bigint, 4 M groups":
                f"SELECT count(*), sum(n) FROM (SELECT id, count(*) AS n, sum(value) AS total FROM {facts} GROUP BY id) t",
            "operators: count distinct": f"SELECT count(DISTINCT id), count(DISTINCT name) FROM {facts}",
            "operators: join 10 M with 4 M":
                f"SELECT count(*), sum(f.value * k.weight) FROM {facts} f JOIN {keys} k ON f.id = k.id",
            "operators: sort, first of each": f"SELECT count(*), sum(value) FROM (SELECT id, value, row_number() OVER "
                f"(PARTITION BY id ORDER BY value DESC) AS place FROM {facts}) t WHERE place = 1",
            "operators: top 100": f"SELECT id, value FROM {facts} ORDER BY value DESC, id LIMIT 100",
        }
        for item, sql in queries.items():
            self.compare(item, sql, sql)
        paths = {"Frazil": self.scratch / "sorted", "DuckDB": self.scratch / "sorted.parquet"}
        query = f"SELECT id, value, name FROM {facts} ORDER BY id, value"

        def unload():
            shutil.rmtree(paths["Frazil"], ignore_errors=True)
            return self.frazil(f"UNLOAD ({query}) TO '{paths['Frazil']}' WITH (format = 'PARQUET', compression = 'ZSTD')")

        for engine, result in self.take_turns({
            "Frazil": unload,
            "DuckDB": lambda: self.duckdb(f"COPY ({query}) TO '{paths['DuckDB']}' (FORMAT parquet, COMPRESSION zstd)"),
        }).items():
            self.report("operators: sort to Parquet", engine, result)

    def insert(self):
        item = "insert one sample from CSV"
        if not self.wants("insert"):
            return
        loci = 526_316  # 500,000 rows once one in twenty is missing
        csv = self.data / "one_sample.csv"
        rows = generate.generate_csv(csv, loci, 147)
        print(f"{item}: {rows:,} rows", flush=True)
        self.frazil("CREATE TABLE IF NOT EXISTS calls (cpg_coordinate string, sample_id string, beta_value double, coverage int, "
                    "batch_id string) PARTITIONED BY (batch_id) TBLPROPERTIES ('table_type' = 'ICEBERG')")
        columns = "cpg_coordinate, sample_id, CAST(beta_value AS double), CAST(coverage AS integer), batch_id"
        out = self.scratch / "one_sample.parquet"
        for engine, result in self.take_turns({
            "Frazil, Iceberg": lambda: self.frazil(f"INSERT INTO calls SELECT {columns} FROM read_csv('{csv}')"),
            "DuckDB, Parquet file": lambda: self.duckdb(
                f"COPY (SELECT {columns} FROM read_csv('{csv}')) TO '{out}' (FORMAT parquet, COMPRESSION zstd)"),
        }).items():
            self.report(item, engine, result)

    def many_files(self):
        if not self.wants("many files"):
            return
        files = 10_000 if self.options.size != "quick" else 1_000
        print(f"many files: {files:,} data files", flush=True)
        self.frazil("CREATE TABLE IF NOT EXISTS many (x bigint, label string) PARTITIONED BY (truncate(10, x)) "
                    "TBLPROPERTIES ('table_type' = 'ICEBERG')")
        made = self.frazil(f"INSERT INTO many SELECT x, 'row ' || CAST(x AS varchar) FROM UNNEST(sequence(0, {files * 10 - 1})) AS t(x)")
        self.report(f"write {files:,} files", "Frazil", made)
        if made.failed:
            return
        metadata = max((self.scratch / "warehouse").rglob("many*/metadata/*.metadata.json"), key=lambda path: path.stat().st_mtime)
        for item, where in ((f"count(*) of {files:,} files", ""), (f"one row of {files:,} files", f" WHERE x = {files * 5 + 3}")):
            self.compare(item, f"SELECT count(*) FROM many{where}",
                         f"-- load avro\n-- load iceberg\nSELECT count(*) FROM iceberg_scan('{metadata}'){where}")

    def start(self):
        if self.wants("start"):
            self.report("start: SELECT 1", "Frazil", self.take_turns({"Frazil": lambda: self.frazil("SELECT 1")}, 10)["Frazil"])

    def run(self):
        self.start()
        self.pivot("pivot", self.loci, ["DuckDB CASE", "DuckDB PIVOT", "Polars lazy", "Polars pivot"])
        self.pivot("pivot, shuffled files", self.loci, ["DuckDB CASE", "Polars lazy"], shuffled=True)
        self.pivot("pivot, mixed files", self.loci // 5, ["DuckDB CASE"], mixed=True)
        self.aggregates()
        self.insert()
        row_changes.RowChanges(self).run()
        self.operators()
        if self.wants("TPC-H"):
            tpch_queries.TPCH(self).run()
        self.many_files()
        remote_storage.RemoteStorage(self).run()
        if self.options.size == "full":
            self.pivot("pivot, full size", 4_000_000, [], runs=1, distinct=24)


def table(rows):
    lines = ["| item | engine | time | CPU | peak memory | against Frazil | |", "|---|---|---|---|---|---|---|"]
    frazil = {}
    for item, engine, result, note in rows:
        if engine.startswith("Frazil") and not result.failed:
            frazil[item] = result
        if result.failed:
            lines.append(f"| {item} | {engine} | failed | | | | {result.error[:100].replace('|', '/')} |")
            continue
        ratio = ""
        if item in frazil and not engine.startswith("Frazil"):
            ours = frazil[item]
            ratio = (f"{result.seconds / ours.seconds:.1f}x time, {result.cpu / max(ours.cpu, 0.001):.1f}x CPU, "
                     f"{result.peak_bytes / ours.peak_bytes:.1f}x memory")
        lines.append(f"| {item} | {engine} | {result.seconds:.3f} s | {result.cpu:.2f} s | {result.peak_bytes / 1e6:.0f} MB | {ratio} | {note} |")
    return "\n".join(lines)


def machine():
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores of {cpu}, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frazil", required=True, help="the release binary")
    parser.add_argument("--kernels", help="the binary of the kernel benchmarks, run at the end")
    parser.add_argument("--sail-python", help="the Python of an environment with Sail, a peer of the row-level changes")
    parser.add_argument("--size", choices=SIZES, default="quick")
    parser.add_argument("--data", default=str(BENCH / "data"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--spill-limit", default="20GB", help="DuckDB's max_temp_directory_size")
    parser.add_argument("--only", action="append")
    parser.add_argument("--results", default=str(BENCH / "RESULTS.md"))
    options = parser.parse_args()
    bench = Bench(options)
    bench.run()
    version = measure([bench.frazil_binary, "--version"]).output.strip()
    commit = subprocess.run(["git", "-C", str(BENCH), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    text = (f"# Benchmark results\n\nWritten by `make bench BENCH=\"--size {options.size}\"` on {datetime.date.today()}; how and what: `run.py`.\n\n"
            f"- machine: {machine()}\n- {version} ({commit}), DuckDB {duckdb.__version__}, Polars {polars.__version__}, "
            f"files written by PyArrow {pyarrow.__version__}\n- best of {options.runs} whole processes, start included, warm file cache; "
            f"DuckDB with memory_limit {MEMORY} and max_temp_directory_size {options.spill_limit}\n\n{table(bench.all_rows)}\n")
    kernels = measure([options.kernels]) if options.kernels else None
    if kernels:
        print(kernels.output, flush=True)
        text += f"\n## Kernels\n\nWhat the engine does to many values, against a plain loop over the same memory.\n\n```\n{kernels.output}```\n"
    bounds = BENCH / "BOUNDS.md"
    if bounds.exists():
        text += "\n" + bounds.read_text()
    results = pathlib.Path(options.results)
    figure = results.with_name("results.svg")
    figure.write_text(chart.draw(bench.all_rows, FIGURE))
    results.write_text(text.replace("\n\n| item", f"\n\n![seconds and peak memory]({figure.name})\n\n| item", 1))
    print(f"written: {options.results}")
    shutil.rmtree(bench.scratch, ignore_errors=True)
    return 1 if any("DIFFER" in note for *_, note in bench.rows) or kernels and kernels.failed else 0


if __name__ == "__main__":
    sys.exit(main())
