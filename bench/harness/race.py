"""Contenders that run in alternation, so that what else the machine does meets all of them."""

import statistics
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from . import process


@dataclass
class Contender:
    """One way to do a scenario's work."""

    name: str
    # Steps follow each other; the commands of a step run at once. A list, or a function that gives it once prepared.
    steps: object
    environment: dict
    # Before the clock: the database, the caches.
    prepare: Callable = lambda: None
    # After it: looks whether the work was done (raises otherwise) and returns further measures.
    check: Callable = lambda usages: {}
    # Rows or documents of a run, for rates.
    rows: Optional[int] = None
    # Codes that count as success.
    accept: tuple = (0,)


@dataclass
class Measured:
    """The runs of a contender, each a dictionary of measures."""

    name: str
    runs: list = field(default_factory=list)

    def median(self, measure):
        values = [run[measure] for run in self.runs if run.get(measure) is not None]
        return statistics.median(values) if values else None

    def spread(self, measure):
        values = [run[measure] for run in self.runs if run.get(measure) is not None]
        return (min(values), max(values)) if values else (None, None)

    def to_json(self):
        keys = {key for run in self.runs for key, value in run.items() if isinstance(value, (int, float))}
        return {"name": self.name, "median": {key: self.median(key) for key in sorted(keys)}, "runs": self.runs}


def race(server, contenders, runs, say):
    """Runs A B A B … and returns what was measured, by name."""
    measured = {c.name: Measured(c.name) for c in contenders}
    for number in range(1, runs + 1):
        for contender in contenders:
            result = once(server, contender)
            measured[contender.name].runs.append(result)
            rate = f", {result['rows_per_second']:,.0f} rows/s" if result.get("rows_per_second") else ""
            say(
                f"  {contender.name} {number}/{runs}: {result['seconds']:.2f} s{rate}, client {result['client_cpu']:.2f} s, "
                f"server {result['server_cpu']:.2f} s, others {result['others_cpu']:.2f} s"
            )
    return measured


def once(server, contender):
    """One run between two readings of every counter."""
    contender.prepare()
    server.settle()
    steps = contender.steps() if callable(contender.steps) else contender.steps
    server_cpu, wal, (busy, stolen), started = server.cpu_seconds(), server.wal_bytes(), process.machine_busy(), time.monotonic()
    usages = [process.run(commands, contender.environment, accept=contender.accept) for commands in steps]
    elapsed = time.monotonic() - started
    busy_after, stolen_after = process.machine_busy()
    seconds = sum(usage.seconds for usage in usages)
    result = {
        "seconds": seconds,
        "client_cpu": sum(usage.cpu for usage in usages),
        "client_user": sum(usage.user for usage in usages),
        "client_system": sum(usage.system for usage in usages),
        "server_cpu": server.cpu_seconds() - server_cpu,
        "wal_bytes": server.wal_bytes() - wal,
        "peak_rss": max(usage.peak_rss for usage in usages),
        "rows": contender.rows,
        "rows_per_second": contender.rows / seconds if contender.rows else None,
        "steps": [usage.seconds for usage in usages] if len(usages) > 1 else None,
        "stolen_cpu": stolen_after - stolen,
    }
    # What the rest of the machine did meanwhile: a large figure says that wall times deserve no trust.
    result["others_cpu"] = max(0.0, busy_after - busy - result["client_cpu"] - result["server_cpu"])
    result["idle_share"] = max(0.0, 1 - (busy_after - busy + stolen_after - stolen) / (elapsed * _cores()))
    result.update(contender.check(usages) or {})
    return result


def _cores():
    import os

    return os.cpu_count() or 1
