"""Several processes write one table at once: every row is there in the end, and the history is one line."""

import subprocess

from support import check, same_rows


def run_together(place, scripts):
    running = [subprocess.Popen(place.command("-c", sql), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", cwd=place.folder)
               for sql in scripts]
    for process in running:
        _, problem = process.communicate(timeout=240)
        assert process.returncode == 0, problem


def check_history(place, table, commits):
    metadata = place.metadata(table)
    snapshots = metadata["snapshots"]
    assert len(snapshots) == commits, len(snapshots)
    assert [snapshot["sequence-number"] for snapshot in snapshots] == list(range(1, commits + 1))
    for parent, snapshot in zip(snapshots, snapshots[1:]):
        assert snapshot["parent-snapshot-id"] == parent["snapshot-id"]
    assert metadata["current-snapshot-id"] == snapshots[-1]["snapshot-id"]
    assert snapshots[-1]["summary"]["total-data-files"] == str(len(place.pyiceberg(table).inspect.files()))


def check_no_strays(place, table):
    """Every file below the table is referred to by its metadata."""
    live = place.pyiceberg(table)
    metadata = place.metadata(table)
    known = {place.metadata_file(table)} | {entry["metadata-file"] for entry in metadata["metadata-log"]}
    for snapshot in live.snapshots():
        known.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(live.io):
            known.add(manifest.manifest_path)
    known |= {file["file_path"] for file in live.inspect.files().to_pylist()}
    strays = [path for path in place.files(table) if path not in known]
    assert not strays, strays


@check
def six_processes(place):
    place.run("CREATE TABLE t (process int, round int, region string) PARTITIONED BY (region) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    processes, rounds = 6, 5
    run_together(place, [
        ";".join(f"INSERT INTO t VALUES ({process}, {round}, 'r{process % 2}'), ({process}, {round}, NULL)" for round in range(rounds))
        for process in range(processes)
    ])
    expected = [(process, round, region) for process in range(processes) for round in range(rounds) for region in (f"r{process % 2}", None)]
    place.everyone_reads("t", expected)
    check_history(place, "t", processes * rounds)
    check_no_strays(place, "t")


@check
def one_of_many_creates_wins(place):
    """The same CREATE TABLE AS in several processes: one makes the table, the others say that it is there."""
    place.run("CREATE DATABASE d")
    sql = "CREATE TABLE d.t WITH (table_type = 'ICEBERG', is_external = false) AS SELECT 7 AS x"
    running = [subprocess.Popen(place.command("-c", sql), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", cwd=place.folder)
               for _ in range(4)]
    results = [(process.communicate(timeout=120)[1], process.returncode) for process in running]
    assert sorted(code for _, code in results) == [0, 1, 1, 1], results
    for text, code in results:
        assert code == 0 or "ALREADY_EXISTS" in text or "non-empty location" in text, text
    same_rows([tuple(row.values()) for row in place.run("SELECT x FROM d.t")], [(7,)], "Frazil")
