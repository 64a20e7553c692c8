"""A first load: at least twice the best pipeline by hand, at least 0.8 of what the server can take at all.

`pipeline` is zcat into psql's \\copy with an upsert, two sessions; `limit` copies rows that were formatted ahead of the
clock straight into a table of key and document, two sessions; `limit-all-columns` into evo's staging table with all of
its columns and both of its indexes, which is the least that a loader with evo's table can cost.
"""

from harness import loading, preformatted
from harness.report import Figure, Result

PLACE = 1


def run(bench):
    lake = bench.lake("sales", "--records", bench.records)
    measured = bench.race([
        loading.evo_load(bench, lake, expect={"inserted": bench.records, "rejected": 0}),
        loading.pipeline(bench, lake),
        loading.limit(bench, lake),
        loading.limit(bench, lake, name="limit-all-columns", rows=preformatted.staging_rows),
        loading.gunzip(bench, lake),
    ])
    rate = {name: m.median("rows_per_second") for name, m in measured.items()}
    cpu = {name: m.median("client_cpu") + m.median("server_cpu") for name, m in measured.items()}
    return Result(
        "fresh", list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "total_bytes", "others_cpu"],
        figures=[
            Figure("evo ÷ pipeline, rows/s", rate["evo"] / rate["pipeline"], 2),
            Figure("evo ÷ limit, rows/s", rate["evo"] / rate["limit"], 0.8),
            Figure("peak memory of evo", measured["evo"].median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
        ],
        notes=[
            f"CPU of client and server together: evo {cpu['evo']:.2f} s, pipeline {cpu['pipeline']:.2f} s, limit {cpu['limit']:.2f} s, "
            f"limit with all columns {cpu['limit-all-columns']:.2f} s",
        ],
        parameters={"records": bench.records, "workers": 2},
    )
