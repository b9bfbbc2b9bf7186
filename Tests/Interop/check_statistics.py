"""Statistics files: sketches against hashes that mmh3 makes, entries as PyIceberg reads them, partition statistics as PyArrow reads them."""

import json
import struct

import mmh3
import pyarrow.parquet as pq
from harness import *

SEED = 9001  # Apache DataSketches' default


def blobs(path):
    data = open(path, "rb").read()
    equal((data[:4], data[-4:]), (b"PFA1", b"PFA1"), "magic")
    size = struct.unpack("<i", data[-12:-8])[0]
    footer = json.loads(data[-12 - size:-12])
    return [(item, data[item["offset"]:item["offset"] + item["length"]]) for item in footer["blobs"]], size + 16


def theta(values):
    """The sketch of few values: the whole set of their hashes."""
    hashes = sorted({mmh3.hash64(value, seed=SEED, signed=False)[0] >> 1 for value in values})
    seed_hash = mmh3.hash64(struct.pack("<q", SEED), seed=0, signed=False)[0] & 0xFFFF
    head = bytes([2, 3, 3, 0, 0, 0x1A]) + struct.pack("<HIf", seed_hash, len(hashes), 1.0)
    return head + b"".join(struct.pack("<Q", item) for item in hashes)


@check
def sketches_of_columns(frazil, folder):
    frazil.run("CREATE TABLE t (i int, l bigint, s string, d date, x double, f float, dec decimal(10,2), b binary, flag boolean, ts timestamp) "
               "TBLPROPERTIES ('table_type' = 'ICEBERG');"
               "INSERT INTO t VALUES (1, -1, 'a', DATE '1970-01-02', 1.5, REAL '1.5', DECIMAL '-1.28', X'00ff', true, TIMESTAMP '1970-01-01 00:00:01'),"
               "(70000, 5, 'ä€', DATE '1969-12-31', -0.5, REAL '2', DECIMAL '1.28', X'01', false, TIMESTAMP '1970-01-01 00:00:00.000001'),"
               "(70000, NULL, 'a', NULL, 1.5, NULL, NULL, NULL, true, NULL); ANALYZE t")
    metadata = frazil.metadata("t")
    entry = pyiceberg_table(metadata).metadata.statistics[0]
    equal(entry.snapshot_id, pyiceberg_table(metadata).current_snapshot().snapshot_id, "snapshot")
    found, footer = blobs(entry.statistics_path)
    equal(entry.file_footer_size_in_bytes, footer, "footer size")
    equal(entry.file_size_in_bytes, len(open(entry.statistics_path, "rb").read()), "file size")
    expected = [
        [struct.pack("<i", item) for item in (1, 70000)],
        [struct.pack("<q", item) for item in (-1, 5)],
        ["a".encode(), "ä€".encode()],
        [struct.pack("<i", item) for item in (1, -1)],
        [struct.pack("<d", item) for item in (1.5, -0.5)],
        [struct.pack("<f", item) for item in (1.5, 2)],
        # -128 fits one byte, 128 needs two.
        [b"\x80", b"\x00\x80"],
        [b"\x00\xff", b"\x01"],
        [b"\x00", b"\x01"],
        [struct.pack("<q", item) for item in (1_000_000, 1)],
    ]
    for number, ((blob, content), values) in enumerate(zip(found, expected, strict=True), 1):
        equal((blob["type"], blob["fields"], blob["properties"]["ndv"]), ("apache-datasketches-theta-v1", [number], "2"), f"column {number}")
        equal(content, theta(values), f"sketch of column {number}")
    equal([item.properties["ndv"] for item in entry.blob_metadata], ["2"] * 10, "blob metadata")


@check
def sketch_of_many_values(frazil, folder):
    frazil.run("CREATE TABLE t (l bigint) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t SELECT n FROM UNNEST(sequence(1, 30000)) AS s(n);"
               "INSERT INTO t SELECT n FROM UNNEST(sequence(20001, 40000)) AS s(n); ANALYZE t")
    entry = pyiceberg_table(frazil.metadata("t")).metadata.statistics[0]
    (blob, content), = blobs(entry.statistics_path)[0]
    hashes = sorted(mmh3.hash64(struct.pack("<q", item), seed=SEED, signed=False)[0] >> 1 for item in range(1, 40001))
    count, _, bound = struct.unpack("<IfQ", content[8:24])
    equal((content[0], count), (3, 4096), "words before the hashes, hashes")
    equal(list(struct.unpack(f"<{count}Q", content[24:])), hashes[:count], "the smallest hashes")
    equal(bound, hashes[count], "theta")
    equal(blob["properties"]["ndv"], str(round(count / (bound / 2**63))), "estimate")


@check
def partition_statistics(frazil, folder):
    for version in (2, 3):
        name = f"t{version}"
        frazil.run(f"CREATE TABLE {name} (id bigint, grp string, n int) PARTITIONED BY (grp, bucket(2, id)) "
                   f"TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '{version}', 'write.delete.mode' = 'merge-on-read');"
                   f"INSERT INTO {name} VALUES (1, 'b', 1), (1, 'b', 2), (2, NULL, 3), (1, 'a', 4); DELETE FROM {name} WHERE n = 2;"
                   f"CALL system.compute_partition_stats('{name}')")
        table = json.load(open(frazil.metadata(name)))
        entry = table["partition-statistics"][0]
        equal(entry["snapshot-id"], table["current-snapshot-id"], "snapshot")
        file = pq.read_table(entry["statistics-path"])
        ids = [int(field.metadata[b"PARQUET:field_id"]) for field in file.schema]
        equal(ids, list(range(1, 13)) + ([13] if version == 3 else []), "field ids")
        equal([int(field.metadata[b"PARQUET:field_id"]) for field in file.schema[0].type], [1000, 1001], "ids of partition fields")
        rows = file.to_pylist()
        equal([row["partition"]["grp"] for row in rows], [None, "a", "b"], "NULL first")
        equal([row["data_record_count"] for row in rows], [1, 1, 2], "records")
        equal([row["data_file_count"] for row in rows], [1, 1, 1], "files")
        equal([row["position_delete_record_count"] for row in rows], [0, 0, 1], "deleted")
        equal([row["position_delete_file_count"] for row in rows], [0, 0, 1 if version == 2 else 0], "delete files")
        equal([row["total_record_count"] for row in rows], [1, 1, None], "rows left, where nothing was deleted")
        if version == 3:
            equal([row["dv_count"] for row in rows], [0, 0, 1], "deletion vectors")
