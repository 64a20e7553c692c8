"""dlt as a contender: installed from PyPI into a virtual environment of its own below target/bench."""

import subprocess
import sys

from .process import Failed
from .race import Contender
from .server import clean_environment

# The release that the stated constant was measured with, and later ones.
REQUIREMENTS = ["dlt[postgres]>=1.31", "psycopg2-binary"]


def install(bench):
    """The virtual environment's Python; made once. Raises `Failed` with pip's words."""
    folder = bench.directory / "dlt"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        bench.say("  installing dlt from PyPI into target/bench/dlt")
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS],
        ):
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0:
                raise Failed(result.stderr or result.stdout or f"{command[0]} ended with {result.returncode}")
        done.touch()
    return python


def version(bench):
    """Name and version."""
    code = "import dlt, sys; print(f'dlt {dlt.__version__}, Python {sys.version.split()[0]}')"
    return subprocess.run([str(install(bench)), "-c", code], capture_output=True, text=True).stdout.strip()


def contender(bench, lake, rounds=1):
    """Merge of the objects by key into nested tables. Ten times as slow as the others, hence one round."""
    python, database = install(bench), "run_total_dlt"
    script = bench.contender_path("sales_with_dlt.py")
    work = bench.directory / "dlt-work"
    environment = bench.environment(
        database,
        BENCH_URL=bench.server.url_of(database),
        BENCH_LAKE=lake.root,
        DLT_DATA_DIR=str(work),
        # As a user would set it who wants speed on two cores: no telemetry, two processes that normalize,
        # files that they can share.
        RUNTIME__DLTHUB_TELEMETRY="false",
        RUNTIME__LOG_LEVEL="WARNING",
        NORMALIZE__WORKERS="2",
        NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS="50000",
        EXTRACT__DATA_WRITER__FILE_MAX_ITEMS="50000",
        LOAD__WORKERS="2",
    )

    def prepare():
        subprocess.run(["rm", "-rf", str(work)], env=clean_environment({}), check=True)
        bench.server.create(database)

    def check(_usages):
        with bench.server.connect(database) as db:
            tables = [
                row[0]
                for row in db.query(
                    "select tablename from pg_tables where schemaname = 'bench' and tablename like 'sales%' order by 1"
                )
            ]
            found = {table: int(db.value(f'select count(*) from bench."{table}"')) for table in tables}
        if found.get("sales") != lake.lines():
            raise Failed(f"dlt left {found} where {lake.lines()} sales were expected")
        return {"tables": ", ".join(f"{table} {count:,}" for table, count in found.items())}

    return Contender(
        name="dlt",
        steps=[[[python, script]]],
        environment=environment,
        prepare=prepare,
        check=check,
        rows=lake.lines(),
        rounds=rounds,
    )
