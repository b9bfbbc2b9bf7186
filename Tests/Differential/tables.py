"""The tables that the random queries read: few rows, few different values, many NULLs, several row groups."""

import datetime
import decimal
import random

import pyarrow as pa
import pyarrow.parquet as pq

from generator import Column

COLUMNS = [
    Column("k", "big"), Column("i", "int"), Column("j", "int"), Column("b", "big"), Column("n", "dec"), Column("d", "dbl"),
    Column("s", "str"), Column("t", "date"), Column("m", "ts"), Column("f", "bool"),
]
ARROW = {
    "int": pa.int32(), "big": pa.int64(), "dec": pa.decimal128(10, 2), "dbl": pa.float64(), "str": pa.string(),
    "date": pa.date32(), "ts": pa.timestamp("ms"), "bool": pa.bool_(),
}
TEXTS = ["", "a", "b", "ab", "abc", "B", "x", "ä", "long enough not to be inline", "aac"]


def value(r, type):
    if r.random() < 0.15:
        return None
    match type:
        case "int":
            return r.randint(-3, 9)
        case "big":
            return r.randint(-4, 12)
        case "dec":
            return decimal.Decimal(r.randint(-40, 90)) / 10
        case "dbl":
            return r.randint(-12, 30) / 4
        case "str":
            return r.choice(TEXTS)
        case "date":
            return datetime.date(2024, r.randint(1, 3), r.randint(1, 28))
        case "ts":
            return datetime.datetime(2024, 1, r.randint(1, 9), r.randint(0, 23))
        case "bool":
            return r.random() < 0.5


def write(folder, seed):
    """Writes `t0` to `t3` as Parquet; `k` numbers the rows. Returns name -> columns. `t3` is empty."""
    r = random.Random(seed)
    tables = {}
    for name, count in (("t0", 7), ("t1", 23), ("t2", 60), ("t3", 0)):
        data = {c.name: pa.array([value(r, c.type) for _ in range(count)], ARROW[c.type]) for c in COLUMNS}
        data["k"] = pa.array(range(count), pa.int64())
        pq.write_table(pa.table(data), f"{folder}/{name}.parquet", row_group_size=max(1, count // 3), use_dictionary=r.random() < 0.5)
        tables[name] = COLUMNS
    return tables
