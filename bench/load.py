"""Measures submissions to the real server: how many a second, how long each takes, its cost, and what if too many come.

    .venv/bin/python bench/load.py                       every level, on SQLite and PostgreSQL, with 1 and 4 workers
    .venv/bin/python bench/load.py --quick               fewer levels, in about three minutes
    .venv/bin/python bench/load.py --records 1000000     the first thousand submissions beside the last of a million
    .venv/bin/python bench/load.py --profile             where the time goes, in one process

Linux only, with PostgreSQL from Debian's packages. Every commit is durable: SQLite with synchronous=FULL, PostgreSQL
with fsync and synchronous_commit. Everything it makes is in a temporary folder, on a disk, and gone at the end.
"""

import argparse
import contextlib
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clients import BenchError, Connection
from crowd import Crowd, Load, Outcome
from machine import family_cpu, machine_cpu, session_cpu, sync_seconds
from many import SEALED_BYTES, fill
from postgres import Cluster
from profiled import profile
from service import CALL, ROOT, Instance

LEVELS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
QUICK_LEVELS = (1, 8, 64, 512)
WORKERS = (1, 4)
WARM_UP = 40
LEAST_A_SECOND = 150
MOST_CPU_MS = 8.0
FLAT = 1000
OVERLOAD = 3
_BUSY_SECONDS = 25
_QUICK_BUSY_SECONDS = 15
FIELD = """
Beside them, other systems on loopback and two shared cores of another machine, each as its makers ship it:
  SecureDrop 2.11 rc1     8 clients: 31 a second; about 20 ms of the server's processors each
  GlobaLeaks 5.0.95       1 client: 11.8 a second; 8 clients: 3.5, and 57 % of the answers an error 500; 61 ms each
  Hush Line 0.7.23        1 client: 14 to 28 a second; 4 clients: 21 to 29; 32 to 46 ms each, and the database"""


@dataclass(frozen=True)
class Site:
    """A running server and its database."""

    instance: Instance
    port: int
    server: int
    """The process that all of the server's share a session with."""
    database: int | None
    """The process of PostgreSQL that has all others as its children."""

    def cpu(self) -> tuple[float, float, float]:
        """Return the processor seconds so far: of the server, of the database, and of the clients."""
        database = family_cpu(self.database) if self.database else 0.0
        return session_cpu(self.server), database, sum(os.times()[:2])


@dataclass(frozen=True)
class Measured:
    """One level: how many a second, how long each takes (both requests, as its client sees it), and what it costs."""

    clients: int
    outcome: Outcome
    server: float
    """Milliseconds of processor time for each, as the next two."""
    database: float
    load: float

    @property
    def rate(self) -> float:
        """Return how many a second."""
        return len(self.outcome.latencies) / self.outcome.seconds


