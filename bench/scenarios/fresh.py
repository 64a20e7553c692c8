"""A first load: at least twice the best pipeline by hand, at least 0.8 of what the server can take at all.

`pipeline` is zcat into psql's \\copy with an upsert, two sessions, staged as jsonb or as text, with the
settings that the server has by itself; the better one counts. `pipeline-tuned` adds lz4 and does not wait for
commits. `limit` copies lines of key and document that were formatted ahead of the clock straight into a table
of key and document, two sessions; `limit-binary` the same in COPY's binary format; `limit-all-columns` that
into evo's staging table, all of its columns and both of its indexes.
"""

from harness import loading, preformatted
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 1


def run(bench):
    lake = bench.lake("sales", "--records", bench.records)
    measured = bench.race(
        [
            loading.evo_load(bench, lake, expect={"inserted": bench.records, "rejected": 0}),
            loading.pipeline(bench, lake),
            loading.pipeline(bench, lake, stage="text", name="pipeline-text"),
            loading.pipeline(bench, lake, stage="tuned", name="pipeline-tuned", rounds=2),
            loading.limit(bench, lake),
            loading.limit(bench, lake, name="limit-binary", rows=preformatted.key_and_document),
            loading.limit(bench, lake, name="limit-all-columns", rows=preformatted.staging_rows, rounds=2),
            loading.gunzip(bench, lake, rounds=1),
        ]
    )
    evo, gunzip = measured["evo"], measured["gunzip"].median("client_cpu_per_gb")
    best = max((measured["pipeline"], measured["pipeline-text"]), key=lambda m: m.median("rows_per_second"))
    return Result(
        "fresh",
        list(measured.values()),
        [
            "seconds",
            "rows_per_second",
            "client_cpu",
            "server_cpu",
            "total_cpu",
            "peak_rss",
            "wal_bytes",
            "total_bytes",
            "others_cpu",
        ],
        figures=[
            Figure("evo ÷ better pipeline, rows/s", ratio(evo, best, "rows_per_second"), 2),
            Figure("evo ÷ limit, rows/s", ratio(evo, measured["limit"], "rows_per_second"), 0.8),
            Figure("better pipeline ÷ evo, CPU of client and server", ratio(best, evo, "total_cpu"), 2),
            Figure("limit ÷ evo, CPU of client and server", ratio(measured["limit"], evo, "total_cpu"), 0.8),
            Figure("peak memory", evo.median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
        ],
        notes=[
            loading.phases_text(evo),
            f"the limit itself is {ratio(measured['limit'], best, 'rows_per_second'):.2f} × the better pipeline, which is {best.name}",
            "evo ÷ the others, rows/s: "
            + ", ".join(
                f"{name} {ratio(evo, measured[name], 'rows_per_second'):.2f}"
                for name in (
                    "pipeline",
                    "pipeline-text",
                    "pipeline-tuned",
                    "limit",
                    "limit-binary",
                    "limit-all-columns",
                )
            ),
            f"client CPU per GB of NDJSON: evo {evo.median('client_cpu_per_gb'):.2f} s; zcat alone {gunzip:.2f} s",
        ],
        parameters={"records": bench.records, "workers": 2},
    )
