"""Lakes made by `evo generate`, kept by their parameters below target/bench/lakes."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from .server import clean_environment


class Lake:
    """A generated lake."""

    def __init__(self, path):
        self.path = Path(path)
        with open(self.path / "lake.json", encoding="utf-8") as file:
            self.runs = json.load(file)

    @property
    def root(self):
        """What evo gets as --lake."""
        return str(self.path / "lake")

    def run_ids(self):
        """Oldest first."""
        return sorted(run["run_id"] for run in self.runs)

    def objects(self, run_id=None):
        """Paths of the objects of a run, or of all, in the order of their names."""
        wanted = f"run_id={run_id}" if run_id else "run_id="
        return sorted(str(p) for p in Path(self.root).rglob("*.gz") if wanted in str(p))

    def lines(self, run_id=None):
        return sum(run["lines"] for run in self.runs if run_id in (None, run["run_id"]))

    def inflated_bytes(self, run_id=None):
        return sum(run["bytes"] for run in self.runs if run_id in (None, run["run_id"]))


def generate(evo, directory, arguments, postprocess=None, name=""):
    """The lake that these arguments of `evo generate` give; made once."""
    arguments = [str(a) for a in arguments]
    key = hashlib.sha256(json.dumps([arguments, name]).encode()).hexdigest()[:10]
    path = Path(directory) / "-".join(filter(None, [arguments[0], name, key]))
    if not (path / "lake.json").exists():
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        command = [evo, "--quiet", "--output", "json", "--lake", str(path / "lake"), "generate", *arguments]
        done = subprocess.run(command, env=clean_environment({}), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"evo generate {' '.join(arguments)} failed:\n{done.stderr}")
        runs = json.loads(done.stdout)["runs"]
        if postprocess:
            runs = postprocess(path / "lake", runs) or runs
        # Written last: a lake without it is made again.
        (path / "lake.json").write_text(json.dumps(runs))
    os.utime(path / "lake.json")
    return Lake(path)


def into_one_object(root, runs):
    """Turns the objects of the only run into one, streaming."""
    parts = sorted(Path(root).rglob("*.gz"))
    target = parts[0].with_name("all_part-00001.jsonl.gz.tmp")
    with open(target, "wb") as out, subprocess.Popen(["gzip", "-1"], stdin=subprocess.PIPE, stdout=out) as packer:
        for i, part in enumerate(parts):
            if i:
                packer.stdin.write(b"\n")
            with gzip.open(part, "rb") as lines:
                shutil.copyfileobj(lines, packer.stdin, 1 << 20)
            part.unlink()
        packer.stdin.close()
    for manifest in Path(root).rglob("_manifest.json"):
        manifest.unlink()
    target.rename(target.with_suffix(""))
    runs[0]["objects"] = 1
    return runs
