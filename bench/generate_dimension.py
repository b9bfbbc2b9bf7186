"""Makes a slowly changing dimension, and what arrives for it, as Parquet files for the benchmarks of row-level changes.

    python bench/generate_dimension.py FOLDER [--rows 5000000] [--arrivals 500000]

`dimension.parquet` has one current row per customer, twelve columns. `arrivals.parquet` has one row per customer that was delivered again:
one in ten with a new city, score or balance, one in twenty a customer not seen before, the others unchanged. `upserts.parquet` is twice as
long, half of it new customers. Everything follows from the seed.
"""
import argparse
import pathlib

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet

CHANGED, NEW, SEED = 0.10, 0.05, 7
CITIES = [f"city {i:04d}" for i in range(5_000)]
TIERS = ["bronze", "silver", "gold", "platinum"]
COUNTRIES = [f"{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(200)]
MICROSECONDS_PER_DAY = 86_400_000_000
LOADED = 20_454 * MICROSECONDS_PER_DAY  # 2026-01-01


def attributes(ids, random):
    """What a customer delivers: the columns of the dimension without those that keep its history."""
    count = len(ids)
    return {
        "customer_id": pyarrow.array(ids, pyarrow.int64()),
        "name": pyarrow.array([f"customer {i * 7919 % 100_000_007}" for i in ids]),
        "email": pyarrow.array([f"c{i:x}@example.org" for i in ids]),
        "city": pyarrow.array(CITIES).take(pyarrow.array(random.integers(0, len(CITIES), count))),
        "country": pyarrow.array(COUNTRIES).take(pyarrow.array(random.integers(0, len(COUNTRIES), count))),
        "tier": pyarrow.array(TIERS).take(pyarrow.array(random.integers(0, len(TIERS), count))),
        "score": pyarrow.array(random.integers(0, 1000, count), pyarrow.int32(), mask=random.random(count) < 0.02),
        "balance": pyarrow.array(numpy.round(random.random(count) * 10_000, 2)),
        "updated_at": pyarrow.array(LOADED - random.integers(0, 300, count) * MICROSECONDS_PER_DAY, pyarrow.timestamp("us")),
    }


def with_history(columns):
    """Rows as the dimension keeps them: valid since they were delivered, and current."""
    count = len(columns["customer_id"])
    return pyarrow.table({
        **columns,
        "valid_from": columns["updated_at"],
        "valid_to": pyarrow.nulls(count, pyarrow.timestamp("us")),
        "is_current": pyarrow.repeat(True, count),
    })


def replaced(column, places, values):
    """`column` with other values at `places`."""
    mask = numpy.zeros(len(column), bool)
    mask[places] = True
    return pyarrow.compute.replace_with_mask(column, pyarrow.array(mask), pyarrow.array(values, column.type))


def arriving(known, count, share_changed, share_new, rows, random):
    """`count` deliveries in random order: of known customers, some changed, and of new ones."""
    new = int(count * share_new)
    old = count - new
    picked = numpy.sort(random.choice(rows, old, replace=False))
    table = known.take(pyarrow.array(picked)).select(range(9))
    columns = dict(zip(table.column_names, (column.combine_chunks() for column in table.columns)))
    changed = random.choice(old, int(count * share_changed), replace=False)
    columns["city"] = replaced(columns["city"], changed, [f"moved to {i % 977}" for i in range(len(changed))])
    columns["updated_at"] = replaced(
        columns["updated_at"], changed, numpy.full(len(changed), LOADED + 30 * MICROSECONDS_PER_DAY).astype("datetime64[us]"))
    fresh = attributes(numpy.arange(rows, rows + new), random)
    both = pyarrow.concat_tables([pyarrow.table(columns), pyarrow.table(fresh)])
    return both.take(pyarrow.array(random.permutation(count)))


def generate(folder, rows=5_000_000, arrivals=500_000):
    """Writes the three files to `folder` unless they are there."""
    folder = pathlib.Path(folder)
    done = folder / "rows.txt"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(SEED)
    known = with_history(attributes(numpy.arange(rows), random))
    for name, table in {
        "dimension": known,
        "arrivals": arriving(known, arrivals, CHANGED, NEW, rows, random),
        "upserts": arriving(known, 2 * arrivals, 0.5, 0.5, rows, random),
    }.items():
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet", compression="zstd")
    done.write_text(str(rows))


def small_files(folder, count=2_000):
    """The dimension once more, cut into many files, as a stream of small batches leaves it; returns them in order."""
    folder = pathlib.Path(folder)
    target = folder / f"small_{count}"
    if not target.exists():
        table = pyarrow.parquet.read_table(folder / "dimension.parquet")
        size = -(-len(table) // count)
        target.mkdir()
        for i in range(count):
            pyarrow.parquet.write_table(table.slice(i * size, size), target / f"{i:05d}.parquet", compression="zstd")
    return sorted(target.glob("*.parquet"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--arrivals", type=int, default=500_000)
    options = parser.parse_args()
    generate(options.folder, options.rows, options.arrivals)
