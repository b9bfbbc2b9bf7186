"""Eight processes change one table at once, some are killed: what was reported done is there once, the rest as a whole or not at all."""

import collections
import concurrent.futures
import os
import random
import signal
import subprocess
import time

from support import check, same_rows

WRITERS, ROUNDS, COUNTERS = 8, 12, 4
KINDS = ("insert", "update", "delete", "merge")
# Chosen anew every time: what the processes do to each other cannot be repeated anyway. A failure says it.
SEED = random.SystemRandom().randrange(1 << 32)


class Statement:
    """One statement of one writer. `outcome` is done, unknown (its process was killed), or None."""

    def __init__(self, writer, number, kind, counter):
        self.writer, self.number, self.kind, self.counter = writer, number, kind, counter
        self.outcome = None
        self.mark = f"{writer}.{number};"

    def sql(self):
        rows = ", ".join(f"('{self.kind}', {self.writer}, {self.number}, '{part}')" for part in "xyz")
        if self.kind == "insert":
            return f"INSERT INTO t VALUES {rows}"
        if self.kind == "update":
            return f"UPDATE t SET log = log || '{self.mark}' WHERE kind = 'counter' AND number = {self.counter}"
        if self.kind == "delete":
            return f"DELETE FROM t WHERE kind = 'victim' AND writer = {self.writer} AND number = {self.number}"
        return f"""
            MERGE INTO t USING (VALUES ('counter', 0, {self.counter}, '{self.mark}'), {rows}) AS s(kind, writer, number, log)
            ON t.kind = s.kind AND t.writer = s.writer AND t.number = s.number AND t.kind = 'counter'
            WHEN MATCHED THEN UPDATE SET log = t.log || s.log WHEN NOT MATCHED THEN INSERT VALUES (s.kind, s.writer, s.number, s.log)"""


def run_writer(place, statements, dice):
    """Runs statements in processes of their own; one that met somebody else's commit is run again."""
    for statement in statements:
        is_killed = dice.random() < 0.3
        while statement.outcome is None:
            process = subprocess.Popen(
                place.command("-c", statement.sql()), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                cwd=place.folder)
            if is_killed:
                time.sleep(dice.uniform(0, 0.15))
                process.send_signal(signal.SIGKILL)
            _, problem = process.communicate(timeout=240)
            if process.returncode == 0:
                statement.outcome = "done"
            elif process.returncode == -signal.SIGKILL:
                statement.outcome = "unknown"
            else:
                assert "ICEBERG_COMMIT_ERROR" in problem, f"{statement.sql()}\n{problem}"


def named_files(table, metadata):
    """Every file that a state of the table needs."""
    known = {table.metadata_location} | {entry["metadata-file"] for entry in metadata["metadata-log"]}
    for snapshot in table.snapshots():
        known.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(table.io):
            known.add(manifest.manifest_path)
            known |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(table.io)}
    return known


def check_table(place):
    problems = place.run("CALL system.check_table(table => 't', all_snapshots => true)")
    assert not [problem for problem in problems if problem["severity"] == "error"], problems


def changes(place, properties):
    dice = random.Random(SEED)
    place.run(f"""
        CREATE TABLE t (kind varchar, writer int, number int, log varchar) PARTITIONED BY (kind)
        TBLPROPERTIES ('table_type' = 'ICEBERG', {properties})""")
    counters = [("counter", 0, counter, "") for counter in range(COUNTERS)]
    victims = [("victim", writer, number, part) for writer in range(WRITERS) for number in range(ROUNDS) for part in "xyz"]
    place.run("INSERT INTO t VALUES " + ", ".join(f"('{a}', {b}, {c}, '{d}')" for a, b, c, d in counters + victims))
    plans = [
        [Statement(writer, number, dice.choice(KINDS), dice.randrange(COUNTERS)) for number in range(ROUNDS)] for writer in range(WRITERS)]
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(run_writer, place, plan, random.Random(dice.random())) for plan in plans]
        for future in running:
            future.result()
    statements = [statement for plan in plans for statement in plan]
    assert any(statement.outcome == "done" for statement in statements)

    rows = [tuple(row.values()) for row in place.run("SELECT kind, writer, number, log FROM t")]
    count = collections.Counter(rows)
    logs = {number: log for kind, _, number, log in rows if kind == "counter"}
    assert sorted(logs) == list(range(COUNTERS)) and sum(row[0] == "counter" for row in rows) == COUNTERS, rows
    deleted = set()
    for statement in statements:
        marks = f";{logs[statement.counter]}".count(f";{statement.mark}") if statement.kind in ("update", "merge") else None
        added = [count.pop((statement.kind, statement.writer, statement.number, part), 0) for part in "xyz"]
        left = [count.get(("victim", statement.writer, statement.number, part), 0) for part in "xyz"]
        happened = {
            "insert": added == [1, 1, 1], "update": marks == 1, "delete": left == [0, 0, 0], "merge": marks == 1 and added == [1, 1, 1],
        }[statement.kind]
        nothing = added == [0, 0, 0] and not marks
        if statement.kind == "delete":
            nothing = left == [1, 1, 1]
            if happened:
                deleted |= {("victim", statement.writer, statement.number, part) for part in "xyz"}
        assert happened or (statement.outcome == "unknown" and nothing), \
            f"{statement.sql()} is {statement.outcome}: added {added}, marks {marks}, left {left}"
    # And nothing else than what the statements did.
    assert set(rows) - {row for row in rows if row[0] in KINDS or row[0] == "counter"} == set(victims) - deleted
    assert not [row for row in count if row[0] in KINDS], count
    assert sum(log.count(";") for log in logs.values()) == sum(
        statement.kind in ("update", "merge") and f";{statement.mark}" in f";{logs[statement.counter]}" for statement in statements)

    check_table(place)
    place.everyone_reads("t", rows)
    # The killed ones' files look like those of a write that is under way until they are some days old.
    old = time.time() - 5 * 86_400
    for path in place.files("t"):
        os.utime(path, (old, old))
    removed = place.run("CALL system.remove_orphan_files('t')")
    known = named_files(place.pyiceberg("t"), place.metadata("t"))
    assert not [path for path in place.files("t") if path not in known]
    assert not {row["orphan_file_location"] for row in removed} & known
    place.everyone_reads("t", rows)
    same_rows([tuple(row.values()) for row in place.run("SELECT kind, writer, number, log FROM t")], rows, "Frazil")
    check_table(place)


def said_with_seed(place, properties):
    try:
        changes(place, properties)
    except BaseException as error:
        raise AssertionError(f"seed {SEED}: {error}") from error


def modes(mode):
    return ", ".join(f"'write.{command}.mode' = '{mode}'" for command in ("delete", "update", "merge"))


@check
def position_deletes(place):
    said_with_seed(place, f"'format-version' = '2', {modes('merge-on-read')}")


@check
def deletion_vectors(place):
    said_with_seed(place, f"'format-version' = '3', {modes('merge-on-read')}")


@check
def copy_on_write(place):
    said_with_seed(place, f"'format-version' = '2', {modes('copy-on-write')}")
