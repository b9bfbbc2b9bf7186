"""Damage, full disks, missing rights and killed processes, through the binary: an error that says what and where, exit code 1, never a
crash; and the table is as it was."""

import os
import random
import resource
import shutil
import signal
import subprocess
import time

from harness import *

ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"
# Places where not even root may make a folder.
FORBIDDEN = "/sys/frazil"


def table(frazil, rows=3):
    frazil.run(f"CREATE TABLE t (id bigint, k string) {ICEBERG}")
    if rows:
        frazil.run(f"INSERT INTO t SELECT x, 'key ' || CAST(x AS varchar) FROM UNNEST(sequence(1, {rows})) t (x)")


def files_of(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "lock")


@check
def missing_things(frazil, folder):
    frazil.fails("SELECT * FROM nowhere", "TABLE_NOT_FOUND", "line 1, column 15", "^^^^^^^")
    frazil.fails("SELECT * FROM a.b", "SCHEMA_NOT_FOUND")
    frazil.fails(f"SELECT * FROM read_parquet('{folder}/none.parquet')", "none.parquet", "line 1, column 15")
    frazil.fails(f"SELECT * FROM read_csv('{folder}/none/*.csv')", "none/*.csv")
    frazil.fails(f"SELECT * FROM read_json('{folder}/none.json')", "none.json")
    frazil.fails(f"SELECT * FROM iceberg_table('{folder}/none')", f"{folder}/none")
    frazil.fails("SELECT * FROM iceberg_table('s3://bucket/table')", "s3://bucket/table")


@check
def files_of_the_wrong_kind(frazil, folder):
    text = folder / "a.txt"
    text.write_text("this is no Parquet file, nor JSON, but long enough to look into\n" * 20)
    frazil.fails(f"SELECT * FROM read_parquet('{text}')", "a.txt")
    frazil.fails(f"SELECT * FROM read_json('{text}')", "a.txt")
    frazil.fails(f"SELECT * FROM iceberg_table('{text}')", "a.txt")
    (folder / "empty").write_bytes(b"")
    frazil.fails(f"SELECT * FROM read_parquet('{folder}/empty')", "empty")
    frazil.fails(f"SELECT * FROM read_parquet('{folder}')", str(folder))
    (folder / "wide.csv").write_text("a,b\n1,2\n3,4,5\n")
    frazil.fails(f"SELECT * FROM read_csv('{folder}/wide.csv')", "wide.csv", "3")
    (folder / "broken.json").write_text('{"a": 1}\n{"a": \n')
    frazil.fails(f"SELECT * FROM read_json('{folder}/broken.json')", "broken.json")
    (folder / "cut.csv.gz").write_bytes(bytes.fromhex("1f8b0800000000000003") + b"garbage that is no deflate stream")
    frazil.fails(f"SELECT * FROM read_csv('{folder}/cut.csv.gz')", "cut.csv.gz")


@check
def places_without_permission(frazil, folder):
    table(frazil)
    before = files_of(frazil.warehouse)
    frazil.fails(f"CREATE TABLE u (id int) LOCATION '{FORBIDDEN}' {ICEBERG}", FORBIDDEN)
    frazil.fails(f"CREATE TABLE u WITH (table_type = 'ICEBERG', is_external = false, location = '{FORBIDDEN}/') AS SELECT 1 AS x", FORBIDDEN)
    frazil.fails(f"UNLOAD (SELECT 1 AS x) TO '{FORBIDDEN}' WITH (format = 'PARQUET')", FORBIDDEN)
    equal(files_of(frazil.warehouse), before, "files")
    done = subprocess.run([frazil.binary, "--warehouse", FORBIDDEN, "-c", "CREATE DATABASE d"], capture_output=True, text=True, errors="replace")
    equal(done.returncode, 1, "exit code")
    equal(FORBIDDEN in done.stderr, True, f"the place in {done.stderr}")
    done = subprocess.run([frazil.binary, "--output", FORBIDDEN, "-c", "SELECT 1"], capture_output=True, text=True, errors="replace")
    equal((done.returncode, FORBIDDEN in done.stderr), (2, True), "--output")


@check
def a_folder_in_the_way(frazil, folder):
    """A file stands where the table's folder should be made."""
    (folder / "file").write_text("here first")
    frazil.fails(f"CREATE TABLE u (id int) LOCATION '{folder}/file' {ICEBERG}", "file")
    frazil.fails("SELECT * FROM u", "TABLE_NOT_FOUND")
    equal((folder / "file").read_text(), "here first", "the file")


