#!/usr/bin/env python3
"""Runs random queries in Frazil and in DuckDB over the same Parquet files and compares the rows.

usage: differential.py --frazil BINARY [--seed N] [--count N] [--partitioned N] [--seconds N] [--from N] [--jobs N] [-v]

Query n of a seed is always the same query. A difference prints the query; `--seed S --from n --count 1` repeats it alone.
A statement that both refuse counts as agreement; one that only DuckDB refuses, or that takes it too long or gives too many rows, is skipped.

After them come `--partitioned` statements that need no other engine (ternary logic partitioning: Rigger and Su, OOPSLA 2020): the rows where a
condition holds, does not hold and is unknown are together all rows.

Ends with `N passed, N failed`.
"""

import argparse
import concurrent.futures
import json
import math
import multiprocessing
import re
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

import duckdb

import tables
from generator import Generator

# The whole seconds of a timestamp; what follows are zeros, more or fewer of them by its precision.
TIMESTAMP = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.0+$")


DUCKDB_SECONDS = 5
MOST_ROWS = 20_000


def canonical(value):
    """Values of both engines in one form: numbers as numbers, times as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, Decimal, float)):
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        # Nine digits: doubles are summed in different orders.
        return round(float(value), 9) + 0.0 if abs(value) < 2**53 else str(value)
    if isinstance(value, str):
        return TIMESTAMP.sub(r"\1", value)
    return TIMESTAMP.sub(r"\1", value.isoformat(sep=" ") if hasattr(value, "hour") else str(value))


def sort_key(row):
    return [(value is None, str(type(value)), value if value is not None else 0) for value in row]


class Frazil:
    def __init__(self, binary, folder, options):
        self.command = [binary, "--warehouse", f"{folder}/warehouse", "--format", "jsonl", *options]

    def run(self, sql):
        """Rows, or the text of an error."""
        try:
            done = subprocess.run([*self.command, "-c", sql], capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "no result after 60 seconds"
        if done.returncode == 1:
            return done.stderr
        if done.returncode != 0:
            return f"CRASH {done.returncode}\n{done.stderr[-3000:]}"
        lines = [json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()]
        return [[canonical(v) for v in line.values()] for line in lines]


def answer_queries(folder, names, pipe):
    """What the child process of `Oracle` does: SQL comes in, rows or the text of an error go out."""
    connection = duckdb.connect(config={"temp_directory": f"{folder}/spill"})
    connection.execute("SET threads = 1")
    for name in names:
        connection.execute(view(folder, name))
    while True:
        try:
            sql = pipe.recv()
        except EOFError:
            return
        try:
            rows = connection.execute(sql).fetchmany(MOST_ROWS + 1)
            pipe.send(None if len(rows) > MOST_ROWS else [[canonical(v) for v in row] for row in rows])
        except duckdb.Error as error:
            pipe.send(str(error))


class Oracle:
    """DuckDB in a process of its own: some random joins take longer than anybody can wait, and it does not always heed an interrupt."""

    def __init__(self, folder, names):
        self.arguments = (folder, names)
        self.process = None

    def start(self):
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=answer_queries, args=(*self.arguments, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def run(self, sql):
        """Rows, the text of an error, or None when it takes too long or gives too many rows."""
        if self.process is None:
            self.start()
        self.pipe.send(sql)
        if self.pipe.poll(DUCKDB_SECONDS):
            return self.pipe.recv()
        self.stop()
        return None

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


def view(folder, name):
    return f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/{name}.parquet')"


def difference(ours, theirs, is_ordered, our_name="frazil", their_name="duckdb"):
    """What differs, or None."""
    if not is_ordered:
        ours, theirs = sorted(ours, key=sort_key), sorted(theirs, key=sort_key)
    if ours == theirs:
        return None
    lines = [f"{our_name} has {len(ours)} rows, {their_name} {len(theirs)}"]
    lines += [f"  {our_name} only: {row}" for row in ours if row not in theirs][:5]
    lines += [f"  {their_name} only: {row}" for row in theirs if row not in ours][:5]
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frazil", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--partitioned", type=int, default=0)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with every JOBS-th query")
    parser.add_argument("--option", action="append", default=[], help="passed on to frazil, such as --option=--memory=8MB")
    parser.add_argument("--avoid", action="append", default=[], help="leave out queries with this text")
    parser.add_argument("-v", action="store_true", dest="verbose")
    return parser.parse_args()


class Run:
    """The queries of one process."""

    def __init__(self, options, job):
        self.options, self.job = options, job
        self.passed = self.failed = self.skipped = 0
        self.start = time.monotonic()

    def numbers(self, count):
        first = self.options.first
        for number in range(first + self.job, first + count, self.options.jobs):
            if time.monotonic() - self.start > self.options.seconds:
                print(f"time is up before query {number}")
                self.failed += 1
                return
            yield number

    def note(self, problem, number, sql):
        if problem is None:
            self.passed += 1
            return
        self.failed += 1
        print(f"query {number} of seed {self.options.seed}:\n{sql}\n{problem.strip()}\n", flush=True)

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            columns = tables.write(folder, self.options.seed)
            frazil = Frazil(self.options.frazil, folder, self.options.option)
            oracle = Oracle(folder, list(columns))
            for name in columns:
                outcome = frazil.run(view(folder, name))
                if isinstance(outcome, str):
                    sys.exit(f"cannot make the view {name}: {outcome}")
            for number in self.numbers(self.options.count):
                self.compare(number, Generator(f"{self.options.seed}.{number}", columns).top(), frazil, oracle)
            oracle.stop()
            for number in self.numbers(self.options.partitioned):
                whole, parts = Generator(f"{self.options.seed}.parts.{number}", columns).partitioned()
                ours, together = frazil.run(whole), frazil.run(parts)
                errors = [text for text in (ours, together) if isinstance(text, str)]
                self.note(errors[0] if errors else difference(ours, together, False, "whole", "parts"), number, parts)
        return self.passed, self.failed, self.skipped

    def compare(self, number, query, frazil, oracle):
        if any(text in query.trino for text in self.options.avoid):
            return
        if self.options.verbose:
            print(number, query.trino)
        theirs = oracle.run(query.duck)
        if theirs is None:
            self.skipped += 1
            return
        ours = frazil.run(query.trino)
        if isinstance(theirs, str):
            self.skipped += 1
            if isinstance(ours, str) and ours.startswith("CRASH"):
                self.note(ours, number, query.trino)
            elif self.options.verbose:
                print("  duckdb refuses:", theirs.splitlines()[0])
            return
        self.note(ours if isinstance(ours, str) else difference(ours, theirs, query.is_ordered), number, query.trino)
        if self.options.verbose:
            print("duckdb's form:", query.duck)


def main():
    options = arguments()
    start = time.monotonic()
    # Threads do: the work is that of their children.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda job: Run(options, job).run(), range(options.jobs)))
    passed, failed, skipped = (sum(result[position] for result in results) for position in range(3))
    print(f"seed {options.seed}: {skipped} skipped because DuckDB refuses them or they have too many rows, {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
