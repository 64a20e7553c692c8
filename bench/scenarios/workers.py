"""More workers: from one to two, the work per row stays the same and nobody waits, so a load scales with cores.

On a machine where the client and the server share two cores, wall time cannot double. What can be shown: the
CPU of a load does not grow with its workers, and its sessions wait for the client, the disk or a core, hardly
ever for each other. Two workers then do twice the work of one as long as the server has a core for each: the
scaling is 2 × CPU(1) ÷ CPU(2) × the share of samples in which no session waited for a lock.
"""

from harness import loading
from harness.report import Figure, Result

PLACE = 5


def run(bench):
    lake = bench.lake("sales", "--records", bench.records)
    measured = bench.race(
        [
            loading.evo_load(
                bench,
                lake,
                workers=n,
                batch_size=2,
                expect={"inserted": bench.records},
                name=f"{n} workers",
                watch=True,
                rounds=None if n <= 2 else 1,
            )
            for n in (1, 2, 4, 8)
        ]
        + [loading.gunzip(bench, lake, rounds=1)]
    )
    total = {name: m.median("client_cpu") + m.median("server_cpu") for name, m in measured.items()}
    free = 1 - (measured["2 workers"].median("lock_waits") or 0)
    gunzip = measured["gunzip"].median("client_cpu_per_gb")
    per_gb = measured["2 workers"].median("client_cpu_per_gb")
    return Result(
        "workers",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "client_cpu_per_gb", "peak_rss", "others_cpu"],
        figures=[
            Figure(
                "1 → 2 workers with a server on other cores", 2 * total["1 workers"] / total["2 workers"] * free, 1.6
            ),
            Figure(
                "peak memory, 8 workers", measured["8 workers"].median("peak_rss") / (1 << 20), 256, "at most", "MiB"
            ),
        ],
        notes=[
            *(loading.phases_text(measured[name]) for name in ("1 workers", "2 workers")),
            f"client CPU per GB of NDJSON: {per_gb:.2f} s; zcat alone needs {gunzip:.2f} s",
            "what the sessions of 2 workers did, sampled: " + measured["2 workers"].runs[-1]["waits"],
            "what the sessions of 8 workers did, sampled: " + measured["8 workers"].runs[-1]["waits"],
        ],
        parameters={"records": bench.records, "objects of a batch": 2},
    )
