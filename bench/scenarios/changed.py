"""A new run in which a tenth of the documents changed: the cost follows what changed."""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 4


def run(bench):
    expect = {"lines": bench.records, "inserted": 0, "rejected": 0}
    _, _, contenders = loading.second_run(bench, "10%", expect)
    measured = bench.race(contenders)
    evo = measured["evo"]
    counted = evo.runs[-1]["counted"]
    wal = ratio(evo, measured["evo fresh"], "wal_bytes") / (counted["updated"] / counted["lines"])
    return Result(
        "changed",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "wal_bytes", "growth_bytes", "dead", "others_cpu"],
        figures=[
            Figure("changed tenth ÷ fresh, rows/s", ratio(evo, measured["evo fresh"], "rows_per_second"), 2),
        ],
        notes=[
            loading.phases_text(evo),
            f"{counted['updated']:,} documents changed, {counted['unchanged']:,} did not",
            f"WAL: {wal:.1f} × the share of what a fresh load writes for as many documents; pages are written whole when they are touched first after a "
            "checkpoint, and a tenth of the documents is on far more than a tenth of the pages",
        ],
        parameters={"records": bench.records, "workers": 2},
    )
