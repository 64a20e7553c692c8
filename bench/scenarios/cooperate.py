"""Two processes of the same load share the work: together as fast as one process with as many workers, nothing twice."""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 11


def run(bench):
    lake = bench.lake("sales", "--records", bench.records)
    measured = bench.race([
        loading.evo_load(bench, lake, workers=2, batch_size=2, name="one process, 2 workers", expect={"inserted": bench.records}),
        loading.evo_load(bench, lake, workers=1, batch_size=2, name="two processes, 1 worker", processes=2, expect={"inserted": bench.records}),
    ])
    return Result(
        "cooperate", list(measured.values()), ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "others_cpu"],
        figures=[Figure("two processes ÷ one, rows/s", ratio(measured["two processes, 1 worker"], measured["one process, 2 workers"], "rows_per_second"), 0.9)],
        parameters={"records": bench.records},
    )
