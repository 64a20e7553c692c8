"""The private PostgreSQL of the benchmark: started by `evo db`, one set of settings for all contenders."""

import json
import os
import subprocess
import time
import urllib.parse

from .wire import Connection, ServerError

# As on a server with replicas: evo's own private server would otherwise skip WAL for what a transaction
# creates. Autovacuum would fall into some runs and not into others. Compression is PostgreSQL's own choice,
# as on anybody's server: evo's tables and the limit's name lz4 themselves, a hand-written temporary table
# does not.
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1h",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_compression": "off",
    "autovacuum": "off",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "default_toast_compression": "pglz",
    "jit": "off",
    "track_io_timing": "off",
}


class Server:
    """Starts on entry; stopped on leaving, its data kept for the next time unless `destroy`."""

    def __init__(self, evo, directory):
        self.evo, self.directory = evo, directory
        self.environment = clean_environment({"EVO_STATE_DIR": str(directory)})

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.admin.close()
        self._db("stop")

    def restart(self):
        """Comes back after the server has died under a scenario."""
        self.admin.close()
        self.start()

    def start(self):
        """Starts the server with its settings and connects."""
        os.makedirs(self.directory, exist_ok=True)
        self._db("start")
        self.url = self._db("url")["url"]
        with Connection(self.url) as db:
            wanted = {k: v for k, v in SETTINGS.items() if db.value(f"show {k}") != v}
            for name, value in wanted.items():
                db.query(f"alter system set {name} = '{value}'")
        if wanted:
            self._db("stop")
            self._db("start")
            self.url = self._db("url")["url"]
        self.pid = self._db("status")["pid"]
        self.admin = Connection(self.url)
        self.version = self.admin.value("show server_version")

    def preload(self, libraries):
        """Restarts with these libraries, or with none."""
        # An empty text would be a library without a name.
        change = f"set shared_preload_libraries = '{libraries}'" if libraries else "reset shared_preload_libraries"
        self.admin.query(f"alter system {change}")
        self.admin.close()
        self._db("stop")
        self.start()

    def _db(self, action):
        command = [self.evo, "--quiet", "--output", "json", "db", action]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"evo db {action} failed:\n{done.stderr}{done.stdout}")
        return json.loads(done.stdout)

    # Databases.

    def url_of(self, database):
        """The address of a database, for evo and for psql."""
        return urllib.parse.urlunsplit(urllib.parse.urlsplit(self.url)._replace(path=f"/{database}"))

    def connect(self, database, name="bench"):
        """A session."""
        return Connection(self.url, database, name)

    def databases(self, prefix):
        """Names of the databases that begin so."""
        return [
            row[0]
            for row in self.admin.query(
                f"select datname from pg_database where starts_with(datname, '{prefix}') order by 1"
            )
        ]

    def exists(self, database):
        return self.admin.value(f"select 1 from pg_database where datname = '{database}'") is not None

    def create(self, database, template=None):
        """Makes the database again, as a copy of the template if there is one."""
        self.drop(database)
        self.admin.query(
            f"create database {database}" + (f" template {template} strategy file_copy" if template else "")
        )

    def drop(self, database):
        """Drops the database, even if sessions are connected to it."""
        self.admin.query(f"drop database if exists {database} with (force)")

    def settle(self):
        """Leaves nothing to write for the run that follows, so that each begins alike."""
        self.admin.query("checkpoint")
        os.sync()

    # What the server has spent.

    def wal_bytes(self):
        """The position of the WAL in bytes."""
        return int(self.admin.value("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def cpu_seconds(self):
        """Of the server's processes, those that have ended included."""
        # A session that ends while the processes are read may be missed once: as itself and in its parent.
        return max(tree_cpu_seconds(self.pid), tree_cpu_seconds(self.pid))


def sizes(db, tables):
    """Heap, TOAST and index bytes and the tuples, dead ones included, of tables and their partitions."""
    names = ", ".join(f"'{table}'::regclass" for table in tables)
    row = db.query(
        f"""with part as (
                select distinct p.relid from unnest(array[{names}]) t, lateral (
                    select relid from pg_partition_tree(t) where isleaf
                    union select t::regclass where not exists (select from pg_partition_tree(t))) p)
            select coalesce(sum(pg_relation_size(relid)), 0), coalesce(sum(pg_table_size(relid) - pg_relation_size(relid)), 0),
                   coalesce(sum(pg_indexes_size(relid)), 0), coalesce(sum(pg_total_relation_size(relid)), 0) from part"""
    )[0]
    return dict(zip(("heap_bytes", "toast_bytes", "index_bytes", "total_bytes"), map(int, row)))


def tuple_counters(db):
    """Tuples inserted, updated and deleted since the database exists, and those dead, without temporary tables."""
    for _ in range(20):
        row = db.query(
            """select pg_stat_clear_snapshot(), coalesce(sum(n_tup_ins), 0), coalesce(sum(n_tup_upd), 0),
                      coalesce(sum(n_tup_del), 0), coalesce(sum(n_dead_tup), 0)
               from pg_stat_user_tables where schemaname in ('stg_evo', 'core')"""
        )[0]
        if row:
            break
        time.sleep(0.05)
    return dict(zip(("inserted", "updated", "deleted", "dead"), map(int, row[1:])))


def clean_environment(extra):
    """The environment without what this shell may have configured for evo or libpq."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EVO_", "PG", "ADLS_", "AZURE_"))}
    return {**kept, **extra}


def tree_cpu_seconds(root):
    """User and system time of a process, its descendants, and of those that have been waited for."""
    ticks, children, spent = os.sysconf("SC_CLK_TCK"), {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(name)
        children.setdefault(int(fields[1]), []).append(pid)
        spent[pid] = sum(map(int, fields[11:15]))
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        total += spent.get(pid, 0)
        todo += children.get(pid, [])
    return total / ticks


__all__ = ["Server", "ServerError", "SETTINGS", "clean_environment", "sizes", "tree_cpu_seconds", "tuple_counters"]
