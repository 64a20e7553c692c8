"""What telemetry costs a load: less than 1 % of its CPU, and a collector that never answers costs no time.

`telemetry` writes a file for Prometheus every second and sends metrics and spans to a collector that takes
them. `black hole` sends them to a port that accepts connections and never answers.
"""

import statistics

from harness import collectors, loading
from harness.process import Failed
from harness.race import ratio
from harness.report import Figure, Result

PLACE = 26


def run(bench):
    lake = bench.lake("sales", "--records", bench.records)
    with collectors.taking() as collector, collectors.black_hole() as hole:
        measured = bench.race(
            [
                load(bench, lake, "without"),
                load(bench, lake, "telemetry", collector.server_port),
                load(bench, lake, "black hole", hole),
            ]
        )
        if not collector.received:
            raise Failed("the collector has received nothing")
    without, telemetry, black_hole = (measured[name] for name in ("without", "telemetry", "black hole"))
    return Result(
        "telemetry",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "total_cpu", "peak_rss", "others_cpu"],
        figures=[
            # The server has no part in telemetry, and its CPU differs by more than that from load to load.
            Figure("telemetry's share of a load's CPU", added(telemetry, without), 1, "at most", "%"),
            # The end waits for the last request for two seconds at most, and that is no part of the load.
            Figure("black hole ÷ without, time of the load", ratio(black_hole, without, "load_seconds"), 1.02, "at most"),
            Figure("black hole, time at its end", beyond(black_hole, without), 2.5, "at most", "s"),
        ],
        notes=[f"received {collector.received:,} bytes in {len(telemetry.runs)} loads"],
        parameters={"records": bench.records, "workers": 2},
    )


def load(bench, lake, name, port=None):
    contender = loading.evo_load(bench, lake, name=name, expect={"inserted": bench.records, "rejected": 0})
    if port:
        folder = bench.directory / "metrics"
        folder.mkdir(parents=True, exist_ok=True)
        contender.environment.update(
            EVO_METRICS_FILE=str(folder), EVO_METRICS_INTERVAL="1s", EVO_OTLP_ENDPOINT=f"http://127.0.0.1:{port}"
        )
    check = contender.check

    def with_load_seconds(usages):
        report = usages[0].outputs[0]
        return {**check(usages), "load_seconds": loading.elapsed_seconds(report)}

    contender.check = with_load_seconds
    return contender


def added(one, other):
    """Per cent of a load's CPU, the server's included, that evo spends more than it does in the other."""
    share = [(a["client_cpu"] - b["client_cpu"]) / b["total_cpu"] for a, b in zip(one.runs, other.runs)]
    return 100 * statistics.median(share)


def beyond(one, other):
    """Seconds of a process besides its load, more than those of the other."""
    rest = [m.median("seconds") - m.median("load_seconds") for m in (one, other)]
    return rest[0] - rest[1]
