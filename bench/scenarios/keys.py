"""Keys of other types: texts and uuids load as fast as integers, but for the bytes that they have more."""

import gzip
import re
import shutil
import uuid
from pathlib import Path

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 15
NAMES = {
    "integers": lambda number: number,
    "texts": lambda number: f'"T-{number}"',
    "uuids": lambda number: f'"{uuid.uuid5(uuid.NAMESPACE_OID, str(number))}"',
}


def run(bench):
    own = bench.directory / "own-keys"
    shutil.rmtree(own, ignore_errors=True)
    lakes = {name: lake_of(bench, name) for name in NAMES}
    for name, lake in lakes.items():
        own.mkdir(parents=True, exist_ok=True)
        draft = ("new", name, "--from", lake.objects()[0], "--key", "idSale", "--extend", own, "--no-trial")
        bench.evo_now("postgres", *draft)
        loading.TABLES[name] = f"stg_evo.{name}_raw"
    template = bench.template(
        "own_keys", lambda database: bench.evo_now(database, "migrate", "--extend", own), bench.migrated()
    )
    expect = {"inserted": bench.records}
    measured = bench.race(
        [
            loading.evo_load(bench, lakes[name], name, name=name, template=template, extend=own, expect=expect)
            for name in NAMES
        ]
    )
    figures = [
        Figure(f"{name} ÷ integers, rows/s", ratio(measured[name], measured["integers"], "rows_per_second"), 0.9)
        for name in ("texts", "uuids")
    ]
    return Result(
        "keys",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "total_bytes", "others_cpu"],
        figures=figures,
        notes=[loading.phases_text(m) for m in measured.values()],
        parameters={"records": bench.records, "workers": 2},
    )


def lake_of(bench, name):
    """Sales under another name, with keys of another type."""

    def postprocess(root, runs):
        for part in sorted(Path(root).rglob("*.gz")):
            target = Path(str(part).replace("entity=sales", f"entity={name}"))
            target.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(part, "rt", encoding="utf-8") as lines, gzip.open(target, "wt", 6, encoding="utf-8") as out:
                for line in lines:
                    out.write(re.sub(r'("idSale": ?)(\d+)', lambda m: f"{m[1]}{NAMES[name](int(m[2]))}", line, count=1))
        shutil.rmtree(next(Path(root).rglob("entity=sales")))
        return runs

    return bench.lake("sales", "--records", bench.records, postprocess=postprocess, name=name)
