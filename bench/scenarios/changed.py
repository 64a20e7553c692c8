"""A new run in which a tenth of the documents changed: the cost follows what changed."""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 4


def run(bench):
    lake = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", "10%", "--new", "0%")
    first, second = lake.run_ids()
    loaded = loading.loaded(bench, lake, "sales", first)
    measured = bench.race(
        [
            loading.evo_load(
                bench,
                lake,
                run_id=second,
                template=loaded,
                expect={"lines": bench.records, "inserted": 0, "rejected": 0},
            ),
            loading.evo_load(bench, lake, run_id=first, name="evo fresh", expect={"inserted": bench.records}),
            loading.pipeline(bench, lake, run_id=second, template=loaded, rounds=1),
        ]
    )
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
