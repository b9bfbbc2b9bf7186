"""Files that UNLOAD wrote, read by DuckDB and PyArrow; expected rows come from the values that went in. Also: files of others read by
external tables and table functions, and what a full disk or a damaged file does."""

import csv
import datetime
import decimal
import glob
import gzip
import io
import json
import os
import pathlib
import resource
import subprocess

import duckdb
import duckdb_extension_avro
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet

from support import check, same_rows, values

ROWS = [
    (1, 2**62, 1.5, "plain", datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 31, 10, 20, 30, 123456),
     decimal.Decimal("123.45"), decimal.Decimal("-12345678901234567890123456.7"), True, b"\x00\xff"),
    (-5, -1, -2.25e100, 'comma, "quote"', datetime.date(1969, 12, 31), datetime.datetime(1969, 12, 31, 23, 59, 59, 1),
     decimal.Decimal("-0.01"), decimal.Decimal("0.0"), False, b""),
    (None,) * 10,
    (7, 0, 0.0, "", datetime.date(9999, 12, 31), datetime.datetime(2000, 1, 1), decimal.Decimal("0.00"), decimal.Decimal("1.0"), True, b"x"),
]
NAMES = ["i", "l", "d", "s", "day", "at", "n", "big", "b", "bin"]
TYPES = ["integer", "bigint", "double", "varchar", "date", "timestamp(6)", "decimal(5,2)", "decimal(38,1)", "boolean", "varbinary"]


def query(names=NAMES):
    """The rows as a query, a number column in front left out."""
    columns = ", ".join(f"CAST({name} AS {TYPES[NAMES.index(name)]}) AS {name}" for name in names)
    return f"SELECT {columns} FROM ({values(ROWS)}) AS t ({', '.join(NAMES)})"


def picked(names):
    return [tuple(row[NAMES.index(name)] for name in names) for row in ROWS]


def duck():
    connection = duckdb.connect()
    folder = pathlib.Path(duckdb_extension_avro.__file__).parent
    connection.load_extension(str(next(folder.glob("extensions/*/avro.duckdb_extension"))))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@check
def parquet_in_every_compression(place):
    for codec in ["ZSTD", "SNAPPY", "GZIP", "LZ4", "NONE"]:
        place.run(f"UNLOAD ({query()}) TO 'out_{codec}' WITH (compression = '{codec}')")
        folder = f"{place.folder}/out_{codec}"
        same_rows([tuple(row.values()) for row in pyarrow.parquet.read_table(folder).to_pylist()], ROWS, f"PyArrow, {codec}")
        same_rows(duck().execute(f"SELECT * FROM read_parquet('{folder}/*')").fetchall(), ROWS, f"DuckDB, {codec}")
        names = {pyarrow.parquet.ParquetFile(path).metadata.row_group(0).column(0).compression for path in glob.glob(folder + "/*")}
        assert names == {"UNCOMPRESSED" if codec == "NONE" else codec}, names


@check
def csv_with_quotes(place):
    names = ["i", "d", "s", "day", "at", "n", "b"]
    for options in ["", ", compression = 'GZIP'", ", compression = 'ZSTD'", ", field_delimiter = ';'"]:
        folder = f"{place.folder}/csv{len(os.listdir(place.folder))}"
        place.run(f"UNLOAD ({query(names)}) TO '{folder}' WITH (format = 'CSV'{options})")
        rows = duck().execute(
            f'SELECT i::INTEGER, d::DOUBLE, s, day::DATE, "at"::TIMESTAMP, n::DECIMAL(5,2), b::BOOLEAN '
            f"FROM read_csv('{folder}/*', all_varchar = true, allow_quoted_nulls = false, nullstr = '')").fetchall()
        same_rows(rows, picked(names), f"DuckDB{options}")
    with open(glob.glob(f"{place.folder}/csv*/*.csv")[0], newline="") as file:
        assert next(csv.reader(file)) == names


@check
def json_lines(place):
    names = ["i", "l", "d", "s", "day", "n", "b"]
    place.run(f"UNLOAD ({query(names)}) TO 'json' WITH (format = 'JSON')")
    rows = []
    for path in glob.glob(f"{place.folder}/json/*.gz"):
        with gzip.open(path, "rt") as file:
            rows += [json.loads(line, parse_float=str) for line in file]
    for row in rows:
        assert list(row) == names
    found = [(row["i"], row["l"], None if row["d"] is None else float(row["d"]), row["s"],
              row["day"] and datetime.date.fromisoformat(row["day"]), row["n"] and decimal.Decimal(row["n"]), row["b"]) for row in rows]
    same_rows(found, picked(names), "json")


