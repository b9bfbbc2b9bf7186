#!/usr/bin/env python3
"""Runs random queries in Frazil and in DuckDB over the same Parquet files and compares the rows.

usage: differential.py --frazil BINARY [--seed N] [--count N] [--seconds N] [--from N] [-v]

Query n of a seed is always the same query. A difference prints the query; `--seed S --from n --count 1` repeats it alone.
A statement that both refuse counts as agreement; one that only DuckDB refuses is skipped. Ends with `N passed, N failed`.
"""

import argparse
import json
import math
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


def from_duckdb(connection, sql):
    try:
        return [[canonical(v) for v in row] for row in connection.execute(sql).fetchall()]
    except duckdb.Error as error:
        return str(error)


def difference(ours, theirs, is_ordered):
    """What differs, or None."""
    if not is_ordered:
        ours, theirs = sorted(ours, key=sort_key), sorted(theirs, key=sort_key)
    if ours == theirs:
        return None
    lines = [f"frazil has {len(ours)} rows, duckdb {len(theirs)}"]
    lines += [f"  frazil only: {row}" for row in ours if row not in theirs][:5]
    lines += [f"  duckdb only: {row}" for row in theirs if row not in ours][:5]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--frazil", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--option", action="append", default=[], help="passed on to frazil, such as --option=--memory=8MB")
    parser.add_argument("--avoid", action="append", default=[], help="leave out queries with this text")
    parser.add_argument("-v", action="store_true", dest="verbose")
    arguments = parser.parse_args()
    passed = failed = skipped = 0
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        columns = tables.write(folder, arguments.seed)
        frazil = Frazil(arguments.frazil, folder, arguments.option)
        connection = duckdb.connect(config={"temp_directory": f"{folder}/spill"})
        connection.execute("SET threads = 1")
        for name in columns:
            definition = f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/{name}.parquet')"
            connection.execute(definition)
            outcome = frazil.run(definition)
            if isinstance(outcome, str):
                sys.exit(f"cannot make the view {name}: {outcome}")
        for number in range(arguments.first, arguments.first + arguments.count):
            if time.monotonic() - start > arguments.seconds:
                print(f"time is up before query {number}")
                break
            query = Generator(f"{arguments.seed}.{number}", columns).top()
            if any(text in query.trino for text in arguments.avoid):
                continue
            if arguments.verbose:
                print(number, query.trino)
            theirs = from_duckdb(connection, query.duck)
            ours = frazil.run(query.trino)
            if isinstance(theirs, str):
                skipped += 1
                if isinstance(ours, str) and ours.startswith("CRASH"):
                    failed += 1
                    print(f"query {number} of seed {arguments.seed}: {ours}\n{query.trino}\n")
                elif arguments.verbose:
                    print("  duckdb refuses:", theirs.splitlines()[0])
                continue
            problem = ours if isinstance(ours, str) else difference(ours, theirs, query.is_ordered)
            if problem is None:
                passed += 1
            else:
                failed += 1
                print(f"query {number} of seed {arguments.seed}:\n{query.trino}\n{problem.strip()}\n", flush=True)
                if arguments.verbose:
                    print("duckdb's form:", query.duck)
    print(f"{skipped} skipped because DuckDB refuses them, {time.monotonic() - start:.0f} s")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
