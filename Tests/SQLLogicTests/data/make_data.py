#!/usr/bin/env python3
"""Writes the Parquet files that the cases read: small, with NULLs, several row groups each. Run it again only to add a file.

usage: make_data.py [FOLDER]
"""

import datetime
import decimal
import math
import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
D = decimal.Decimal
date = datetime.date


def write(file, rows_per_group, **columns):
    table = pa.table({column: pa.array(values, type) for column, (type, values) in columns.items()})
    pq.write_table(table, f"{folder}/{file}.parquet", row_group_size=rows_per_group, compression="none")


# Employees: NULL department, NULL boss at the top, equal salaries, NaN and negative zero among the ratings.
write(
    "emp", 5,
    id=(pa.int32(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    name=(pa.string(), ["Ada", "Bob", "Cy", "Dee", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon", "Kim", "Lou"]),
    dept=(pa.string(), ["eng", "eng", "ops", "ops", "eng", "hr", None, "hr", "eng", "ops", None, "law"]),
    boss=(pa.int32(), [None, 1, 1, 3, 2, 1, 6, 6, 2, 3, 99, 1]),
    salary=(pa.decimal128(10, 2), [D("900.00"), D("500.50"), D("400.00"), D("300.00"), D("500.50"), D("450.25"), D("200.00"),
                                   None, D("620.75"), D("300.00"), D("150.00"), D("800.00")]),
    hired=(pa.date32(), [date(2015, 1, 1), date(2016, 5, 17), date(2016, 5, 17), date(2019, 2, 28), date(2020, 2, 29),
                         date(2018, 7, 1), None, date(2021, 12, 31), date(2017, 3, 3), date(2019, 2, 28), date(2022, 6, 15),
                         date(2015, 1, 2)]),
    rating=(pa.float64(), [4.5, 3.25, None, math.nan, -0.0, 0.0, 2.5, math.inf, 4.5, None, -1.5, 3.25]),
)
write(
    "dept", 2,
    code=(pa.string(), ["eng", "ops", "hr", "art", None]),
    title=(pa.string(), ["Engineering", "Operations", "People", "Art", "Nobody's"]),
    floor=(pa.int32(), [3, 1, 2, None, 0]),
)
regions = ["north", "south", "east", None]
products = ["tea", "oats", "salt"]
write(
    "sales", 7,
    id=(pa.int64(), list(range(1, 41))),
    region=(pa.string(), [regions[(n * 7) % 4] for n in range(40)]),
    product=(pa.string(), [products[(n * n + n // 3) % 3] for n in range(40)]),
    qty=(pa.int32(), [None if n % 11 == 5 else (n * 13) % 10 for n in range(40)]),
    price=(pa.decimal128(8, 2), [None if n % 13 == 7 else D((n * 37) % 500) / 100 + 1 for n in range(40)]),
    day=(pa.date32(), [date(2024, 1, 1) + datetime.timedelta(days=(n * 5) % 31) for n in range(40)]),
    at=(pa.timestamp("us"), [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=n * 7, microseconds=n) for n in range(40)]),
)
write(
    "nested", 2,
    id=(pa.int32(), [1, 2, 3, 4, 5]),
    tags=(pa.list_(pa.string()), [["a", "b"], [], None, ["c", None, "d"], ["a"]]),
    nums=(pa.list_(pa.int32()), [[3, 1, 2], None, [5], [], [7, 8, 9, 10]]),
    props=(pa.map_(pa.string(), pa.int32()), [[("x", 1), ("y", 2)], [], None, [("x", None)], [("z", 9)]]),
    addr=(pa.struct([("city", pa.string()), ("zip", pa.int32())]),
          [{"city": "Bonn", "zip": 53111}, None, {"city": None, "zip": 1}, {"city": "Rome", "zip": None}, {"city": "Bonn", "zip": 53111}]),
    grid=(pa.list_(pa.list_(pa.int32())), [[[1], [2, 3]], [[]], None, [None, [4]], [[5, 6]]]),
    people=(pa.list_(pa.struct([("name", pa.string()), ("age", pa.int32())])),
            [[{"name": "Al", "age": 1}, {"name": "Bo", "age": None}], [], None, [None], [{"name": "Cy", "age": 3}]]),
)
big = D("9" * 38)
utc = datetime.timezone.utc
write(
    "types", 2,
    id=(pa.int32(), [1, 2, 3, 4, 5]),
    bo=(pa.bool_(), [True, False, None, True, False]),
    i1=(pa.int8(), [-128, 127, None, 0, 1]),
    i2=(pa.int16(), [-32768, 32767, None, 0, 1]),
    i4=(pa.int32(), [-(2**31), 2**31 - 1, None, 0, 1]),
    i8=(pa.int64(), [-(2**63), 2**63 - 1, None, 0, 1]),
    f4=(pa.float32(), [1.5, -math.inf, None, math.nan, -0.0]),
    f8=(pa.float64(), [1e300, 1.5, None, math.nan, -0.0]),
    d9=(pa.decimal128(9, 2), [D("-1234567.89"), D("1234567.89"), None, D("0.00"), D("0.01")]),
    d18=(pa.decimal128(18, 6), [D("-123456789012.345678"), D("123456789012.345678"), None, D("0"), D("0.000001")]),
    d38=(pa.decimal128(38, 0), [D("-" + "9" * 38), big, None, D(0), D(1)]),
    d38s=(pa.decimal128(38, 37), [D("-9." + "9" * 37), D("9." + "9" * 37), None, D(0), D("0." + "0" * 36 + "1")]),
    tx=(pa.string(), ["", "z", None, "ä€😀", "a text that is longer than twelve bytes"]),
    bi=(pa.binary(), [b"", b"\xff\x00", None, b"\x01", b"\x80" * 20]),
    da=(pa.date32(), [date(1, 1, 1), date(9999, 12, 31), None, date(1970, 1, 1), date(1969, 12, 31)]),
    ts=(pa.timestamp("us"), [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), None,
                             datetime.datetime(1970, 1, 1), datetime.datetime(1969, 12, 31, 23, 59, 59, 999999)]),
    tz=(pa.timestamp("us", "UTC"), [datetime.datetime(2024, 1, 1, tzinfo=utc), datetime.datetime(2024, 7, 1, 12, 30, tzinfo=utc), None,
                                    datetime.datetime(1970, 1, 1, tzinfo=utc), datetime.datetime(1969, 12, 31, 23, 59, tzinfo=utc)]),
)
# The long form of a small matrix: missing cells, NULL and NaN values, keys of every kind that a pivot groups by.
loci, samples = 9, ["s1", "s2", "s3"]
cells = [(l, s) for l in range(loci) for s in range(3) if (l + s) % 4 != 3]
cells.sort(key=lambda c: (c[0] * 7 + c[1] * 5) % 11)
write(
    "long", 6,
    locus=(pa.int64(), [100 + l for l, _ in cells]),
    chrom=(pa.string(), [None if l % 5 == 4 else f"chr{l % 3}" for l, _ in cells]),
    sample=(pa.string(), [samples[s] for _, s in cells]),
    beta=(pa.float64(), [None if (l * 3 + s) % 7 == 2 else math.nan if (l * 3 + s) % 7 == 4 else ((l * 3 + s) % 8) / 8 for l, s in cells]),
    coverage=(pa.int32(), [None if (l + 2 * s) % 6 == 5 else l * 10 + s for l, s in cells]),
    weight=(pa.decimal128(6, 3), [D(l * 100 + s) / 1000 for l, s in cells]),
    day=(pa.date32(), [None if l == 6 else date(2024, 1, 1 + l // 2) for l, _ in cells]),
    labels=(pa.list_(pa.int32()), [[l % 2, None] if l % 3 else None for l, _ in cells]),
)
