"""What is on the disk before a commit shows: every file that the new state names is flushed, and so is the folder that names it."""

import re
import subprocess

from support import check

CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")


def trace(place, sql):
    """The system calls of a script about names and flushes, in order: (thread, name, arguments, result)."""
    done = subprocess.run(
        ["strace", "-f", "-qq", "-y", "-s", "4096", "-o", f"{place.folder}/trace", "-e", "trace=openat,linkat,rename,unlink,fsync,fdatasync,close",
         *place.command("-c", sql)], capture_output=True, text=True, cwd=place.folder)
    assert done.returncode == 0, done.stderr
    calls, pending = [], {}
    for line in open(f"{place.folder}/trace", errors="replace"):
        thread = line.split()[0]
        if "<unfinished ...>" in line:
            pending[thread] = line.split("<unfinished ...>")[0].rstrip()
            continue
        resumed = re.match(r"^\d+ +<\.\.\. \w+ resumed>(.*)$", line)
        if resumed:
            line = pending.pop(thread) + resumed.group(1)
        found = CALL.match(line)
        if found:
            calls.append((found.group(2), found.group(3), int(found.group(4))))
    return calls


def check_order(place, calls, pointers):
    """Between a file's last flush and the swap of a pointer nothing is missing: file, then name, then folder."""
    synced, named = set(), {}
    seen_pointer = False
    for name, arguments, result in calls:
        if result != 0 and name != "openat":
            continue
        if name == "openat":
            synced.discard(str(result))
        elif name in ("fsync", "fdatasync"):
            synced.add(arguments.split("<")[0])
            path = re.search(r"<(.*)>", arguments).group(1).replace(" (deleted)", "")
            # A folder's flush makes the names in it last.
            for file in [file for file in named if file.rsplit("/", 1)[0] == path]:
                del named[file]
        elif name in ("linkat", "rename"):
            paths = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
            target = paths[1]
            if any(target.endswith(pointer) for pointer in pointers):
                seen_pointer = True
                left = [file for file in named if not file.endswith(".tmp")]
                assert not left, f"{target} was swapped before the folder of {left} was flushed"
            if name == "linkat":
                source = re.search(r"/proc/self/fd/(\d+)", paths[0])
                assert source is None or source.group(1) in synced, f"{target} got its name before its bytes were flushed"
            if place.warehouse in target:
                named[target] = True
    assert seen_pointer, "the pointer was not swapped"
    left = [file for file in named if not file.endswith(".tmp")]
    assert not left, f"the folder of {left} was not flushed"


@check
def flushed_before_the_swap(place):
    for sql, pointers in [
        ("CREATE TABLE a (id int, p string) PARTITIONED BY (p) TBLPROPERTIES ('table_type' = 'ICEBERG')", ["/a.table.json"]),
        ("CREATE TABLE b (id int) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '3')", ["/b.table.json"]),
        ("INSERT INTO a VALUES (1, 'x'), (2, 'y'), (3, 'x')", ["/a.table.json"]),
        ("DELETE FROM a WHERE id = 1", ["/a.table.json"]),
        ("CREATE TABLE c WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 1 AS x", ["/c.table.json"]),
        ("BEGIN; INSERT INTO a VALUES (4, 'z'); INSERT INTO b VALUES 1, 2; DELETE FROM b WHERE id = 1; COMMIT", ["/commit.journal.json"]),
    ]:
        check_order(place, trace(place, sql), pointers)
