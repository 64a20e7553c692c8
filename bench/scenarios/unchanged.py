"""A new run in which every document is the same: at least four times the fresh rate, next to no WAL, no table growth.

`evo fresh` loads the first run into an empty table, `evo` the second one, whose objects are new to it and
whose documents are all known. `pipeline` does what an upsert without a comparison does.
"""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 2


def run(bench):
    lake = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", "0%", "--new", "0%")
    first, second = lake.run_ids()
    loaded = loading.loaded(bench, lake, "sales", first)
    measured = bench.race(
        [
            loading.evo_load(
                bench,
                lake,
                run_id=second,
                template=loaded,
                expect={"unchanged": bench.records, "inserted": 0, "updated": 0},
            ),
            loading.evo_load(bench, lake, run_id=first, name="evo fresh", expect={"inserted": bench.records}),
            loading.pipeline(bench, lake, run_id=second, template=loaded, rounds=1),
            loading.gunzip(bench, lake, run_id=second, rounds=1),
        ]
    )
    evo, per = measured["evo"], 200_000 / bench.records
    return Result(
        "unchanged",
        list(measured.values()),
        [
            "seconds",
            "rows_per_second",
            "client_cpu",
            "server_cpu",
            "peak_rss",
            "wal_bytes",
            "growth_bytes",
            "dead",
            "others_cpu",
        ],
        figures=[
            Figure("unchanged ÷ fresh, rows/s", ratio(evo, measured["evo fresh"], "rows_per_second"), 4),
            Figure("WAL per 200,000 documents", evo.median("wal_bytes") * per / 1e6, 5, "at most", "MB"),
            Figure("growth of the table", evo.median("growth_bytes") / 1e6, 0, "at most", "MB"),
            Figure("dead tuples", evo.median("dead"), 0, "at most", ""),
        ],
        notes=[loading.phases_text(evo), loading.phases_text(measured["evo fresh"])],
        parameters={"records": bench.records, "workers": 2},
    )
