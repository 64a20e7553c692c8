"""`evo verify` of sales: quickly, against the time of a full refresh, and deep, in documents per second.

Deep has two parts that take their time from each other's budget but not from each other's rate: every line of the
lake against staging (documents per second), and every row of core against its model (core documents per second).
"""

import json

from harness import transforming
from harness.process import Failed
from harness.race import Contender, ratio
from harness.report import Figure, Result

PLACE = 25


def run(bench):
    records = bench.records
    template = transforming.serving(bench, "sales", records)
    _, lake = transforming.staged(bench, "sales", records)
    database = "run_verify"
    bench.server.create(database, template)

    def contender(name, *arguments, check):
        return Contender(
            name=name,
            steps=[[bench.evo_command(*arguments, "--workers", 2, lake=lake)]],
            environment=bench.environment(database),
            check=check,
            rows=records,
        )

    def checked(usages):
        summary = json.loads(usages[0].outputs[0])["entities"][0]
        if summary["wrong"] or summary["core_documents"] != records:
            raise Failed(f"verify: {summary['wrong']}, {summary['core_documents']} documents of core")
        rates = ("documents_per_second", "core_documents_per_second")
        # A quick verification reads no document.
        return {name: summary[name] or None for name in rates}

    measured = bench.race(
        [
            contender("quick", "verify", "sales", check=checked),
            contender("deep", "verify", "sales", "--deep", check=checked),
            contender("full refresh", "transform", "sales", "--full-refresh", check=lambda usages: {}),
        ]
    )
    quick, deep, refresh = (measured[name] for name in ("quick", "deep", "full refresh"))
    return Result(
        "verify",
        list(measured.values()),
        ["seconds", "documents_per_second", "core_documents_per_second", "total_cpu", "peak_rss", "others_cpu"],
        figures=[
            Figure("quick ÷ full refresh, seconds", ratio(quick, refresh, "seconds"), 0.5, "at most"),
            Figure("deep, documents per second", deep.median("documents_per_second"), 100_000, "at least", ""),
            Figure("deep, peak memory", deep.median("peak_rss") / (1 << 20), 256, "at most", "MiB"),
        ],
        parameters={"records": records, "workers": 2},
    )
