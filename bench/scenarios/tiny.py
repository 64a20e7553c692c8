"""Many tiny objects, 50,000 of ten records: the cost of an object stays small, memory does not follow their number.

And 8,000 of them in a lake that answers each request after 30 ms: there the workers wait, and more of them
load more.
"""

from harness import loading
from harness.blobs import Blobs
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 6
LATENCY_MS = 30
WORKERS = (1, 2, 4, 8)


def run(bench):
    objects = bench.scaled(50_000, 2_000)
    lake = bench.lake("sales", "--records", objects * 10, "--part-records", 10)
    usual = bench.lake("sales", "--records", objects * 10)
    measured = bench.race(
        [
            loading.evo_load(
                bench,
                lake,
                workers=8,
                batch_size=10,
                expect={"inserted": objects * 10},
                name="batches of 10, 8 workers",
                rounds=1,
            ),
            loading.evo_load(bench, lake, expect={"inserted": objects * 10}, name="evo's own batches", rounds=2),
            loading.evo_load(
                bench, usual, expect={"inserted": objects * 10}, name="the same records in usual objects", rounds=2
            ),
        ]
    )
    far = distant(bench)
    return Result(
        "tiny",
        list(measured.values()) + list(far.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure(
                "peak memory, 8 workers, batches of 10",
                measured["batches of 10, 8 workers"].median("peak_rss") / (1 << 20),
                256,
                "at most",
                "MiB",
            ),
            Figure(
                "tiny ÷ usual objects, rows/s",
                ratio(measured["evo's own batches"], measured["the same records in usual objects"], "rows_per_second"),
                0.7,
            ),
        ]
        + [
            Figure(
                f"{n} workers ÷ {n} × one worker, rows/s at {LATENCY_MS} ms",
                ratio(far[distant_name(n)], far[distant_name(1)], "rows_per_second") / n,
                0.8,
            )
            for n in WORKERS
            if n > 1
        ],
        notes=[loading.phases_text(m) for m in [*measured.values(), *far.values()]],
        parameters={"objects": len(lake.objects()), "records of each": 10},
    )


def distant_name(workers):
    return f"{LATENCY_MS} ms a request, {workers} worker{'s' if workers > 1 else ''}"


def distant(bench):
    """Evo's own batches of a lake behind a slow network, by workers."""
    objects = bench.scaled(8_000, 400)
    lake = bench.lake("sales", "--records", objects * 10, "--part-records", 10)
    with Blobs(lake.root, LATENCY_MS) as blobs:
        return bench.race(
            [
                loading.evo_load(
                    bench,
                    lake,
                    workers=n,
                    expect={"inserted": objects * 10},
                    name=distant_name(n),
                    rounds=2,
                    blobs=blobs,
                )
                for n in WORKERS
            ]
        )
