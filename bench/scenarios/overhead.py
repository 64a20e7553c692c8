"""What surviving faults costs when none happens: claims, fences, leases, presence, left-over sessions.

The time that the server spends in statements which only exist for faults, as pg_stat_statements counts it,
against all the CPU that it spends. New documents, documents that are known, and the worst case: batches of a
few hundred lines.
"""

from harness import loading
from harness.process import Failed
from harness.report import Figure, Result

PLACE = 7

LIBRARY = "pg_stat_statements"
FILES = (
    "ledger/claim_batch.sql",
    "ledger/committed_batch.sql",
    "ledger/has_open_batch.sql",
    "ledger/raise_fence.sql",
    "ledger/release_batches.sql",
    "ledger/renew_leases.sql",
    "pg/end_session.sql",
    "pg/holds_lock.sql",
    "pg/is_working.sql",
    "pg/takes_writes.sql",
    "pg/try_lock.sql",
)


def run(bench):
    server = bench.server
    if not server.admin.value(f"select 1 from pg_available_extensions where name = '{LIBRARY}'"):
        raise Failed(f"the server has no {LIBRARY}: install PostgreSQL's contrib modules")
    usual = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", "0%", "--new", "0%")
    small = bench.lake("sales", "--records", bench.scaled(60_000, 6_000), "--part-records", 417)
    first, second = usual.run_ids()
    loaded = loading.loaded(bench, usual, "sales", first)
    server.preload(LIBRARY)
    try:
        server.admin.query(f"create extension if not exists {LIBRARY}")
        measured = bench.race(
            [
                counted(bench, loading.evo_load(bench, usual, run_id=first, name="new documents", rounds=2)),
                counted(
                    bench,
                    loading.evo_load(bench, usual, run_id=second, template=loaded, name="known documents", rounds=2),
                ),
                counted(bench, loading.evo_load(bench, small, batch_size=1, name="batches of 417 lines", rounds=2)),
            ]
        )
        server.admin.query(f"drop extension {LIBRARY}")
    finally:
        server.preload("")
    figures = [
        Figure(
            f"share of the server's CPU, {m.name}",
            100 * m.median("for_faults") / m.median("server_cpu"),
            3,
            "at most",
            "%",
        )
        for m in measured.values()
    ]
    return Result(
        "overhead",
        list(measured.values()),
        ["seconds", "rows_per_second", "server_cpu", "for_faults", "calls_for_faults", "others_cpu"],
        figures=figures,
        parameters={"records": bench.records, "small batches": small.lines(), "workers": 2},
    )


def counted(bench, contender):
    """The same with the seconds that the server spent in statements which only exist for faults."""
    # The driver's BEGIN and COMMIT are the work's own. The advisory lock is an execution's presence.
    marks = [bench.evos_sql(name).splitlines()[0] for name in FILES] + ["pg_advisory_xact_lock_shared"]
    server, prepare, check = bench.server, contender.prepare, contender.check

    def reset():
        prepare()
        server.admin.query(f"select {LIBRARY}_reset()")

    def read(usages):
        wanted = " or ".join("strpos(query, '" + mark.replace("'", "''") + "') > 0" for mark in marks)
        row = server.admin.query(
            f"select coalesce(sum(total_exec_time + total_plan_time), 0) / 1000, coalesce(sum(calls), 0) from {LIBRARY} where {wanted}"
        )[0]
        seconds, calls = float(row[0]), int(row[1])
        if calls == 0:
            raise Failed("no statement was counted: their texts are not those of the files")
        return {**check(usages), "for_faults": seconds, "calls_for_faults": calls}

    contender.prepare, contender.check = reset, read
    return contender
