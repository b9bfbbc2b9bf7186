"""Transactions as other processes and other readers meet them: all tables or none, whatever ends the process, and no file left behind."""

import os
import pathlib
import shutil
import signal
import subprocess
import time

from check_prompt import Terminal
from harness import Frazil
from support import binary, check, same_rows

MAKE = ("CREATE TABLE a (id int, v string) TBLPROPERTIES ('table_type' = 'ICEBERG');"
        "CREATE TABLE b (id int, v string) PARTITIONED BY (v) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '2');"
        "INSERT INTO a VALUES (1, 'x'), (2, 'y'); INSERT INTO b VALUES (1, 'x'), (2, 'y')")
OLD = [(1, "x"), (2, "y")]
CHANGE = "BEGIN; INSERT INTO a VALUES (3, 'z'); UPDATE b SET id = 20 WHERE id = 2; DELETE FROM a WHERE id = 1; INSERT INTO b VALUES (4, 'x')"
NEW_A, NEW_B = [(2, "y"), (3, "z")], [(1, "x"), (20, "y"), (4, "x")]


def rows(place, table):
    return [tuple(row.values()) for row in place.run(f"SELECT id, v FROM {table}")]


def check_no_strays(place, table):
    """Every file below the table is referred to by one of its states."""
    metadata, live = place.metadata(table), place.pyiceberg(table)
    known = {place.metadata_file(table)} | {entry["metadata-file"] for entry in metadata["metadata-log"]}
    for snapshot in live.snapshots():
        known.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(live.io):
            known.add(manifest.manifest_path)
            known |= {entry.data_file.file_path for entry in manifest.fetch_manifest_entry(live.io, discard_deleted=False)}
    strays = [path for path in place.files(table) if path not in known]
    assert not strays, strays


def remove_orphans(place, table):
    """As somebody would days later."""
    place.run(f"CALL system.remove_orphan_files(table => '{table}')", "--now", "2100-01-01T00:00:00Z")


def problems(place, table):
    return [row for row in place.run(f"CALL system.check_table('{table}')") if row["severity"] == "error"]


@check
def everyone_reads_what_was_committed(place):
    place.run(MAKE)
    place.run(CHANGE + "; COMMIT")
    place.everyone_reads("a", NEW_A)
    place.everyone_reads("b", NEW_B)
    for table in ("a", "b"):
        check_no_strays(place, table)
        assert problems(place, table) == [], problems(place, table)
        # A snapshot per statement with rising numbers, one metadata file for both; the one in between was never current.
        metadata = place.metadata(table)
        assert [snapshot["sequence-number"] for snapshot in metadata["snapshots"]] == [1, 2, 3]
        assert [entry["snapshot-id"] for entry in metadata["snapshot-log"]] == [metadata["snapshots"][0]["snapshot-id"], metadata["current-snapshot-id"]]
        assert len(metadata["metadata-log"]) == 2, metadata["metadata-log"]


@check
def rows_of_version_three(place):
    place.run("CREATE TABLE t (id int, v string) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '3');"
              "BEGIN; INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'); UPDATE t SET v = 'B' WHERE id = 2; DELETE FROM t WHERE id = 3;"
              "UPDATE t SET v = v || '!'; COMMIT")
    same_rows(rows(place, "t"), [(1, "a!"), (2, "B!")], "Frazil")
    same_rows(place.duckdb_rows("t"), [(1, "a!"), (2, "B!")], "DuckDB")
    assert problems(place, "t") == []
    files = place.files()
    remove_orphans(place, "t")
    assert place.files() == files


