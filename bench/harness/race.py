"""Contenders that run in alternation, so that other work of the machine affects all of them."""

import collections
import concurrent.futures
import contextlib
import os
import statistics
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

from . import process
from .sampling import Sampler


@dataclass
class Contender:
    """One way to do a scenario's work."""

    name: str
    # Steps run one after another, the commands of a step side by side. A list, or a function that returns it
    # once prepared.
    steps: object
    environment: dict
    # Before the clock starts: the database, the caches.
    prepare: Callable = lambda: None
    # After it: raises unless the work was done, and returns further measures.
    check: Callable = lambda usages: {}
    # Rows or documents of a run, for rates.
    rows: Optional[int] = None
    # A database whose sessions are sampled for what they wait for.
    watch: Optional[str] = None
    # Fewer rounds than the others, for contenders that no figure is computed from.
    rounds: Optional[int] = None


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


def ratio(one, other, measure):
    """Median of the ratios round by round: the runs of one round saw the same machine.

    Where one of them ran fewer rounds, only the rounds of both count.
    """
    return statistics.median(a[measure] / b[measure] for a, b in zip(one.runs, other.runs))


def race(server, contenders, runs, say):
    """Runs A B B A A B … and returns what was measured, by name: a machine that slows down favours neither."""
    measured = {c.name: Measured(c.name) for c in contenders}
    for number in range(1, runs + 1):
        for contender in contenders if number % 2 else reversed(contenders):
            if contender.rounds and number > contender.rounds:
                continue
            result = once(server, contender)
            measured[contender.name].runs.append(result)
            rate = f", {result['rows_per_second']:,.0f} rows/s" if result.get("rows_per_second") else ""
            say(
                f"  {contender.name} {number}/{min(contender.rounds or runs, runs)}: {result['seconds']:.2f} s{rate}, client {result['client_cpu']:.2f} s, "
                f"server {result['server_cpu']:.2f} s, others {result['others_cpu']:.2f} s"
            )
    return measured


def side_by_side(servers, contenders, runs, say):
    """Two contenders at once, each on a server of its own, in the next round on the other's. Returns both.

    `contenders` has the two for each of the servers. What the machine does, it does to both, so that the ratio of their
    CPU shows what is lost in a race between its fast minutes and its slow ones. They share its cores: how long they take
    says nothing.
    """
    both = [Measured(contender.name) for contender in contenders[0]]
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for number in range(runs):
            ready = threading.Barrier(2, timeout=600)
            places = (0, 1) if number % 2 == 0 else (1, 0)
            started = [
                threads.submit(once, servers[place], contenders[place][which], ready.wait)
                for which, place in enumerate(places)
            ]
            for measured, run in zip(both, started):
                measured.runs.append(run.result())
            texts = (f"{one.name} {one.runs[-1]['total_cpu']:.2f} s" for one in both)
            say(f"  side by side {number + 1}/{runs}, CPU: {', '.join(texts)}")
    return both


def once(server, contender, ready=lambda: None):
    """One run between two readings of every counter, which begins when it is `ready`."""
    contender.prepare()
    server.settle()
    ready()
    steps = contender.steps() if callable(contender.steps) else contender.steps
    server_cpu, wal, (busy, stolen), started = (
        server.cpu_seconds(),
        server.wal_bytes(),
        process.machine_busy(),
        time.monotonic(),
    )
    with Waits(server, contender.watch) if contender.watch else contextlib.nullcontext() as waits:
        usages = [process.run(commands, contender.environment) for commands in steps]
    elapsed = time.monotonic() - started
    busy_after, stolen_after = process.machine_busy()
    seconds = sum(usage.seconds for usage in usages)
    result = {
        "seconds": seconds,
        "client_cpu": sum(usage.cpu for usage in usages),
        "client_user": sum(usage.user for usage in usages),
        "client_system": sum(usage.system for usage in usages),
        "server_cpu": server.cpu_seconds() - server_cpu,
        "total_cpu": 0.0,
        "wal_bytes": server.wal_bytes() - wal,
        "peak_rss": max(usage.peak_rss for usage in usages),
        "rows": contender.rows,
        "rows_per_second": contender.rows / seconds if contender.rows else None,
        "steps": [usage.seconds for usage in usages] if len(usages) > 1 else None,
        "stolen_cpu": stolen_after - stolen,
    }
    result["total_cpu"] = result["client_cpu"] + result["server_cpu"]
    # What the rest of the machine did meanwhile: where this is large, wall times are not reliable.
    result["others_cpu"] = max(0.0, busy_after - busy - result["client_cpu"] - result["server_cpu"])
    result["idle_share"] = max(0.0, 1 - (busy_after - busy + stolen_after - stolen) / (elapsed * _cores()))
    if contender.watch:
        result.update(waits=waits.text(), lock_waits=waits.share("Lock"), turn_held=waits.turn_share())
    result.update(contender.check(usages) or {})
    return result


# A row while a session holds a turn alone.
TURN = """
    select 'turn' from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.mode = 'ExclusiveLock' and l.objsubid = 1
      and l.database = (select oid from pg_database where datname = '{database}')
      and l.classid::bigint << 32 | l.objid::bigint = any (
          select hashtextextended(format('evo:merge:%s:%s', lane, entity), 0)
          from generate_series(0, 31) lane, unnest('{{sales,members,entries,prospects}}'::text[]) entity)
    limit 1"""


class Waits(Sampler):
    """What the sessions of a database wait for, sampled twenty times a second."""

    def __init__(self, server, database):
        super().__init__(
            server,
            "bench:waits",
            0.05,
            "select coalesce(wait_event_type || ':' || wait_event, 'CPU') from pg_stat_activity "
            f"where datname = '{database}' and state <> 'idle' and backend_type = 'client backend' "
            f"union all ({TURN.format(database=database)})",
        )
        self.seen, self.samples, self.turns = collections.Counter(), 0, 0

    def note(self, rows):
        events = [row[0] for row in rows]
        self.samples, self.turns = self.samples + 1, self.turns + ("turn" in events)
        self.seen.update(event for event in events if event != "turn")

    def turn_share(self):
        """Share of the samples in which a session held a turn alone."""
        return self.turns / self.samples if self.samples else 0.0

    def share(self, kind):
        """Share of the samples of busy sessions that waited for this kind of event."""
        total = sum(self.seen.values())
        return sum(n for event, n in self.seen.items() if event.startswith(kind + ":")) / total if total else 0.0

    def text(self):
        total = sum(self.seen.values()) or 1
        return ", ".join(f"{event} {n / total * 100:.0f} %" for event, n in self.seen.most_common(8))


def _cores():
    return os.cpu_count() or 1
