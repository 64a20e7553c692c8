"""The contenders of the load scenarios."""

import json
import shlex
import statistics

from . import preformatted
from .process import Failed
from .race import Contender
from .server import sizes, tuple_counters

TABLES = {
    "sales": "stg_evo.sales_raw",
    "members": "stg_evo.members_raw",
    "entries": "stg_evo.entries_raw",
    "prospects": "stg_evo.prospects_raw",
}
KEYS = {
    "sales": ("idSale", "sale_id"),
    "members": ("idMember", "member_id"),
    "prospects": ("idProspect", "prospect_id"),
}


# What a load of evo counts, and where its workers' time goes.
COUNTS = ("objects", "batches", "lines", "inserted", "updated", "unchanged", "superseded", "rejected", "inflated_bytes")
# The size of the ledger, and of the seen keys in it.
LEDGER_BYTES = {
    "ledger": "select sum(pg_total_relation_size(oid)) from pg_class where relnamespace = 'evo'::regnamespace and relkind = 'r'",
    "seen": "select pg_total_relation_size('evo.seen_keys')",
}
PHASES = ("lake_ms", "decode_ms", "copy_ms", "merge_ms", "turn_ms", "commit_ms")


def evo_load(
    bench,
    lake,
    entity="sales",
    workers=2,
    batch_size=None,
    name=None,
    template=None,
    run_id=None,
    processes=1,
    expect=None,
    watch=False,
    resident=False,
    rounds=None,
    blobs=None,
    goes_on=False,
    database="run_evo",
    extend=None,
):
    """`evo load` into a copy of the template (evo's empty schemas by default), with counts that must add up.

    Without a batch size evo chooses its batches. With `blobs` the lake is read over that service. With `goes_on` the
    database stays as the contender before has left it.
    """
    template = template or bench.migrated()
    command = bench.evo_command("load", entity, "--workers", workers, lake=lake)
    if blobs:
        command[command.index("--lake") + 1] = blobs.lake
    if batch_size:
        command += ["--batch-size", batch_size]
    if extend:
        command += ["--extend", extend]
    if run_id:
        command += ["--run-id", run_id]
    lines = lake.lines(run_id)
    before = {}

    def prepare():
        if not goes_on:
            bench.server.create(database, template)
        with bench.server.connect(database) as db:
            before.update(sizes(db, [TABLES[entity]]), **tuple_counters(db))

    def check(usages):
        reports = [json.loads(text) for usage in usages for text in usage.outputs if text.strip()]
        summaries = [report["entities"] for report in reports]
        counted, phases = dict.fromkeys(COUNTS, 0), dict.fromkeys(PHASES, 0)
        for summary in (s for entities in summaries for s in entities):
            for key in COUNTS:
                counted[key] += summary[key]
            for key in PHASES:
                phases[key] += summary["phases"][key]
        for key, value in (expect or {"lines": lines}).items():
            if counted.get(key) != value:
                raise Failed(
                    f"evo load counted {counted.get(key)} {key} where {value} were expected: {json.dumps(summaries)[:2000]}"
                )
        with bench.server.connect(database) as db:
            after = sizes(db, [TABLES[entity]])
            tuples = tuple_counters(db)
            ledger = {f"{part}_bytes": int(db.value(LEDGER_BYTES[part])) for part in LEDGER_BYTES}
        gigabytes = lake.inflated_bytes(run_id) / 1e9
        more = {"resident": [rss for usage in usages for _, rss in usage.resident if rss]} if resident else {}
        cpu = sum(usage.cpu for usage in usages)
        seconds = sum(usage.seconds for usage in usages)
        return {
            "counted": counted,
            "phases": phases,
            # A process of a few milliseconds is over before it is sampled; it knows its peak itself, from the
            # same kernel.
            "peak_rss": max(
                sum(report["peak_resident_bytes"] for report in reports), max(usage.peak_rss for usage in usages)
            ),
            "lines_of_processes": [sum(s["lines"] for s in entities) for entities in summaries],
            **more,
            **after,
            **ledger,
            "growth_bytes": after["total_bytes"] - before["total_bytes"],
            "dead": tuples["dead"] - before["dead"],
            "client_cpu_per_gb": cpu / gigabytes if gigabytes else None,
            "ndjson_per_second": lake.inflated_bytes(run_id) / seconds,
        }

    return Contender(
        name=name or "evo",
        steps=[[command] * processes],
        environment=bench.environment(database, **(blobs.environment if blobs else {})),
        prepare=prepare,
        check=check,
        rows=lines,
        watch=database if watch else None,
        rounds=rounds,
    )


def elapsed_seconds(summary):
    """How long the entities of a load's summary took, without the process's begin and end."""
    return sum(entity["elapsed_ms"] for entity in json.loads(summary)["entities"]) / 1000


def phases_text(measured):
    """Where the workers' time of the contender went, by the shares of the median phases."""
    phases = {key: statistics.median(run["phases"][key] for run in measured.runs) for key in PHASES}
    total = sum(phases.values()) or 1
    return f"workers' time of {measured.name}: " + " · ".join(
        f"{key[:-3]} {value / total * 100:.0f} %" for key, value in phases.items()
    )


def loaded(bench, lake, entity, run_id, *options):
    """A template in which the run is loaded, with the statistics that autovacuum would have made."""

    def build(database):
        of_run = ["--run-id", run_id] if run_id else []
        bench.evo_now(database, "load", entity, *of_run, *options, lake=lake)
        with bench.server.connect(database) as db:
            db.query("vacuum analyze")

    name = f"{lake.path.name}_{run_id or 'all'}".replace("-", "_").lower()
    return bench.template(name, build, bench.migrated())


