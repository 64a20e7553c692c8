"""Entries: partitions by year, keys that are digests of the document, small documents.

`limit` copies evo's own rows with the documents of the lake, written ahead of the clock, straight into the
partitioned table with all of its keys and indexes.
"""

import subprocess

from harness import loading, preformatted
from harness.process import Failed
from harness.race import Contender, ratio
from harness.report import Figure, Result
from harness.server import sizes

PLACE = 7
COLUMNS = "entry_id, entry_date, raw_data, _source_file, run_id, ingestion_date, _loaded_at, _updated_at, _source_line, _content_hash, _batch_id"
PLACED = ("raw_data", "_source_file", "_source_line")


def run(bench):
    records = bench.records * 5
    lake = bench.lake("entries", "--records", records, "--runs", 2, "--changed", "0%", "--new", "0%")
    first, second = lake.run_ids()
    loaded = loading.loaded(bench, lake, "entries", first)
    changing = bench.lake("entries", "--records", records, "--runs", 2, "--changed", "3%", "--new", "0%")
    before_change, change = changing.run_ids()
    measured = bench.race(
        [
            loading.evo_load(bench, lake, "entries", run_id=first, name="evo", expect={"inserted": records}),
            loading.evo_load(
                bench,
                lake,
                "entries",
                run_id=second,
                template=loaded,
                name="evo, all unchanged",
                expect={"unchanged": records},
            ),
            loading.evo_load(
                bench,
                changing,
                "entries",
                run_id=change,
                template=loading.loaded(bench, changing, "entries", before_change),
                name="evo, 3 % changed",
                expect={"lines": records, "rejected": 0},
            ),
            limit(bench, lake, loaded, records),
            loading.gunzip(bench, lake, run_id=first, rounds=1),
        ]
    )
    return Result(
        "entries",
        list(measured.values()),
        [
            "seconds",
            "rows_per_second",
            "client_cpu",
            "server_cpu",
            "peak_rss",
            "wal_bytes",
            "growth_bytes",
            "others_cpu",
        ],
        figures=[
            Figure("evo ÷ limit, rows/s", ratio(measured["evo"], measured["limit"], "rows_per_second"), 0.8),
            Figure(
                "unchanged ÷ fresh, rows/s",
                ratio(measured["evo, all unchanged"], measured["evo"], "rows_per_second"),
                4,
            ),
            Figure(
                "3 % changed ÷ fresh, rows/s",
                ratio(measured["evo, 3 % changed"], measured["evo"], "rows_per_second"),
                3,
            ),
        ],
        notes=[
            loading.phases_text(measured["evo"]),
            loading.phases_text(measured["evo, all unchanged"]),
            loading.phases_text(measured["evo, 3 % changed"]),
        ],
        parameters={"records": records, "workers": 2},
    )


def limit(bench, lake, loaded, records):
    """Two sessions copy the rows of the loaded table into an empty one."""
    folder, environment = bench.directory / "preformatted", bench.environment(loaded)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for part, condition in enumerate(("<", ">=")):
        path = folder / f"{loaded}-{part}.copy"
        middle = "(select percentile_disc(0.5) within group (order by _batch_id) from stg_evo.entries_raw)"
        rows = f"select {COLUMNS} from stg_evo.entries_raw where _batch_id {condition} {middle}"
        copy = f"\\copy ({rows} order by _batch_id, _source_file, _source_line) to '{path}' with (format binary)"
        done = subprocess.run(["psql", "-X", "-q", "-c", copy], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(done.stderr)
        preformatted.with_documents_of_the_lake(lake, path, *(COLUMNS.split(", ").index(c) for c in PLACED))
        files.append(path)

    def prepare():
        bench.server.create("run_limit", loaded)
        with bench.server.connect("run_limit") as db:
            db.query("truncate stg_evo.entries_raw")

    def check(_usages):
        with bench.server.connect("run_limit") as db:
            count = int(db.value("select count(*) from stg_evo.entries_raw"))
            if count != records:
                raise Failed(f"\\copy left {count} rows where {records} were expected")
            return sizes(db, ["stg_evo.entries_raw"])

    commands = [
        [
            "psql",
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            f"\\copy stg_evo.entries_raw ({COLUMNS}) from '{f}' with (format binary)",
        ]
        for f in files
    ]
    return Contender(
        name="limit",
        steps=[commands],
        environment=bench.environment("run_limit"),
        prepare=prepare,
        check=check,
        rows=records,
    )
