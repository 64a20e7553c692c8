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
        loading.evo_load(bench, lake, workers=8, batch_size=10, expect={"inserted": objects * 10}, name="batches of 10, 8 workers", rounds=1),
        loading.evo_load(bench, lake, expect={"inserted": objects * 10}, name="evo's own batches", rounds=2),
        loading.evo_load(bench, usual, expect={"inserted": objects * 10}, name="the same records in usual objects", rounds=2),
    ])
    return Result(
        "tiny", list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure("peak memory, 8 workers, batches of 10", measured["batches of 10, 8 workers"].median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
            Figure("tiny ÷ usual objects, rows/s", ratio(measured["evo's own batches"], measured["the same records in usual objects"], "rows_per_second"), 0.7),
        ],
        notes=[loading.phases_text(m) for m in measured.values()],
        parameters={"objects": len(lake.objects()), "records of each": 10},
    )
