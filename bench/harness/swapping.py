"""Readers that go on through full refreshes, and what they have seen."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from . import process, reader
from .process import Failed
from .race import Measured
from .sampling import Sampler
from .server import clean_environment

# What each generation must count, from staging alone.
EXPECTED = """with sale as (
        select case jsonb_typeof(raw_data -> 'saleItens') when 'array' then jsonb_array_length(raw_data -> 'saleItens') else 0 end as items,
               case jsonb_typeof(raw_data -> 'receivables') when 'array' then jsonb_array_length(raw_data -> 'receivables') else 0 end as receivables
        from stg_evo.sales_raw)
    select count(*), sum(items), sum(receivables), count(*) filter (where items > 0) from sale"""


class Readers:
    """One process of each kind of reader, from entry until `answers`."""

    def __init__(self, bench, database):
        environment = clean_environment(
            {
                "BENCH_URL": bench.server.url,
                "BENCH_DATABASE": database,
                "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
            }
        )
        self.processes = {
            kind: subprocess.Popen(
                [sys.executable, "-m", "harness.reader", kind],
                env=environment,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for kind in reader.KINDS
        }

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.processes.values():
            if one.poll() is None:
                one.kill()
            one.communicate()

    def answers(self):
        """Stops them; of each kind what it has seen."""
        found = {}
        for kind, one in self.processes.items():
            out, err = one.communicate()
            if one.returncode != 0:
                raise Failed(f"the reader {kind} ended with {one.returncode}:\n{err[-2000:]}")
            found[kind] = json.loads(out)
        return found


class LockWaits(Sampler):
    """The longest wait of a reader for a lock, as the server reports it every few milliseconds."""

    SQL = """select max(extract(epoch from clock_timestamp() - l.waitstart) * 1000)
        from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where not l.granted and starts_with(a.application_name, 'bench:reader:')"""

    def __init__(self, server):
        super().__init__(server, "bench:locks", 0.003, self.SQL)
        self.longest, self.met = 0.0, 0

    def note(self, rows):
        waited = rows[0][0]
        if waited is not None:
            self.met += 1
            self.longest = max(self.longest, float(waited))


def without_swap(bench, database, times):
    """The same work beside the readers, in tables that nobody reads: what a statement takes on a busy machine."""
    environment = bench.environment(database)

    def psql(file, **variables):
        flags = [text for k, v in variables.items() for text in ("-v", f"{k}={v}")]
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *flags, "-f", bench.sql_path(file)]

    with bench.server.connect(database) as db:
        middle = int(db.value("select percentile_disc(0.5) within group (order by sale_id) from stg_evo.sales_raw"))
        for _ in range(times):
            db.query(bench.sql("refresh_sales_tables.sql"))
            fill = "refresh_sales_fill.sql"
            process.run(
                [
                    psql(fill, low="'-9223372036854775808'", high=middle),
                    psql(fill, low=middle, high="9223372036854775807"),
                ],
                environment,
            )
            process.run([psql("refresh_sales_keys_1.sql"), psql("refresh_sales_keys_2.sql")], environment)
            db.query("drop schema bench cascade")


# When the serving generation was swapped in, and what time it is now.
SWAPPED = """select extract(epoch from refreshed_at), extract(epoch from clock_timestamp())
    from evo.models where table_name = 'core.evo_sales'"""

# What a swap can delay: statements that run within so many seconds before and after its transaction began.
AROUND = (0.5, 1.5)


def refreshes(bench, database, times):
    """Full refreshes. Staging loses some sales before each, so that every generation differs from the others.

    Returns the generations in order (what each must count), the moments of the swaps (monotonic seconds) and
    evo's summaries.
    """
    with bench.server.connect(database) as db:

        def expected():
            return tuple(int(v) for v in db.query(EXPECTED)[0])

        generations, swaps, summaries = [expected()], [], []
        for _ in range(times):
            db.query(
                "delete from stg_evo.sales_raw where sale_id in (select sale_id from stg_evo.sales_raw order by sale_id limit 25)"
            )
            generations.append(expected())
            summaries += bench.evo_now(database, "transform", "sales", "--full-refresh", "--workers", 2)["entities"]
            swapped, now = (float(value) for value in db.query(SWAPPED)[0])
            swaps.append(time.monotonic() - now + swapped)
        found = tuple(int(v) for v in db.query(reader.COUNTS)[0])
    if found != generations[-1][:3]:
        raise Failed(f"after the last refresh core counts {found} where staging counts {generations[-1][:3]}")
    return generations, swaps, summaries


def mistakes(kind, seen, generations):
    """Counts what is wrong with a reader's answers: errors, empty tables, mixtures, steps back to an older generation."""
    wrong = {"errors": 0, "empty": 0, "mixed": 0, "backwards": 0}
    parents = {g[:3]: n for n, g in enumerate(generations)}
    joined = {(g[3], g[1], 0): n for n, g in enumerate(generations)}
    at = 0
    for _, _, answer, error in seen:
        if error:
            wrong["errors"] += 1
        elif kind == "glance":
            wrong["empty"] += answer != [1, 1, 1]
        else:
            number = (joined if kind == "join" else parents).get(tuple(answer))
            if number is None:
                is_empty = 0 in (answer[:2] if kind == "join" else answer)
                wrong["empty" if is_empty else "mixed"] += 1
            else:
                wrong["backwards"] += number < at
                at = max(at, number)
    return wrong


def measured(kind, seen, generations, swaps):
    """The row of a reader: its statements, their times away from the swaps and beside one, and what was wrong."""

    def is_beside_a_swap(started, ms):
        before, after = AROUND
        return any(started + ms / 1000 >= swap - before and started <= swap + after for swap in swaps)

    usual, through = [], []
    for started, ms, _, _ in seen:
        (through if is_beside_a_swap(started, ms) else usual).append(ms)
    if not usual or not through:
        raise Failed(f"the reader {kind} has answered nothing")
    longest, baseline = max(through), max(usual)
    return Measured(
        f"reader: {kind}",
        [
            {
                "statements": len(seen),
                "median_ms": statistics.median(through),
                "baseline_ms": baseline,
                "longest_ms": longest,
                "beyond_ms": max(0.0, longest - baseline),
                **mistakes(kind, seen, generations),
            }
        ],
    )
