"""Branches, replaced partitions and default values: other engines read what Frazil wrote."""

import datetime as dt

from harness import check, duckdb_rows, equal, pyiceberg_table, read_everywhere, same

from check_row_changes import check_table


def branch_rows(frazil, name, branch):
    table = pyiceberg_table(frazil.metadata(name))
    snapshot = table.snapshot_by_name(branch)
    return [tuple(row.values()) for row in table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().to_pylist()]


@check
def branches_move_alone(frazil, folder):
    frazil.run("""
        CREATE TABLE t (id bigint, name string) USING iceberg PARTITIONED BY (bucket(2, id));
        INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c');
        ALTER TABLE t CREATE BRANCH audit;
        INSERT INTO t.branch_audit VALUES (4, 'd');
        DELETE FROM t.branch_audit WHERE id = 1;
        UPDATE t.branch_audit SET name = 'x' WHERE id = 2;
        MERGE INTO t.branch_audit AS t USING (VALUES (3), (5)) AS s (id) ON t.id = s.id
          WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id);
        INSERT INTO t VALUES (9, 'main')""")
    read_everywhere(frazil, "t", [(1, "a"), (2, "b"), (3, "c"), (9, "main")])
    audit = [(2, "x"), (4, "d"), (5, None)]
    same(branch_rows(frazil, "t", "audit"), audit, "of the branch in PyIceberg")
    same(frazil.run("SELECT * FROM t.branch_audit"), audit, "of the branch in Frazil")
    check_table(frazil, "t")


@check
def replaced_partitions(frazil, folder):
    frazil.run("""
        CREATE TABLE t (id int, day date, region string) USING iceberg PARTITIONED BY (day, truncate(1, region));
        INSERT INTO t VALUES (1, DATE '2026-01-01', 'eu'), (2, DATE '2026-01-01', 'us'), (3, DATE '2026-01-02', 'eu');
        DELETE FROM t WHERE id = 1;
        INSERT OVERWRITE t PARTITION (day = DATE '2026-01-02') SELECT 4, 'ap';
        SET spark.sql.sources.partitionOverwriteMode = dynamic;
        INSERT OVERWRITE t VALUES (5, DATE '2026-01-01', 'united'), (6, DATE '2026-01-03', 'eu')""")
    read_everywhere(frazil, "t", [(4, dt.date(2026, 1, 2), "ap"), (5, dt.date(2026, 1, 1), "united"), (6, dt.date(2026, 1, 3), "eu")])
    last = pyiceberg_table(frazil.metadata("t")).current_snapshot().summary
    equal((last.operation.value, last["replace-partitions"]), ("overwrite", "true"), "summary of the dynamic overwrite")
    check_table(frazil, "t")


@check
def default_values(frazil, folder):
    # PyIceberg 0.12 does not write version 3, and DuckDB gives initial defaults to old rows.
    frazil.run("""
        CREATE TABLE t (id bigint, s string DEFAULT 'new') USING iceberg TBLPROPERTIES ('format-version' = '3');
        INSERT INTO t (id) VALUES 1;
        ALTER TABLE t ADD COLUMN n int DEFAULT 5;
        ALTER TABLE t ALTER COLUMN n SET DEFAULT 6;
        INSERT INTO t (id, s) VALUES (2, DEFAULT)""")
    expected = [(1, "new", 5), (2, "new", 6)]
    same(frazil.run("SELECT * FROM t"), expected, "in Frazil")
    same(duckdb_rows(frazil.metadata("t")), expected, "in DuckDB")
    check_table(frazil, "t")