def main() -> None:
    """Run what the options say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer levels and submissions")
    parser.add_argument(
        "--records", type=int, default=0, help="compare with a database of so many records, and no more"
    )
    parser.add_argument("--profile", action="store_true", help="print where the time goes, and no more")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="a folder on the disk to measure")  # noqa: S108
    given = parser.parse_args()
    if given.records and not 2 * FLAT <= given.records <= 1_000_000:
        parser.error(f"--records must be from {2 * FLAT} to 1000000")
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(files, min(most, 16384)), most))
    tempfile.tempdir = str(given.folder)
    with tempfile.TemporaryDirectory(prefix="intake-bench-") as name, _others():
        folder = Path(name)
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}; a durable write of 4 kB takes", end=" ")
        print(f"{sync_seconds(folder) * 1000:.2f} ms.", flush=True)
        if given.profile:
            profile(Instance.create(folder), CALL, _answers())
        elif given.records:
            for engine in ("sqlite", "postgresql"):
                compare_sizes(folder, engine, given.records)
        else:
            levels(folder, quick=given.quick)


def levels(folder: Path, *, quick: bool) -> None:
    """Print every level of clients on both engines, then what happens when more come than can be served."""
    best = 0.0
    for engine in ("sqlite", "postgresql"):
        for workers in WORKERS:
            print(f"\n{engine}, {_plural(workers, 'worker')}. {_TITLES}", flush=True)
            with _site(folder / f"{engine}-{workers}", engine, workers) as site:
                for clients in QUICK_LEVELS if quick else LEVELS:
                    measured = _measure(site, clients, max(100, 2 * clients) if quick else max(300, 4 * clients))
                    print(_line(measured), flush=True)
                    if engine == "postgresql":
                        best = max(best, measured.rate)
                        cost = measured.server + measured.database
                _check_count(site.instance)
    print(FIELD)
    print(
        f"\nExpected: {LEAST_A_SECOND} a second on two cores with the database and these clients on them: at best",
        end=" ",
    )
    print(
        f"{best:.0f} on PostgreSQL, {_verdict(best >= LEAST_A_SECOND)}. Each costs the server and the database", end=" "
    )
    print(
        f"{cost:.1f} ms together, so a core of their own serves {1000 / cost:.0f} a second, and two cores twice that."
    )
    overload(folder, best * OVERLOAD, _QUICK_BUSY_SECONDS if quick else _BUSY_SECONDS)


def overload(folder: Path, rate: float, seconds: int) -> None:
    """Print what happens when so many people a second come, each on a connection of their own."""
    with _site(folder / "overload", "postgresql", os.cpu_count() or 1) as site:
        Crowd(_load(site)).submit(8, WARM_UP)
        outcome = Crowd(_load(site)).arrive(rate, seconds)
        _check_count(site.instance)
    print(
        f"\n{OVERLOAD} times as many as it can serve: {rate:.0f} people a second for {seconds} seconds, on PostgreSQL."
    )
    print(f"  taken:    {len(outcome.latencies):6}   p50 {_at(outcome.latencies, 50):6.0f} ms, p99", end=" ")
    print(f"{_at(outcome.latencies, 99):6.0f} ms, both requests")
    print(f"  503:      {len(outcome.refused):6}   p50 {_at(outcome.refused, 50):6.0f} ms, p99", end=" ")
    print(f"{_at(outcome.refused, 99):6.0f} ms; {outcome.without_retry_after} of them without Retry-After,", end=" ")
    print(f"{outcome.refused_posts} of them had sent their form")
    print(
        f"  errors:   {sum(outcome.errors.values()):6}   {dict(outcome.errors) or 'no timeout, no broken connection'}"
    )


def compare_sizes(folder: Path, engine: str, records: int) -> None:
    """Print the first submissions to an empty database beside the last of a full one, in turns on the same machine."""
    workers = os.cpu_count() or 1
    with contextlib.ExitStack() as stack:
        empty = stack.enter_context(_site(folder / f"{engine}-empty", engine, workers))
        full = stack.enter_context(_site(folder / f"{engine}-full", engine, workers, records=records - FLAT))
        runs: dict[str, list[Measured]] = {"the first": [], "the last": []}
        for _ in range(4):
            for name, site in zip(runs, (empty, full), strict=True):
                runs[name].append(_measure(site, 8, FLAT // 4))
        _check_count(full.instance)
    print(
        f"\n{engine}: the last {FLAT} of {records} records beside the first {FLAT} of another database, in turns; those"
    )
    print(f"between were filled in, with {SEALED_BYTES} bytes each in place of 33 kB. 8 clients, {workers} workers.")
    print(f"           {_TITLES}")
    for name, batches in runs.items():
        print(f"{name:<11}{_line(_middle(batches))}", flush=True)


_TITLES = "Clients   a second   p50 ms   p99 ms   errors   503   CPU ms each: server   database   load"


def _line(measured: Measured) -> str:
    outcome = measured.outcome
    return (
        f"{measured.clients:7}   {measured.rate:8.1f}   {_at(outcome.latencies, 50):6.0f}   "
        f"{_at(outcome.latencies, 99):6.0f}   {sum(outcome.errors.values()):6}   {len(outcome.refused):3}   "
        f"{measured.server:19.1f}   {measured.database:8.1f}   {measured.load:4.1f}"
        f"{f'   {dict(outcome.errors)}' if outcome.errors else ''}"
    )


def _measure(site: Site, clients: int, count: int) -> Measured:
    before = site.cpu()
    outcome = Crowd(_load(site)).submit(clients, count)
    spent = (1000 * (after - earlier) / count for earlier, after in zip(before, site.cpu(), strict=True))
    return Measured(clients, outcome, *spent)


def _middle(batches: Sequence[Measured]) -> Measured:
    """Return all batches as one, with the median of what each costs."""
    outcome = Outcome(seconds=sum(batch.outcome.seconds for batch in batches))
    for batch in batches:
        outcome.latencies += batch.outcome.latencies
        outcome.refused += batch.outcome.refused
        outcome.errors += batch.outcome.errors
    server, database, load = (
        statistics.median(getattr(batch, name) for batch in batches) for name in ("server", "database", "load")
    )
    return Measured(batches[0].clients, outcome, server, database, load)


@contextlib.contextmanager
def _site(folder: Path, engine: str, workers: int, records: int = 0) -> Iterator[Site]:
    """Serve a new instance with so many workers, its database filled with so many records."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        url, database = "", None
        if engine == "postgresql":
            cluster = Cluster.create(durable=True)
            stack.callback(cluster.remove)
            cluster.stop()
            cluster.start("shared_buffers=256MB", "max_wal_size=1GB")
            url, database = cluster.new_database(), int((cluster.data / "postmaster.pid").read_text().split()[0])
        instance = Instance.create(folder, url)
        if records:
            fill(instance, records)
        port, process = _start(instance, workers)
        stack.callback(_stop, process)
        site = Site(instance, port, process.pid, database)
        Crowd(_load(site)).submit(8, WARM_UP)
        yield site


