"""DELETE, UPDATE, MERGE and OPTIMIZE against a model in Python: after a random script every engine reads the model's rows.

The SCD2 check is the shape that slowly changing dimensions have: close the current version, insert the next one.
"""

import pathlib
import random
import subprocess

from harness import check, equal, read_everywhere, same

MODES = {
    "mor_v2": "'write.delete.mode' = 'merge-on-read', 'write.update.mode' = 'merge-on-read', 'write.merge.mode' = 'merge-on-read'",
    "mor_partition": "'write.delete.granularity' = 'partition'",
    "cow_v2": "'write.delete.mode' = 'copy-on-write', 'write.update.mode' = 'copy-on-write', 'write.merge.mode' = 'copy-on-write'",
    "mixed_v2": "'write.delete.mode' = 'copy-on-write', 'write.update.mode' = 'merge-on-read'",
    "v3": "'format-version' = '3'",
    "v1": "'format-version' = '1'",
}


def literal(value):
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def script(name, seed, steps):
    """SQL statements, and the rows they leave: id -> (grp, note, n)."""
    choose = random.Random(seed)
    rows, next_id, statements = {}, 0, []
    for _ in range(steps):
        kind = choose.choice(["insert", "insert", "delete", "update", "merge", "merge", "optimize"])
        if kind == "insert" or len(rows) < 5:
            new = []
            for _ in range(choose.randint(1, 30)):
                new.append((next_id, choose.choice(["a", "b", "c", None]), f"n{next_id}", choose.randint(0, 9)))
                next_id += 1
            rows |= {row[0]: row[1:] for row in new}
            values = ", ".join(f"({', '.join(map(literal, row))})" for row in new)
            statements.append(f"INSERT INTO {name} VALUES {values}")
        elif kind == "delete":
            low = choose.randint(0, 9)
            statements.append(f"DELETE FROM {name} WHERE n = {low} AND grp IS NOT NULL")
            rows = {key: row for key, row in rows.items() if not (row[2] == low and row[0] is not None)}
        elif kind == "update":
            group, n = choose.choice(["a", "b"]), choose.randint(0, 9)
            statements.append(f"UPDATE {name} SET n = n + 1, grp = 'c', note = note || '+' WHERE grp = '{group}' AND n < {n}")
            rows = {key: (("c", row[1] and row[1] + "+", row[2] + 1) if row[0] == group and row[2] < n else row) for key, row in rows.items()}
        elif kind == "merge":
            keys = sorted({choose.randint(0, next_id + 3) for _ in range(6)})
            values = ", ".join(f"({key}, {key % 3})" for key in keys)
            statements.append(
                f"MERGE INTO {name} AS t USING (VALUES {values}) AS s(id, act) ON t.id = s.id "
                "WHEN MATCHED AND s.act = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET note = 'm', n = s.act "
                f"WHEN NOT MATCHED AND s.act <> 1 THEN INSERT (id, grp, n) VALUES (s.id, 'a', s.act) "
                "WHEN NOT MATCHED BY SOURCE AND t.n > 8 THEN UPDATE SET n = 0")
            for key in list(rows):
                if key not in keys and rows[key][2] is not None and rows[key][2] > 8:
                    rows[key] = (rows[key][0], rows[key][1], 0)
            for key in keys:
                if key in rows:
                    rows[key] = (rows[key][0], "m", key % 3)
                    if key % 3 == 0:
                        del rows[key]
                elif key % 3 != 1:
                    rows[key] = ("a", None, key % 3)
            next_id = max(next_id, max(keys) + 1)
        else:
            # Delete files that a rewrite makes useless must be the only ones that it drops.
            statements.append(
                choose.choice(
                    [
                        f"OPTIMIZE {name} REWRITE DATA USING BIN_PACK",
                        f"CALL system.rewrite_data_files(table => '{name}', sort_order => 'id DESC', where => 'id < 20', "
                        "options => map('rewrite-all', 'true'))",
                        f"CALL system.rewrite_data_files(table => '{name}', sort_order => 'zorder(id, grp)', "
                        "options => map('rewrite-all', 'true', 'partial-progress.enabled', 'true'))",
                        f"CALL system.rewrite_data_files(table => '{name}', options => map('min-input-files', '2', "
                        "'remove-dangling-deletes', 'true'))",
                    ]
                )
            )
    return statements, [(key, *row) for key, row in rows.items()]


def check_table(frazil, name):
    """The table passes its own check: errors are none, warnings only about other engines."""
    found = frazil.run(f"CALL system.check_table('{name}')")
    equal([row for row in found if row[0] == "error"], [], f"problems of {name}")


def random_scripts(mode, engines):
    def run(frazil, folder):
        for seed in range(3):
            name = f"t{seed}"
            partitioning = ["", "PARTITIONED BY (grp)", "PARTITIONED BY (bucket(3, id))"][seed]
            frazil.run(f"CREATE TABLE {name} (id bigint, grp string, note string, n int) {partitioning} "
                       f"TBLPROPERTIES ('table_type' = 'ICEBERG', 'optimize_rewrite_data_file_threshold' = '2', {MODES[mode]})")
            statements, rows = script(name, seed, 12)
            frazil.run(";\n".join(statements))
            read_everywhere(frazil, name, rows, engines=engines)
            check_table(frazil, name)
            frazil.run(f"VACUUM {name}")
            read_everywhere(frazil, name, rows, engines=engines)
            check_table(frazil, name)
    run.__name__ = f"random_{mode}"
    run.__module__ = __name__
    return check(run)


