"""The items of run.py that change tables: each engine has a table of its own, written by itself from the same files, and changes a copy of it.

DuckDB writes Iceberg through a REST catalog only: Tests/Servers/rest_catalog.py runs beside it and is not measured. Afterwards DuckDB reads
all results by their metadata file, so that equality does not rest on the engine that wrote them.
"""
import json
import pathlib
import shutil
import subprocess
import sys

import generate
import generate_dimension
from processes import measure

BENCH = pathlib.Path(__file__).resolve().parent
REST_CATALOG = BENCH.parent / "Tests/Servers/rest_catalog.py"
ATTRIBUTES = ["name", "email", "city", "country", "tier", "score", "balance"]
COLUMNS = ["customer_id", *ATTRIBUTES, "updated_at", "valid_from", "valid_to", "is_current"]


def differ(left, right):
    return "(" + " OR ".join(f"{left}.{name} IS DISTINCT FROM {right}.{name}" for name in ATTRIBUTES) + ")"


def insert():
    values = ", ".join(f"s.{name}" for name in ["customer_id", *ATTRIBUTES, "updated_at", "updated_at"])
    return f"WHEN NOT MATCHED THEN INSERT ({', '.join(COLUMNS)}) VALUES ({values}, NULL, true)"


def scd2(table, arrivals):
    """Changed customers come twice from the source: with their key, which closes the old version, and without, which inserts the new one."""
    return f"""MERGE INTO {table} AS c
USING (
  SELECT a.customer_id AS merge_key, a.* FROM {arrivals} AS a
  UNION ALL
  SELECT NULL AS merge_key, a.* FROM {arrivals} AS a JOIN {table} AS c ON c.customer_id = a.customer_id AND c.is_current
  WHERE {differ('c', 'a')}) AS s
ON c.customer_id = s.merge_key AND c.is_current
WHEN MATCHED AND {differ('c', 's')} THEN UPDATE SET valid_to = s.updated_at, is_current = false
{insert()}"""


def upsert(table, arrivals):
    assignments = ", ".join(f"{name} = s.{name}" for name in [*ATTRIBUTES, "updated_at"])
    extra = ", valid_from = s.updated_at, valid_to = NULL, is_current = true"
    return f"MERGE INTO {table} AS c USING {arrivals} AS s ON c.customer_id = s.customer_id\n" \
           f"WHEN MATCHED THEN UPDATE SET {assignments}{extra}\n{insert()}"


def newest_metadata(folder):
    """The metadata file that was written last below a folder."""
    files = list(pathlib.Path(folder).rglob("*.metadata.json"))
    return max(files, key=lambda path: (path.stat().st_mtime_ns, path.name))


class FrazilTable:
    name = "Frazil"

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder

    def run(self, folder, sql):
        return measure([self.bench.frazil_binary, "--warehouse", str(folder), "-c", sql])

    def create(self, files):
        listed = ", ".join(f"'{file}'" for file in files)
        source = f"read_parquet({listed})" if len(files) == 1 else f"read_parquet(ARRAY[{listed}])"
        return self.run(self.folder, "CREATE TABLE t WITH (table_type = 'ICEBERG', is_external = false, format = 'PARQUET') AS "
                                     f"SELECT * FROM {source}")

    def create_by_batches(self, files):
        """One INSERT per file: as many snapshots, data files and manifests as a stream of batches leaves."""
        self.create(files[:1])
        script = self.folder.with_suffix(".sql")
        script.write_text(";\n".join(f"INSERT INTO t SELECT * FROM read_parquet('{file}')" for file in files[1:]))
        return measure([self.bench.frazil_binary, "--warehouse", str(self.folder), "run", str(script)])

    def change(self, folder, job, file):
        parquet = f"read_parquet('{file}')"
        return self.run(folder, {
            "scd2": lambda: scd2("t", parquet), "upsert": lambda: upsert("t", parquet),
            "delete": lambda: "DELETE FROM t WHERE sample_id = 'sample_0007'",
            "rewrite": lambda: "OPTIMIZE t REWRITE DATA USING BIN_PACK"}[job]())


class DuckDBTable:
    name = "DuckDB"

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder

    def run(self, folder, sql):
        """Locations are absolute, so every run happens in the same place."""
        server = subprocess.Popen([sys.executable, str(REST_CATALOG), str(folder), "0"], stdout=subprocess.PIPE, text=True)
        try:
            port = server.stdout.readline().split()[-1]
            attach = (f"ATTACH '' AS rest (TYPE iceberg, ENDPOINT 'http://127.0.0.1:{port}', AUTHORIZATION_TYPE 'none')")
            return self.bench.duckdb(f"-- load avro\n-- load httpfs\n-- load iceberg\n{attach};\n{sql}")
        finally:
            server.kill()
            server.wait()

    def create(self, files):
        listed = ", ".join(f"'{file}'" for file in files)
        return self.run(self.folder, f"CREATE SCHEMA rest.db; CREATE TABLE rest.db.t AS SELECT * FROM read_parquet([{listed}])")

    def change(self, folder, job, file):
        parquet = f"read_parquet('{file}')"
        return self.run(folder, {
            "scd2": lambda: scd2("rest.db.t", parquet), "upsert": lambda: upsert("rest.db.t", parquet),
            "delete": lambda: "DELETE FROM rest.db.t WHERE sample_id = 'sample_0007'"}[job]())


