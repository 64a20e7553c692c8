"""The command line of scripts/bench, and what a scenario gets to work with."""

import argparse
import contextlib
import functools
import hashlib
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import lake as lakes
from . import machine, race, report
from .process import Failed
from .server import SETTINGS, Server, ServerError, clean_environment

ROOT = Path(__file__).resolve().parents[2]
SQL = ROOT / "bench" / "sql"


class Bench:
    """What a scenario gets: the server, lakes, databases, contenders."""

    def __init__(self, options, server, evo, directory):
        self.options, self.server, self.evo, self.directory = options, server, evo, directory
        self.runs, self.quick, self.records = options.runs, options.quick, options.records

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def scaled(self, usual, quick):
        """A size that --quick makes small."""
        return quick if self.quick else usual

    def lake(self, *arguments, postprocess=None, name=""):
        """A lake of `evo generate`; cached."""
        self.say(f"  lake: evo generate {' '.join(map(str, arguments))}")
        return lakes.generate(self.evo, self.directory / "lakes", arguments, postprocess, name)

    def environment(self, database, **more):
        """What evo and psql need to find the database."""
        import urllib.parse

        parts = urllib.parse.urlsplit(self.server.url)
        return clean_environment(
            {
                "EVO_DATABASE_URL": self.server.url_of(database),
                "EVO_STATE_DIR": str(self.directory / "state"),
                "PGHOST": parts.hostname,
                "PGPORT": str(parts.port),
                "PGUSER": parts.username,
                "PGPASSWORD": urllib.parse.unquote(parts.password),
                "PGDATABASE": database,
                "PGSSLMODE": "disable",
                **more,
            }
        )

    def evo_command(self, *arguments, lake=None):
        """A command line of evo with a JSON summary."""
        where = ["--lake", lake.root] if lake else []
        return [self.evo, "--quiet", "--output", "json", *where, *arguments]

    def evo_now(self, database, *arguments, lake=None):
        """Runs evo outside of any measurement and returns its summary."""
        done = subprocess.run(
            [str(a) for a in self.evo_command(*arguments, lake=lake)],
            env=self.environment(database),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise Failed(
                f"$ evo {' '.join(map(str, arguments))}\nexit code {done.returncode}\n{done.stderr[-4000:]}{done.stdout[-2000:]}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else None

    def template(self, name, build, base=None):
        """A database that `build` fills once, on top of a copy of `base`; contenders work on copies."""
        database = f"template_{name}_{self.digest}"
        if not self.server.exists(database):
            self.say(f"  preparing {database}")
            self.server.create(f"{database}_new", base)
            build(f"{database}_new")
            self.server.admin.query(f"alter database {database}_new rename to {database}")
        return database

    def migrated(self):
        """A database with evo's schemas and nothing in them."""
        return self.template("empty", lambda database: self.evo_now(database, "migrate"))

    def cached(self, name, build):
        """A database that takes minutes to fill: filled once by this build of evo, and kept for later calls."""
        database = f"cached_{name}_{self.digest}"
        if not self.server.exists(database):
            self.drop_cached(f"cached_{name}_")
            self.say(f"  preparing {database}, which is kept")
            self.server.create(f"{database}_new", self.migrated())
            build(f"{database}_new")
            self.server.admin.query(f"alter database {database}_new rename to {database}")
        return database

    def drop_cached(self, prefix="cached_"):
        """Drops the databases that `cached` has kept."""
        for database in self.server.databases(prefix):
            self.server.drop(database)

    @functools.cached_property
    def digest(self):
        """Tells builds of evo apart: none works with what another has loaded."""
        return hashlib.sha256(Path(self.evo).read_bytes()).hexdigest()[:8]

    def race(self, contenders):
        """Runs them in alternation."""
        return race.race(self.server, contenders, self.runs, self.say)

    @contextlib.contextmanager
    def beside(self):
        """The same on a second server, which is there as long as this is entered."""
        with Server(self.evo, self.directory / "state-beside") as server:
            drop_databases(server, keep=False)
            yield Bench(self.options, server, self.evo, self.directory)
            drop_databases(server, keep=False)

    def sql(self, name):
        """A file of bench/sql."""
        return (SQL / name).read_text(encoding="utf-8")

    def evos_sql(self, name):
        """A file of evo's own SQL."""
        return (ROOT / "sql" / name).read_text(encoding="utf-8")

    def sql_path(self, name):
        return str(SQL / name)

    def contender_path(self, name):
        """A program of bench/contenders, which is not part of the harness."""
        return str(ROOT / "bench" / "contenders" / name)


@dataclass
class Scenario:
    """A scenario of the command line: a module, or one of its variants."""

    name: str
    place: int
    # What it proves, in one line.
    claim: str
    run: Callable


def scenarios():
    """All scenarios by name, in the order of their declared places."""
    import scenarios as package

    found = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"scenarios.{info.name}")
        name, claim = info.name.replace("_", "-"), module.__doc__.strip().splitlines()[0]
        for variant in getattr(module, "VARIANTS", [None]):
            run = functools.partial(module.run, entity=variant) if variant else module.run
            found.append(Scenario(f"{name}-{variant}" if variant else name, module.PLACE, claim, run))
    return {scenario.name: scenario for scenario in sorted(found, key=lambda s: (s.place, s.name))}


def parse(arguments, known):
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("scenario", nargs="*", default=["all"], help="scenarios, all, or the first word of several: extract")
    parser.add_argument("--list", action="store_true", help="what there is and what it proves")
    parser.add_argument(
        "--runs",
        type=int,
        default=None,
        help="rounds of a race; the median counts (3, some long ones fewer; with --quick 1)",
    )
    parser.add_argument(
        "--records", type=int, default=None, help="documents of the usual scenarios (200000; with --quick 20000)"
    )
    parser.add_argument("--quick", action="store_true", help="small and once: does everything still work")
    parser.add_argument("--keep", action="store_true", help="keep the server's templates for the next call")
    parser.add_argument(
        "--clean",
        action="store_true",
        help="drop also what is kept for every next call, which takes minutes to make again",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=None,
        help="folder of the results (target/bench/results; with --quick target/bench/quick)",
    )
    parser.add_argument("--evo", type=Path, default=None, help="another build of evo than target/release/evo")
    parser.add_argument(
        "--set",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another setting of the server: shared_buffers=4GB; keep the results apart with --out",
    )
    parser.add_argument("--before", type=Path, default=None, help="an earlier build of evo, for versus")
    parser.add_argument(
        "--with-dlt",
        action="store_true",
        help="let dlt run in pipeline-total (installs it from PyPI into target/bench/dlt)",
    )
    parser.add_argument(
        "--render", action="store_true", help="run nothing; write the results that are there into docs/performance.md"
    )
    options = parser.parse_args(arguments)
    # The name of several is short for all of them: refresh, extract.
    options.scenario = [
        name for given in options.scenario for name in ([n for n in known if n.startswith(f"{given}-")] if given not in known else []) or [given]
    ]
    unknown = [name for name in options.scenario if name != "all" and name not in known]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}: there are {', '.join(known)}")
    options.records = options.records or (20_000 if options.quick else 200_000)
    options.runs = options.runs or (1 if options.quick else 3)
    return options


