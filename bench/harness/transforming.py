"""The contenders of the transform scenarios."""

import json

from .process import Failed
from .race import Contender

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


def evo_refresh(bench, entity, template, records, name="evo"):
    """`evo transform ENTITY --full-refresh` into a copy of the template."""
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
        name=name, steps=[[bench.evo_command("transform", entity, "--full-refresh", "--workers", 2)]],
        environment=bench.environment(database), prepare=lambda: bench.server.create(database, template), check=check, rows=records,
    )


def by_hand(bench, entity, template, records, name="by hand"):
    """Typed records over two key ranges at once into index-free tables, then keys and indexes in two sessions."""
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

    return Contender(name=name, steps=steps, environment=bench.environment(database), prepare=prepare, check=check, rows=records)


def refresh(bench, entity, records):
    """The race of both, and that both filled the same numbers of rows."""
    template, lake = staged(bench, entity, records)
    measured = bench.race([evo_refresh(bench, entity, template, records), by_hand(bench, entity, template, records)])
    found = {name: m.runs[-1]["counted"] for name, m in measured.items()}
    if found["evo"] != found["by hand"]:
        raise Failed(f"evo and the hand-written SQL disagree: {found}")
    return measured, lake, found["evo"]


COLUMNS = ["seconds", "rows_per_second", "client_cpu", "server_cpu", "wal_bytes", "swap_ms", "others_cpu"]
