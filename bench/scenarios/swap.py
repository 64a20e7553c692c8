"""Readers through ten full refreshes: no error, no empty table, no mixture of generations, no wait worth the word.

Each refresh is of a staging that lost some sales, so that every answer (counts of the three tables; a join of
parents and children; a glance at a row of each, hundreds of times a second) says which generation it saw, and
a mixture would show.

How long a swap blocks a reader is measured three times: as the server knows it, by the start of each wait for a
lock, sampled; as a reader feels it whose statement is as short as can be; and by the longest statement beside a
swap beyond its own baseline: the longest of the same statement at any other time, while evo built the next
generation or SQL by hand did the same work in tables that nobody reads, because on a machine of few cores that
work itself delays readers.
"""

import statistics

from harness import swapping, transforming
from harness.report import Figure, Result

PLACE = 24
REFRESHES = 10


def run(bench):
    records = bench.records // 2
    lake = bench.lake("sales", "--records", records)
    template = transforming.transformed(bench, lake, f"swap_{records}")
    database = "run_swap"
    bench.server.create(database, template)
    bench.server.settle()
    with swapping.Readers(bench, database) as readers:
        bench.say("  the same work without a swap")
        swapping.without_swap(bench, database, 4)
        bench.say(f"  {REFRESHES} full refreshes")
        with swapping.LockWaits(bench.server) as waits:
            generations, swaps, summaries = swapping.refreshes(bench, database, REFRESHES)
        answers = readers.answers()
    rows = [swapping.measured(kind, seen, generations, swaps) for kind, seen in answers.items()]
    usual = [row for row in rows if row.name != "reader: old snapshot"]

    def total(measure):
        return sum(row.runs[0][measure] for row in usual)

    old = next(row for row in rows if row not in usual).runs[0]
    seconds = [s["elapsed_ms"] / 1000 for s in summaries]
    return Result(
        "swap",
        rows,
        ["statements", "median_ms", "baseline_ms", "longest_ms", "beyond_ms", "errors", "empty", "mixed", "backwards"],
        figures=[
            Figure("longest wait of a reader for a lock", waits.longest, 50, "at most", "ms"),
            Figure(
                "longest statement beyond its baseline",
                max(row.runs[0]["beyond_ms"] for row in usual),
                50,
                "at most",
                "ms",
            ),
            Figure(
                "longest glance beside a swap",
                next(row for row in rows if row.name == "reader: glance").runs[0]["longest_ms"],
                50,
                "at most",
                "ms",
            ),
            Figure("errors of readers at read committed", total("errors"), 0, "at most", ""),
            Figure("empty tables seen at read committed", total("empty"), 0, "at most", ""),
            Figure("mixed generations seen at read committed", total("mixed") + total("backwards"), 0, "at most", ""),
        ],
        notes=[
            f"a refresh took {statistics.median(seconds):.1f} s beside the readers; evo's own longest swap: {max(s['swap_ms'] or 0 for s in summaries)} ms",
            f"samples in which a reader waited for a lock: {waits.met}",
            "`old snapshot` counts in a repeatable-read transaction whose snapshot is 2 s older than its first look at the tables: "
            f"{old['errors']} errors, {old['empty']} empty, {old['mixed']} mixed of {old['statements']} "
            "(no figure: PostgreSQL attaches partitions for all snapshots at once)",
        ],
        parameters={"records": records, "refreshes": REFRESHES, "readers": len(rows)},
    )
