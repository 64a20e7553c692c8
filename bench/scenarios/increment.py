"""A thousand changed sales in a table ten times as large: the time follows what changed, not the size of the table.

The changed sales are spread evenly over the table, which is the worst case: each is on a page of its own. Twenty
thousand of them show what a changed document costs.
"""

from harness import transforming
from harness.main import free_disk
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 22
CHANGED = 1_000
MANY_CHANGED = 20_000
# In staging and core, the new generation of core included, and in the lake.
BYTES_OF_A_SALE = 4_500


def run(bench):
    small, notes = bench.records, []
    # A database that is kept, a second generation while it is built, its WAL.
    fits = int((free_disk(bench.directory) - 6e9) / (small * BYTES_OF_A_SALE))
    times = 10 if bench.server.databases(f"cached_sales_{small * 10}_") else max(2, min(10, fits))
    if times < 10:
        notes.append(f"{small * 10:,} sales would not fit on this disk: made smaller")
    large = small * times
    many = min(MANY_CHANGED, small // 10)
    contenders = [
        transforming.increment(bench, records, changed)
        for records, changed in ((small, CHANGED), (large, CHANGED), (small, many))
    ]
    measured = bench.race(contenders)
    less, more, most = (measured[contender.name] for contender in contenders)
    return Result(
        "increment",
        list(measured.values()),
        ["seconds", "client_cpu", "server_cpu", "total_cpu", "wal_bytes", "dead", "others_cpu"],
        figures=[
            Figure(f"{large:,} ÷ {small:,} sales, seconds", ratio(more, less, "seconds"), 1.5, "at most"),
            Figure(f"seconds in {large:,} sales", more.median("seconds"), 2, "at most", "s"),
            Figure(f"CPU for {many:,} changed sales", most.median("total_cpu"), 2, "at most", "s"),
        ],
        notes=notes
        + [
            "rows written: "
            + ", ".join(f"{t['table']} {t['inserted'] + t['updated']:,}" for t in more.runs[-1]["tables"])
        ],
        parameters={"changed": CHANGED, "workers": 2},
    )
