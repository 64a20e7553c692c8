"""Killed at random fifty times, an extraction comes to the same objects as an undisturbed one, and reads little twice."""

import json
import random
import subprocess
import time

from harness import extracting
from harness.process import Failed
from harness.report import Figure, Result

PLACE = 32
WORKERS = 4
DAYS = ("2005-01-01", "2025-12-31")


def run(bench):
    kills, records = bench.scaled(50, 5), bench.scaled(250_000, 60_000)
    flags = ("--limit", "none", "--latency", "100ms", "--start-date", DAYS[0])
    flags += ("--records", f"members=10,sales={records},entries=10,prospects=10")
    with extracting.Api(bench, *flags) as api:
        bench.say("  undisturbed")
        undisturbed = extracting.Extraction(bench, "undisturbed", api)
        undisturbed.prepare()
        finish(undisturbed)
        pages, expected = api.state()["requests"], undisturbed.objects()
    with extracting.Api(bench, *flags) as api:
        bench.say(f"  {kills} times kill -9")
        disturbed = extracting.Extraction(bench, "killed", api)
        disturbed.prepare()
        dice, done = random.Random(1), 0
        while done < kills:
            process = disturbed.start(*DAYS, "--workers", WORKERS)
            time.sleep(dice.uniform(0.2, 1.6))
            if process.poll() is not None:
                raise Failed(f"the extraction ended after {done} kills: it needs more records")
            process.kill()
            process.wait()
            done += 1
        run = finish(disturbed)
        again, found, left = api.state()["requests"] - pages, disturbed.objects(), disturbed.left_over()
    # An object holds the records of a month here.
    largest = -(-max(result["records"] for result in manifest(disturbed)["results"]) // 100) + 1
    different = sum(1 for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return Result(
        "extract-kills",
        [],
        [],
        figures=[
            Figure("objects that differ from those of the undisturbed one", different, 0, "at most", ""),
            Figure("files left over", len(left), 0, "at most", ""),
            Figure("pages read again", again, kills * WORKERS * largest, "at most", ""),
        ],
        notes=[
            f"{len(found)} objects with {run['records']:,} records from {pages:,} pages; "
            f"the bound on pages read again is one object ({largest} pages) for each worker and kill"
        ],
        parameters={"kills": kills, "records": records, "workers": WORKERS},
    )


def finish(extraction):
    """Runs it to its end, and returns what the run holds."""
    command = [str(a) for a in extraction.command(*DAYS, "--workers", WORKERS)]
    done = subprocess.run(command, env=extraction.environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"$ {' '.join(command)}\nexit code {done.returncode}\n{done.stderr[-4000:]}")
    return json.loads(done.stdout)["entities"][0]["run"]


def manifest(extraction):
    return json.loads(next(extraction.lake.rglob("_manifest.json")).read_text())