@check
def nothing_stays_of_what_was_not_committed(place):
    place.run(MAKE)
    files = place.files()

    def unchanged(what):
        assert place.files() == files, f"{what}: {set(place.files()) ^ set(files)}"
        same_rows(rows(place, "a"), OLD, what)

    place.run(CHANGE + "; ROLLBACK")
    unchanged("ROLLBACK")
    said = place.fails(CHANGE)
    assert "the open transaction was rolled back" in said, said
    unchanged("a script without COMMIT")
    said = place.fails(CHANGE + "; SELECT 1 / 0; COMMIT")
    assert "DIVISION_BY_ZERO" in said and "rolled back" in said, said
    unchanged("a failed statement")
    # Contradicted by its own process's other session cannot be had here; dropping the table is as good.
    said = place.fails(CHANGE + "; COMMIT; COMMIT")
    assert "NOT_IN_TRANSACTION" in said, said


@check
def interrupted(place):
    place.run(MAKE)
    files = place.files()
    endless = "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a (x), UNNEST(sequence(1, 10000)) b (y), UNNEST(sequence(1, 10000)) c (z) WHERE x + y > z"
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(place.command("-c", CHANGE + "; " + endless), stderr=subprocess.PIPE, text=True, cwd=place.folder)
        deadline = time.monotonic() + 60
        while place.files() == files or process.poll() is None and len(place.files()) < len(files) + 8:
            assert time.monotonic() < deadline and process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 128 + number, (process.returncode, said)
        assert place.files() == files, f"{number}: {set(place.files()) ^ set(files)}"


@check
def at_the_prompt(place):
    place.run(MAKE)
    files = place.files()
    frazil = Frazil(binary(), pathlib.Path(place.folder))
    frazil.warehouse = pathlib.Path(place.warehouse)
    terminal = Terminal(frazil, pathlib.Path(place.folder))
    terminal.type("BEGIN;\n")
    terminal.expect("frazil*> ")
    terminal.type("INSERT INTO a\n")
    terminal.expect("*-> ")
    terminal.type("VALUES (5, 'five');\n")
    terminal.expect("frazil*> ")
    terminal.type("SELECT nothing FROM a;\n")
    terminal.expect("frazil!> ")
    terminal.type("ROLLBACK;\n")
    terminal.expect("frazil> ")
    assert place.files() == files
    terminal.type("BEGIN; INSERT INTO a VALUES (5, 'five');\n")
    terminal.expect("frazil*> ")
    assert place.files() != files
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert place.files() == files, set(place.files()) ^ set(files)
    terminal = Terminal(frazil, pathlib.Path(place.folder))
    terminal.type("BEGIN; INSERT INTO a VALUES (5, 'five');\n")
    terminal.expect("frazil*> ")
    terminal.type("\x04")
    terminal.expect("the open transaction was rolled back")
    assert terminal.end() == 0
    assert place.files() == files


@check
def killed_during_the_commit(place):
    """SIGKILL right before each step of the commit: both tables are old, or both are new, for the next reader and for the next writer."""
    place.run(MAKE)
    old = (OLD, OLD)
    catalog = f"{place.warehouse}/.frazil/catalog"
    steps = [
        ("linkat", f"{catalog}/commit.journal.json", False),
        # A name that is taken is tried first; the rename over it comes after.
        ("linkat", f"{catalog}/default/a.table.json", True),
        ("linkat", f"{catalog}/default/b.table.json", True),
        ("unlink", f"{catalog}/commit.journal.json", True),
    ]
    saved = f"{place.folder}/saved"
    shutil.copytree(place.warehouse, saved)
    for call, path, is_new in steps:
        for last in ("read", "write"):
            shutil.rmtree(place.warehouse)
            shutil.copytree(saved, place.warehouse)
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-P", path, "-e", f"inject={call}:signal=KILL:when=1",
                 *place.command("-c", CHANGE + "; COMMIT")], capture_output=True, text=True, cwd=place.folder)
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), (call, path, done.returncode, done.stderr)
            assert os.path.exists(f"{catalog}/commit.journal.json") == is_new, (call, path)
            if last == "write":
                place.run("CREATE TABLE c (x int) TBLPROPERTIES ('table_type' = 'ICEBERG')")
                assert not os.path.exists(f"{catalog}/commit.journal.json"), "the next writer finishes the commit"
            expected = (NEW_A, NEW_B) if is_new else old
            for table, wanted in zip(("a", "b"), expected):
                same_rows(rows(place, table), wanted, f"{table} after a kill at {call} {path}")
                if last == "write":
                    place.everyone_reads(table, wanted)
                assert problems(place, table) == []
            # The table goes on, and what the killed process left is found.
            place.run("INSERT INTO a VALUES (7, 'seven')")
            same_rows(rows(place, "a"), expected[0] + [(7, "seven")], "a after another INSERT")
            for table in ("a", "b"):
                remove_orphans(place, table)
                check_no_strays(place, table)


