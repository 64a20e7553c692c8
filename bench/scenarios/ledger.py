"""A ledger that has seen 100 million keys: its size, and what a late run costs that has to ask it.

The run in question is older than every object of which keys were seen, and a tenth of it differs from what is
staged, so each of its batches asks for them. The objects are made up, and so are their keys: digests, six bytes each.
Integers and keys with a time lie near each other in an object, so that few sets are read; texts lie anywhere.
"""

import os
import subprocess

from harness import loading
from harness.process import Failed
from harness.race import ratio
from harness.report import Figure, Result, bytes_text

PLACE = 14
KEYS_OF_AN_OBJECT = 10_000
SEEN_BYTES = "select pg_total_relation_size('evo.seen_keys')"


def run(bench):
    keys = bench.scaled(100_000_000, 1_000_000)
    lake = bench.lake("sales", "--records", bench.records, "--runs", 2, "--changed", "10%", "--new", "0%")
    first, second = lake.run_ids()
    small = loading.loaded(bench, lake, "sales", first)
    near = bench.template(f"seen_{keys}", lambda database: see(bench, database, keys), small)
    anywhere = bench.template(f"seen_anywhere_{keys}", scatter(bench), near)
    with bench.server.connect(near) as db:
        seen_bytes = int(db.value(SEEN_BYTES))
    templates = {
        "no seen keys": small,
        f"{keys:,} near each other": near,
        f"{keys:,} anywhere": anywhere,
    }
    expect = {"lines": bench.records}
    contenders = [
        loading.evo_load(
            bench, lake, run_id=second, template=template, name=name, expect=expect, rounds=1 if template == anywhere else None
        )
        for name, template in templates.items()
    ]
    measured = bench.race(contenders)
    without, close, far = measured.values()
    return Result(
        "ledger",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure("bytes of a seen key that is a digest", seen_bytes / keys, 8, "at most", ""),
            Figure("late run, seconds with keys near each other ÷ without", ratio(close, without, "seconds"), 1.5, "at most"),
        ],
        notes=[
            f"the seen keys take {bytes_text(seen_bytes)}",
            f"late run, seconds with keys anywhere ÷ without: {far.runs[0]['seconds'] / without.runs[0]['seconds']:.1f}",
            *(loading.phases_text(m) for m in measured.values()),
        ],
        parameters={"records": bench.records, "seen keys": keys},
    )


def scatter(bench):
    """What lies anywhere has the least and the greatest place."""

    def build(database):
        with bench.server.connect(database) as db:
            db.query(bench.sql("ledger_scatter.sql"))

    return build


def see(bench, database, keys):
    """Gives the ledger objects of a later run, with random keys that they have seen."""
    path = bench.directory / "seen_keys.txt"
    write_keys(path, keys // KEYS_OF_AN_OBJECT)
    script = bench.sql("ledger_seen.sql").format(path=path)
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(command, input=script, env=bench.environment(database), capture_output=True, text=True)
    path.unlink()
    if done.returncode:
        raise Failed(f"the seen keys could not be made up: {done.stderr[-2000:]}")


def write_keys(path, objects):
    """A file for COPY: the number of an object, and its keys."""
    size = 6 * KEYS_OF_AN_OBJECT
    # Differences of about 2^36: five bytes that go on, and one that ends.
    value = int.from_bytes(b"\x7f" * size)
    goes_on = int.from_bytes((b"\x80" * 5 + b"\x00") * KEYS_OF_AN_OBJECT)
    with open(path, "w", encoding="ascii") as file:
        for number in range(objects):
            keys = (int.from_bytes(os.urandom(size)) & value | goes_on).to_bytes(size)
            file.write(f"{number}\t\\\\x{keys.hex()}\n")