for mode in MODES:
    # PyIceberg 0.12 does not read deletion vectors.
    random_scripts(mode, ("frazil", "duckdb") if mode == "v3" else ("frazil", "pyiceberg", "duckdb"))


@check
def slowly_changing_dimension(frazil, folder):
    """Two loads of customers: changed ones get a second version, the first is closed, new ones come, missing ones stay open."""
    frazil.run("CREATE TABLE dim (id bigint, city string, valid_from date, valid_to date, is_current boolean) "
               "TBLPROPERTIES ('table_type' = 'ICEBERG')")
    frazil.run("INSERT INTO dim VALUES (1, 'Oslo', DATE '2026-01-01', NULL, true), (2, 'Bergen', DATE '2026-01-01', NULL, true)")
    frazil.run("""
        MERGE INTO dim AS t
        USING (
          WITH load(id, city) AS (VALUES (BIGINT '1', 'Oslo'), (2, 'Tromsø'), (3, 'Bodø')),
               changed AS (SELECT l.id, l.city FROM load l JOIN dim d ON d.id = l.id AND d.is_current WHERE d.city <> l.city)
          SELECT id AS merge_key, id, city FROM load
          UNION ALL
          SELECT NULL, id, city FROM changed
        ) AS s
        ON t.id = s.merge_key AND t.is_current
        WHEN MATCHED AND t.city <> s.city THEN UPDATE SET valid_to = DATE '2026-02-01', is_current = false
        WHEN NOT MATCHED THEN INSERT (id, city, valid_from, valid_to, is_current) VALUES (s.id, s.city, DATE '2026-02-01', NULL, true)""")
    import datetime
    january, february = datetime.date(2026, 1, 1), datetime.date(2026, 2, 1)
    read_everywhere(frazil, "dim", [
        (1, "Oslo", january, None, True), (2, "Bergen", january, february, False), (2, "Tromsø", february, None, True),
        (3, "Bodø", february, None, True)])


@check
def erased_bytes_are_gone(frazil, folder):
    """DELETE, then VACUUM once the old snapshots have expired: no file below the warehouse holds the name any more."""
    frazil.run("CREATE TABLE people (id bigint, name string) TBLPROPERTIES ('table_type' = 'ICEBERG', 'write_compression' = 'none')")
    frazil.run("INSERT INTO people SELECT x, CASE x WHEN 70 THEN 'Zaphod-B' ELSE 'person-' || CAST(x AS varchar) END "
               "FROM UNNEST(sequence(1, 100)) AS u(x)")

    def holders():
        return [str(path) for path in frazil.warehouse.rglob("*") if path.is_file() and b"Zaphod-B" in path.read_bytes()]

    assert holders(), "the name should be in a data file before it is erased"
    frazil.run("DELETE FROM people WHERE name = 'Zaphod-B'", "--now", "2031-01-01T00:00:00Z")
    frazil.run("VACUUM people", "--now", "2031-01-10T00:00:00Z")
    equal(holders(), [], "files that hold the erased name")
    same(frazil.run("SELECT count(*) FROM people"), [(99,)], "rows that stay")
    read_everywhere(frazil, "people", [(x, f"person-{x}") for x in range(1, 101) if x != 70])


@check
def writers_of_one_row_conflict(frazil, folder):
    """Updates of one row by several processes: each either commits on what it read or says that it conflicts; no update is lost."""
    for version in (2, 3):
        table = f"counter{version}"
        frazil.run(f"CREATE TABLE {table} (id int, n int) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '{version}')")
        frazil.run(f"INSERT INTO {table} VALUES (1, 0), (2, 0)")
        processes = [subprocess.Popen(frazil.command(f"UPDATE {table} SET n = n + 1 WHERE id = 1"), stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True, errors="replace") for _ in range(5)]
        results = [(process.communicate(timeout=120)[1], process.returncode) for process in processes]
        for text, code in results:
            assert code == 0 or "ICEBERG_COMMIT_ERROR" in text, text
        committed = sum(code == 0 for _, code in results)
        assert committed >= 1, results
        same(frazil.run(f"SELECT id, n FROM {table}"), [(1, committed), (2, 0)], f"{table} after {committed} commits")


@check
def damage_is_found(frazil, folder):
    """What a table's check says of damage done by hand."""
    frazil.run("CREATE TABLE t (id int, name string) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    frazil.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    check_table(frazil, "t")

    def errors():
        return [row[2] for row in frazil.run("CALL system.check_table('t')") if row[0] == "error"]

    metadata = pathlib.Path(frazil.metadata("t"))
    text = metadata.read_text()
    metadata.write_text(text.replace('"last-sequence-number":1', '"last-sequence-number":0'))
    assert any("above last-sequence-number" in message for message in errors()), errors()
    metadata.write_text(text)

    (data,) = (frazil.location("t") / "data").glob("*.parquet")
    whole = data.read_bytes()
    data.write_bytes(whole + b"x")
    assert any("bytes, the file has" in message for message in errors()), errors()
    data.unlink()
    assert any("not there" in message for message in errors()), errors()
    data.write_bytes(whole)
    check_table(frazil, "t")
