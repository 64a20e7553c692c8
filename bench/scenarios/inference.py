"""`evo new` reads a gigabyte of NDJSON in seconds, in memory that does not follow the sample's size."""

import gzip
import shutil

from harness.race import Contender
from harness.report import Figure, Result

PLACE = 28
# What a gigabyte of decompressed sales holds, and somewhat more.
RECORDS = 480_000
BYTES = 1_000_000_000


def run(bench):
    size = bench.scaled(BYTES, 10_000_000)
    folder = bench.directory / f"inference-{size}"
    sample, own = folder / "sales.jsonl", folder / "own"
    if not sample.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write(bench.lake("sales", "--records", bench.scaled(RECORDS, 6_000), "--gzip-level", 1), sample, size)

    def prepare():
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir()
        # A sample that has not changed since would not be read again.
        sample.touch()

    def check(usages):
        models = sorted(path.stem for path in (own / "models" / "invoices").glob("*.sql"))
        return {"models": models}

    command = bench.evo_command("new", "invoices", "--from", sample, "--extend", own, "--no-trial")
    measured = bench.race(
        [
            Contender(
                name="evo new",
                steps=[[command]],
                environment=bench.environment("postgres"),
                prepare=prepare,
                check=check,
            )
        ]
    )["evo new"]
    for one in measured.runs:
        one["ndjson_per_second"] = sample.stat().st_size / one["seconds"]
    gigabytes = sample.stat().st_size / 1e9
    peak = max(run["peak_rss"] for run in measured.runs)
    return Result(
        "inference",
        [measured],
        ["seconds", "ndjson_per_second", "client_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("seconds for a gigabyte", measured.median("seconds") / gigabytes, 5, "at most", "s"),
            Figure("peak memory", peak / 2**20, 100, "at most", "MiB"),
        ],
        notes=[f"models: {', '.join(measured.runs[-1]['models'])}"],
        parameters={"bytes": sample.stat().st_size},
    )


def write(lake, sample, size):
    """Decompressed documents of a lake in one file, whole lines up to about so many bytes."""
    unfinished = sample.with_suffix(".part")
    with open(unfinished, "wb") as out:
        for path in lake.objects():
            with gzip.open(path) as lines:
                for line in lines:
                    if out.tell() >= size:
                        break
                    out.write(line)
    unfinished.rename(sample)
