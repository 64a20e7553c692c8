"""Results as tables for a person, as JSON for the next tool, and as sections of docs/performance.md."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

MARKS = re.compile(r"(<!-- bench:([a-z-]+) -->\n)(.*?)(<!-- /bench -->)", re.S)
FIGURES = re.compile(r"^\| figure \| got .*\n\|-.*\n((?:\|.*\n)*)", re.M)


@dataclass
class Figure:
    """A figure with the target that it is held against."""

    text: str
    value: float
    target: float
    # "at least" or "at most"
    sense: str = "at least"
    unit: str = "×"

    @property
    def reached(self):
        return self.value >= self.target if self.sense == "at least" else self.value <= self.target


@dataclass
class Result:
    """What a scenario found."""

    scenario: str
    measured: list
    columns: list
    figures: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    parameters: dict = field(default_factory=dict)
    machine: dict = field(default_factory=dict)
    quick: bool = False

    def to_json(self):
        return {
            "scenario": self.scenario,
            "quick": self.quick,
            "parameters": self.parameters,
            "machine": self.machine,
            "columns": self.columns,
            "contenders": [m.to_json() for m in self.measured],
            "figures": [{**vars(f), "reached": f.reached} for f in self.figures],
            "notes": self.notes,
        }


def bytes_text(value):
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.5 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return ""


def mebibytes(value):
    return f"{value / (1 << 20):.0f} MiB"


def seconds_text(value):
    if value >= 100:
        return f"{value:.0f} s"
    return f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"


# Measure → (heading, how it is shown)
COLUMNS = {
    "seconds": ("wall", seconds_text),
    "rows_per_second": ("rows/s", lambda v: f"{v:,.0f}"),
    "documents_per_second": ("documents/s", lambda v: f"{v:,.0f}"),
    "core_documents_per_second": ("core documents/s", lambda v: f"{v:,.0f}"),
    "client_cpu": ("client CPU", seconds_text),
    "server_cpu": ("server CPU", seconds_text),
    "total_cpu": ("CPU", seconds_text),
    "peak_rss": ("peak memory", mebibytes),
    "wal_bytes": ("WAL", bytes_text),
    "growth_bytes": ("table growth", bytes_text),
    "total_bytes": ("table size", bytes_text),
    "dead": ("dead tuples", lambda v: f"{v:,.0f}"),
    "client_cpu_per_gb": ("client CPU per GB", seconds_text),
    "gunzip_cpu_per_gb": ("of which gunzip", seconds_text),
    "ndjson_per_second": ("NDJSON/s", bytes_text),
    "longest_ms": ("longest", lambda v: f"{v:.1f} ms"),
    "swap_ms": ("swap", lambda v: f"{v:.0f} ms"),
    "statements": ("statements", lambda v: f"{v:,.0f}"),
    "median_ms": ("median", lambda v: f"{v:.1f} ms"),
    "baseline_ms": ("longest at other times", lambda v: f"{v:.1f} ms"),
    "beyond_ms": ("beyond", lambda v: f"{v:.1f} ms"),
    "files": ("files", lambda v: f"{v:,.0f}"),
    "errors": ("errors", lambda v: f"{v:,.0f}"),
    "empty": ("empty", lambda v: f"{v:,.0f}"),
    "mixed": ("mixed", lambda v: f"{v:,.0f}"),
    "backwards": ("backwards", lambda v: f"{v:,.0f}"),
    "for_faults": ("for faults", lambda v: f"{v * 1000:,.0f} ms"),
    "calls_for_faults": ("statements for faults", lambda v: f"{v:,.0f}"),
    "others_cpu": ("others' CPU", seconds_text),
    "lock_waits": ("waits for locks", lambda v: f"{v * 100:.1f} %"),
    "turn_held": ("turns held", lambda v: f"{v * 100:.0f} %"),
    "turn_share": ("waits for turns", lambda v: f"{v * 100:.1f} %"),
    "commit_share": ("commits", lambda v: f"{v * 100:.1f} %"),
    "idle_share": ("idle", lambda v: f"{v * 100:.0f} %"),
}


def cells(result):
    """Heading and rows of a result's table, as text."""
    contenders = result["contenders"]
    shown = [c for c in result["columns"] if any(m["median"].get(c) is not None for m in contenders)]
    head = ["contender"] + [COLUMNS[c][0] for c in shown]
    rows = []
    for contender in contenders:
        row = [contender["name"]]
        for column in shown:
            value = contender["median"].get(column)
            row.append("" if value is None else COLUMNS[column][1](value))
        rows.append(row)
    return head, rows


