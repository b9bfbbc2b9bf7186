"""The 22 queries of TPC-H over Iceberg tables that Frazil wrote, at scale factor 0.01, with the answers that DuckDB's extension ships."""

import tpch
from harness import *


@check
def answers(frazil, folder):
    connection = tpch.connect()
    tpch.generate(folder, 0.01, connection)
    frazil.run(";\n".join(tpch.tables_of(folder)))
    wrong = []
    for number in tpch.QUERIES:
        rows = frazil.run(tpch.query(number, connection))
        problem = tpch.difference(rows, tpch.answer(number, 0.01, connection))
        if problem:
            wrong.append(f"query {number}: {problem}")
    if wrong:
        raise Failure("\n".join(wrong))


@check
def answers_with_little_memory_and_small_batches(frazil, folder):
    """The same when operators spill, and with one worker."""
    connection = tpch.connect()
    tpch.generate(folder, 0.01, connection)
    frazil.run(";\n".join(tpch.tables_of(folder)))
    for number in tpch.QUERIES:
        rows = frazil.run(tpch.query(number, connection), "--memory", "16MB", "--workers", "1")
        problem = tpch.difference(rows, tpch.answer(number, 0.01, connection))
        if problem:
            raise Failure(f"query {number}: {problem}")
