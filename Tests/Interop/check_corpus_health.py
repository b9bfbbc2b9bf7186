"""`frazil check` on tables that other engines made (../shared/corpus/iceberg): no errors but those that are known to be in the files."""

import csv
import json
import os
import pathlib
import subprocess

from support import CHECKS, binary

CORPUS = pathlib.Path(os.environ.get("FRAZIL_CORPUS") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "corpus") / "iceberg"

# Tables that were edited by hand: sizes that are not those of the files, a snapshot that the log does not know, a wrong row count.
KNOWN = {
    "dk_big_query": ["the list says"],
    "dk_equality_delete_cross_partition": ["snapshot-log ends with", "the list says"],
    "im_delete_equality_nulls": ["the manifest says 1589 bytes", "the manifest says 1 rows, the file has 2"],
    "im_delete_positional": ["the manifest says 1598 bytes"],
    "im_puffin_stats": ["the list says"],
    **{f"dk_partition_{kind}": ["the manifest says"] for kind in ["bigint", "binary", "bool", "decimal_bigint", "float", "time", "timestamp"]},
}


def health_of(name):
    def check(place):
        expected = json.loads((CORPUS / "expected" / f"{name}.json").read_text())
        options = []
        for entry in expected["location_map"]:
            options += ["--mount", f"{entry['from']}={os.path.normpath(CORPUS / 'tables' / name / entry['to'])}"]
        place.run(f"CALL system.register_table('t', '{CORPUS}/tables/{name}/{expected['metadata']}')", *options)
        done = subprocess.run([binary(), "--warehouse", place.warehouse, *options, "check", "--json", "t"], capture_output=True, text=True)
        (report,) = json.loads(done.stdout)
        errors = [item for item in report["findings"] if item["severity"] == "error"]
        unknown = [item for item in errors if not any(words in item["problem"] for words in KNOWN.get(name, []))]
        assert not unknown, unknown
        assert done.returncode == (1 if errors else 0), (done.returncode, report)
        assert bool(errors) == (name in KNOWN), f"{name} has no errors any more"

    check.__name__ = name
    check.__module__ = __name__
    return check


if CORPUS.exists():
    with open(CORPUS / "MANIFEST.tsv", newline="") as lines:
        for line in csv.DictReader(lines, delimiter="\t"):
            if line["outcome"] == "ok":
                CHECKS.append(health_of(line["table"]))
else:
    print(f"skipped: the health of the tables of {CORPUS}, which is not there")
