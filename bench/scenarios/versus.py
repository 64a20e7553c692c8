"""This build against an earlier one (`--before PATH`): none of the usual work is more than three per cent slower.

Both builds do the same work in alternation, each in databases that it has migrated itself. By CPU of client
and server, which hardly depends on what else the machine does.
"""

import copy

from harness import loading, transforming
from harness.race import ratio
from harness.report import Figure, Result

# Behind all others: it needs a second build.
PLACE = 90
CHANGED = 1_000
TOLERATED = 1.03


def run(bench):
    if not bench.options.before:
        return Result("versus", [], [], notes=["left out: name an earlier build with --before PATH"])
    earlier = copy.copy(bench)
    earlier.__dict__.pop("digest", None)
    earlier.evo = str(bench.options.before.resolve())
    measured, figures = {}, []
    for work in (
        fresh,
        unchanged,
        changed,
        entries,
        refresh("sales"),
        refresh("members"),
        refresh("entries"),
        increment,
    ):
        builds = [work(earlier, "before"), work(bench, "now")]
        measured.update(bench.race(builds))
        before, now = (measured[build.name] for build in builds)
        title = builds[1].name.removesuffix(", now")
        figures.append(Figure(f"{title}: now ÷ before, CPU", ratio(now, before, "total_cpu"), TOLERATED, "at most"))
    return Result(
        "versus",
        list(measured.values()),
        ["seconds", "client_cpu", "server_cpu", "total_cpu", "wal_bytes", "others_cpu"],
        figures=figures,
        parameters={"records": bench.records, "workers": 2},
    )


def fresh(bench, build):
    lake = bench.lake("sales", "--records", bench.records)
    return loading.evo_load(bench, lake, name=f"fresh sales, {build}", expect={"inserted": bench.records})


def unchanged(bench, build):
    return second_run(bench, build, "unchanged", "0%")


def changed(bench, build):
    return second_run(bench, build, "a changed tenth", "10%")


def second_run(bench, build, title, share):
    lake = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", share, "--new", "0%")
    first, second = lake.run_ids()
    loaded = loading.loaded(bench, lake, "sales", first)
    return loading.evo_load(
        bench, lake, run_id=second, template=loaded, name=f"{title}, {build}", expect={"inserted": 0}
    )


def entries(bench, build):
    lake = bench.lake("entries", "--records", bench.records)
    return loading.evo_load(bench, lake, "entries", name=f"fresh entries, {build}", expect={"inserted": bench.records})


def refresh(entity):
    def work(bench, build):
        template = transforming.serving(bench, entity, bench.records)
        return transforming.evo_refresh(bench, entity, template, bench.records, f"refresh of {entity}, {build}")

    return work


def increment(bench, build):
    lake = bench.lake(
        "sales",
        "--records",
        bench.records,
        "--runs",
        2,
        "--changed",
        f"{CHANGED / bench.records * 100:.6g}%",
        "--new",
        "0%",
        "--only-changed",
    )
    first, second = lake.run_ids()
    template = transforming.transformed(bench, lake, f"sales_{bench.records}_{CHANGED}", first)
    database = "run_increment"

    def prepare():
        bench.server.create(database, template)
        bench.evo_now(database, "load", "sales", "--run-id", second, lake=lake)

    return transforming.evo_transform(bench, database, prepare, f"increment of {CHANGED:,}, {build}")
