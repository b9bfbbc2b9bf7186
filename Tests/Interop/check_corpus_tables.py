"""Tables that other engines made (../shared/corpus/iceberg) are taken in and written to: one more row each, old states untouched."""

import csv
import json
import os
import pathlib
import shutil

from support import CHECKS

CORPUS = pathlib.Path(os.environ.get("FRAZIL_CORPUS") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "corpus") / "iceberg"


def write_to(name):
    def check(place):
        expected = json.loads((CORPUS / "expected" / f"{name}.json").read_text())
        copy = os.path.join(place.folder, "copy")
        shutil.copytree(CORPUS / "tables" / name, copy)
        for folder, _, names in os.walk(copy):
            os.chmod(folder, 0o755)
            for file in names:
                os.chmod(os.path.join(folder, file), 0o644)
        options = []
        for entry in expected["location_map"]:
            options += ["--mount", f"{entry['from']}={os.path.normpath(os.path.join(copy, entry['to']))}"]
        place.run(f"CALL system.register_table('t', '{copy}/{expected['metadata']}')", *options)
        before = place.run("SELECT count(*) AS n FROM t", *options)[0]["n"]
        old = place.run('SELECT snapshot_id FROM "t$snapshots" ORDER BY committed_at DESC LIMIT 1', *options)
        place.run("INSERT INTO t SELECT * FROM t LIMIT 2", *options)
        after = place.run("SELECT count(*) AS n FROM t", *options)[0]["n"]
        assert after == before + min(2, before), f"{before} rows before, {after} after"
        if old and before:
            rows = place.run('SELECT count(*) AS n FROM "t$snapshots"', *options)[0]["n"]
            assert rows >= 2, rows

    check.__name__ = name
    check.__module__ = __name__
    return check


if CORPUS.exists():
    with open(CORPUS / "MANIFEST.tsv", newline="") as lines:
        for line in csv.DictReader(lines, delimiter="\t"):
            if line["outcome"] == "ok":
                CHECKS.append(write_to(line["table"]))
else:
    print(f"skipped: writing to the tables of {CORPUS}, which is not there")
