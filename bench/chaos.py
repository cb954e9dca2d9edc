"""Breaks a real instance under load for as long as you like, and prints what it survived. Linux only, best as root.

    .venv/bin/python bench/chaos.py --minutes 30 --engine postgresql

The tests in tests/faults do each of these things for seconds. Here they come in any order and on top of each other. It
works in spells of a minute, each on a new instance in a temporary folder. At the end of a spell, everything that anyone
was told must be true (tests/faults/oracle.py). Exit code 1 when something was lost, came twice or is not whole.
"""

import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "faults"))

from breaking import MIB, failing, hold_files_to, kill_worker, limit_memory, workers
from oracle import troubles
from postgres import Cluster
from service import Instance
from sources import Crowd

SPELL_SECONDS = 60


class Chaos:
    """One spell: an instance, a crowd, and what can be done to them."""

    def __init__(self, instance: Instance, crowd: Crowd, cluster: Cluster | None, chance: random.Random) -> None:
        self.instance, self.crowd, self.cluster, self.chance = instance, crowd, cluster, chance
        self.done = Counter[str]()
        calamities: dict[Callable[[], None], int] = {
            self.kill_a_worker: 40,
            self.kill_the_server: 3,
            self.kill_the_master: 2,
            self.stop_a_worker: 4,
            self.starve: 5,
            self.kill_an_export: 3,
        }
        if cluster is not None:
            calamities |= {self.kill_a_backend: 10, self.kill_the_database: 3}
        else:
            calamities[self.fill_the_disk] = 10
            if shutil.which("strace") and os.getuid() == 0:
                calamities[self.break_the_disk] = 4
        self._calamities, self._weights = list(calamities), list(calamities.values())

    def go_on_until(self, end: float) -> None:
        """Do one thing after another."""
        while time.monotonic() < end:
            (calamity,) = self.chance.choices(self._calamities, self._weights)
            calamity()
            self.done[calamity.__name__.replace("_", " ")] += 1
            self.crowd.wait_for(self.chance.randrange(4))
            time.sleep(self.chance.uniform(0, 0.05))

    def kill_a_worker(self) -> None:
        """As the kernel does when memory is short."""
        with self._a_worker() as worker:
            kill_worker(self.crowd.server, worker)

    def kill_the_server(self) -> None:
        """As a power cut does."""
        self.crowd.server.kill()
        self.crowd.server = self.instance.start()

    def kill_the_master(self) -> None:
        """Its workers have to notice, and may still serve when others do."""
        self.crowd.server.process.kill()
        self.crowd.server.process.wait()
        self.crowd.server = self.instance.start()

    def stop_a_worker(self) -> None:
        """It hangs for a while, with what it holds."""
        with self._a_worker() as worker:
            os.kill(worker, signal.SIGSTOP)
            time.sleep(self.chance.uniform(0, 0.5))
            os.kill(worker, signal.SIGCONT)

    def starve(self) -> None:
        """Its memory runs out for a while."""
        with self._a_worker() as worker:
            limit_memory(worker, self.chance.randrange(4 * MIB))
            time.sleep(self.chance.uniform(0, 0.3))
            limit_memory(worker, -1)

    def kill_an_export(self) -> None:
        """At any instant; what it leaves is of no account."""
        command = [sys.executable, "-m", "intake.operator.commands", "export", str(self.instance.folder / "killed.tar")]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, env=self.instance.environment, stdout=quiet, stderr=quiet)
        time.sleep(self.chance.uniform(0.3, 2))
        process.kill()
        process.wait()

    def fill_the_disk(self) -> None:
        """No file can grow for a while."""
        hold_files_to(self.crowd.server, self.chance.randrange(2 * MIB))
        time.sleep(self.chance.uniform(0, 0.3))
        hold_files_to(self.crowd.server, resource.RLIM_INFINITY)

    def break_the_disk(self) -> None:
        """It refuses to write, or to say that it has written, for a while."""
        calls, error = self.chance.choice([("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64,ftruncate", "EROFS")])
        with failing(workers(self.crowd.server), calls, error, f"{self.chance.randrange(1, 9)}+"):
            time.sleep(self.chance.uniform(0, 0.3))

    def kill_a_backend(self) -> None:
        """PostgreSQL ends all of its processes then, and recovers."""
        with contextlib.suppress(Exception):  # it may be recovering just now
            for (process,) in self._cluster.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname LIKE 'test_%' LIMIT 1"
            ):
                os.kill(process, signal.SIGKILL)
        self._cluster.wait()

    def kill_the_database(self) -> None:
        """All of its processes at once."""
        self._cluster.kill()
        self._cluster.start()

    @property
    def _cluster(self) -> Cluster:
        if self.cluster is None:
            raise LookupError("this instance has no PostgreSQL")
        return self.cluster

    @contextlib.contextmanager
    def _a_worker(self) -> Iterator[int]:
        with contextlib.suppress(ProcessLookupError):  # it may just have ended
            yield self.chance.choice(workers(self.crowd.server))


def spell(number: int, people: int, seconds: float, cluster: Cluster | None, chance: random.Random) -> list[str]:
    """Have one spell, print a line on it, and return every trouble."""
    with tempfile.TemporaryDirectory(prefix="intake-bench-", dir="/var/tmp") as name:
        instance = Instance.create(Path(name), cluster.new_database() if cluster else "")
        crowd = Crowd(instance.start(), people=people, seed=chance.getrandbits(32))
        chaos = Chaos(instance, crowd, cluster, chance)
        try:
            with crowd.at_work():
                chaos.go_on_until(time.monotonic() + seconds)
            found = troubles(instance, crowd.accounts)
        finally:
            crowd.server.kill()
            if cluster:
                cluster.drop(instance.url)
    rounds = ", ".join(f"{name} {times}" for name, times in chaos.done.most_common())
    print(f"spell {number}: {chaos.done.total()} rounds ({rounds});")
    print(
        f"  acknowledged {crowd.acknowledged}, no answer {crowd.unanswered} times, asked to try again {crowd.put_off};",
        f"lost, twice or not whole: {len(found)}",
        flush=True,
    )
    for trouble in found:
        print(f"  {trouble}")
    return found


def main() -> None:
    """Have spells until the time is over."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument(
        "--seed", type=int, default=1, help="what chance begins with; the order of things differs still"
    )
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--people", type=int, default=6, help="how many send at once (default 6)")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    end = time.monotonic() + given.minutes * 60
    cluster = Cluster.create(durable=True) if given.engine == "postgresql" else None
    found: list[str] = []
    number = 0
    try:
        while (left := end - time.monotonic()) > 0:
            number += 1
            found += spell(number, given.people, min(SPELL_SECONDS, left), cluster, chance)
    finally:
        if cluster:
            cluster.remove()
    print(f"{number} spells survived; in all, lost, twice or not whole: {len(found)}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
