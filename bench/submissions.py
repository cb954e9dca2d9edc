"""Measures the real server: submissions per second against gpg, processor time, growth, bytes on the wire.

Run it with `make bench`, or with more records: `.venv/bin/python bench/submissions.py --records 20000`. Linux only.
Everything it makes is in a temporary folder, on a disk, and gone at the end.
"""

import argparse
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clients import BenchError, Connection, Load, submit_all
from machine import Gpg, children_cpu, machine_cpu, session_cpu, sync_seconds
from service import CALL, Instance, Server

from intake.settings import load_settings
from intake.store.engine import open_engine

BATCH = 200
WARM_UP = 40
ROUNDS = 3
CLIENTS = (1, 2, 8)
LEAST_RECORDS = WARM_UP + BATCH * ROUNDS * (len(CLIENTS) + 1)
LEAST_A_SECOND = 100
MOST_CPU_MS = 8.0
PAGE_BUDGETS = {"landing": 14_000, "form": 35_000}
SCRIPT_BUDGET = 60_000
_STYLESHEET = re.compile(rb'<link rel="stylesheet" href="([^"]+)"')
_SCRIPT = re.compile(rb'<script src="([^"]+)"')


@dataclass(frozen=True)
class Measured:
    """One batch of submissions: how many a second, and milliseconds for each."""

    rate: float
    latency: float
    """Median, as the client sees it: both requests."""
    server: float
    """Processor time of the server's processes."""
    load: float
    """Processor time of the clients."""


@dataclass(frozen=True)
class Bench:
    """A running server, and what is sent to it."""

    server: Server
    load: Load

    def run(self, clients: int, count: int = BATCH) -> Measured:
        """Send a batch."""
        server, own = session_cpu(self.server.process.pid), children_cpu()
        seconds, latencies = submit_all(self.load, clients, count)
        server, own = session_cpu(self.server.process.pid) - server, children_cpu() - own
        each = 1000 / count
        return Measured(count / seconds, statistics.median(latencies) * 1000, server * each, own * each)


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=LEAST_RECORDS, help="size the database grows to")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="a folder on the disk to measure")  # noqa: S108
    given = parser.parse_args()
    if not LEAST_RECORDS <= given.records <= 1_000_000:
        parser.error(f"--records must be from {LEAST_RECORDS} to 1000000")
    text = _text()
    with tempfile.TemporaryDirectory(prefix="intake-bench-", dir=given.folder) as name:
        folder = Path(name)
        instances = []
        for kind in ("full", "empty"):
            (folder / kind).mkdir()
            instances.append(Instance.create(folder / kind))
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.2f}; a durable write of 4 kB takes", end=" ")
        print(f"{sync_seconds(folder) * 1000:.2f} ms; {_durability(instances[0])}")
        with instances[0].serve() as server, instances[1].serve() as other, _others(server, other):
            answers = {"you.adult": "Y", "CINT": "Y", "story.text": text}
            full, empty = (Bench(one, Load(one.client.port, CALL, answers)) for one in (server, other))
            full.run(max(CLIENTS), WARM_UP)
            with _gpg(folder / "gnupg", text) as gpg:
                compare(full, gpg)
            fill(full, given.records - LEAST_RECORDS)
            compare_sizes(full, empty, given.records)
            _check_count(instances[0], given.records)
            weigh_pages(Connection(server.client.port))
    print(f"\nAgain: .venv/bin/python bench/submissions.py --records {given.records}   (20000 takes 5 minutes)")


def compare(bench: Bench, gpg: Gpg | None) -> None:
    """Print submissions a second beside `gpg --encrypt` of the same text, one process a submission."""
    runs: dict[int, list[Measured]] = {clients: [] for clients in CLIENTS}
    gpg_rates: dict[int, list[float]] = {clients: [] for clients in CLIENTS}
    for _ in range(ROUNDS):
        for clients in CLIENTS:
            runs[clients].append(bench.run(clients))
            if gpg:
                gpg_rates[clients].append(BATCH / gpg.encrypt_all(clients, BATCH))
    print(f"\nSubmissions: GET the form, POST 4 kB, check the receipt. Medians of {ROUNDS} batches of {BATCH}.")
    print(
        "clients   a second (lowest-highest)   gpg a second   ratio   latency ms   server CPU ms (lowest)   load CPU ms"
    )
    for clients, measured in runs.items():
        rates = [batch.rate for batch in measured]
        rate = statistics.median(rates)
        yardstick = statistics.median(gpg_rates[clients]) if gpg else None
        print(
            f"{clients:7}   {rate:8.0f} {f'({min(rates):.0f}-{max(rates):.0f})':<18}"
            + (f"   {yardstick:12.0f}   {rate / yardstick:5.2f}" if yardstick else f"   {'no gpg':>12}   {'-':>5}")
            + f"   {_median(measured, 'latency'):10.1f}   {_median(measured, 'server'):13.1f}"
            + f" {f'({min(batch.server for batch in measured):.1f})':<8}   {_median(measured, 'load'):11.1f}"
        )
    most = runs[max(CLIENTS)]
    rate, cpu = _median(most, "rate"), _median(most, "server")
    print(f"budget: {rate:.0f} of at least {LEAST_A_SECOND} a second: {_verdict(rate >= LEAST_A_SECOND)};", end=" ")
    print(f"server CPU {cpu:.1f} of at most {MOST_CPU_MS:.0f} ms: {_verdict(cpu <= MOST_CPU_MS)}")


