"""Twelve workers and pages of 20 MB: memory stays bounded."""

from harness import extracting
from harness.race import Contender
from harness.report import Figure, Result

PLACE = 33
WORKERS = 12


def run(bench):
    records = bench.scaled(4_800, 1_200)
    flags = ("--limit", "none", "--document-bytes", 200_000, "--start-date", "2024-01-01")
    flags += ("--records", f"members=10,sales={records},entries=10,prospects=10")
    with extracting.Api(bench, *flags) as api:
        extraction = extracting.Extraction(bench, "memory", api)
        contender = Contender(
            name="evo",
            steps=[[extraction.command("2024-01-01", "2025-12-31", "--workers", WORKERS)]],
            environment=extraction.environment(),
            prepare=extraction.prepare,
            check=lambda usages: {"rows": extracting.entity_of(usages[0])["run"]["records"]},
            rounds=1,
        )
        measured = bench.race([contender])
    evo = measured["evo"]
    return Result(
        "extract-memory",
        list(measured.values()),
        ["seconds", "client_cpu", "server_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("peak memory, 12 workers, pages of 20 MB", evo.median("peak_rss") / (1 << 20), 256, "at most", "MiB")
        ],
        parameters={"records": records, "bytes of a record": 200_000, "workers": WORKERS},
    )