@check
def results_that_cannot_be_written(frazil, folder):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(frazil.command("SELECT 1"), stdout=full, stderr=subprocess.PIPE, text=True, errors="replace")
    equal(done.returncode, 1, "exit code")
    equal("No space left" in done.stderr, True, done.stderr)
    # A reader that goes away ends the process by SIGPIPE, without a word.
    process = subprocess.Popen(frazil.command("SELECT x FROM UNNEST(sequence(1, 1000000)) t (x)"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    equal((process.wait(30), process.stderr.read()), (-signal.SIGPIPE, b""), "closed pipe")


def limited(bytes):
    """Files may not grow beyond this size, as on a disk that is full."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, bytes))
    return limit


@check
def a_full_disk(frazil, folder):
    table(frazil)
    before = files_of(frazil.warehouse)
    big = "SELECT x, CAST(random() AS varchar) FROM UNNEST(sequence(1, 300000)) t (x)"
    for sql in (f"INSERT INTO t {big}",
                f"CREATE TABLE u WITH (table_type = 'ICEBERG', is_external = false) AS SELECT x AS id, v FROM ({big}) t (x, v)",
                f"UNLOAD ({big.replace('AS varchar)', 'AS varchar) AS v')}) TO '{folder}/out' WITH (format = 'PARQUET')"):
        done = subprocess.run(frazil.command(sql), capture_output=True, text=True, errors="replace", preexec_fn=limited(200_000), timeout=120)
        equal(done.returncode, 1, f"exit code of {sql}\n{done.stderr}")
        equal("too large" in done.stderr.lower(), True, f"the system's words in {done.stderr}")
        equal(files_of(frazil.warehouse), before, f"files after {sql}")
    equal(list((folder / "out").rglob("*")) if (folder / "out").exists() else [], [], "files of UNLOAD")
    same(frazil.run("SELECT count(*) FROM t"), [(3,)], "the table")
    # No room for so much as the metadata.
    done = subprocess.run(frazil.command("INSERT INTO t VALUES (4, 'd')"), capture_output=True, text=True, errors="replace", preexec_fn=limited(100))
    equal(done.returncode, 1, "exit code without any room")
    equal(files_of(frazil.warehouse), before, "files without any room")
    frazil.run("INSERT INTO t VALUES (4, 'd')")
    same(frazil.run("SELECT count(*) FROM t"), [(4,)], "the table afterwards")


@check
def spilling_to_a_full_disk(frazil, folder):
    frazil.run("CREATE VIEW big AS SELECT x, 'a longer text ' || CAST(x * 7919 % 1000003 AS varchar) AS s FROM UNNEST(sequence(1, 400000)) t (x)")
    command = frazil.command("SELECT count(*) FROM (SELECT s, x FROM big ORDER BY s, x LIMIT 399999)", "--memory", "8MB")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    equal(done.returncode, 0, f"with room to spill: {done.stderr}")
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", preexec_fn=limited(50_000), timeout=120)
    equal(done.returncode, 1, f"exit code: {done.stdout}")
    equal("OUT_OF_SPILL_SPACE: Rows could not be spilled to disk: File too large" in done.stderr, True, done.stderr)


@check
def damaged_catalog_documents(frazil, folder):
    table(frazil)
    frazil.run("CREATE VIEW v AS SELECT 1 AS x")
    document = next(frazil.warehouse.rglob("t.table.json"))
    whole = document.read_bytes()
    damages = [b"", b"{", b"null", b"[]", b"{}", b'{"Name": 5}', whole[: len(whole) // 2], b"\xff\xfe" + whole, b"[" * 100_000, whole.replace(b":", b"=")]
    for damage in damages:
        document.write_bytes(damage)
        message = frazil.fails("SELECT * FROM t", "t.table.json" if damage not in (b"{}", b'{"Name": 5}') else "t")
        frazil.fails("INSERT INTO t VALUES (9, 'x')")
        frazil.fails("CREATE TABLE t (id int) " + ICEBERG)
        equal("Fatal" in message, False, message)
        # Others go on.
        same(frazil.run("SELECT * FROM v"), [(1,)], "another entry")
        frazil.run("CREATE TABLE other (id int) " + ICEBERG + "; INSERT INTO other VALUES (1)")
        # Whether a table's folder is another's too cannot be told while an entry is unreadable.
        frazil.fails("DROP TABLE other", "t.table.json")
        document.write_bytes(whole)
        frazil.run("DROP TABLE other")
    document.write_bytes(whole)
    same(frazil.run("SELECT count(*) FROM t"), [(3,)], "mended")


@check
def damaged_metadata(frazil, folder):
    """Bytes changed, cut off and doubled in every kind of file of a table: an answer or an error, never a crash or a hang."""
    frazil.run(f"CREATE TABLE t (id bigint, k string, l array<double>, m map<string,int>, day date) PARTITIONED BY (k) {ICEBERG}")
    for part in range(2):
        frazil.run("INSERT INTO t SELECT x, 'k' || CAST(x % 3 AS varchar), ARRAY[x / 2e0], MAP(ARRAY['a'], ARRAY[CAST(x AS integer)]), DATE '2024-01-01' "
                   f"FROM UNNEST(sequence({part * 100}, {part * 100 + 99})) t (x)")
    rows = frazil.run("SELECT * FROM t")
    location = frazil.location("t")
    keep = folder / "keep"
    shutil.copytree(location, keep)
    dice = random.Random(20261128)
    kinds = {
        "metadata": [frazil.metadata("t")], "manifests": sorted(str(p) for p in location.rglob("*.avro")),
        "data": sorted(str(p) for p in location.rglob("*.parquet")),
    }
    for kind, paths in kinds.items():
        equal(bool(paths), True, f"files of {kind}")
        for attempt in range(30):
            path = dice.choice(paths)
            damaged = bytearray(open(path, "rb").read())
            whole = bytes(damaged)
            how = attempt % 3
            if how == 0:
                for _ in range(dice.randint(1, 8)):
                    damaged[dice.randrange(len(damaged))] = dice.randrange(256)
            elif how == 1:
                del damaged[dice.randrange(len(damaged)):]
            else:
                at = dice.randrange(len(damaged))
                damaged[at:at] = damaged[at: at + dice.randint(1, 200)]
            with open(path, "wb") as file:
                file.write(damaged)
            done = subprocess.run(frazil.command("SELECT * FROM t WHERE id > 5; SELECT count(*), max(k), sum(m['a']) FROM t"),
                                  capture_output=True, text=True, timeout=60, errors="replace")
            if done.returncode not in (0, 1):
                raise Failure(f"exit {done.returncode} with {kind} damaged (attempt {attempt}, {path}):\n{done.stderr[-1500:]}")
            if done.returncode == 1 and "Fatal error" in done.stderr:
                raise Failure(done.stderr[-1500:])
            with open(path, "wb") as file:
                file.write(whole)
    same(frazil.run("SELECT * FROM t"), rows, "mended")


@check
def killed_writers(frazil, folder):
    """A process killed at any moment of an INSERT leaves the table before it or after it, and locks nobody out."""
    table(frazil, rows=0)
    dice = random.Random(7)
    count = 0
    for attempt in range(20):
        process = subprocess.Popen(
            frazil.command("INSERT INTO t SELECT x, CAST(x AS varchar) FROM UNNEST(sequence(1, 60000)) t (x)"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.random() * (0.05 if attempt % 2 else 0.4))
        process.kill()
        process.wait()
        ((now, keys),) = frazil.run("SELECT count(*), count(DISTINCT id) FROM t")
        equal(now in (count, count + 60000), True, f"{count} rows before, {now} after attempt {attempt}")
        equal(keys, 60000 if now else 0, "different ids")
        count = now
    frazil.run("INSERT INTO t VALUES (0, 'last')")
    same(frazil.run("SELECT count(*) FROM t"), [(count + 1,)], "a last INSERT")
    same(pyiceberg_rows(frazil.metadata("t"), row_filter="id = 0"), [(0, "last")], "in PyIceberg")


@check
def killed_definitions(frazil, folder):
    """CREATE TABLE AS and DROP TABLE killed: the table is there whole, or not at all, and can be made again."""
    dice = random.Random(8)
    for attempt in range(8):
        process = subprocess.Popen(
            frazil.command("CREATE TABLE c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT x, CAST(x AS varchar) AS s FROM UNNEST(sequence(1, 60000)) t (x);"
                           "DROP TABLE c"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.random() * 0.5)
        process.kill()
        process.wait()
        if frazil.run("SHOW TABLES"):
            same(frazil.run("SELECT count(*), sum(x) FROM c"), [(60000, 60000 * 60001 // 2)], f"attempt {attempt}")
            frazil.run("DROP TABLE c")


@check
def interrupted_statements(frazil, folder):
    """SIGINT and SIGTERM cancel the statement, which removes what it wrote; the rest of the script is not run."""
    table(frazil)
    before = files_of(frazil.warehouse)
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            frazil.command("INSERT INTO t SELECT x.x * 1000 + y.y, 'z' FROM UNNEST(sequence(1, 10000)) x (x), UNNEST(sequence(1, 10000)) y (y); CREATE DATABASE after_it"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        time.sleep(0.5)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
        equal((process.returncode, errors), (128 + number, "USER_CANCELED: Query was canceled\n"), f"signal {number}")
        equal(files_of(frazil.warehouse), before, "files")
    same(frazil.run("SELECT count(*) FROM t"), [(3,)], "the table")


@check
def writers_in_several_processes(frazil, folder):
    table(frazil, rows=0)
    processes = [subprocess.Popen(frazil.command("; ".join(f"INSERT INTO t VALUES ({who}, '{step}')" for step in range(5))),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") for who in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        equal(process.returncode, 0, f"exit code; {errors}")
    same(frazil.run("SELECT id, count(DISTINCT k) FROM t GROUP BY id"), [(who, 5) for who in range(4)], "rows")


@check
def java_patterns_for_dates(frazil, folder):
    """Trino's result, and on standard error what is odd about it; once per statement, and not for patterns without letters."""
    sql = ("SELECT date_format(DATE '2020-01-01', 'yyyy-MM-dd') AS a, date_format(DATE '2021-01-01', 'yyyy-MM-dd') AS b;"
           "SELECT date_format(DATE '2020-01-01', '%Y'), date_format(DATE '2020-01-01', '--')")
    done = subprocess.run(frazil.command(sql), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("yyyy-MM-dd") == 2, done
    assert done.stderr.count("date_format: the pattern 'yyyy-MM-dd' has no %") == 1 and done.stderr.count("\n") == 1, done.stderr
