"""Ten times as many rows: the rates and the memory stay as they are, and the ledger grows by bytes per row.

Each size is loaded into an empty table of its own, the smallest once more at the end. Then further runs of the same
documents are loaded: of entries one of each size in turn, so that the speed of the machine is the same for all; of sales
one size after the other, because all sizes together would push each other out of memory. One with eight workers goes
into the largest table, each of which compares a batch at a time with what is there.
"""

from harness import loading
from harness.race import Measured, ratio
from harness.report import Figure, Result, bytes_text

PLACE = 11
VARIANTS = ["entries", "sales"]
SIZES = (1, 3, 10)
# A million entries take as long as two hundred thousand sales.
SHARE = {"entries": 5, "sales": 1}
IN_TURN = {"entries": True, "sales": False}
KINDS = ("fresh", "unchanged")
CROWDED = "unchanged, 8 workers"


def at_least(text, value):
    return Figure(text, value, 0.9)


def at_most(target):
    return lambda text, value: Figure(text, value, target, "at most")


COMPARED = [
    ("rows/s", lambda most, least: relative(most, least, "rows_per_second"), at_least),
    # Evo does the same work for each row, so this is what the server does, however fast the machine is.
    (
        "server's CPU per evo's CPU",
        lambda most, least: relative(most, least, "server_cpu") / relative(most, least, "client_cpu"),
        at_most(1.1),
    ),
    ("peak memory", lambda most, least: relative(most, least, "peak_rss"), at_most(1.15)),
]


def relative(most, least, measure):
    """Round by round where both had as many; a single round is compared with the mean of those around it."""
    if len(most.runs) == len(least.runs):
        return ratio(most, least, measure)
    return most.median(measure) / least.median(measure)


def run(bench, entity):
    sizes = [bench.records * SHARE[entity] * size for size in SIZES]
    sized = {records: Sized(bench, entity, records, is_largest=records == sizes[-1]) for records in sizes}
    measured = {}

    def load(contender):
        for name, one in bench.race([contender]).items():
            measured.setdefault(name, Measured(name)).runs.extend(one.runs)

    for records in (*sizes, sizes[0]):
        load(sized[records].fresh())
        if not IN_TURN[entity]:
            load_again(bench, load, [sized[records]])
            sized[records].drop()
    if IN_TURN[entity]:
        load_again(bench, load, list(sized.values()))
    least, most = ({kind: measured[f"{n:,} {kind}"] for kind in KINDS} for n in (sizes[0], sizes[-1]))
    crowded_mib = measured[f"{sizes[-1]:,} {CROWDED}"].median("peak_rss") / (1 << 20)
    return Result(
        f"growth-{entity}",
        [measured[f"{n:,} {kind}"] for n in sizes for kind in (*KINDS, CROWDED) if f"{n:,} {kind}" in measured],
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "growth_bytes", "others_cpu"],
        figures=[
            figure(f"{kind}: {text} of ten times as many ÷ of one", of(most[kind], least[kind]))
            for text, of, figure in COMPARED
            for kind in KINDS
        ]
        + [Figure("unchanged, 8 workers: peak memory", crowded_mib, 256, "at most", "MiB")],
        notes=[ledger_note(records, *(measured[f"{records:,} {kind}"] for kind in KINDS)) for records in sizes],
        parameters={"records": f"{sizes[0]:,} to {sizes[-1]:,}", "workers": "2, and 8"},
    )


def load_again(bench, load, sizes):
    """Loads the further runs of these sizes, and what only the largest has."""
    for number in range(bench.runs):
        for one in sizes:
            load(one.unchanged(number))
    for one in sizes:
        if one.is_largest:
            load(one.crowded())


class Sized:
    """The loads of one size, into a database of its own."""

    def __init__(self, bench, entity, records, is_largest):
        self.bench, self.entity, self.records, self.is_largest = bench, entity, records, is_largest
        self.database = f"run_evo_{records}"
        runs = 1 + bench.runs + is_largest
        self.lake = bench.lake(entity, "--records", records, "--runs", runs, "--changed", "0%", "--new", "0%")
        self.first, *self.later = self.lake.run_ids()

    def fresh(self):
        return self.load(self.first, KINDS[0], {"inserted": self.records})

    def unchanged(self, number):
        return self.load(self.later[number], KINDS[1], {"unchanged": self.records}, goes_on=True)

    def crowded(self):
        return self.load(self.later[-1], CROWDED, {"unchanged": self.records}, goes_on=True, workers=8)

    def load(self, run_id, kind, expect, **more):
        return loading.evo_load(
            self.bench,
            self.lake,
            self.entity,
            run_id=run_id,
            name=f"{self.records:,} {kind}",
            expect=expect,
            rounds=1,
            database=self.database,
            **more,
        )

    def drop(self):
        """Leaves the memory to the next size."""
        self.bench.server.drop(self.database)


def ledger_note(records, fresh, again):
    """What the ledger holds after the first run, and after the first one that repeats it."""
    first, second = fresh.runs[0], again.runs[0]
    ledger, seen = second["ledger_bytes"], second["seen_bytes"]
    return (
        f"{records:,} rows: the ledger has {first['ledger_bytes'] / records:.1f} bytes for each after the first run, "
        f"and {ledger / records:.1f} after the second, of which {seen / records:.1f} are seen keys "
        f"({bytes_text(seen / records * 1e8)} for 100 million)"
    )
