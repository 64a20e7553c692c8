"""Two processes of the same load share the work: together as fast as one process with as many workers, nothing twice."""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 11


def run(bench):
    # The same number of objects however small the documents' number is.
    lake = bench.lake("sales", "--records", bench.records, "--part-records", bench.records // 40)
    one, two = "one process, 2 workers", "two processes, 1 worker"
    measured = bench.race(
        [
            loading.evo_load(bench, lake, workers=2, batch_size=2, name=one, expect={"inserted": bench.records}),
            loading.evo_load(
                bench,
                lake,
                workers=1,
                batch_size=2,
                name=two,
                processes=2,
                expect={"inserted": bench.records, "lines": bench.records},
            ),
        ]
    )
    shares = [run["lines_of_processes"] for run in measured[two].runs]
    lesser = min(min(lines) for lines in shares) / bench.records
    return Result(
        "cooperate",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("two processes ÷ one, rows/s", ratio(measured[two], measured[one], "rows_per_second"), 0.9),
            Figure("least share of a process in the documents", lesser, 0.3, unit=""),
        ],
        notes=[
            "documents of each of the two processes: "
            + "; ".join(" + ".join(f"{n:,}" for n in lines) for lines in shares),
            *(loading.phases_text(m) for m in measured.values()),
        ],
        parameters={"records": bench.records, "objects of a batch": 2},
    )
