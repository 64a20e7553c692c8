"""A full refresh of sales: at most 1.1 times the time of SQL written by hand for the same tables.

The hand-written way fills index-free tables over two key ranges at once, then makes keys and indexes in two sessions. It checks
nothing, survives no value that does not fit, and leaves the swap, views and grants to somebody else.
"""

from harness import transforming
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 20


def run(bench):
    records = bench.records
    measured, _, found = transforming.refresh(bench, "sales", records)
    return Result(
        "refresh-sales", list(measured.values()), transforming.COLUMNS,
        figures=[
            Figure("evo ÷ by hand, seconds", ratio(measured["evo"], measured["by hand"], "seconds"), 1.1, "at most"),
            Figure("evo ÷ by hand, CPU", ratio(measured["evo"], measured["by hand"], "total_cpu"), 1.1, "at most"),
        ],
        notes=["rows: " + ", ".join(f"{table} {count:,}" for table, count in found.items())],
        parameters={"records": records, "workers": 2},
    )
