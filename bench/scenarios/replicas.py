"""Replicas of a job: four processes load as much as one process with as many workers, and cost no more CPU.

On two cores more workers cannot be faster. What can be shown is what each of them costs, and what its sessions wait
for: a process, a worker or a batch that waits for another one would keep a larger server idle. One round shows that for
all. What four processes cost more than one is less than such a machine changes from minute to minute, so the two run side
by side.
"""

from harness import loading
from harness.race import ratio, side_by_side
from harness.report import Figure, Result

PLACE = 11
VARIANTS = ["fresh", "changed"]
WORKERS = (1, 2, 4, 8, 16)
PROCESSES = (1, 2, 4)
# Enough batches that sixteen workers do not run out of them at the end.
BATCHES = 80


def run(bench, entity):
    part = bench.records // BATCHES
    second = ("--runs", 2, "--changed", "10%", "--new", "0%") if entity == "changed" else ()
    lake = bench.lake("sales", "--records", bench.records, "--part-records", part, *second)
    pairs = [(processes, workers) for workers in WORKERS for processes in PROCESSES if processes <= workers]
    load = loads(bench, entity, lake)
    measured = bench.race([load(processes, workers, watch=True, rounds=1) for processes, workers in pairs])
    for contender in measured.values():
        for one in contender.runs:
            total = sum(one["phases"].values()) or 1
            one.update(turn_share=one["phases"]["turn_ms"] / total, commit_share=one["phases"]["commit_ms"] / total)
    compared, most = {}, PROCESSES[-1]
    with bench.beside() as other:
        there = loads(other, entity, lake)
        for workers in (n for n in WORKERS if n >= most):
            both = [[on(1, workers), on(most, workers)] for on in (load, there)]
            compared[workers] = side_by_side((bench.server, other.server), both, bench.runs, bench.say)
    growth = ratio(measured[name(1, 1)], measured[name(most, WORKERS[-1])], "total_cpu")
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
            Figure(f"one process ÷ four side by side, CPU, {workers} workers in all", ratio(*both, "total_cpu"), 0.95)
            for workers, both in compared.items()
        ]
        + [Figure("one worker ÷ sixteen in four processes, CPU", growth, 0.9)],
        notes=[
            f"what the sessions of {text} did, sampled: {measured[text].runs[-1]['waits']}"
            for text in (name(1, 4), name(4, 4), name(1, 16), name(4, 16))
        ]
        + [
            f"side by side, {workers} workers: {' · '.join(side_text(one) for one in both)}, medians of {bench.runs} rounds; "
            f"one ÷ four by rounds {', '.join(f'{share:.2f}' for share in sorted(rounds(*both)))}"
            for workers, both in compared.items()
        ],
        parameters={"records": bench.records, "batches": BATCHES},
    )


def loads(bench, entity, lake):
    """What makes a contender of this benchmark's server: by processes and workers in all."""
    if entity == "fresh":
        options = {"expect": {"inserted": bench.records}}
    else:
        first, last = lake.run_ids()
        options = {
            "run_id": last,
            "template": loading.loaded(bench, lake, "sales", first),
            "expect": {"lines": bench.records, "inserted": 0, "rejected": 0},
        }

    def load(processes, workers, **more):
        return loading.evo_load(
            bench,
            lake,
            workers=workers // processes,
            processes=processes,
            batch_size=1,
            name=name(processes, workers),
            **options,
            **more,
        )

    return load


def name(processes, workers):
    return f"{processes} × {workers // processes}"


def side_text(measured):
    return f"{measured.name} {measured.median('client_cpu'):.1f} s evo and {measured.median('server_cpu'):.1f} s server"


def rounds(one, other):
    return [a["total_cpu"] / b["total_cpu"] for a, b in zip(one.runs, other.runs)]
