"""Ten times as many rows: the rates and the memory stay as they are, and the ledger grows by bytes per row.

Each size is loaded into an empty table, and then a second run of the same documents on top of it. On the largest
table a third run follows with eight workers, each of which compares a batch at a time with what is there.
"""

from harness import loading
from harness.race import ratio
from harness.report import Figure, Result, bytes_text

PLACE = 11
VARIANTS = ["entries", "sales"]
SIZES = (1, 3, 10)
# A million entries take as long as two hundred thousand sales.
SHARE = {"entries": 5, "sales": 1}


def at_least(text, value):
    return Figure(text, value, 0.9)


def at_most(target):
    return lambda text, value: Figure(text, value, target, "at most")


COMPARED = [
    ("rows/s", lambda most, least: ratio(most, least, "rows_per_second"), at_least),
    # Evo does the same work for each row, so this is what the server does, however fast the machine is.
    (
        "server's CPU per evo's CPU",
        lambda most, least: ratio(most, least, "server_cpu") / ratio(most, least, "client_cpu"),
        at_most(1.1),
    ),
    ("peak memory", lambda most, least: ratio(most, least, "peak_rss"), at_most(1.15)),
]


def run(bench, entity):
    measured, notes = {}, []
    sizes = [bench.records * SHARE[entity] * size for size in SIZES]
    for records in sizes:
        fresh, again, *crowded = one_size(bench, entity, records, is_largest=records == sizes[-1])
        measured |= {m.name: m for m in (fresh, again, *crowded)}
        ledger, seen = again.runs[0]["ledger_bytes"], again.runs[0]["seen_bytes"]
        notes.append(
            f"{records:,} rows: the ledger has {fresh.runs[0]['ledger_bytes'] / records:.1f} bytes for each after the "
            f"first run, and {ledger / records:.1f} after the second, of which {seen / records:.1f} are seen keys "
            f"({bytes_text(seen / records * 1e8)} for 100 million)"
        )
    crowded_mib = crowded[0].median("peak_rss") / (1 << 20)
    least, most = ((measured[f"{n:,} fresh"], measured[f"{n:,} unchanged"]) for n in (sizes[0], sizes[-1]))
    return Result(
        f"growth-{entity}",
        list(measured.values()),
        ["seconds", "rows_per_second", "client_cpu", "server_cpu", "peak_rss", "wal_bytes", "growth_bytes", "others_cpu"],
        figures=[
            figure(f"{kind}: {text} of ten times as many ÷ of one", of(most[i], least[i]))
            for text, of, figure in COMPARED
            for i, kind in enumerate(("fresh", "unchanged"))
        ]
        + [Figure("unchanged, 8 workers: peak memory", crowded_mib, 256, "at most", "MiB")],
        notes=notes,
        parameters={"records": f"{sizes[0]:,} to {sizes[-1]:,}", "workers": "2, and 8"},
    )


def one_size(bench, entity, records, is_largest):
    """Loads the runs of a lake of this size, one after the other."""
    runs = 3 if is_largest else 2
    lake = bench.lake(entity, "--records", records, "--runs", runs, "--changed", "0%", "--new", "0%")
    first, *later = lake.run_ids()
    fresh = loading.evo_load(
        bench, lake, entity, run_id=first, name=f"{records:,} fresh", expect={"inserted": records}, rounds=1
    )
    unchanged = [
        loading.evo_load(
            bench,
            lake,
            entity,
            run_id=run_id,
            workers=workers,
            name=name,
            expect={"unchanged": records},
            rounds=1,
            goes_on=True,
        )
        for run_id, workers, name in zip(
            later, (2, 8), (f"{records:,} unchanged", f"{records:,} unchanged, 8 workers")
        )
    ]
    return tuple(bench.race([fresh, *unchanged]).values())
