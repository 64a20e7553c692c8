"""`evo catalog` of a warehouse with 10,000 tables: the first time, and again when nothing has changed."""

import json
import shutil

from harness import loading
from harness.process import Failed
from harness.race import Contender
from harness.report import Figure, Result

PLACE = 29


def run(bench):
    tables = bench.scaled(10_000, 300)
    lake = bench.lake("sales", "--records", bench.scaled(20_000, 2_000))
    loaded = loading.loaded(bench, lake, "sales", lake.run_ids()[0])
    database, site = "run_catalog", bench.directory / "catalog"
    bench.server.create(database, loaded)
    with bench.server.connect(database) as db:
        db.query(bench.sql("catalog_tables.sql"))
        db.query(f"call public.make_tables({tables})")
        # So that autovacuum has nothing to do between two runs, which would be a change.
        db.query("vacuum (analyze)")

    def contender(name, prepare, written):
        def check(usages):
            summary = json.loads(usages[0].outputs[0])
            if summary["tables"] < tables or not written(summary):
                raise Failed(f"catalog: {summary}")
            return {"files": summary["files"]}

        command = bench.evo_command("catalog", "--out", site, lake=lake)
        return Contender(
            name=name,
            steps=[[command]],
            environment=bench.environment(database),
            prepare=prepare,
            check=check,
            rows=tables,
        )

    measured = bench.race(
        [
            contender(
                "first", lambda: shutil.rmtree(site, ignore_errors=True), lambda s: s["written"] == s["files"] > tables
            ),
            contender("again", lambda: None, lambda s: s["written"] == 0),
        ]
    )
    shutil.rmtree(site, ignore_errors=True)
    first, again = measured["first"], measured["again"]
    return Result(
        "catalog",
        list(measured.values()),
        ["seconds", "files", "client_cpu", "server_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("first time, seconds", first.median("seconds"), 30, "at most", "s"),
            Figure("nothing has changed, seconds", again.median("seconds"), 5, "at most", "s"),
            Figure("peak memory", first.median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
        ],
        parameters={"tables": tables, "columns of each": 20},
    )