def figure_text(figure):
    # Two digits suffice; a bare number is a count.
    value = f"{figure['value']:,.2f}".rstrip("0").rstrip(".")
    target = f"{figure['target']:,g}"
    unit = "" if figure["unit"] == "" else f" {figure['unit']}"
    verdict = "reached" if figure["reached"] else "missed"
    return f"{value}{unit}", f"{figure['sense']} {target}{unit}", verdict


def plain(result):
    """The result for a terminal."""
    head, rows = cells(result)
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows] if rows else []:
        lines.append(
            "  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip()
        )
    for figure in result["figures"]:
        value, target, verdict = figure_text(figure)
        lines.append(f"  {verdict:>7}  {figure['text']}: {value} (target: {target})")
    lines += [f"  note: {note}" for note in result["notes"]]
    return "\n".join(lines)


def markdown(result):
    """The result for docs/performance.md."""
    head, rows = cells(result)
    lines = []
    # A scenario that races nothing has its figures only.
    if rows:
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
    if result["figures"]:
        lines += ["| figure | got | target | |", "|---|---:|---:|---|"]
        for figure in result["figures"]:
            value, target, verdict = figure_text(figure)
            lines.append(f"| {figure['text']} | {value} | {target} | {verdict} |")
    lines += [""] + [f"- {note}" for note in result["notes"]] if result["notes"] else []
    settings = ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in result["parameters"].items())
    said = [f"`scripts/bench {result['scenario']}`", settings, rounds_text(result), provenance(result["machine"])]
    lines += ["", " · ".join(filter(None, said))]
    if result["quick"]:
        lines += ["", "**Measured with --quick: small and once, which says nothing about speed.**"]
    return "\n".join(lines) + "\n"


def rounds_text(result):
    rounds = max((len(c["runs"]) for c in result["contenders"]), default=0)
    fewer = sorted(c["name"] for c in result["contenders"] if len(c["runs"]) < rounds)
    if not rounds:
        return ""
    text = "one round" if rounds == 1 else f"median of {rounds} rounds"
    return text + (f" (fewer of {', '.join(fewer)})" if fewer else "")


def overview(text):
    """One row per figure of all sections of the page, for the top of it."""
    lines = ["| scenario | figure | got | target | |", "|---|---|---:|---:|---|"]
    for _, name, content, _ in MARKS.findall(text):
        figures = FIGURES.search(content) if name not in ("machine", "overview") else None
        for row in figures.group(1).splitlines() if figures else []:
            lines.append(f"| {name} {row}".replace("| missed |", "| **missed** |"))
    return "\n".join(lines) + "\n"


def render(results_directory, document):
    """Writes every result that is there into its section of the document; returns the sections written."""
    text, folder, written = Path(document).read_text(encoding="utf-8"), Path(results_directory), []

    def read(name):
        path = folder / f"{name}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def section(match):
        name = match.group(2)
        if name == "overview" or not (result := read(name)):
            return match.group(0)
        written.append(name)
        return match.group(1) + (machine_text(result) if name == "machine" else markdown(result)) + match.group(4)

    def with_overview(match):
        return match.group(1) + overview(text) + match.group(4) if match.group(2) == "overview" else match.group(0)

    text = MARKS.sub(section, text)
    Path(document).write_text(MARKS.sub(with_overview, text), encoding="utf-8")
    return written


def machine_text(machine):
    """The machine of the last call. Each section names its own, and the build."""
    return "\n".join(f"- {key}: {value}" for key, value in machine.items() if key != "build") + "\n"


def provenance(machine):
    """The build and the processor of a result."""
    build = machine.get("build", "").removeprefix("evo 0.1.0, ").removeprefix("commit ")
    cores = re.sub(r"\(R\)|,.*| Processor", "", machine.get("cores", ""))
    return ", on ".join(filter(None, [build, cores]))
