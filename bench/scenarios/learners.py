"""Data of one's own: learners from CSV with text keys, four tables of arrays and five dimensions, from files to core."""

import csv
import gzip
import io
import json
import random
import shutil

from harness.process import Failed
from harness.race import Contender
from harness.report import Figure, Result

PLACE = 27
ARRAYS = {"skills": (500, 5), "languages": (12, 3), "certificates": (80, 2), "interests": (60, 3)}
LISTS = {"company": 3000, "program": 200, "country": 30, "city": 800, "level": 6}
DIMENSIONS = [f"dim_{name}" for name in LISTS]
FILES = 34


def run(bench):
    records = bench.scaled(1_700_000, 17_000)
    folder = bench.directory / f"learners-{records}"
    lake, own = folder / "lake", folder / "own"
    if not (folder / "made").exists():
        shutil.rmtree(folder, ignore_errors=True)
        make(lake, records)
        (folder / "made").write_text("")
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    sample = sorted(lake.rglob("*.csv.gz"))[0]
    bench.evo_now("postgres", "new", "learners", "--from", sample, "--key", "learner_id", "--extend", own, "--no-trial")
    for name in LISTS:
        declare(own, name)
    template = bench.template(
        "learners", lambda database: bench.evo_now(database, "migrate", "--extend", own), bench.migrated()
    )
    database = "run_learners"

    def command(*arguments):
        return [*bench.evo_command(*arguments), "--lake", str(lake), "--extend", str(own)]

    def check(usages):
        with bench.server.connect(database) as db:
            found = {
                table: int(db.value(f"select count(*) from core.{table}"))
                for table in ("learners", *(f"learner_{name}" for name in ARRAYS), *(f"dim_{name}" for name in LISTS))
            }
        if found["learners"] != records:
            raise Failed(f"{found} where {records} learners were expected")
        return {"found": found, "steps": [round(usage.seconds, 1) for usage in usages]}

    measured = bench.race(
        [
            Contender(
                name="evo",
                steps=[[command("load", "learners", "--workers", 2)], [command("transform", "learners", *DIMENSIONS)]],
                environment=bench.environment(database),
                prepare=lambda: bench.server.create(database, template),
                check=check,
                rows=records,
            )
        ]
    )["evo"]
    median = sorted(run["seconds"] for run in measured.runs)[len(measured.runs) // 2]
    peak = max(run["peak_rss"] for run in measured.runs)
    last = measured.runs[-1]
    return Result(
        "learners",
        [measured],
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure("load and transform", median, 60, "at most", "s"),
            Figure("peak memory", peak / 2**20, 256, "at most", "MiB"),
        ],
        notes=[
            "rows: " + ", ".join(f"{table} {count:,}" for table, count in last["found"].items()),
            f"seconds of load and transform: {' and '.join(map(str, last['steps']))}",
        ],
        parameters={"records": records},
    )


def make(lake, records):
    """CSV files of learners, each with lists of things and arrays in cells."""
    dice = random.Random(5)
    target = lake / "bronze/evo/entity=learners/ingestion_date=2026-01-10/run_id=20260110T020501Z"
    target.mkdir(parents=True)
    header = ["learner_id", "name", "email", "registered_at", "score"]
    header += [column for name in LISTS for column in (f"{name}_id", f"{name}_name")] + list(ARRAYS)
    for file in range(FILES):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(header)
        for number in range(records * file // FILES, records * (file + 1) // FILES):
            day = f"20{dice.randint(18, 25)}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}T10:{dice.randint(10, 59)}:00"
            row = [f"L-{number:08}", f"Learner {number}", f"l{number}@example.org", day, dice.randint(0, 100)]
            for name, count in LISTS.items():
                one = dice.randrange(count)
                row += [f"{name[:2]}{one}", f"{name.title()} {one}"]
            row += [
                json.dumps([f"{name} {n}" for n in dice.sample(range(count), dice.randint(0, most))])
                for name, (count, most) in ARRAYS.items()
            ]
            writer.writerow(row)
        with gzip.open(target / f"part-{file:05}.csv.gz", "wt", 6, encoding="utf-8") as out:
            out.write(text.getvalue())


def declare(own, name):
    """A dimension of the learners' field and its table."""
    folder = own / "dimensions"
    folder.mkdir(exist_ok=True)
    (folder / f"dim_{name}.sql").write_text(
        f"""-- purpose: each {name} of learners
-- table: core.dim_{name}
-- key: {name}_id
-- key type: text
-- name: {name}_name
select {name}_id, {name}_name, registered_at as _source_time, 'core.learners' as _source_table,
       learner_id as _source_key
from {{core.learners}} l
"""
    )
    number = len(list((own / "migrations").glob("*.up.sql"))) + 1
    (own / "migrations" / f"{number:04}_dim_{name}.up.sql").write_text(
        f"""create table core.dim_{name} (
    {name}_id     text        collate "C" primary key,
    {name}_name   text,
    _source_time  timestamptz,
    _source_table text        not null,
    _source_key   text        collate "C" not null,
    _updated_at   timestamptz not null default now()
);
"""
    )
