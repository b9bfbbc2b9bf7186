"""`frazil check` sees damage: every check here makes a healthy table, damages one thing of it, and reads the report."""

import json
import pathlib
import shutil
import struct
import subprocess

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from harness import *

BASE = """CREATE TABLE t (id bigint, name string, day date) PARTITIONED BY (day) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '{version}');
INSERT INTO t VALUES (1, 'a', DATE '2026-01-01'), (2, 'b', DATE '2026-01-01'), (3, NULL, DATE '2026-01-02');
INSERT INTO t VALUES (4, 'd', DATE '2026-01-02'), (5, 'e', DATE '2026-01-02');
DELETE FROM t WHERE id IN (1, 5)"""


def report(frazil, *tables):
    done = subprocess.run([frazil.binary, "--warehouse", str(frazil.warehouse), "check", "--json", *(tables or ["t"])],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def findings(frazil, severity="error"):
    status, (found,) = report(frazil)
    equal(status, 1 if any(item["severity"] == "error" for item in found["findings"]) else 0, "exit status")
    return [f"{item['place']}: {item['problem']}" for item in found["findings"] if item["severity"] == severity]


def path_of(text):
    return pathlib.Path(text.removeprefix("file://"))


def edit_metadata(frazil, change):
    path = pathlib.Path(frazil.metadata("t"))
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def snapshot(frazil):
    content = json.loads(pathlib.Path(frazil.metadata("t")).read_text())
    return next(item for item in content["snapshots"] if item["snapshot-id"] == content["current-snapshot-id"])


def edit_avro(path, change):
    """Reads all records of an Avro file, changes them, and writes them under the same header."""
    with open(path, "rb") as source:
        reader = fastavro.reader(source)
        schema, records = reader.writer_schema, list(reader)
        header = {key: value for key, value in reader.metadata.items() if not key.startswith("avro.")}
    change(records)
    with open(path, "wb") as target:
        fastavro.writer(target, schema, records, codec="deflate", metadata=header)


def manifest_list(frazil):
    return path_of(snapshot(frazil)["manifest-list"])


def manifests(frazil, content):
    with open(manifest_list(frazil), "rb") as source:
        return [path_of(item["manifest_path"]) for item in fastavro.reader(source) if item["content"] == content]


def edit_list(frazil, change):
    edit_avro(manifest_list(frazil), change)


def edit_manifest(frazil, change, content=0):
    edit_avro(manifests(frazil, content)[0], change)


def live(records):
    return next(item for item in records if item["status"] != 2)["data_file"]


def files(frazil, content):
    found = []
    for manifest in manifests(frazil, content):
        with open(manifest, "rb") as source:
            found += [path_of(item["data_file"]["file_path"]) for item in fastavro.reader(source) if item["status"] != 2]
    return found


def set_pair(pairs, key, value):
    for pair in pairs:
        if pair["key"] == key:
            pair["value"] = value


def damage(name, change, expected, version=2, severity="error"):
    """A check: after `change` the report says `expected`."""
    def run(frazil, folder):
        frazil.run(BASE.format(version=version))
        equal([item for item in findings(frazil) + findings(frazil, "warning")], [], "findings of the healthy table")
        change(frazil)
        found = findings(frazil, severity)
        if not any(expected in item for item in found):
            raise Failure(f"'{expected}' is missing in {found}")
    run.__name__ = name
    run.__module__ = __name__
    check(run)


def metadata(name, change, expected, **options):
    damage("metadata_" + name, lambda frazil: edit_metadata(frazil, change), expected, **options)


def entry(name, change, expected, content=0, **options):
    damage("entry_" + name, lambda frazil: edit_manifest(frazil, lambda records: change(live(records)), content), expected, **options)


def listed(name, change, expected, **options):
    damage("list_" + name, lambda frazil: edit_list(frazil, lambda records: change(records[0])), expected, **options)


# The metadata file.
metadata("current_snapshot_is_gone", lambda m: m.update({"snapshots": m["snapshots"][:-1]}), "is not in the list of snapshots")
metadata("sequence_number_too_low", lambda m: m.update({"last-sequence-number": 1}), "above last-sequence-number 1")
metadata("column_id_too_low", lambda m: m.update({"last-column-id": 1}), "above last-column-id 1")
metadata("partition_id_too_low", lambda m: m.update({"last-partition-id": 999}), "above last-partition-id 999")
metadata("no_such_schema", lambda m: m.update({"current-schema-id": 7}), "is not in the list of schemas")
metadata("no_such_spec", lambda m: m.update({"default-spec-id": 7}), "is not in the list of specs")
metadata("main_elsewhere", lambda m: m["refs"]["main"].update({"snapshot-id": m["snapshots"][0]["snapshot-id"]}), "main branch and current-snapshot-id differ")
metadata("snapshot_twice", lambda m: m["snapshots"].append(m["snapshots"][-1]), "is listed twice")
metadata("log_ends_elsewhere", lambda m: m["snapshot-log"].pop(), "snapshot-log ends with")
metadata("log_goes_back", lambda m: m["snapshot-log"][0].update({"timestamp-ms": m["last-updated-ms"] + 3_600_000}), "goes back in time")
metadata("field_id_twice", lambda m: m["schemas"][0]["fields"][1].update({"id": 1}), "field id 1 is given twice")
metadata("row_ids_above_next", lambda m: m.update({"next-row-id": 1}), "above next-row-id 1", version=3)
metadata("parent_is_newer", lambda m: m["snapshots"][0].update({"sequence-number": 3}), "no higher sequence number than its parent")
metadata("mapping_is_no_json", lambda m: m["properties"].update({"schema.name-mapping.default": "{"}), "is no name mapping")
metadata("nanoseconds_in_version_2", lambda m: m["schemas"][0]["fields"][2].update({"type": "timestamp_ns"}), "in a table of format version 2")
metadata("summary_counts_wrong", lambda m: m["snapshots"][-1]["summary"].update({"total-records": "77"}), "77 total-records", severity="warning")

# The manifest list.
listed("length", lambda m: m.update({"manifest_length": 7}), "the list says 7 bytes")
listed("file_count", lambda m: m.update({"added_files_count": 9}), "the list says 9 added files")
listed("row_count", lambda m: m.update({"added_rows_count": 99}), "the list says 99 added rows")
listed("sequence_number", lambda m: m.update({"sequence_number": 99}), "above its snapshot's")
listed("no_such_spec", lambda m: m.update({"partition_spec_id": 9}), "partition spec 9")
listed("summary_too_narrow", lambda m: m["partitions"][0].update({"upper_bound": struct.pack("<i", 0)}), "above its summary")
listed("summary_denies_null", lambda m: m.update({"partitions": []}), "partition summaries for a spec of 1 fields")
damage("list_is_gone", lambda frazil: manifest_list(frazil).unlink(), "manifest list cannot be read")
damage("manifest_is_gone", lambda frazil: manifests(frazil, 0)[0].unlink(), "the manifest cannot be read")
damage("manifest_is_cut", lambda frazil: manifests(frazil, 0)[0].write_bytes(manifests(frazil, 0)[0].read_bytes()[:-40]), "the manifest cannot be read")
damage("minimum_sequence_number",
       lambda frazil: edit_list(frazil, lambda records: [item.update({"min_sequence_number": 3}) for item in records]), "below its min_sequence_number")

# Entries of manifests, against the files.
entry("record_count", lambda f: f.update({"record_count": 50}), "the manifest says 50 rows")
entry("file_size", lambda f: f.update({"file_size_in_bytes": 5}), "the manifest says 5 bytes")
entry("lower_bound", lambda f: set_pair(f["lower_bounds"], 1, struct.pack("<q", 1000)), "a value is below the lower bound")
entry("upper_bound", lambda f: set_pair(f["upper_bounds"], 1, struct.pack("<q", -1000)), "a value is above the upper bound")
entry("text_bound", lambda f: set_pair(f["lower_bounds"], 2, b"zz") if any(pair["key"] == 2 for pair in f["lower_bounds"]) else None,
      "a value is below the lower bound")
entry("null_count", lambda f: set_pair(f["null_value_counts"], 2, 40), "the manifest says 40 nulls")
entry("value_count", lambda f: set_pair(f["value_counts"], 1, 41), "the manifest says 41 values")
entry("partition_value", lambda f: f["partition"].update({"day": f["partition"]["day"].replace(year=2020)}), "belongs to another partition")
damage("entry_twice", lambda frazil: edit_manifest(frazil, lambda records: records.append(dict(records[-1]))), "is listed twice")
damage("entry_sequence_number",
       lambda frazil: edit_manifest(frazil, lambda records: records[0].update({"sequence_number": 90, "file_sequence_number": 90})), "above its manifest's")
damage("file_sequence_number",
       lambda frazil: edit_manifest(frazil, lambda records: records[0].update({"sequence_number": 2, "file_sequence_number": 1})),
       "above its file sequence number")
damage("row_ids_twice",
       lambda frazil: edit_manifest(frazil, lambda records: [item["data_file"].update({"first_row_id": 0}) for item in records]),
       "has row ids that", version=3)

# Files.
damage("data_file_is_gone", lambda frazil: files(frazil, 0)[0].unlink(), "the file is not there")
damage("data_file_is_cut", lambda frazil: files(frazil, 0)[0].write_bytes(b"PAR1" + b"\0" * 40), "the file cannot be read")
damage("delete_file_is_gone", lambda frazil: files(frazil, 1)[0].unlink(), "the file is not there")
damage("vector_is_gone", lambda frazil: files(frazil, 1)[0].unlink(), "the file is not there", version=3)
damage("data_file_is_another", lambda frazil: shutil.copy(files(frazil, 0)[-1], files(frazil, 0)[0]), "the manifest says")


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


# Deletes.
damage("vector_checksum", lambda frazil: flip(files(frazil, 1)[0], 20), "the delete file cannot be read", version=3)
entry("vector_cardinality", lambda f: f.update({"record_count": 2}), "positions, its manifest entry says 2", content=1, version=3)
entry("vector_names_nothing", lambda f: f.update({"referenced_data_file": None}), "without referenced_data_file", content=1, version=3)
entry("vector_without_place", lambda f: f.update({"content_offset": None}), "without its place", content=1, version=3)
entry("delete_of_a_file_that_is_gone", lambda f: f.update({"referenced_data_file": "/nowhere.parquet"}), "no file of the table any more", content=1,
      severity="warning")
entry("delete_of_another_partition", lambda f: f["partition"].update({"day": f["partition"]["day"].replace(year=2020)}), "another partition than its data file",
      content=1)
damage("delete_is_older",
       lambda frazil: edit_manifest(frazil, lambda records: [item.update({"sequence_number": 0, "file_sequence_number": 0}) for item in records], 1),
       "is older than its data file")


def position_deletes(frazil, rows):
    """Other rows in the first position delete file."""
    path = files(frazil, 1)[0]
    with open(manifests(frazil, 1)[0], "rb") as source:
        target = live(list(fastavro.reader(source)))["referenced_data_file"]
    schema = pa.schema([
        pa.field("file_path", pa.string(), metadata={"PARQUET:field_id": "2147483546"}),
        pa.field("pos", pa.int64(), metadata={"PARQUET:field_id": "2147483545"})])
    pq.write_table(pa.table({"file_path": [target] * len(rows), "pos": rows}, schema=schema), path)


damage("position_beyond_the_end", lambda frazil: position_deletes(frazil, [1000]), "deletes row 1000 of")
damage("positions_out_of_order", lambda frazil: position_deletes(frazil, [1, 0]), "not sorted", severity="warning")
damage("position_is_null", lambda frazil: position_deletes(frazil, [None]), "hold NULL", severity="warning")
damage("delete_record_count", lambda frazil: position_deletes(frazil, [0, 1]), "the manifest says 1 rows, the file has 2")


@check
def required_column_with_nulls(frazil, folder):
    frazil.run("CREATE TABLE t (id bigint, name string) USING iceberg; INSERT INTO t VALUES (1, NULL)")
    edit_metadata(frazil, lambda m: m["schemas"][0]["fields"][1].update({"required": True}))
    found = findings(frazil)
    if not any("is required, the file has 1 nulls" in item or "required column" in item for item in found):
        raise Failure(f"the NULL is missing in {found}")


@check
def bucket_of_another_row(frazil, folder):
    """The extremes of a file lie in its bucket, a row between them does not."""
    frazil.run("CREATE TABLE t (id bigint) PARTITIONED BY (bucket(4, id)) TBLPROPERTIES ('table_type' = 'ICEBERG');"
               "INSERT INTO t SELECT x FROM UNNEST(sequence(1, 40)) AS u(x)")
    path = files(frazil, 0)[0]
    table = pq.read_table(path)
    ids = table.column("id").to_pylist()
    low, high = min(ids), max(ids)
    stranger = next(number for number in range(low + 1, high) if number not in ids)
    middle = [number for number in ids if number not in (low, high)]
    middle[0] = stranger
    pq.write_table(pa.table({"id": [low, *middle, high]}, schema=table.schema), path)
    found = findings(frazil)
    if not any("belongs to another partition" in item for item in found):
        raise Failure(f"the row is missing in {found}")


@check
def engines_that_would_not_take_it(frazil, folder):
    frazil.run(BASE.format(version=3))
    status, (found,) = report(frazil)
    equal((status, found["outcome"]), (0, "clean"), "a valid table of version 3")
    notes = {(item["place"], item["problem"].split(":")[0]) for item in found["findings"]}
    for expected in [("Athena", "format version 3"), ("PyIceberg 0.12", "format version 3"), ("Athena", "2 deletion vectors")]:
        if expected not in notes:
            raise Failure(f"{expected} is missing in {notes}")
    edit_metadata(frazil, lambda m: m["schemas"][0]["fields"].append({"id": 9, "name": "Nanos", "required": False, "type": "timestamp_ns"}))
    edit_metadata(frazil, lambda m: m.update({"last-column-id": 9}))
    status, (found,) = report(frazil)
    notes = " ".join(f"{item['place']} {item['problem']}" for item in found["findings"])
    for words in ["engines for format version 2 column 'Nanos'", "Athena column 'Nanos': Glue and Athena show names in lower case", "has no scheme"]:
        if words not in notes:
            raise Failure(f"'{words}' is missing in {notes}")


@check
def files_without_ids(frazil, folder):
    frazil.run("CREATE TABLE t (id bigint) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t VALUES 1")
    path = files(frazil, 0)[0]
    pq.write_table(pa.table({"id": pa.array([1], pa.int64())}), path)
    found = findings(frazil, "engine")
    if not any("have no field ids" in item for item in found):
        raise Failure(f"the missing ids are missing in {found}")


@check
def exit_status_and_several_tables(frazil, folder):
    frazil.run(BASE.format(version=2) + "; CREATE TABLE good (id bigint) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO good VALUES 1")
    equal(report(frazil, "t", "good")[0], 0, "two good tables")
    equal(report(frazil, "default.good", "nowhere")[0], 2, "a table that is not there")
    files(frazil, 0)[0].unlink()
    status, reports = report(frazil, "t", "good")
    equal((status, [item["outcome"] for item in reports]), (1, ["problems", "clean"]), "a damaged table and a good one")
    status, reports = report(frazil, "t", "nowhere")
    equal((status, [item["outcome"] for item in reports]), (2, ["problems", "failed"]), "a damaged table and none")
    if "TABLE_NOT_FOUND" not in reports[1]["failure"]:
        raise Failure(reports[1]["failure"])
    done = subprocess.run([frazil.binary, "--warehouse", str(frazil.warehouse), "check", "t", "good"], capture_output=True, text=True)
    for words in ["t: ", "the file is not there", "good: clean"]:
        if words not in done.stdout:
            raise Failure(f"'{words}' is missing in {done.stdout}")
    for arguments in [["check"], ["--json", "run", "x.sql"], ["check", "t", "-c", "SELECT 1"]]:
        equal(subprocess.run([frazil.binary, *arguments], capture_output=True).returncode, 2, f"wrong usage {arguments}")
