"""A PostgreSQL server of the tests' own, from Debian's packages, in a temporary folder. Nothing of it stays."""

import atexit
import contextlib
import functools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import make_url

from intake.store.engine import open_engine
from intake.store.schema import upgrade

USER = "intake"
"""The user of the instances: it owns their databases, and may do nothing else."""
_ADMINISTRATOR = "administrator"
TEMPLATE = "intake_template"
_CHEAP = ("fsync=off", "full_page_writes=off")
_DURABLE = ("fsync=on", "full_page_writes=on")
_SETTINGS = (
    "shared_buffers=32MB",
    "max_wal_size=64MB",
    "min_wal_size=32MB",
    "max_connections=200",
    "logging_collector=off",
    "listen_addresses=",
    "dynamic_shared_memory_type=mmap",  # in its folder: one that is killed would leave it in /dev/shm for ever
)
_SECONDS = 60


def binaries() -> Path | None:
    """Where Debian's newest PostgreSQL is, if it is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """A PostgreSQL server. What is committed is written to the disk at once only if it is `durable`."""

    def __init__(self, *, durable: bool = False) -> None:
        found = binaries()
        if found is None:
            pytest.skip("PostgreSQL is missing. To install it: sudo apt-get install postgresql")
        self._binaries = found
        self._durability = _DURABLE if durable else _CHEAP
        self.folder = Path(tempfile.mkdtemp(prefix="intake-postgresql-"))
        self._process: subprocess.Popen[bytes] | None = None
        if os.getuid() == 0:
            os.chown(self.folder, *_unprivileged())
        atexit.register(self.remove)

    @classmethod
    def create(cls, *, durable: bool = False) -> "Cluster":
        """Make a new server and start it."""
        cluster = cls(durable=durable)
        initdb = ("--auth=trust", f"--username={_ADMINISTRATOR}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        cluster.run("initdb", *initdb, "-D", cluster.data)
        cluster.start()
        cluster.execute(f"CREATE ROLE {USER} LOGIN")
        return cluster

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def log(self) -> str:
        """What the server wrote to its log."""
        return (self.folder / "log").read_text()

    def url(self, name: str = "postgres", *, standby: "Cluster | None" = None) -> str:
        """The URL of a database; with the standby that may take over."""
        servers = [self, standby] if standby else [self]
        hosts = "&".join(f"host={server.folder}" for server in servers)
        return f"postgresql+psycopg://{USER}@/{name}?{hosts}"

    def start(self, *settings: str) -> None:
        """Start the server, and wait until it answers."""
        options = (*_SETTINGS, *self._durability, f"unix_socket_directories={self.folder}")
        arguments = [part for setting in (*options, *settings) for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            command = [str(self._binaries / "postgres"), "-D", str(self.data), *arguments]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **_as_unprivileged())
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        end = time.monotonic() + _SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return
            assert self._process and self._process.poll() is None, f"PostgreSQL has ended: {self.log}"
            assert time.monotonic() < end, f"PostgreSQL does not answer: {self.log}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, without regard to who is connected."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill every process of it as a power cut does. `start` recovers."""
        if self._process is None:
            return
        pid = self._process.pid
        os.kill(pid, signal.SIGSTOP)  # it would else see its children die, and start new ones
        for child in self._children(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Let it do nothing for a while, and answer nobody."""
        assert self._process
        processes = [self._process.pid, *self._children(self._process.pid)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def standby(self) -> "Cluster":
        """Make a standby of this server, start it, and let no commit be acknowledged that is not on its disk."""
        other = Cluster(durable=self._durability == _DURABLE)
        source = ("-h", self.folder, "-U", _ADMINISTRATOR, "--checkpoint=fast", "--no-sync")
        other.run("pg_basebackup", *source, "-D", other.data, "--write-recovery-conf")
        named = f"host={self.folder} user={_ADMINISTRATOR} application_name=standby"
        other.start(f"primary_conninfo={named}")
        self.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        self.execute("SELECT pg_reload_conf()")
        end = time.monotonic() + _SECONDS
        while self.execute("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < end, f"the standby does not follow: {other.log}"
            time.sleep(0.05)
        return other

    def promote(self) -> None:
        """Let this standby take over. It waits for no standby of its own."""
        self.execute("ALTER SYSTEM RESET synchronous_standby_names")
        assert self.execute("SELECT pg_promote(true, 60)") == [(True,)]
        self.execute("SELECT pg_reload_conf()")

    def connect(self, name: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
        """Connect to a database. Each statement is committed by itself."""
        return psycopg.connect(
            host=str(self.folder), user=_ADMINISTRATOR, dbname=name, autocommit=True, connect_timeout=10
        )

    def execute(self, statement: str, name: str = "postgres") -> list[tuple[Any, ...]]:
        """Execute a statement, and return its rows."""
        with self.connect(name) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """Make a database with the tables of an instance and an instance id; return its URL."""
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
            self.execute(f"CREATE DATABASE {TEMPLATE} OWNER {USER}")
            engine = open_engine(self.url(TEMPLATE))
            upgrade(engine)
            engine.dispose()
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {USER}")
        self.execute(f"UPDATE instance SET id = '{secrets.token_hex(16)}'", name)
        return self.url(name)

    def empty_database(self) -> str:
        """Make a database without tables; return its URL."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} OWNER {USER}")
        return self.url(name)

    def copy(self, url: str) -> str:
        """Copy a database that nobody uses now; return the URL of the copy."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {database_name(url)} OWNER {USER}")
        return self.url(name)

    def refuse(self, url: str) -> None:
        """Let nobody connect to a database, and end every connection to it."""
        name = database_name(url)
        self.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")

    def admit(self, url: str) -> None:
        """Let them connect again."""
        self.execute(f"ALTER DATABASE {database_name(url)} ALLOW_CONNECTIONS true")

    def replace(self, url: str, other: str) -> None:
        """Put another database in the place of one, which is gone then."""
        self.refuse(url)
        self.drop(url)
        self.execute(f"ALTER DATABASE {database_name(other)} RENAME TO {database_name(url)}")

    def drop(self, url: str) -> None:
        """Take a database away."""
        self.execute(f"DROP DATABASE IF EXISTS {database_name(url)} WITH (FORCE)")

    def run(self, program: str, *arguments: object) -> None:
        """Run one of PostgreSQL's programs."""
        command = [str(self._binaries / program), *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder, check=False, **_as_unprivileged()
        )
        assert done.returncode == 0, done.stderr

    def remove(self) -> None:
        """Stop it and remove its folder."""
        atexit.unregister(self.remove)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _children(process: int) -> list[int]:
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_SECONDS)
            self._process = None


@functools.cache
def shared_cluster() -> Cluster:
    """The server of all tests of this process that need no other. It ends with the process."""
    return Cluster.create()


def remove_shared_cluster() -> None:
    """End the server of this process, if there is one."""
    if shared_cluster.cache_info().currsize:
        shared_cluster().remove()
        shared_cluster.cache_clear()


def database_name(url: str) -> str:
    """The name of the database that a URL of these tests names."""
    return str(make_url(url).database)


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Give the URL of a fresh database with its tables, and take it away at the end."""
    url = shared_cluster().new_database()
    try:
        yield url
    finally:
        shared_cluster().drop(url)


def _unprivileged() -> tuple[int, int]:
    """The user and the group that PostgreSQL runs as where the tests run as root, which it refuses."""
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise AssertionError("there is no user `postgres` or `nobody` on this machine")


def _as_unprivileged() -> dict[str, Any]:
    if os.getuid() != 0:
        return {}
    user, group = _unprivileged()
    return {"user": user, "group": group, "extra_groups": []}
