"""The contenders of the transform scenarios."""

import json

from .process import Failed
from .race import Contender
from .server import tuple_counters

# Of each entity: staging table, its key, the core tables.
ENTITIES = {
    "sales": ("stg_evo.sales_raw", "sale_id", ["evo_sales", "evo_sale_items", "evo_receivables"]),
    "members": ("stg_evo.members_raw", "member_id", ["evo_members", "evo_member_memberships", "evo_member_contacts"]),
    "entries": ("stg_evo.entries_raw", "entry_id", ["evo_entries"]),
}


def staged(bench, entity, records):
    """A database with the entity staged and its statistics made, as autovacuum would have left it."""
    lake = bench.lake(entity, "--records", records)

    def build(database):
        bench.evo_now(database, "load", entity, lake=lake)
        with bench.server.connect(database) as db:
            db.query("vacuum analyze")

    return bench.template(f"staged_{entity}_{records}", build, bench.migrated()), lake


def counts(db, schema, tables):
    return {table: int(db.value(f"select count(*) from {schema}.{table}")) for table in tables}


def serving(bench, entity, records):
    """The same with core filled: what a refresh meets but once is that nothing serves yet."""
    template, lake = staged(bench, entity, records)

    def build(database):
        bench.evo_now(database, "transform", entity, "--full-refresh", lake=lake)
        with bench.server.connect(database) as db:
            db.query("vacuum analyze")

    return bench.template(f"serving_{entity}_{records}", build, template)


def evo_refresh(bench, entity, template, records, name="evo", rounds=None):
    """`evo transform ENTITY --full-refresh` in a copy of the template."""
    database = "run_refresh_evo"
    _, _, tables = ENTITIES[entity]

    def check(usages):
        summary = json.loads(usages[0].outputs[0])["entities"][0]
        with bench.server.connect(database) as db:
            found = counts(db, "core", tables)
        if found[tables[0]] != records:
            raise Failed(f"core.{tables[0]} has {found[tables[0]]} rows where {records} were expected")
        return {"counted": found, "swap_ms": summary.get("swap_ms")}

    return Contender(
        name=name,
        steps=[[bench.evo_command("transform", entity, "--full-refresh", "--workers", 2)]],
        environment=bench.environment(database),
        prepare=lambda: bench.server.create(database, template),
        check=check,
        rows=records,
        rounds=rounds,
    )


def by_hand(bench, entity, template, records, name="by hand"):
    """Typed records over two key ranges side by side into index-free tables, then keys and indexes in two sessions."""
    database = "run_refresh_hand"
    staging, key, tables = ENTITIES[entity]

    def psql(file, **variables):
        flags = [text for k, v in variables.items() for text in ("-v", f"{k}={v}")]
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *flags, "-f", bench.sql_path(file)]

    def prepare():
        bench.server.create(database, template)
        with bench.server.connect(database) as db:
            db.query(bench.sql(f"refresh_{entity}_tables.sql"))

    def steps():
        # Finding the middle is not on the clock.
        with bench.server.connect(database) as db:
            middle = int(db.value(f"select percentile_disc(0.5) within group (order by {key}) from {staging}"))
        fill = f"refresh_{entity}_fill.sql"
        return [
            [psql(fill, low="'-9223372036854775808'", high=middle), psql(fill, low=middle, high="9223372036854775807")],
            [psql(f"refresh_{entity}_keys_1.sql"), psql(f"refresh_{entity}_keys_2.sql")],
        ]

    def check(_usages):
        with bench.server.connect(database) as db:
            found = counts(db, "bench", tables)
        if found[tables[0]] != records:
            raise Failed(f"by hand: {tables[0]} has {found[tables[0]]} rows where {records} were expected")
        return {"counted": found}

    return Contender(
        name=name, steps=steps, environment=bench.environment(database), prepare=prepare, check=check, rows=records
    )


def transformed(bench, lake, name, run_id=None):
    """A template with the run of sales loaded and transformed, and its statistics made."""
    return bench.template(f"transformed_{name}", lambda database: fill(bench, database, lake, run_id), bench.migrated())


def fill(bench, database, lake, run_id=None):
    """Loads and transforms sales, and leaves the tables as autovacuum would."""
    bench.evo_now(database, "load", "sales", *(["--run-id", run_id] if run_id else []), lake=lake)
    bench.evo_now(database, "transform", "sales", "--full-refresh")
    with bench.server.connect(database) as db:
        db.query("vacuum analyze")


def evo_transform(bench, database, prepare, name, check=lambda summary: {}):
    """`evo transform sales` in a database, after what `prepare` has done to it; with the dead tuples that it left."""
    before = {}

    def prepared():
        prepare()
        with bench.server.connect(database) as db:
            before.update(tuple_counters(db))

    def checked(usages):
        summary = json.loads(usages[0].outputs[0])["entities"][0]
        with bench.server.connect(database) as db:
            dead = tuple_counters(db)["dead"] - before["dead"]
        return {"dead": dead, "tables": summary["tables"], **check(summary)}

    return Contender(
        name=name,
        steps=[[bench.evo_command("transform", "sales", "--workers", 2)]],
        environment=bench.environment(database),
        prepare=prepared,
        check=checked,
    )


# Runs of a growing lake: each is used up by one measurement.
LATER_RUNS = 12


def increment(bench, records, changed):
    """`evo transform sales` after a run that changed that many of the sales.

    The database is kept and each round takes the next run of its lake, so that a large one is built once, not
    copied each time.
    """
    lake = bench.lake(
        "sales",
        "--records",
        records,
        "--runs",
        LATER_RUNS + 1,
        "--changed",
        f"{changed / records * 100:.6g}%",
        "--new",
        "0%",
        "--only-changed",
        "--gzip-level",
        1,
    )
    first, *later = lake.run_ids()

    def unused(database):
        with bench.server.connect(database) as db:
            used = {row[0] for row in db.query("select distinct run_id from evo.objects where state = 'loaded'")}
        return [run for run in later if run not in used]

    def build(database):
        fill(bench, database, lake, first)

    name = f"sales_{records}_{changed}"
    database = bench.cached(name, build)
    if len(unused(database)) < bench.runs:
        bench.server.drop(database)
        bench.cached(name, build)

    def prepare():
        # What a run that was broken off has left is not on this clock.
        bench.evo_now(database, "transform", "sales")
        bench.evo_now(database, "load", "sales", "--run-id", unused(database)[0], lake=lake)

    def check(summary):
        updated = summary["tables"][0]["updated"]
        if not changed * 0.9 <= updated <= changed * 1.1:
            raise Failed(f"the transform updated {updated} sales where about {changed} had changed: {summary}")
        return {"updated": updated}

    return evo_transform(bench, database, prepare, f"{changed:,} changed of {records:,}", check)


def refresh(bench, entity, records):
    """The race of both, and that both filled the same numbers of rows."""
    template, lake = staged(bench, entity, records)
    measured = bench.race(
        [
            evo_refresh(bench, entity, serving(bench, entity, records), records),
            by_hand(bench, entity, template, records),
            evo_refresh(bench, entity, template, records, "evo, the first", rounds=1),
        ]
    )
    found = {name: m.runs[-1]["counted"] for name, m in measured.items()}
    if found["evo"] != found["by hand"]:
        raise Failed(f"evo and the hand-written SQL disagree: {found}")
    return measured, lake, found["evo"]


COLUMNS = ["seconds", "rows_per_second", "client_cpu", "server_cpu", "wal_bytes", "swap_ms", "others_cpu"]
