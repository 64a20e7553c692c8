"""Results as tables for a person, as JSON for the next tool, and as sections of docs/performance.md."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

MARKS = re.compile(r"(<!-- bench:([a-z-]+) -->\n)(.*?)(<!-- /bench -->)", re.S)


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

    def to_json(self):
        return {
            "scenario": self.scenario,
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
    "longest_ms": ("longest query", lambda v: f"{v:.1f} ms"),
    "swap_ms": ("swap", lambda v: f"{v:.0f} ms"),
    "others_cpu": ("others' CPU", seconds_text),
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
    for row in [head, *rows]:
        lines.append("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip())
    for figure in result["figures"]:
        value, target, verdict = figure_text(figure)
        lines.append(f"  {verdict:>7}  {figure['text']}: {value} (target: {target})")
    lines += [f"  note: {note}" for note in result["notes"]]
    return "\n".join(lines)


def markdown(result):
    """The result for docs/performance.md."""
    head, rows = cells(result)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    if result["figures"]:
        lines += ["", "| figure | got | target | |", "|---|---:|---:|---|"]
        for figure in result["figures"]:
            value, target, verdict = figure_text(figure)
            lines.append(f"| {figure['text']} | {value} | {target} | {verdict} |")
    lines += [""] + [f"- {note}" for note in result["notes"]] if result["notes"] else []
    settings = ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in result["parameters"].items())
    runs = len(result["contenders"][0]["runs"]) if result["contenders"] else 0
    lines += ["", f"`scripts/bench {result['scenario']}` · {settings} · " + ("one run" if runs == 1 else f"median of {runs} runs")]
    return "\n".join(lines) + "\n"


def render(results_directory, document):
    """Writes every result that is there into its section of the document; returns the scenarios written."""
    text, written = Path(document).read_text(encoding="utf-8"), []

    def section(match):
        path = Path(results_directory) / f"{match.group(2)}.json"
        if not path.exists():
            return match.group(0)
        written.append(match.group(2))
        result = json.loads(path.read_text(encoding="utf-8"))
        return match.group(1) + (machine_text(result) if match.group(2) == "machine" else markdown(result)) + match.group(4)

    changed = MARKS.sub(section, text)
    Path(document).write_text(changed, encoding="utf-8")
    return written


def machine_text(machine):
    return "\n".join(f"- {key}: {value}" for key, value in machine.items()) + "\n"