def together(place, scripts, *options):
    """Runs scripts side by side; exit code and messages of each."""
    running = [subprocess.Popen(place.command(*options, "-c", sql), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place.folder)
               for sql in scripts]
    results = [(process.communicate(timeout=240)[1], process.returncode) for process in running]
    return results


@check
def updates_at_the_same_time(place):
    """By default the loser is told and nothing of it stays; with commit_retry_statements every UPDATE counts."""
    place.run("CREATE TABLE t (id int, n int) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t VALUES (1, 0), (2, 0)")
    results = together(place, ["UPDATE t SET n = n + 1 WHERE id = 1"] * 4)
    for said, code in results:
        assert code == 0 or "ICEBERG_COMMIT_ERROR" in said, said
    done = sum(code == 0 for _, code in results)
    assert done >= 1
    place.everyone_reads("t", [(1, done), (2, 0)])
    results = together(place, ["UPDATE t SET n = n + 1 WHERE id = 2; UPDATE t SET n = n + 1 WHERE id = 2"] * 4, "--commit-retry-statements", "1000")
    assert [code for _, code in results] == [0] * 4, results
    place.everyone_reads("t", [(1, done), (2, 8)])
    check_no_strays(place, "t")


@check
def replacements_at_the_same_time(place):
    """CREATE OR REPLACE TABLE from the table itself: what others have committed is never lost, and nothing stays of those that came too late."""
    place.run("CREATE TABLE t (n int) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t VALUES 0")
    replace = "CREATE OR REPLACE TABLE t AS SELECT n + 1 AS n FROM t"
    results = together(place, [replace] * 4)
    for said, code in results:
        assert code == 0 or "ICEBERG_COMMIT_ERROR" in said, said
    done = sum(code == 0 for _, code in results)
    assert done >= 1
    place.everyone_reads("t", [(done,)])
    results = together(place, [f"{replace}; {replace}"] * 4, "--commit-retry-statements", "1000")
    assert [code for _, code in results] == [0] * 4, results
    place.everyone_reads("t", [(done + 8,)])
    check_no_strays(place, "t")
    assert problems(place, "t") == [], problems(place, "t")


@check
def transfers_at_the_same_time(place):
    """Transactions over two tables: the sum over both never changes, whoever wins; nobody writes half of one."""
    place.run("CREATE TABLE a (n int) TBLPROPERTIES ('table_type' = 'ICEBERG'); CREATE TABLE b (n int) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    one = "BEGIN; INSERT INTO a VALUES 1; INSERT INTO b VALUES -1; INSERT INTO a VALUES 2; COMMIT;"
    results = together(place, [one * 3] * 4)
    assert [code for _, code in results] == [0] * 4, results
    place.everyone_reads("a", [(1,), (2,)] * 12)
    place.everyone_reads("b", [(-1,)] * 12)
    for table, count in (("a", 24), ("b", 12)):
        metadata = place.metadata(table)
        assert [snapshot["sequence-number"] for snapshot in metadata["snapshots"]] == list(range(1, count + 1))
        assert len(metadata["metadata-log"]) == 12
        check_no_strays(place, table)
