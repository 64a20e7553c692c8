"""A run that lacks a thousand of two million rows: they are found and marked within two seconds of the transform.

The entity is drafted by `evo new --missing mark`. Its second run repeats the first one without the rows that are
gone, spread evenly, so that nothing else is to be transformed: what is on the clock is the comparison with the run,
the marks, and the beginning and end of the command. `nothing new` is the same command when it has been done.
"""

import json

from harness.process import Failed
from harness.race import Contender
from harness.report import Figure, Result

PLACE = 26


class Runs:
    """A folder of one's own and a lake with two runs of it."""

    def __init__(self, bench, records, gone):
        self.bench, self.records, self.gone = bench, records, gone
        self.folder = bench.directory / "lakes" / f"missing-{records}-{gone}"
        self.root = self.folder / "lake"

    def write(self):
        if (self.folder / "done").exists():
            return
        step = self.records // self.gone
        for run, is_in in [(1, lambda n: True), (2, lambda n: n % step != step // 2)]:
            path = self.root / f"bronze/evo/entity=parcels/ingestion_date=2026-01-1{run}/run_id={run}"
            path.mkdir(parents=True, exist_ok=True)
            part = max(1, self.records // 40)
            for begin in range(0, self.records, part):
                ids = filter(is_in, range(begin, min(begin + part, self.records)))
                lines = (f'{{"id": {n}, "name": "parcel {n}", "weight": {n % 997}, "tags": ["a"]}}\n' for n in ids)
                (path / f"part-{begin:09}.jsonl").write_text("".join(lines))
        (self.folder / "done").touch()

    def draft(self, database):
        own = self.folder / "own"
        own.mkdir(exist_ok=True)
        if not any(own.iterdir()):
            sample = self.folder / "sample.jsonl"
            sample.write_text("".join(f'{{"id": {n}, "name": "parcel {n}", "weight": {n}, "tags": ["a"]}}\n' for n in range(100)))
            self.now(database, "new", "parcels", "--from", sample, "--key", "id", "--missing", "mark", "--no-trial")

    def now(self, database, *arguments):
        return self.bench.evo_now(database, *arguments, "--extend", self.folder / "own", lake=self)

    def template(self):
        """Both runs are loaded, the first one is transformed."""

        def build(database):
            self.draft(database)
            self.now(database, "migrate")
            self.now(database, "load", "parcels", "--run-id", "1")
            self.now(database, "transform", "parcels")
            with self.bench.server.connect(database) as db:
                db.query("vacuum analyze")
            self.now(database, "load", "parcels")

        return self.bench.template(f"missing_{self.records}", build, self.bench.migrated())


def run(bench):
    records, gone = bench.scaled(2_000_000, 20_000), bench.scaled(1_000, 10)
    runs = Runs(bench, records, gone)
    runs.write()
    template, database = runs.template(), "run_missing"

    def contender(name, prepare, lost):
        def check(usages):
            missing = json.loads(usages[0].outputs[0])["entities"][0]["missing"]
            if (missing["lost"] if missing else 0) != lost:
                raise Failed(f"{lost} rows are gone, and the transform says {missing}")
            with bench.server.connect(database) as db:
                marked = int(db.value("select count(*) from core.parcels where _deleted_at is not null"))
            if marked != gone:
                raise Failed(f"{marked} rows are marked where {gone} were expected")
            return {}

        command = bench.evo_command(
            "transform", "parcels", "--workers", 2, "--extend", runs.folder / "own", lake=runs
        )
        environment = bench.environment(database)
        return Contender(name=name, steps=[[command]], environment=environment, prepare=prepare, check=check, rows=records)

    measured = bench.race(
        [
            contender("missing", lambda: bench.server.create(database, template), gone),
            contender("nothing new", lambda: None, 0),
        ]
    )
    missing, nothing = measured["missing"], measured["nothing new"]
    return Result(
        "missing",
        list(measured.values()),
        ["seconds", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure(f"seconds, {gone:,} of {records:,} rows gone", missing.median("seconds"), 2, "at most", "s"),
            Figure("seconds, nothing new", nothing.median("seconds"), 1, "at most", "s"),
            Figure("peak memory", missing.median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
        ],
        parameters={"records": records, "gone": gone, "workers": 2},
    )
