"""A reader of core tables, as a process of its own: repeats its statements and records each answer and its duration.

python3 -m harness.reader KIND

BENCH_URL and BENCH_DATABASE say where. It stops when its standard input ends and writes JSON: of each statement
the moment (monotonic seconds, which processes share), milliseconds, and the answer, or the error.
"""

import json
import os
import sys
import threading
import time

from harness.wire import Connection, ServerError

COUNTS = "select (select count(*) from core.evo_sales), (select count(*) from core.evo_sale_items), (select count(*) from core.evo_receivables)"

# Kind → (pause in seconds, statements before the clock, the statement, statements behind it)
KINDS = {
    # As short as a statement can be that touches all three tables: what delays it is waiting, not its work.
    "glance": (
        0.005,
        [],
        """select (select count(*) from (select from core.evo_sales limit 1) s),
        (select count(*) from (select from core.evo_sale_items limit 1) i), (select count(*) from (select from core.evo_receivables limit 1) r)""",
        [],
    ),
    "counts": (0.05, [], COUNTS, []),
    "join": (
        0.05,
        [],
        """select count(distinct i.sale_id), count(*), count(*) filter (where s.sale_id is null)
        from core.evo_sale_items i left join core.evo_sales s on s.sale_id = i.sale_id""",
        [],
    ),
    # A transaction that has its snapshot before it comes to the tables.
    "old snapshot": (0.01, ["begin isolation level repeatable read", "select pg_sleep(2)"], COUNTS, ["commit"]),
}


def main(kind):
    pause, before, statement, behind = KINDS[kind]
    stop, seen = threading.Event(), []
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    with Connection(os.environ["BENCH_URL"], os.environ["BENCH_DATABASE"], f"bench:reader:{kind}") as db:
        while not stop.wait(pause):
            answer, error = None, None
            started = time.monotonic()
            try:
                for sql in before:
                    db.query(sql)
                started = time.monotonic()
                answer = [int(value) for value in db.query(statement)[0]]
            except ServerError as problem:
                error = str(problem)
            milliseconds = (time.monotonic() - started) * 1000
            seen.append((started, milliseconds, answer, error))
            for sql in behind:
                db.query(sql)
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
