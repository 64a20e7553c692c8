"""The same objects again, 100,000 of them: nothing is read, seconds at most."""

from harness import loading
from harness.report import Figure, Result

PLACE = 3


def run(bench):
    objects = bench.scaled(100_000, 3_000)
    # An object each: only their number matters.
    lake = bench.lake("sales", "--records", objects, "--part-records", 1, "--gzip-level", 1)
    loaded = loading.loaded(bench, lake, "sales", None, "--batch-size", 1000)
    measured = bench.race([loading.evo_load(bench, lake, template=loaded, expect={"objects": 0, "lines": 0})])
    evo = measured["evo"]
    for one in evo.runs:
        # What a load of these objects would be divided by says nothing here.
        one.update(rows=None, rows_per_second=None, client_cpu_per_gb=None, ndjson_per_second=None)
    return Result(
        "known",
        list(measured.values()),
        ["seconds", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "others_cpu"],
        figures=[
            Figure("seconds per 100,000 known objects", evo.median("seconds") * 100_000 / objects, 10, "at most", "s")
        ],
        parameters={"objects": objects},
    )
