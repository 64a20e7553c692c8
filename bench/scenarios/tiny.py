"""Many tiny objects, 50,000 of ten records: the cost of an object stays small, memory does not follow their number."""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 6


def run(bench):
    objects = bench.scaled(50_000, 2_000)
    lake = bench.lake("sales", "--records", objects * 10, "--part-records", 10)
    usual = bench.lake("sales", "--records", objects * 10)
    measured = bench.race([
        loading.evo_load(bench, lake, workers=8, expect={"inserted": objects * 10}, name="batches of 10 objects"),
        loading.evo_load(bench, lake, workers=2, batch_size=500, expect={"inserted": objects * 10}, name="batches of 500 objects"),
        loading.evo_load(bench, usual, expect={"inserted": objects * 10}, name="the same records in usual objects"),
    ])
    return Result(
        "tiny", list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure("peak memory, 8 workers, batches of 10", measured["batches of 10 objects"].median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
            Figure("tiny in batches of 500 ÷ usual objects, rows/s", ratio(measured["batches of 500 objects"], measured["the same records in usual objects"], "rows_per_second"), 0.7),
        ],
        parameters={"objects": len(lake.objects()), "records of each": 10},
    )
