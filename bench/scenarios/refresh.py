"""A full refresh of one entity: at most 1.1 times the time of SQL written by hand for the same tables.

The hand-written way fills index-free tables over two key ranges side by side, then makes keys and indexes in
two sessions. It checks nothing, does not survive a value that does not fit, and leaves the swap, views and
grants to somebody else.
"""

from harness import transforming
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 20
VARIANTS = ("entries", "members", "sales")


def run(bench, entity):
    # Documents of about the same size in total: members are large, entries are small.
    records = {"entries": bench.records * 5, "members": bench.records // 2, "sales": bench.records}[entity]
    measured, _, found = transforming.refresh(bench, entity, records)
    return Result(
        f"refresh-{entity}",
        list(measured.values()),
        transforming.COLUMNS,
        figures=[
            Figure("evo ÷ by hand, seconds", ratio(measured["evo"], measured["by hand"], "seconds"), 1.1, "at most"),
            Figure("evo ÷ by hand, CPU", ratio(measured["evo"], measured["by hand"], "total_cpu"), 1.1, "at most"),
        ],
        notes=["rows: " + ", ".join(f"{table} {count:,}" for table, count in found.items())],
        parameters={"records": records, "workers": 2},
    )
