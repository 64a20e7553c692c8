"""A long run: resident memory is flat from beginning to end, whatever has passed through."""

import statistics

from harness import loading
from harness.report import Figure, Result

PLACE = 10


def run(bench):
    lake = bench.lake("sales", "--records", bench.records, "--runs", 6, "--changed", "20%", "--new", "5%")
    measured = bench.race(
        [
            loading.evo_load(
                bench,
                lake,
                workers=8,
                batch_size=10,
                expect={"lines": lake.lines(), "rejected": 0},
                resident=True,
                rounds=1,
            )
        ]
    )
    evo = measured["evo"]
    resident = evo.runs[0]["resident"]
    quarters = [statistics.median(resident[len(resident) * q // 4 : len(resident) * (q + 1) // 4]) for q in range(4)]
    return Result(
        "memory",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("resident memory, last quarter of the run ÷ second", quarters[3] / quarters[1], 1.15, "at most"),
            Figure("peak memory, 8 workers", evo.median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
        ],
        notes=[
            "median resident memory by quarters of the run: " + ", ".join(f"{q / (1 << 20):.0f} MiB" for q in quarters)
        ],
        parameters={"runs in the lake": 6, "lines": lake.lines(), "workers": 8},
    )
