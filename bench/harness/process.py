"""Processes that are measured: wall time, CPU, memory."""

import os
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field


class Failed(Exception):
    """A process that a scenario relies on failed; the text is its output."""


@dataclass
class Usage:
    """What one or several processes that ran side by side have used."""

    seconds: float = 0.0
    user: float = 0.0
    system: float = 0.0
    # Sum of the peaks of the processes. Of each: ru_maxrss, which also covers its children, one by one; where
    # that is no more than this Python's own (a child begins with its parent's), VmHWM at the last sample
    # before it ended.
    peak_rss: int = 0
    # (seconds, resident bytes of all processes together)
    resident: list = field(default_factory=list)
    outputs: list = field(default_factory=list)

    @property
    def cpu(self):
        return self.user + self.system


def run(commands, environment, sample=0.05):
    """Runs the commands side by side and waits for all; a command is a list, or text for bash.

    Raises `Failed` with the output of the first that failed.
    """
    usage, processes, own = Usage(), [], _status(os.getpid()).get("VmHWM", 0)
    started = time.monotonic()
    for command in commands:
        argv = ["bash", "-o", "pipefail", "-c", command] if isinstance(command, str) else [str(c) for c in command]
        out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        processes.append((argv, subprocess.Popen(argv, env=environment, stdout=out, stderr=err), out, err))
    stop = threading.Event()
    high = {p.pid: 0 for _, p, _, _ in processes}
    sampler = threading.Thread(target=_sample, args=(high, usage, started, sample, stop))
    sampler.start()
    failure = None
    try:
        for argv, process, out, err in processes:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            usage.user += used.ru_utime
            usage.system += used.ru_stime
            if used.ru_maxrss * 1024 > own * 1.02:
                high[process.pid] = used.ru_maxrss * 1024
            text = [_read(out), _read(err)]
            usage.outputs.append(text[0])
            if process.returncode != 0 and failure is None:
                shown = "".join(part[-4000:] for part in (text[1], text[0]))
                failure = Failed(f"$ {' '.join(argv)[:600]}\nexit code {process.returncode}\n{shown}")
        usage.seconds = time.monotonic() - started
    finally:
        stop.set()
        sampler.join()
        usage.peak_rss = sum(high.values())
    if failure:
        raise failure
    return usage


def _read(file):
    file.seek(0)
    text = file.read().decode(errors="replace")
    file.close()
    return text


def _sample(high, usage, started, interval, stop):
    while not stop.wait(interval):
        resident = 0
        for pid in high:
            status = _status(pid)
            high[pid] = max(high[pid], status.get("VmHWM", 0))
            resident += status.get("VmRSS", 0)
        usage.resident.append((round(time.monotonic() - started, 2), resident))


def _status(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            lines = (line.split() for line in file)
            return {f[0].rstrip(":"): int(f[1]) * 1024 for f in lines if f and f[0] in ("VmHWM:", "VmRSS:")}
    except OSError:
        return {}


def machine_busy():
    """CPU seconds that all processes of this machine have used, and those stolen from it."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(f) for f in file.readline().split()[1:]]
    ticks = os.sysconf("SC_CLK_TCK")
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq) / ticks, steal / ticks
