"""Row-level changes in PyIceberg, as its users write them: python pyiceberg_changes.py JOB FOLDER [FILES]

FOLDER holds a SQLite catalog and its warehouse. Jobs: create (table `db.t` from Parquet files), adopt (the same without copying them), scd2, upsert, delete, rewrite.
PyIceberg has no MERGE: scd2 is a join in Arrow, and the changed rows are replaced by overwriting the table.
"""
import pathlib
import sys

import pyarrow
import pyarrow.compute as compute
import pyarrow.dataset
import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog

ATTRIBUTES = ["name", "email", "city", "country", "tier", "score", "balance"]


def differs(table, left, right):
    """Whether any attribute `left + name` IS DISTINCT FROM `right + name`, per row."""
    result = None
    for name in ATTRIBUTES:
        one, other = table.column(left + name), table.column(right + name)
        unequal = compute.or_(
            compute.fill_null(compute.not_equal(one, other), False), compute.xor(compute.is_null(one), compute.is_null(other)))
        result = unequal if result is None else compute.or_(result, unequal)
    return result


def with_history(arrivals, schema):
    """Arrivals as new current rows."""
    count = len(arrivals)
    columns = {name: arrivals.column(name) for name in ["customer_id", *ATTRIBUTES, "updated_at"]}
    columns |= {"valid_from": arrivals.column("updated_at"), "valid_to": pyarrow.nulls(count, pyarrow.timestamp("us")),
                "is_current": pyarrow.repeat(True, count)}
    return pyarrow.table({name: columns[name] for name in schema.names}).cast(schema)


def scd2(table, path):
    rows = table.scan().to_arrow()
    arrivals = pyarrow.parquet.read_table(path)
    incoming = arrivals.rename_columns(["new_" + name for name in arrivals.column_names])
    numbered = rows.append_column("place", pyarrow.array(range(len(rows))))
    current = numbered.filter(numbered.column("is_current"))
    joined = current.join(incoming, "customer_id", "new_customer_id", join_type="inner")
    changed = joined.filter(differs(joined, "", "new_"))
    valid_to, is_current = rows.column("valid_to"), rows.column("is_current")
    order = compute.sort_indices(changed.column("place"))
    places = changed.column("place").take(order)
    mask = compute.is_in(pyarrow.array(range(len(rows))), places.combine_chunks())
    valid_to = compute.replace_with_mask(
        valid_to.combine_chunks(), mask, changed.column("new_updated_at").take(order).combine_chunks().cast(valid_to.type))
    is_current = compute.and_(is_current, compute.invert(mask))
    rows = rows.set_column(rows.schema.get_field_index("valid_to"), "valid_to", valid_to)
    rows = rows.set_column(rows.schema.get_field_index("is_current"), "is_current", is_current)
    known = compute.is_in(arrivals.column("customer_id"), current.column("customer_id").combine_chunks())
    again = compute.is_in(arrivals.column("customer_id"), changed.column("customer_id").combine_chunks())
    fresh = arrivals.filter(compute.or_(compute.invert(known), again))
    schema = table.schema().as_arrow()
    table.overwrite(pyarrow.concat_tables([rows.cast(schema), with_history(fresh, schema)]))


def upsert(table, path):
    schema = table.schema().as_arrow()
    table.upsert(with_history(pyarrow.parquet.read_table(path), schema), join_cols=["customer_id"])


def main():
    job, folder, *files = sys.argv[1:]
    root = pathlib.Path(folder).resolve()
    root.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{root}/catalog.db", warehouse=f"file://{root}/warehouse")
    if job == "create":
        catalog.create_namespace_if_not_exists("db")
        data = pyarrow.dataset.dataset(files)
        table = catalog.create_table("db.t", data.schema)
        for file in files:
            table.append(pyarrow.parquet.read_table(file))
        return
    if job == "adopt":
        catalog.create_namespace_if_not_exists("db")
        catalog.create_table("db.t", pyarrow.parquet.read_schema(files[0])).add_files(files)
        return
    table = catalog.load_table("db.t")
    if job == "scd2":
        scd2(table, files[0])
    elif job == "upsert":
        upsert(table, files[0])
    elif job == "delete":
        table.delete("sample_id = 'sample_0007'")
    elif job == "rewrite":
        table.overwrite(table.scan().to_arrow())
    else:
        sys.exit(f"unknown job {job}")


if __name__ == "__main__":
    main()