def fill(bench: Bench, missing: int) -> None:
    """Send so many more submissions, through the form like all others."""
    while missing > 0:
        bench.run(max(CLIENTS), min(BATCH, missing))
        missing -= BATCH


def compare_sizes(full: Bench, empty: Bench, records: int) -> None:
    """Print the last records of a large database beside the first of a new one, in turns on the same machine."""
    empty.run(max(CLIENTS), WARM_UP)
    runs: dict[str, list[Measured]] = {"first": [], "last": []}
    for _ in range(ROUNDS):
        runs["first"].append(empty.run(max(CLIENTS)))
        runs["last"].append(full.run(max(CLIENTS)))
    count = BATCH * ROUNDS
    print(f"\nThe last {count} of {records} records, and the first {count} of another database, in turns.", end=" ")
    print(f"Medians of batches of {BATCH}, {max(CLIENTS)} clients.")
    print("          a second   latency ms   server CPU ms")
    for title, batches in runs.items():
        print(f"{title:<10}" + "   ".join(f"{_median(batches, name):{width}.1f}" for name, width in _SIZES))
    ratios = ((_median(runs["last"], name) / _median(runs["first"], name), width) for name, width in _SIZES)
    print(f"{'ratio':<10}" + "   ".join(f"{ratio:{width}.2f}" for ratio, width in ratios))


_SIZES = (("rate", 8), ("latency", 10), ("server", 13))


def weigh_pages(connection: Connection) -> None:
    """Print the bytes of the pages on the wire, compressed, headers included. The form is usable without its script."""
    print("\nBytes on the wire, compressed, with headers and stylesheet; the landing page with its script.")
    print("page      language   document   stylesheet   script    total   budget")
    script = 0
    with closing(connection):
        for page, path in (("landing", ""), ("form", CALL.rpartition("/")[2])):
            for language in load_settings({}).languages:
                document = connection.get(f"/{language}/{path}")
                style, script = (
                    sum(connection.get(link.decode()).size for link in set(pattern.findall(document.text)))
                    for pattern in (_STYLESHEET, _SCRIPT)
                )
                total = document.size + style + (script if page == "landing" else 0)
                budget = PAGE_BUDGETS[page]
                print(f"{page:<10}{language:<8}   {document.size:8}   {style:10}   {script:6}   {total:6}", end="   ")
                print(f"{budget:6} {_verdict(total <= budget)}")
    print(f"the script of the form: {script} of at most {SCRIPT_BUDGET}: {_verdict(script <= SCRIPT_BUDGET)}")


@contextmanager
def _gpg(folder: Path, text: str) -> Iterator[Gpg | None]:
    if not shutil.which("gpg"):
        yield None
        return
    with closing(Gpg(folder, text)) as gpg:
        yield gpg


@contextmanager
def _others(*servers: Server) -> Iterator[None]:
    """Say at the end how busy the machine was with other things, for they slow down what is measured."""
    before, own, clock = machine_cpu(), _own_cpu(servers), os.times().elapsed
    yield
    other = machine_cpu() - before - (_own_cpu(servers) - own)
    share = 100 * other / ((os.times().elapsed - clock) * (os.cpu_count() or 1))
    print(f"\nMeanwhile other processes took {share:.0f} % of this machine; load average {os.getloadavg()[0]:.2f}.")


def _own_cpu(servers: Sequence[Server]) -> float:
    return sum(session_cpu(server.process.pid) for server in servers) + children_cpu() + sum(os.times()[:2])


def _durability(instance: Instance) -> str:
    """Say how durable a write is, by the code that opens the database in production."""
    with open_engine(instance.database).connect() as connection:
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    return "SQLite journal_mode={} synchronous={} (2 is FULL)".format(*values)


def _check_count(instance: Instance, records: int) -> None:
    """Make sure that every receipt has its record."""
    with open_engine(instance.database).connect() as connection:
        found = connection.exec_driver_sql("SELECT count(*) FROM record").scalar()
    if found != records:
        raise BenchError(f"{records} receipts were given and {found} records are stored")


def _text() -> str:
    """Return about 4 kB of words, the same every time."""
    chance = random.Random(4)
    letters = "etaoinshrdlu"
    words = ("".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(620))
    return " ".join(words)


def _median(measured: list[Measured], name: str) -> float:
    return float(statistics.median(getattr(batch, name) for batch in measured))


def _verdict(good: bool) -> str:
    return "within" if good else "MISSED"


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"bench: {error}")