class PyIcebergTable:
    name = "PyIceberg"

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder

    def run(self, folder, job, files):
        return measure([sys.executable, str(BENCH / "peers/pyiceberg_changes.py"), job, str(folder), *map(str, files)])

    def create(self, files):
        return self.run(self.folder, "create", files)

    def create_by_batches(self, files):
        """In one commit: PyIceberg needs a second and more for each when there are many."""
        return self.run(self.folder, "adopt", files)

    def change(self, folder, job, file):
        return self.run(folder, job, [file])


class SailTable:
    name = "Sail"

    def __init__(self, bench, folder):
        self.bench, self.folder = bench, folder

    def run(self, *statements):
        return measure([self.bench.options.sail_python, str(BENCH / "peers/sail_sql.py"), *statements])

    def create(self, files):
        source = " UNION ALL ".join(f"SELECT * FROM parquet.`{file}`" for file in files)
        return self.run(f"CREATE TABLE t USING iceberg LOCATION '{self.folder}/t' AS {source}")

    def change(self, folder, job, file):
        known = f"CREATE TABLE t USING iceberg LOCATION '{folder}/t'"
        return self.run(known, {"scd2": scd2, "upsert": upsert}[job]("t", f"parquet.`{file}`"))


class RowChanges:
    """Sets the tables up once and runs the jobs on copies that share their (immutable) files."""

    def __init__(self, bench):
        self.bench = bench
        self.scratch = bench.scratch / "row_changes"

    def item(self, item, job, files, source, key, peers, runs=None, by_batches=False):
        """One job in all engines; `key` is a column that is summed for the comparison."""
        if not self.bench.wants(item):
            return
        tables = {}
        for kind in (FrazilTable, *peers):
            table = kind(self.bench, self.scratch / kind.name)
            shutil.rmtree(table.folder, ignore_errors=True)
            made = table.create_by_batches(files) if by_batches else table.create(files)
            if made.failed:
                self.bench.report(item, kind.name, made)
                continue
            table.folder.rename(table.folder.with_suffix(".new"))
            tables[kind.name] = table

        def action(name):
            table = tables[name]
            shutil.rmtree(table.folder, ignore_errors=True)
            shutil.copytree(table.folder.with_suffix(".new"), table.folder, copy_function=self.link)
            return table.change(table.folder, job, source)

        fastest = self.bench.take_turns({name: lambda name=name: action(name) for name in tables}, runs)
        contents = {name: self.contents(tables[name].folder, key) for name, result in fastest.items() if not result.failed}
        for name, result in fastest.items():
            note = ""
            if name != "Frazil" and name in contents and "Frazil" in contents:
                note = "rows equal" if contents[name] == contents["Frazil"] else f"ROWS DIFFER: {contents[name]} {contents['Frazil']}"
            if name in contents:
                note += ("; " if note else "") + f"{self.snapshots(tables[name].folder)} snapshots"
            self.bench.report(item, name, result, note)
        shutil.rmtree(self.scratch, ignore_errors=True)

    @staticmethod
    def link(source, target):
        """Data files are never changed in place; a catalog's database and documents are."""
        if source.endswith((".parquet", ".avro", ".puffin", ".metadata.json")):
            pathlib.Path(target).hardlink_to(source)
        else:
            shutil.copy2(source, target)

    def contents(self, folder, key):
        """Rows and an order-independent hash of all their values, as DuckDB reads the table."""
        scan = f"iceberg_scan('{newest_metadata(folder)}')"
        result = self.bench.duckdb(
            f"-- load avro\n-- load iceberg\nSELECT count(*), sum({key}), bit_xor(hash(COLUMNS(*)::VARCHAR)) FROM {scan}")
        return result.error if result.failed else result.output.strip()

    def snapshots(self, folder):
        """How many snapshots the job added."""
        def count(place):
            return len(json.loads(newest_metadata(place).read_text())["snapshots"])

        return count(folder) - count(folder.with_suffix(".new"))

    def run(self):
        bench = self.bench
        rows, arrivals = (5_000_000, 500_000) if bench.options.size != "quick" else (500_000, 50_000)
        folder = bench.data / f"dimension_{rows}"
        if any(bench.wants(item) for item in ("SCD2 MERGE", "upsert")):
            generate_dimension.generate(folder, rows, arrivals)
        dimension = [folder / "dimension.parquet"]
        sail = [SailTable] if bench.options.sail_python else []
        self.item("SCD2 MERGE", "scd2", dimension, folder / "arrivals.parquet", "customer_id", [DuckDBTable, PyIcebergTable, *sail])
        self.item("upsert", "upsert", dimension, folder / "upserts.parquet", "customer_id", [DuckDBTable, PyIcebergTable, *sail], runs=1)
        item, count = ("optimize 2,000 small files", 2_000) if rows > 500_000 else ("optimize 200 small files", 200)
        if bench.wants(item):
            generate_dimension.generate(folder, rows, arrivals)
            self.item(item, "rewrite", generate_dimension.small_files(folder, count), None, "customer_id", [PyIcebergTable], by_batches=True)
        if bench.wants("delete one sample"):
            long_table = bench.data / f"{bench.samples}x{bench.loci}"
            generate.generate(long_table, bench.samples, bench.loci)
            self.item("delete one sample", "delete", sorted(long_table.glob("*.parquet")), None, "coverage",
                      [DuckDBTable, PyIcebergTable])