def second_run(bench, changed, expect):
    """A second run of the same sales, some of them changed. Returns its lake and id, and the contenders: evo, evo
    with the first run into an empty table, and the pipeline.
    """
    lake = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", changed, "--new", "0%")
    first, second = lake.run_ids()
    template = loaded(bench, lake, "sales", first)
    contenders = [
        evo_load(bench, lake, run_id=second, template=template, expect=expect),
        evo_load(bench, lake, run_id=first, name="evo fresh", expect={"inserted": bench.records}),
        pipeline(bench, lake, run_id=second, template=template, rounds=1),
    ]
    return lake, second, contenders


def pipeline(
    bench,
    lake,
    entity="sales",
    parallel=2,
    batch_objects=10,
    run_id=None,
    template=None,
    name="pipeline",
    stage="jsonb",
    rounds=None,
):
    """The best pipeline by hand: zcat into psql's \\copy, upsert from a temporary table, two sessions side by
    side.

    The temporary table holds jsonb, with the settings that a server has by itself; or `text` that is cast
    when it is merged; or `tuned`, jsonb with lz4 and without waiting for commits. Each rejects nothing, keeps
    no lineage and dies of the first bad line: less work than evo does.
    """
    database = f"run_pipeline_{stage}"
    template = template or bench.migrated()
    field, key = KEYS[entity]
    lines = lake.lines(run_id)
    before = {}

    def script(objects):
        text = [bench.sql(f"pipeline_{stage}_begin.sql")]
        upsert = bench.sql(f"pipeline_{'text' if stage == 'text' else 'jsonb'}_upsert.sql")
        for at in range(0, len(objects), batch_objects):
            some = " ".join(shlex.quote(o) for o in objects[at : at + batch_objects])
            # The objects end without a line end, hence the echo; blank lines become nulls.
            program = f"for o in {some}; do zcat $o; echo; done".replace("'", "''")
            text.append("begin;")
            text.append(
                f"\\copy stage (doc) from program '{program}' with (format csv, delimiter e'\\x02', quote e'\\x01')"
            )
            text.append(upsert.format(table=TABLES[entity], key=key, field=field, run_id=run_id or lake.run_ids()[-1]))
            text.append("commit;")
        return "\n".join(text)

    def steps():
        folder = bench.directory / "scripts"
        folder.mkdir(parents=True, exist_ok=True)
        commands = []
        for i, objects in enumerate(preformatted.halves(lake.objects(run_id), parallel)):
            path = folder / f"pipeline-{stage}-{entity}-{i}.sql"
            path.write_text(script(objects), encoding="utf-8")
            commands.append(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(path)])
        return [commands]

    def prepare():
        bench.server.create(database, template)
        with bench.server.connect(database) as db:
            before.update(sizes(db, [TABLES[entity]]))

    def check(usages):
        with bench.server.connect(database) as db:
            after = sizes(db, [TABLES[entity]])
            tuples = tuple_counters(db)
            count = int(db.value(f"select count(*) from {TABLES[entity]}"))
        if count != lines:
            raise Failed(f"the pipeline left {count} rows where {lines} were expected")
        return {**after, "growth_bytes": after["total_bytes"] - before["total_bytes"], "dead": tuples["dead"]}

    return Contender(
        name=name,
        steps=steps,
        environment=bench.environment(database),
        prepare=prepare,
        check=check,
        rows=lines,
        rounds=rounds,
    )


def limit(
    bench,
    lake,
    entity="sales",
    parallel=2,
    run_id=None,
    name="limit",
    rows=preformatted.key_and_document_text,
    rounds=None,
):
    """What the server can take at all: `\\copy` of rows formatted ahead of the clock into a table with a key."""
    database = "run_limit"
    field, key = KEYS[entity]
    run_id = run_id or lake.run_ids()[0]
    whole = rows is preformatted.staging_rows
    files = rows(lake, run_id, bench.directory / "preformatted", field, parallel)
    table = TABLES[entity] if whole else "bench.keyed"
    columns = f"{key}, {preformatted.STAGING_COLUMNS}" if whole else "key, doc"
    lines = lake.lines(run_id)

    def prepare():
        bench.server.create(database, bench.migrated() if whole else None)
        if not whole:
            with bench.server.connect(database) as db:
                db.query(bench.sql("limit_table.sql"))

    def check(usages):
        with bench.server.connect(database) as db:
            count = int(db.value(f"select count(*) from {table}"))
            if count != lines:
                raise Failed(f"\\copy left {count} rows where {lines} were expected")
            return sizes(db, [table])

    form = "" if rows is preformatted.key_and_document_text else " with (format binary)"
    commands = [
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", f"\\copy {table} ({columns}) from '{path}'{form}"]
        for path in files
    ]
    return Contender(
        name=name,
        steps=[commands],
        environment=bench.environment(database),
        prepare=prepare,
        check=check,
        rows=lines,
        rounds=rounds,
    )


def gunzip(bench, lake, run_id=None, name="gunzip", rounds=None):
    """`zcat > /dev/null`: the CPU below which no client can go without another decoder."""
    path = bench.directory / "scripts" / "objects.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lake.objects(run_id)))
    gigabytes = lake.inflated_bytes(run_id) / 1e9

    def check(usages):
        return {"client_cpu_per_gb": sum(u.cpu for u in usages) / gigabytes}

    return Contender(
        name=name,
        steps=[[f"xargs -a {shlex.quote(str(path))} zcat > /dev/null"]],
        environment=bench.environment("postgres"),
        check=check,
        rows=lake.lines(run_id),
        rounds=rounds,
    )
