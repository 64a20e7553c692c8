"""Transform again when nothing changed, and after a run in which no document did: no WAL to speak of, no dead tuples."""

from harness import transforming
from harness.report import Figure, Result

PLACE = 23


def run(bench):
    lake = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", "0%", "--new", "0%")
    first, second = lake.run_ids()
    template = transforming.transformed(bench, lake, f"sales_{bench.records}", first)
    database = "run_again"

    def again():
        bench.server.create(database, template)

    def after_a_run():
        again()
        bench.evo_now(database, "load", "sales", "--run-id", second, lake=lake)

    measured = bench.race(
        [
            transforming.evo_transform(bench, database, again, "nothing new"),
            transforming.evo_transform(bench, database, after_a_run, "a new run, all unchanged"),
        ]
    )
    figures = []
    for name, m in measured.items():
        figures += [
            # Pages of the ledger are written whole when they are touched first after a checkpoint.
            Figure(f"WAL, {name}", m.median("wal_bytes") / 1e6, 1, "at most", "MB"),
            Figure(f"dead tuples, {name}", m.median("dead"), 0, "at most", ""),
        ]
    return Result(
        "nothing-changed",
        list(measured.values()),
        ["seconds", "client_cpu", "server_cpu", "wal_bytes", "dead", "others_cpu"],
        figures=figures,
        parameters={"records": bench.records},
    )
