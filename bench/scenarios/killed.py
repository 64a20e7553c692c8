"""kill -9 in the middle of a load: how much work the next load does a second time."""

import random
import subprocess
import time

from harness import loading
from harness.process import Failed
from harness.report import Figure, Result

PLACE = 13
WORKERS = 2
DATABASE = "run_killed"
# Seconds since the first batch was begun, and the documents that are committed.
STATE = """select extract(epoch from clock_timestamp() - min(started_at))::float8,
                  coalesce(sum(lines_count) filter (where state = 'committed'), 0)
           from evo.batches"""


def run(bench):
    kills = bench.scaled(10, 2)
    lake = bench.lake("sales", "--records", bench.records)
    undisturbed = loading.evo_load(
        bench, lake, workers=WORKERS, name="undisturbed", expect={"inserted": bench.records}, rounds=1
    )
    seconds = bench.race([undisturbed])["undisturbed"].runs[0]["seconds"]
    dice = random.Random(1)
    # Spread over the load, so that the first batches and the last ones count alike.
    shares = [(number + dice.random()) / kills for number in range(kills)]
    redone = [one_kill(bench, lake, seconds, 0.05 + share * 0.85) for share in shares]
    return Result(
        "killed",
        [],
        [],
        figures=[Figure("most work done twice, seconds of each worker", max(redone), 3.0, "at most", "s")],
        notes=[
            f"an undisturbed load takes {seconds:.1f} s; work done twice after each kill, seconds of each worker: "
            + ", ".join(f"{s:.1f}" for s in redone)
        ],
        parameters={"records": bench.records, "workers": WORKERS, "kills": kills},
    )


def one_kill(bench, lake, seconds, share):
    """Kills a load at a share of its time and lets another finish it. Returns the seconds of lost work."""
    bench.server.create(DATABASE, bench.migrated())
    command = [str(a) for a in bench.evo_command("load", "sales", "--workers", WORKERS, lake=lake)]
    process = subprocess.Popen(
        command, env=bench.environment(DATABASE), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds * share)
    process.kill()
    if process.wait() == 0:
        raise Failed("the load had ended before it was killed")
    with bench.server.connect(DATABASE) as db:
        worked, committed = (float(value) for value in db.query(STATE)[0])
    bench.evo_now(DATABASE, "load", "sales", "--workers", WORKERS, lake=lake)
    with bench.server.connect(DATABASE) as db:
        count = int(db.value("select count(*) from stg_evo.sales_raw"))
    if count != bench.records:
        raise Failed(f"{count:,} rows where {bench.records:,} were expected")
    return max(0.0, worked - committed / bench.records * seconds)
