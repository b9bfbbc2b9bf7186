"""Compares what two engines wrote, independently of both: with PyArrow."""
import math

import numpy
import pyarrow.compute
import pyarrow.dataset


def same_cells(left, right, key):
    """None when two wide Parquet tables hold the same rows in any order; otherwise what differs first. NaN equals NaN."""
    tables = [pyarrow.dataset.dataset(str(path), format="parquet") for path in (left, right)]
    names = [sorted(name for name in table.schema.names if name != key) for table in tables]
    if names[0] != names[1]:
        return f"columns {set(names[0]) ^ set(names[1])}"
    orders = []
    keys = []
    for table in tables:
        column = table.to_table(columns=[key]).column(key).cast("string").combine_chunks()
        order = pyarrow.compute.sort_indices(column)
        orders.append(order)
        keys.append(column.take(order))
    if not keys[0].equals(keys[1]):
        return f"keys: {len(keys[0])} and {len(keys[1])}"
    # Column by column: a wide result need not fit into memory twice.
    for name in names[0]:
        values = [table.to_table(columns=[name]).column(name).combine_chunks().take(order) for table, order in zip(tables, orders)]
        valid = [value.is_valid().to_numpy(zero_copy_only=False) for value in values]
        if not numpy.array_equal(*valid):
            return f"NULLs of {name}"
        numbers = [value.fill_null(0).to_numpy(zero_copy_only=False) for value in values]
        if not numpy.array_equal(*numbers, equal_nan=True):
            return f"values of {name}"
    return None


def same_rows(ours, theirs):
    """Whether csv lines and `|` lines hold the same rows in the same order; numbers within 1e-9 of each other."""
    left = [line.split(",") for line in ours]
    right = [line.split("|") for line in theirs]
    return len(left) == len(right) > 0 and all(
        len(a) == len(b) and all(same_value(x, y) for x, y in zip(a, b)) for a, b in zip(left, right))


def same_value(left, right):
    left, right = left.strip('"'), right.replace("None", "")
    if left == right:
        return True
    try:
        return math.isclose(float(left), float(right), rel_tol=1e-9) or (math.isnan(float(left)) and math.isnan(float(right)))
    except ValueError:
        return False
