"""Makes the long methylation table as Parquet files for the benchmarks.

    python bench/generate.py FOLDER --samples 148 --loci 500000 [--shuffled] [--mixed] [--files-per-sample N] [--csv]

One row per locus and sample: cpg_coordinate, sample_id, beta_value, coverage, batch_id. Of each sample one locus in twenty is missing, one
value in fifty is NULL and one in a thousand NaN. Everything follows from the seed, so that two runs write the same files.
"""
import argparse
import pathlib

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

MISSING, NULL, NAN = 0.05, 0.02, 0.001


def coordinates(loci):
    """Loci of 22 chromosomes in the order of the position, as a pipeline writes them: chr1:10469. The distances between neighbours are as
    irregular as those of CpG sites, about a hundred on average; evenly spaced ones would compress to next to nothing."""
    per_chromosome = -(-loci // 22)
    random = numpy.random.default_rng(22)
    names = []
    for chromosome in range(1, 23):
        count = min(per_chromosome, loci - len(names))
        positions = 10_469 + numpy.cumsum(1 + random.geometric(1 / 97, count))
        names += [f"chr{chromosome}:{position}" for position in positions]
    return pyarrow.array(names)


def sample_table(names, sample, samples, random):
    """The rows of one sample in the order of the loci."""
    rows = numpy.flatnonzero(random.random(len(names)) >= MISSING)
    values = numpy.round(random.random(len(rows)) * 100, 2)
    values[random.random(len(rows)) < NAN] = numpy.nan
    isnull = random.random(len(rows)) < NULL
    return pyarrow.table({
        "cpg_coordinate": names.take(pyarrow.array(rows)),
        "sample_id": pyarrow.repeat(f"sample_{sample:04d}", len(rows)),
        "beta_value": pyarrow.array(values, mask=isnull, from_pandas=False),
        "coverage": pyarrow.array(random.integers(0, 60, len(rows)), pyarrow.int32()),
        "batch_id": pyarrow.repeat(f"batch_{sample * 8 // max(samples, 1)}", len(rows)),
    })


def write(table, path, codec):
    pyarrow.parquet.write_table(table, path, compression=codec)


def repeat(folder, sample, distinct, files_per_sample):
    """Writes the files of a sample as those of another one under its own name, which stands in them uncompressed."""
    old, new = f"sample_{sample % distinct:04d}", f"sample_{sample:04d}"
    for i in range(files_per_sample):
        content = (folder / f"{old}_{i}.parquet").read_bytes()
        assert content.count(old.encode()) >= 3  # the dictionary page, the least and the greatest value
        (folder / f"{new}_{i}.parquet").write_bytes(content.replace(old.encode(), new.encode()))


def generate(folder, samples, loci, shuffled=False, mixed=False, files_per_sample=1, codec="zstd", seed=1, distinct=None):
    """Writes the table to `folder` unless it is complete there already; returns the number of rows.

    With `distinct`, so many samples are made and the others repeat them: quick, for the largest size.
    """
    folder = pathlib.Path(folder)
    done = folder / "rows.txt"
    if done.exists():
        return int(done.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(seed)
    names = coordinates(loci)
    rows = 0
    counts = []
    waiting = []
    if distinct:
        codec = {name: "none" if name == "sample_id" else codec
                 for name in ("cpg_coordinate", "sample_id", "beta_value", "coverage", "batch_id")}
    for sample in range(samples):
        if distinct and sample >= distinct:
            repeat(folder, sample, distinct, files_per_sample)
            rows += counts[sample % distinct]
            continue
        table = sample_table(names, sample, samples, random)
        rows += table.num_rows
        counts.append(table.num_rows)
        if shuffled:
            table = table.take(pyarrow.array(random.permutation(table.num_rows)))
        if mixed:
            # Files that hold parts of several samples: eight samples are cut and dealt out.
            waiting.append(table)
            if len(waiting) == 8 or sample == samples - 1:
                together = pyarrow.concat_tables(waiting)
                together = together.take(pyarrow.array(random.permutation(together.num_rows)))
                size = -(-together.num_rows // len(waiting))
                for i in range(len(waiting)):
                    write(together.slice(i * size, size), folder / f"part_{sample:04d}_{i}.parquet", codec)
                waiting = []
        else:
            size = -(-table.num_rows // files_per_sample)
            for i in range(files_per_sample):
                write(table.slice(i * size, size), folder / f"sample_{sample:04d}_{i}.parquet", codec)
    done.write_text(str(rows))
    return rows


def generate_csv(path, loci, sample, seed=2):
    """One more sample as CSV, for the INSERT benchmark; returns the number of rows. NULL stands for NaN, which engines spell differently."""
    path = pathlib.Path(path)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        table = sample_table(coordinates(loci), sample, 148, numpy.random.default_rng(seed))
        place = table.schema.get_field_index("beta_value")
        values = table.column(place)
        values = pyarrow.compute.if_else(pyarrow.compute.is_nan(values), None, values)
        table = table.set_column(place, "beta_value", values)
        pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(quoting_style="none"))
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b"")) - 1


def generate_facts(folder, facts=10_000_000, keys=4_000_000, seed=3):
    """Two tables for joins, sorts and groups: `keys.parquet` with a number and a label for each key, `facts.parquet` with random keys."""
    folder = pathlib.Path(folder)
    done = folder / "rows.txt"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        random = numpy.random.default_rng(seed)
        ids = random.permutation(keys)
        write(pyarrow.table({
            "id": ids,
            "weight": random.random(keys),
            "label": pyarrow.array([f"label {i % 1000:04d} of key {i}" for i in ids]),
        }), folder / "keys.parquet", "zstd")
        facts_ids = random.integers(0, keys, facts)
        write(pyarrow.table({
            "id": facts_ids,
            "value": random.random(facts),
            "name": pyarrow.array([f"name-{i % 1_000_003:07d}" for i in facts_ids]),
        }), folder / "facts.parquet", "zstd")
        done.write_text(str(facts))
    return int(done.read_text())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--samples", type=int, default=148)
    parser.add_argument("--loci", type=int, default=500_000)
    parser.add_argument("--shuffled", action="store_true", help="rows of a file in random order")
    parser.add_argument("--mixed", action="store_true", help="files hold rows of several samples")
    parser.add_argument("--files-per-sample", type=int, default=1)
    parser.add_argument("--codec", default="zstd")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--distinct", type=int, help="make so many samples and let the others repeat them")
    options = vars(parser.parse_args())
    print(generate(options.pop("folder"), **options), "rows")
