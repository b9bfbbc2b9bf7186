#!/usr/bin/env python3
"""Runs mutated statements of the SQL logic tests and looks for traps and hangs. Whether a statement fails does not matter.

usage: mutations.py --slt BINARY [--seed N] [--count N] [--mode NAME] CASES...

The statements go into slt files, which the runner executes in processes of their own; a file whose process dies is cut down to the
statement. Ends with `N passed, N failed`, one count per statement.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile

TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\w+|<>|<=|>=|!=|\|\||->|\s+|.", re.S)
# Values and words that ask most of whoever did not expect them.
SPICE = """9223372036854775807 -9223372036854775808 2147483647 -1 0 1e308 1e-320 NULL TRUE nan() infinity() '' 'x' ARRAY[] ARRAY[NULL] ROW(1,NULL)
MAP() DATE'0001-01-01' DATE'9999-12-31' TIMESTAMP'9999-12-31 23:59:59.999999' INTERVAL'9999999'DAY INTERVAL'-9999'YEAR
DECIMAL'99999999999999999999999999999999999999' DECIMAL'0.0000000000000000000000000000000000001' X'' X'ff' DISTINCT ALL UNNEST LATERAL OVER ()
ORDER BY 1 DESC GROUP BY HAVING WITH WITHIN FILTER IN NOT EXISTS BETWEEN AND OR CASE WHEN THEN ELSE END CAST( AS tinyint) AS decimal(38,38)) , ; . * / % ( ) [ ] || = < >
count(*) sum( max( rank() lag( lead( row_number() grouping( ANY ROLLUP CUBE UNION ALL EXCEPT INTERSECT LIMIT OFFSET FETCH FIRST ROWS WITH TIES LEFT FULL JOIN
ON USING NATURAL CROSS VALUES TABLE PIVOT FOR UNPIVOT TABLESAMPLE BERNOULLI (100) INTERVAL '1' MONTH 'abc'[1] typeof( x -> x""".split()


def statements(paths):
    """The SQL of all records, and the ones that must run first in a file."""
    files = []
    for path in paths:
        for folder, _, names in os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [os.path.basename(path)])]:
            files += [os.path.join(folder, n) for n in names if n.endswith(".slt")]
    setup, queries = [], []
    for file in sorted(files):
        blocks = re.split(r"\n\s*\n", open(file, encoding="utf-8").read())
        for block in blocks:
            lines = [l for l in block.split("\n") if not l.startswith("#")]
            if not lines:
                continue
            if lines[0].startswith("expressions"):
                queries += ["SELECT " + l.rsplit(" ==> ", 1)[0] for l in lines[1:] if " ==> " in l]
            elif lines[0].startswith(("query", "statement")):
                sql = "\n".join(lines[1:]).split("\n----")[0]
                if sql.startswith("CREATE VIEW") and lines[0] == "statement ok" and "read_parquet" in sql:
                    if sql not in setup:
                        setup.append(sql)
                elif not re.match(r"\s*(CREATE|DROP|INSERT|ALTER|UNLOAD|USE)", sql, re.I):
                    queries.append(sql)
    return setup, queries


def mutated(sql, r, pool):
    tokens = TOKEN.findall(sql)
    for _ in range(r.choice([1, 1, 1, 2, 2, 3, 5])):
        if not tokens:
            break
        at = r.randrange(len(tokens))
        kind = r.randrange(7)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, tokens[r.randrange(len(tokens))])
        elif kind == 2:
            other = r.randrange(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif kind == 3:
            tokens[at] = " " + r.choice(SPICE) + " "
        elif kind == 4:
            tokens.insert(at, " " + r.choice(SPICE) + " ")
        elif kind == 5:
            # A piece of another statement.
            other = TOKEN.findall(r.choice(pool))
            start = r.randrange(len(other)) if other else 0
            tokens[at:at + 1] = other[start:start + r.randint(1, 8)]
        else:
            # A number or word that becomes another one of the statement.
            same = [t for t in tokens if t.strip() and t[0].isalnum() == tokens[at][:1].isalnum()]
            if same:
                tokens[at] = r.choice(same)
    return re.sub(r"\n\s*\n", "\n", "".join(tokens)).strip() or "SELECT"


def run(slt, mode, setup, batch, folder):
    """None when the process survived, else why it died, at which statement, and what it said."""
    text = "\n\n".join(f"statement ok\n{s}" for s in setup) + "\n\n"
    text += "\n\n".join("statement error no-such-error-text\n" + s.replace("\n----", "\n ----") for s in batch) + "\n"
    path = f"{folder}/cases/mutated.slt"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run([slt, "--mode", mode, "--jobs", "1", "--timeout", "120", path], capture_output=True, text=True,
                          errors="replace")
    died = re.search(r":(\d+) \[\w+\] (ended .*)", done.stdout)
    if died is None:
        return None
    line = int(died.group(1))
    return died.group(2), "\n".join(text.split("\n")[line:]).split("\n\n")[0], done.stdout[-1500:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slt", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--mode", default="batch3")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("cases", nargs="+")
    arguments = parser.parse_args()
    setup, queries = statements(arguments.cases)
    r = random.Random(arguments.seed)
    data = re.sub(r"/cases(/.*)?$", "/data", os.path.abspath(arguments.cases[0]))
    with tempfile.TemporaryDirectory() as folder:
        # As the runner expects it: cases beside their data.
        os.mkdir(f"{folder}/cases")
        os.symlink(data, f"{folder}/data")
        failed = search(arguments, r, setup, queries, folder)
    sys.exit(1 if failed else 0)


def search(arguments, r, setup, queries, folder):
    passed = failed = 0
    while passed + failed < arguments.count:
        batch = [mutated(r.choice(queries), r, queries) for _ in range(min(100, arguments.count - passed - failed))]
        while batch:
            outcome = run(arguments.slt, arguments.mode, setup, batch, folder)
            if outcome is None:
                passed += len(batch)
                break
            reason, statement, output = outcome
            at = next((i for i, s in enumerate(batch) if statement.strip() and s.startswith(statement.split("\n")[0])), len(batch) - 1)
            passed += at
            failed += 1
            print(f"{reason}:\n{batch[at]}\n", flush=True)
            if arguments.verbose:
                print(output)
            batch = batch[at + 1:]
    print(f"{passed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    main()
