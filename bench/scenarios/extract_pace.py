"""Three processes of eight workers at one limit: used to 98 % over ten minutes, and never one request more in any minute.

The imitation refuses what is one too many in any stretch of a minute by its own clock, and counts that.
"""

import signal
import time
from contextlib import ExitStack

from harness import extracting
from harness.process import Failed
from harness.report import Figure, Result

PLACE = 31
PROCESSES, WORKERS = 3, 8
# Requests a minute: the vendor's, and one at which a slot is a tenth of a second.
RATES = (40, 600)


def run(bench):
    seconds = bench.scaled(600, 70)
    with ExitStack() as stack:
        runs = [begin(bench, stack, rate) for rate in RATES]
        for api, processes, rate in runs:
            extracting.wait_until(lambda: api.state()["requests"] > 0, 60, f"the first request at {rate}/min")
            require_running(processes, rate)
        first = [api.state()["requests"] for api, _, _ in runs]
        time.sleep(seconds)
        states = [api.state() for api, _, _ in runs]
        for _, processes, rate in runs:
            require_running(processes, rate)
    figures = []
    for rate, before, state in zip(RATES, first, states):
        used = (state["requests"] - before) / (rate * seconds / 60)
        figures.append(Figure(f"{rate} a minute: share that was used", 100 * used, 98, "at least", "%"))
        figures.append(Figure(f"{rate} a minute: requests too many in any minute", state["throttled"], 0, "at most", ""))
    return Result(
        "extract-pace",
        [],
        [],
        figures=figures,
        parameters={"processes": PROCESSES, "workers of each": WORKERS, "seconds": seconds},
    )


def begin(bench, stack, rate):
    """An imitation with the limit, and processes that extract from it until the scenario ends."""
    world = "members=10,sales=900000,entries=10,prospects=10"
    api = stack.enter_context(extracting.Api(bench, "--limit", f"{rate}/min", "--records", world))
    extraction = extracting.Extraction(bench, f"pace_{rate}", api, f"{rate}/min")
    extraction.prepare()
    processes = [
        extraction.start("2023-01-01", "2025-12-31", "--workers", WORKERS) for _ in range(PROCESSES)
    ]
    stack.callback(end, processes)
    return api, processes, rate


def require_running(processes, rate):
    if any(process.poll() is not None for process in processes):
        raise Failed(f"an extraction at {rate}/min ended before its time")


def end(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait()
