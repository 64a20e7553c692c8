"""One object of 10 GB of NDJSON: memory does not follow the size of an object."""

from harness import lake as lakes
from harness import loading
from harness.main import free_disk
from harness.report import Figure, Result

PLACE = 8
GENERATED_BYTES = 2_453


def run(bench):
    gigabytes = bench.scaled(10, 0.2)

    # The lake, its parts, the table, its WAL up to max_wal_size.
    def room_for():
        return free_disk(bench.directory) / 1e9 - 8

    if room_for() < gigabytes * 1.2:
        bench.drop_cached()
    room, notes = room_for(), []
    if room < gigabytes * 1.2:
        notes.append(f"{gigabytes} GB would not fit on this disk: made smaller")
        gigabytes = max(0.2, int(room / 1.2))
    records = int(gigabytes * 1e9 / GENERATED_BYTES)
    lake = bench.lake(
        "sales",
        "--records",
        records,
        "--start-date",
        "2025-12-01",
        "--end-date",
        "2025-12-31",
        "--part-records",
        50_000,
        "--gzip-level",
        1,
        postprocess=lakes.into_one_object,
        name="huge",
    )
    measured = bench.race(
        [loading.evo_load(bench, lake, workers=8, batch_size=10, expect={"inserted": records}, rounds=1)]
    )
    evo = measured["evo"]
    return Result(
        "huge",
        list(measured.values()),
        [
            "seconds",
            "rows_per_second",
            "ndjson_per_second",
            "client_cpu",
            "server_cpu",
            "peak_rss",
            "wal_bytes",
            "others_cpu",
        ],
        figures=[Figure("peak memory, 8 workers", evo.median("peak_rss") / (1 << 20), 256, "at most", "MiB")],
        notes=notes
        + [loading.phases_text(evo), f"one object of {lake.inflated_bytes() / 1e9:.1f} GB, {records:,} documents"],
        parameters={"records": records, "workers": 8},
    )
