"""A new run in which every document is the same: at least four times the fresh rate, next to no WAL, no table growth.

`evo fresh` loads the first run into an empty table, `evo` the second one, whose objects are new to it and
whose documents are all known. `pipeline` does what an upsert without a comparison does.
"""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 2


def run(bench):
    expect = {"unchanged": bench.records, "inserted": 0, "updated": 0}
    lake, second, contenders = loading.second_run(bench, "0%", expect)
    measured = bench.race([*contenders, loading.gunzip(bench, lake, run_id=second, rounds=1)])
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
