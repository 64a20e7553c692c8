"""Extractions from the imitation of the vendor's API: the server, evo's settings for it, what came to the lake."""

import hashlib
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from .process import Failed
from .server import clean_environment, tree_cpu_seconds

CREDENTIAL = {"EVO_USERNAME": "gym", "EVO_PASSWORD": "secret"}


class Api:
    """`evo generate --serve` with these flags, while it is entered."""

    def __init__(self, bench, *flags):
        self.bench, self.flags = bench, [str(flag) for flag in flags]

    def __enter__(self):
        command = [self.bench.evo, "--quiet", "generate", "--serve", "127.0.0.1:0", *self.flags]
        self.process = subprocess.Popen(command, env=clean_environment({}), stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        if not self.url.startswith("http://"):
            raise Failed(f"$ {' '.join(map(str, command))}\nthe imitation did not start")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def state(self):
        """Requests that got a page, those that the limit refused, records, and the time by its clock."""
        with urllib.request.urlopen(f"{self.url}/imitation") as answer:
            return json.load(answer)

    def cpu_seconds(self):
        return tree_cpu_seconds(self.process.pid)


class Extraction:
    """A lake and a database for the extraction of sales from an imitation."""

    def __init__(self, bench, name, api, limit="none"):
        self.bench, self.api, self.database = bench, api, f"run_extract_{name}"
        self.folder = bench.directory / "extract" / name
        self.lake, self.settings = self.folder / "lake", self.folder / "evo.toml"
        self.limit = limit

    def prepare(self):
        """An empty lake and an empty database."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.lake.mkdir(parents=True)
        self.settings.write_text(f'[source.evo]\nurl = "{self.api.url}"\nlimit = "{self.limit}"\n')
        self.bench.server.create(self.database, self.bench.migrated())

    def environment(self):
        return self.bench.environment(self.database, EVO_CONFIG=str(self.settings), **CREDENTIAL)

    def command(self, first, last, *flags):
        days = ["--from", first, "--to", last]
        return self.bench.evo_command("--lake", str(self.lake), "extract", "sales", *days, *flags)

    def start(self, *arguments):
        """A process that extracts, its summary in a file of its own."""
        command = [str(a) for a in self.command(*arguments)]
        return subprocess.Popen(
            command, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def objects(self):
        """Name of each object → digest of its bytes. The run's id is the second at which it began."""
        return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(self.lake.rglob("*.gz"))}

    def left_over(self):
        """Files that are neither objects nor the manifest."""
        files = (p for p in self.lake.rglob("*") if p.is_file())
        return [p.name for p in files if not p.name.endswith((".gz", "_manifest.json"))]


def entity_of(usage):
    """What a process says of the entity that it extracted."""
    entity = json.loads(usage.outputs[0])["entities"][0]
    if entity["state"] != "complete":
        raise Failed(f"the extraction is {entity['state']}: {entity}")
    return entity


def profile(extraction, arguments):
    """Where the CPU of an extraction goes, by perf's samples; None where there is no perf."""
    if not shutil.which("perf"):
        return None
    data = Path(extraction.folder) / "perf.data"
    command = [str(a) for a in extraction.command(*arguments)]
    recorded = subprocess.run(
        ["perf", "record", "-e", "cpu-clock", "-F", "499", "-o", str(data), "--", *command],
        env=extraction.environment(),
        capture_output=True,
    )
    report = subprocess.run(
        ["perf", "report", "-i", str(data), "--no-children", "--sort", "symbol", "--stdio"],
        capture_output=True,
        text=True,
    )
    if recorded.returncode or report.returncode:
        return None
    shares = {}
    for line in report.stdout.splitlines():
        fields = line.split(None, 2)
        if len(fields) == 3 and fields[0].endswith("%"):
            kind = kind_of(fields[2])
            shares[kind] = shares.get(kind, 0.0) + float(fields[0].rstrip("%"))
    return dict(sorted(shares.items(), key=lambda share: -share[1]))


def kind_of(symbol):
    """What a function is for, in a word or two."""
    words = {
        "zlib_rs": "compressing",
        "serde_json": "finding records",
        "from_utf8": "finding records",
        "sha2": "digests",
        "hyper": "HTTP",
        "reqwest": "HTTP",
        "tokio": "scheduling",
        "mem": "copying",
    }
    if symbol.startswith("[k]"):
        return "the kernel"
    return next((kind for word, kind in words.items() if word in symbol), "other")


def wait_until(condition, seconds, what):
    """Asks until it holds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Failed(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)
