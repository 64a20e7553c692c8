"""Replicas of a job: four processes load as much as one process with as many workers, and cost no more CPU.

On two cores more workers cannot be faster. What can be shown is what each of them costs, and what its sessions wait
for: a process, a worker or a batch that waits for another one would keep a larger server idle.
"""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 11
VARIANTS = ["fresh", "changed"]
WORKERS = (1, 2, 4, 8, 16)
PROCESSES = (1, 2, 4)
# Those that a figure compares: in them a round differs from the next by more than the processes cost.
SHARED = [workers for workers in WORKERS if workers >= PROCESSES[-1]]
COMPARED = {(1, 1), *((processes, workers) for processes in (1, PROCESSES[-1]) for workers in SHARED)}
# Enough batches that sixteen workers do not run out of them at the end.
BATCHES = 80


def run(bench, entity):
    part = bench.records // BATCHES
    if entity == "fresh":
        lake = bench.lake("sales", "--records", bench.records, "--part-records", part)
        options = {"expect": {"inserted": bench.records}}
    else:
        second = ("--runs", 2, "--changed", "10%", "--new", "0%")
        lake = bench.lake("sales", "--records", bench.records, "--part-records", part, *second)
        first, last = lake.run_ids()
        options = {
            "run_id": last,
            "template": loading.loaded(bench, lake, "sales", first),
            "expect": {"lines": bench.records, "inserted": 0, "rejected": 0},
        }
    pairs = [(processes, workers) for workers in WORKERS for processes in PROCESSES if processes <= workers]
    measured = bench.race(
        [
            loading.evo_load(
                bench,
                lake,
                workers=workers // processes,
                processes=processes,
                batch_size=1,
                watch=True,
                name=name(processes, workers),
                # The others are there to be looked at.
                rounds=None if (processes, workers) in COMPARED else 1,
                **options,
            )
            for processes, workers in pairs
        ]
    )
    for contender in measured.values():
        for one in contender.runs:
            total = sum(one["phases"].values()) or 1
            one.update(turn_share=one["phases"]["turn_ms"] / total, commit_share=one["phases"]["commit_ms"] / total)
    compared = {n: ratio(measured[name(1, n)], measured[name(PROCESSES[-1], n)], "total_cpu") for n in SHARED}
    growth = ratio(measured[name(1, 1)], measured[name(PROCESSES[-1], WORKERS[-1])], "total_cpu")
    return Result(
        f"replicas-{entity}",
        list(measured.values()),
        [
            "seconds",
            "client_cpu",
            "server_cpu",
            "total_cpu",
            "lock_waits",
            "turn_held",
            "turn_share",
            "commit_share",
            "others_cpu",
        ],
        figures=[
            Figure(f"one process ÷ four, CPU, {n} workers in all", compared[n], 0.95) for n in SHARED
        ]
        + [Figure("one worker ÷ sixteen in four processes, CPU", growth, 0.9)],
        notes=[
            f"what the sessions of {text} did, sampled: {measured[text].runs[-1]['waits']}"
            for text in (name(1, 4), name(4, 4), name(1, 16), name(4, 16))
        ],
        parameters={"records": bench.records, "batches": BATCHES},
    )


def name(processes, workers):
    return f"{processes} × {workers // processes}"
