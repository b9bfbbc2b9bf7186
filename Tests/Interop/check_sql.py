"""Catalogs in SQLite files: PyIceberg's SqlCatalog and Frazil share one."""

import pathlib

import pyarrow as pa
import support
from check_rest import mixed_case
from pyiceberg.catalog.sql import SqlCatalog
from servers import Lake, race, same

ICEBERG = "TBLPROPERTIES ('table_type' = 'ICEBERG')"


class SQL(Lake):
    def __init__(self, place):
        super().__init__(place)
        self.folder = pathlib.Path(place.folder)
        self.uri = f"sqlite:///{self.folder}/catalog.db"

    def catalog_options(self):
        return ["--catalog", f"lake=sql,uri={self.uri},catalog-name=shared,warehouse=file://{self.folder}/wh"]

    def pyiceberg(self):
        return SqlCatalog("shared", uri=self.uri, warehouse=f"file://{self.folder}/wh")


def both_read(sql, table, expected):
    same(sql.run(f"SELECT * FROM lake.{table}"), expected, "Frazil")
    same([tuple(row.values()) for row in sql.pyiceberg().load_table(table).scan().to_arrow().to_pylist()], expected, "PyIceberg")


@support.check
def sql_shared(place):
    """Whoever makes the file, both work in it: databases, tables, commits, transactions, renames."""
    for others_first in (True, False):
        with support.Place() as own:
            sql = SQL(own)
            if others_first:
                catalog = sql.pyiceberg()
                catalog.create_namespace("db", {"comment": "theirs"})
                catalog.create_table("db.t", schema=pa.schema([("id", pa.int64()), ("name", pa.string())]))
            else:
                sql.run(f"CREATE DATABASE lake.db; CREATE TABLE lake.db.t (id bigint, name varchar) {ICEBERG}")
            assert sql.run("SHOW DATABASES IN lake") == [("db",)] and sql.run("SHOW TABLES IN lake.db") == [("t",)]
            sql.run("INSERT INTO lake.db.t VALUES (1, 'one'), (2, 'two')")
            sql.pyiceberg().load_table("db.t").append(pa.table({"id": [3], "name": ["three"]}))
            sql.run("UPDATE lake.db.t SET name = 'TWO' WHERE id = 2")
            both_read(sql, "db.t", [(1, "one"), (2, "TWO"), (3, "three")])
            sql.run("CREATE TABLE lake.db.u WITH (table_type = 'ICEBERG', is_external = false) AS SELECT id FROM lake.db.t")
            sql.run("BEGIN; DELETE FROM lake.db.t WHERE id = 1; INSERT INTO lake.db.u VALUES 9; COMMIT")
            both_read(sql, "db.t", [(2, "TWO"), (3, "three")])
            both_read(sql, "db.u", [(1,), (2,), (3,), (9,)])
            sql.run("ALTER TABLE lake.db.u RENAME TO v")
            sql.fails("ALTER TABLE lake.db.v RENAME TO t", "TABLE_ALREADY_EXISTS")
            sql.fails("SELECT * FROM lake.db.u", "TABLE_NOT_FOUND")
            sql.fails("CREATE VIEW lake.db.w AS SELECT 1 AS a", "NOT_SUPPORTED")
            sql.fails("DROP DATABASE lake.db", "SCHEMA_NOT_EMPTY")
            sql.run("DROP TABLE lake.db.v; DROP TABLE lake.db.t")
            assert not [path for path in (sql.folder / "wh").rglob("*") if path.is_file()], "files were left"
            sql.run("DROP DATABASE lake.db")
            assert sql.pyiceberg().list_namespaces() == []
            sql.fails("SELECT * FROM lake.db.t", "SCHEMA_NOT_FOUND")


@support.check
def sql_concurrent_commits(place):
    """Frazil and PyIceberg append at once: every row arrives once."""
    sql = SQL(place)
    both_read(sql, "db.t", race(sql))


@support.check
def sql_mistakes(place):
    """A file that is no database, a folder, another kind of database."""
    sql = SQL(place)
    (sql.folder / "catalog.db").write_text("this is no database, though it is long enough to be read as one " * 20)
    sql.fails("SHOW DATABASES IN lake", "HIVE_METASTORE_ERROR", "catalog.db")
    sql.uri = "postgresql://host/db"
    sql.fails("SHOW DATABASES IN lake", "sqlite:///path")


@support.check
def sql_mixed_case(place):
    """Names with capitals are found without them."""
    sql = SQL(place)
    mixed_case(sql, sql.pyiceberg(), has_views=False)
