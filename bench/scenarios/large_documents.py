"""Documents of 20 MB on 8 workers: memory is bounded by what is in flight, not by documents times queues."""

from harness import loading
from harness.report import Figure, Result

PLACE = 9


def run(bench):
    size, records = bench.scaled(20_000_000, 2_000_000), 80
    lake = bench.lake(
        "sales",
        "--records",
        records,
        "--document-bytes",
        size,
        "--part-records",
        1,
        "--gzip-level",
        1,
        "--start-date",
        "2025-12-01",
        "--end-date",
        "2025-12-31",
    )
    measured = bench.race(
        [loading.evo_load(bench, lake, workers=8, batch_size=10, expect={"inserted": records}, rounds=2)]
    )
    evo = measured["evo"]
    return Result(
        "large-documents",
        list(measured.values()),
        ["seconds", "ndjson_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[Figure("peak memory, 8 workers", evo.median("peak_rss") / (1 << 20), 256, "at most", "MiB")],
        notes=[loading.phases_text(evo), f"{records} documents of {size / 1e6:.0f} MB"],
        parameters={"records": records, "workers": 8},
    )