@check
def text_files_as_hive_has_them(place):
    place.run("UNLOAD (SELECT 1 AS a, 'x' AS b, CAST(NULL AS varchar) AS c UNION ALL SELECT 2, '', 'z') TO 'text' WITH (format = 'TEXTFILE')")
    lines = []
    for path in glob.glob(f"{place.folder}/text/*.gz"):
        lines += gzip.open(path, "rt").read().splitlines()
    assert sorted(lines) == ["1\x01x\x01\\N", "2\x01\x01z"], lines


@check
def avro_of_every_type(place):
    names = [name for name in NAMES if name not in ("n", "big")]
    # DuckDB's reader does not know Avro's zstandard.
    for codec in ["DEFLATE", "SNAPPY", "NONE"]:
        place.run(f"UNLOAD ({query(names)}) TO 'avro_{codec}' WITH (format = 'AVRO', compression = '{codec}')")
        rows = duck().execute(f"SELECT * FROM read_avro('{place.folder}/avro_{codec}/*')").fetchall()
        same_rows(rows, picked(names), f"DuckDB, {codec}")
    place.run(
        "UNLOAD (SELECT ARRAY[1, NULL, 3] AS a, CAST(ROW(1, 'x') AS ROW(p bigint, q varchar)) AS o, MAP(ARRAY['k', 'n'], ARRAY[1.5E0, NULL]) AS m, "
        "MAP(ARRAY[1], ARRAY['v']) AS im, TIMESTAMP '2024-01-01 00:00:00.123' AS t3, TIME '10:20:30.5' AS t, ARRAY[ARRAY['x'], NULL] AS deep, "
        "UUID 'f79c3e09-677c-4bbd-a479-3f349cb785e7' AS u, SMALLINT '-3' AS s) TO 'avro_nested' WITH (format = 'AVRO')")
    row = duck().execute(f"SELECT * FROM read_avro('{place.folder}/avro_nested/*')").fetchone()
    assert row == ([1, None, 3], {"p": 1, "q": "x"}, {"k": 1.5, "n": None}, {1: "v"}, datetime.datetime(2024, 1, 1, 0, 0, 0, 123000),
                   datetime.time(10, 20, 30, 500000), [["x"], None], "f79c3e09-677c-4bbd-a479-3f349cb785e7", -3), row


@check
def nested_parquet(place):
    place.run(
        "UNLOAD (SELECT ARRAY[1, NULL] AS a, CAST(ROW(1, 'x') AS ROW(p bigint, q varchar)) AS o, MAP(ARRAY['k'], ARRAY[1]) AS m, "
        "ARRAY[CAST(ROW(ARRAY['y']) AS ROW(z array(varchar)))] AS deep) TO 'nested'")
    row = duck().execute(f"SELECT * FROM read_parquet('{place.folder}/nested/*')").fetchone()
    assert row == ([1, None], {"p": 1, "q": "x"}, {"k": 1}, [{"z": ["y"]}]), row


@check
def partitions_are_read_as_hive_folders(place):
    rows = [(1, "eu", 2024), (2, "us", 2024), (3, "eu", 2025), (4, "a b", 2025)]
    place.run(f"UNLOAD (SELECT * FROM ({values(rows)}) AS t (id, region, year)) TO 'parts' WITH (partitioned_by = ARRAY['region', 'year'])")
    found = pyarrow.dataset.dataset(f"{place.folder}/parts", partitioning="hive", format="parquet").to_table().to_pylist()
    same_rows([(row["id"], row["region"], row["year"]) for row in found], rows, "PyArrow")
    found = duck().execute(f"SELECT id, region, year FROM read_parquet('{place.folder}/parts/*/*/*', hive_partitioning = true)").fetchall()
    same_rows(found, rows, "DuckDB")