def setting(text):
    name, equals, value = text.partition("=")
    if name not in SETTINGS or not equals:
        raise argparse.ArgumentTypeError(f"{text}: NAME=VALUE, of {', '.join(SETTINGS)}")
    return name, value


def build(options, target):
    """The release build, or the one that was given, and what the machine lacks to run it."""
    subprocess.run([ROOT / "scripts" / "setup"], check=True)
    if options.evo:
        return str(options.evo.resolve())
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"], cwd=ROOT, check=True)
    return str(target / "release" / "evo")


def main(arguments):
    known = scenarios()
    options = parse(arguments, list(known))
    if options.list:
        for scenario in known.values():
            print(f"{scenario.name:16} {scenario.claim}")
        return 0
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
    directory = target / "bench"
    out = (options.out or directory / ("quick" if options.quick else "results")).resolve()
    if options.render:
        written = report.render(out, ROOT / "docs" / "performance.md")
        # Its tables are computed from that page.
        subprocess.run([ROOT / "scripts" / "simulate-scale", "--render"], check=True)
        print(f"docs/performance.md: {', '.join(written) or 'nothing to write'}")
        return 0
    bench_evo = build(options, target)
    SETTINGS.update(options.set)
    out.mkdir(parents=True, exist_ok=True)
    wanted = list(known) if "all" in options.scenario else options.scenario
    failed, started = [], time.monotonic()
    with Server(bench_evo, directory / "state") as server:
        bench = Bench(options, server, bench_evo, directory)
        if options.clean:
            bench.drop_cached()
        drop_databases(server, options.keep)
        about = machine.describe(bench_evo, server, bool(options.evo))
        (out / "machine.json").write_text(json.dumps(about, indent=1))
        for number, name in enumerate(wanted, 1):
            bench.say(f"[{number}/{len(wanted)}, {minutes(started)}] {name}: {known[name].claim}")
            if not measure(bench, known[name], about, out):
                failed.append(name)
        drop_databases(server, options.keep)
    bench.say(
        f"{len(wanted) - len(failed)} of {len(wanted)} scenarios in {minutes(started)}"
        + (f"; failed: {', '.join(failed)}" if failed else "")
    )
    return 1 if failed else 0


def minutes(started):
    return "{}:{:02} min".format(*divmod(int(time.monotonic() - started), 60))


def measure(bench, scenario, about, out):
    """Runs one scenario. Its failure is shown and does not stop the others."""
    name, started = scenario.name, time.monotonic()
    # An earlier result must not be taken for that of a run that fails.
    (out / f"{name}.json").unlink(missing_ok=True)
    try:
        result = scenario.run(bench)
        result.scenario, result.machine, result.quick = name, about, bench.quick
        result.parameters |= dict(bench.options.set)
        text = result.to_json()
        (out / f"{name}.json").write_text(json.dumps(text, indent=1))
    except Failed as error:
        bench.say(f"{name} failed:\n{error}\n")
        return False
    except Exception:
        # A defect of the harness itself, or a server that is gone.
        bench.say(f"{name} failed:\n{traceback.format_exc()}")
        return False
    finally:
        clean_up(bench)
    print(f"{name} ({time.monotonic() - started:.0f} s)\n{report.plain(text)}\n", flush=True)
    return True


def clean_up(bench):
    """Drops what contenders have left. A dead server is started again for the next scenario."""
    try:
        for database in bench.server.databases("run_"):
            bench.server.drop(database)
    except (OSError, ServerError):
        bench.say("  starting the server again")
        bench.server.restart()


def drop_databases(server, keep):
    for prefix in ["run_"] if keep else ["run_", "template_"]:
        for database in server.databases(prefix):
            server.drop(database)
    # What was interrupted while it was made.
    for database in server.databases("cached_"):
        if database.endswith("_new"):
            server.drop(database)
    # Clears shared buffers and WAL of what the dropped databases left there.
    server.admin.query("checkpoint")


def free_disk(path):
    return shutil.disk_usage(path).free
