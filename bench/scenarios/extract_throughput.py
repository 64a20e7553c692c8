"""Extracting sales from an API without a limit: at least a hundred times the predecessor's 220 records/s, API included.

evo and the imitation of the API share the machine. What the imitation takes of it is shown beside.
"""

from harness import extracting
from harness.race import Contender
from harness.report import Figure, Result

PLACE = 30
PREDECESSOR = 220
DAYS = ("2023-01-01", "2025-12-31")


def run(bench):
    records = bench.records
    with extracting.Api(bench, "--limit", "none", "--records", f"members=10,sales={records},entries=10,prospects=10") as api:
        extraction = extracting.Extraction(bench, "throughput", api)
        arguments = (*DAYS, "--workers", 3)
        spent = [0.0]

        def prepare():
            extraction.prepare()
            spent[0] = api.cpu_seconds()

        def check(usages):
            found = extracting.entity_of(usages[0])
            rate = found["run"]["records"] / usages[0].seconds
            return {"rows_per_second": rate, "rows": found["run"]["records"], "api_cpu": api.cpu_seconds() - spent[0]}

        contender = Contender(
            name="evo",
            steps=[[extraction.command(*arguments)]],
            environment=extraction.environment(),
            prepare=prepare,
            check=check,
        )
        measured = bench.race([contender])
        evo = measured["evo"]
        extraction.prepare()
        shares = extracting.profile(extraction, arguments)
    api_cpu, rows = evo.median("api_cpu"), evo.median("rows")
    notes = [
        f"the API's CPU: {api_cpu:.2f} s; with evo's, a core handles {rows / (evo.median('client_cpu') + api_cpu):,.0f} records/s",
        "records come twice where two windows meet, because the vendor's end may include its day or not",
    ]
    if shares:
        shown = ", ".join(f"{kind} {share:.0f} %" for kind, share in list(shares.items())[:5])
        notes.append(f"the limit is the CPU; evo's goes to: {shown} (perf, cpu-clock)")
    return Result(
        "extract-throughput",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("records/s ÷ the predecessor's 220", evo.median("rows_per_second") / PREDECESSOR, 100),
        ],
        notes=notes,
        parameters={"records": records, "workers": 3},
    )
