"""What the figures were measured on."""

import os
import platform
import subprocess
from pathlib import Path

from .server import SETTINGS


def describe(evo, server, is_given):
    """The machine, the server and its settings, and the build, which is of this commit unless it `is_given`."""
    cpu = next(
        (l.split(":", 1)[1].strip() for l in _lines("/proc/cpuinfo") if l.startswith("model name")), platform.machine()
    )
    memory = next((int(l.split()[1]) for l in _lines("/proc/meminfo") if l.startswith("MemTotal")), 0)
    version = subprocess.run([evo, "--version"], capture_output=True, text=True).stdout.strip()
    return {
        "cores": f"{os.cpu_count()} × {cpu}, client and server on the same",
        "memory": f"{memory / (1 << 20):.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "server": f"PostgreSQL {server.version}: " + ", ".join(f"`{k} = {v}`" for k, v in SETTINGS.items()),
        "build": f"{version}, a binary given with --evo" if is_given else f"{version}, commit {_commit()}",
    }


def _lines(path):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _commit():
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return done.stdout.strip() or "unknown"