@check
def order_is_kept(place):
    place.run("CREATE TABLE n (x bigint) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    place.run("INSERT INTO n " + values([(number * 7919 % 20011,) for number in range(20000)]))
    place.run("UNLOAD (SELECT x FROM n ORDER BY x) TO 'ordered'")
    files = sorted(glob.glob(f"{place.folder}/ordered/*"))
    found = [value for path in files for value in pyarrow.parquet.read_table(path)["x"].to_pylist()]
    assert found == sorted(number * 7919 % 20011 for number in range(20000))


@check
def other_writers_csv_and_json_are_read(place):
    table = pyarrow.table({
        "id": pyarrow.array(range(1000)), "text": [f'line {n}\n"quoted", {n}' if n % 3 else None for n in range(1000)],
        "value": [n / 7 for n in range(1000)]})
    pyarrow.csv.write_csv(table, f"{place.folder}/a.csv")
    rows = place.run("SELECT id, text, value FROM read_csv('a.csv', buffer_size => 999)")
    same_rows([tuple(row.values()) for row in rows], [tuple(row.values()) for row in table.to_pylist()], "frazil")
    duck().execute("COPY (SELECT range AS id, {'x': range, 'l': [range, NULL]} AS o, CASE WHEN range % 2 = 0 THEN 'a' END AS s FROM range(500)) "
                   f"TO '{place.folder}/b.json.gz' (FORMAT json)")
    rows = place.run("SELECT count(*) AS c, sum(id) AS i, sum(o.x) AS x, sum(o.l[1]) AS l, count(s) AS s FROM read_json('b.json.gz')")
    assert rows == [{"c": 500, "i": 124750, "x": 124750, "l": 124750, "s": 250}], rows


@check
def compressed_text_of_others(place):
    lines = "".join(f"{n},value {n % 13}\n" for n in range(50000))
    (pathlib.Path(place.folder) / "data").mkdir()
    with gzip.open(f"{place.folder}/data/a.csv.gz", "wt") as file:
        file.write(lines)
    with open(f"{place.folder}/data/b.csv.zst", "wb") as file:
        stream = pyarrow.CompressedOutputStream(file, "zstd")
        stream.write(lines.encode())
        stream.close()
    place.run("CREATE EXTERNAL TABLE t (n int, v string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' LOCATION 'data/'")
    rows = place.run("SELECT count(*) AS c, sum(n) AS s, count(DISTINCT v) AS d FROM t")
    assert rows == [{"c": 100000, "s": 2 * sum(range(50000)), "d": 13}], rows


@check
def external_parquet_of_others(place):
    (pathlib.Path(place.folder) / "p" / "day=2024-01-01").mkdir(parents=True)
    pyarrow.parquet.write_table(
        pyarrow.table({"ID": pyarrow.array([1, 2], pyarrow.int32()), "tags": [["a"], None]}), f"{place.folder}/p/day=2024-01-01/x.parquet")
    place.run("CREATE EXTERNAL TABLE p (id bigint, tags array<string>, later string) PARTITIONED BY (day date) STORED AS PARQUET LOCATION 'p/'")
    place.run("MSCK REPAIR TABLE p")
    rows = place.run("SELECT * FROM p ORDER BY id")
    assert rows == [{"id": 1, "tags": ["a"], "later": None, "day": "2024-01-01"}, {"id": 2, "tags": None, "later": None, "day": "2024-01-01"}], rows


@check
def damaged_files(place):
    folder = pathlib.Path(place.folder)
    whole = gzip.compress(("a,b\n" + "".join(f"{n},{n}\n" for n in range(20000))).encode())
    (folder / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "cut.csv.gz" in place.fails("SELECT sum(a) FROM read_csv('cut.csv.gz')")
    (folder / "fake.csv.gz").write_bytes(b"a,b\n1,2\n")
    assert "fake.csv.gz" in place.fails("SELECT * FROM read_csv('fake.csv.gz')")
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"a": list(range(10000))}), sink)
    (folder / "cut.parquet").write_bytes(sink.getvalue()[:-20])
    assert "cut.parquet" in place.fails("SELECT sum(a) FROM read_parquet('cut.parquet')")
    (folder / "zero.parquet").write_bytes(b"")
    assert "zero.parquet" in place.fails("SELECT sum(a) FROM read_parquet('zero.parquet')")
    (folder / "latin1.csv").write_bytes(b"a,b\n1,x\nm\xfcsli,2\n")
    assert "latin1.csv, line 3" in place.fails("SELECT * FROM read_csv('latin1.csv')")
    (folder / "nul.csv").write_bytes(b"a,b\n1,\x00\n")
    assert place.run("SELECT length(b) AS n FROM read_csv('nul.csv', header = true)") == [{"n": 1}]
    (folder / "folder.csv").mkdir()
    assert "folder.csv" in place.fails("SELECT * FROM read_csv('folder.csv')")


@check
def a_full_disk_leaves_nothing(place):
    # Files may not grow beyond 64 KiB: what the system says is what it says when the disk is full.
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    place.run("CREATE TABLE n (x bigint) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    place.run("INSERT INTO n " + values([(number * 7919 % 1000003,) for number in range(30000)]))
    for options in ["format = 'PARQUET', compression = 'NONE'", "format = 'CSV'", "format = 'JSON', compression = 'NONE'", "format = 'AVRO', compression = 'NONE'",
                    "format = 'PARQUET', compression = 'NONE', partitioned_by = ARRAY['p']"]:
        columns = "x, x * x AS y, x % 2 AS p"
        done = subprocess.run(
            place.command("-c", f"UNLOAD (SELECT {columns} FROM n) TO 'full' WITH ({options})"), capture_output=True, text=True, errors="replace",
            cwd=place.folder, preexec_fn=limited)
        assert done.returncode == 1, (options, done.returncode, done.stderr)
        assert "File too large" in done.stderr or "cannot write" in done.stderr, done.stderr
        assert not os.path.exists(f"{place.folder}/full") or not os.listdir(f"{place.folder}/full"), (options, os.listdir(f"{place.folder}/full"))
    place.run("UNLOAD (SELECT x FROM n) TO 'full'")
