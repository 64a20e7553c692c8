"""A thousand changed sales in a table ten times as large: the time follows what changed, not the size of the table.

The changed sales are spread evenly over the table, which is the worst case: each is on a page of its own.
"""

from harness import transforming
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 22
CHANGED = 1_000


def run(bench):
    small, large = bench.records, bench.records * 10
    contenders = [transforming.increment(bench, records, CHANGED) for records in (small, large)]
    measured = bench.race(contenders)
    less, more = (measured[contender.name] for contender in contenders)
    return Result(
        "increment", list(measured.values()), ["seconds", "client_cpu", "server_cpu", "wal_bytes", "dead", "others_cpu"],
        figures=[
            Figure(f"{large:,} ÷ {small:,} sales, seconds", ratio(more, less, "seconds"), 1.5, "at most"),
            Figure(f"seconds in {large:,} sales", more.median("seconds"), 2, "at most", "s"),
        ],
        notes=["rows written: " + ", ".join(f"{t['table']} {t['inserted'] + t['updated']:,}" for t in more.runs[-1]["tables"])],
        parameters={"changed": CHANGED, "workers": 2},
    )