def _start(instance: Instance, workers: int) -> tuple[int, subprocess.Popen[bytes]]:
    """Start gunicorn as operators may, with its settings in gunicorn.conf.py, and wait until it answers."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--workers", str(workers), "--bind", f"127.0.0.1:{port}", "wsgi:app"]
    with (instance.folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=instance.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    for _ in range(1200):
        with contextlib.suppress(OSError), contextlib.closing(Connection(port)) as connection:
            if connection.get("/healthz").text == b"ok\n":
                return port, process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    _stop(process)
    raise BenchError(f"the server did not start: {(instance.folder / 'server.log').read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)


def _check_count(instance: Instance) -> None:
    """Make sure that every receipt has its whole record: its words, its mailbox and its entry in the log."""
    whole = "record JOIN segment ON segment.record = record.id JOIN mailbox ON mailbox.id = record.mailbox"
    [(records,)] = instance.rows("SELECT count(*) FROM record")
    [(found,)] = instance.rows(f"SELECT count(*) FROM {whole} JOIN log_entry ON log_entry.record = record.id")  # noqa: S608
    if found != records:
        raise BenchError(f"of {records} records only {found} are whole")


@contextlib.contextmanager
def _others() -> Iterator[None]:
    """Say at the end how busy the machine was all the while: figures of a busy one say little."""
    before, clock = machine_cpu(), os.times().elapsed
    yield
    share = 100 * (machine_cpu() - before) / ((os.times().elapsed - clock) * (os.cpu_count() or 1))
    print(f"\nMeanwhile the machine was busy for {share:.0f} % of the time; load average {os.getloadavg()[0]:.2f}.")


def _load(site: Site) -> Load:
    return Load(site.port, CALL, _answers())


def _answers() -> dict[str, str]:
    """Return answers with about 4 kB of words, the same every time."""
    chance = random.Random(4)
    words = ("".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(620))
    return {"you.adult": "Y", "CINT": "Y", "story.text": " ".join(words)}


def _at(seconds: list[float], percentile: int) -> float:
    """Return a percentile, in milliseconds."""
    return sorted(seconds)[min(len(seconds) * percentile // 100, len(seconds) - 1)] * 1000 if seconds else 0.0


def _plural(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _verdict(good: bool) -> str:
    return "reached" if good else "MISSED"


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
