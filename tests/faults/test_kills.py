"""kill -9 at random instants under load: nothing acknowledged is lost, nothing is exported that is not whole."""

import contextlib
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from breaking import kill_worker, workers
from oracle import export, read, troubles
from person import SWIFT, Person, changed_program, intake, wait_until
from postgres import Cluster
from service import Instance
from sources import Crowd

from intake.desk.bundles.reading import open_bundle
from intake.tar import BundleError

WORKER_KILLS = 100
SERVER_KILLS = 6
DATABASE_KILLS = 6
BACKEND_KILLS = 24
EXPORT_KILLS = 24

pytestmark = pytest.mark.both_engines


def erased(instance: Instance) -> bool:
    """Whether all that was withdrawn is gone."""
    return instance.rows("SELECT count(*) FROM record WHERE state IN ('erasing', 'receiving')") == [(0,)]


def test_workers_that_are_killed_lose_nothing(instance: Instance) -> None:
    """One after another, while people send, come back, add files, choose and withdraw, and what is to go is erased."""
    chance = random.Random(6)
    rounds = WORKER_KILLS if instance.url.startswith("sqlite") else WORKER_KILLS // 4
    with instance.serve(**changed_program(instance.folder, SWIFT)) as server:
        crowd = Crowd(server)
        with crowd.at_work():
            for _ in range(rounds):
                crowd.wait_for(chance.randrange(1, 3))
                time.sleep(chance.uniform(0, 0.02))
                kill_worker(server, chance.choice(workers(server)))
        assert crowd.acknowledged > rounds and crowd.unanswered > rounds / 10
        assert troubles(instance, crowd.accounts) == []
        wait_until(lambda: erased(instance))
    assert troubles(instance, crowd.accounts) == []


def test_a_server_that_is_killed_loses_nothing(instance: Instance) -> None:
    """The whole of it, master and workers, again and again, as in a power cut."""
    chance = random.Random(7)
    rounds = SERVER_KILLS if instance.url.startswith("sqlite") else SERVER_KILLS // 4
    crowd = Crowd(instance.start())
    try:
        with crowd.at_work():
            for _ in range(rounds):
                crowd.wait_for(chance.randrange(1, 40))
                crowd.server.kill()
                crowd.server = instance.start()
        assert crowd.unanswered >= rounds
        assert troubles(instance, crowd.accounts) == []
    finally:
        crowd.server.kill()


@pytest.mark.only_sqlite
def test_a_database_server_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    """PostgreSQL: one of its processes, which makes it start anew, and the whole of it. The site goes on by itself."""
    chance = random.Random(8)
    cluster = Cluster.create(durable=True)
    try:
        instance = Instance.create(tmp_path, cluster.new_database())
        with instance.serve() as server:
            crowd = Crowd(server)
            with crowd.at_work():
                for number in range(DATABASE_KILLS + BACKEND_KILLS):
                    crowd.wait_for(chance.randrange(1, 4), seconds=150)
                    if number % (1 + BACKEND_KILLS // DATABASE_KILLS) == 0:
                        cluster.kill()
                        cluster.start()
                    else:
                        kill_backend(cluster, chance)
            assert crowd.put_off + crowd.unanswered > 0
            assert troubles(instance, crowd.accounts) == []
    finally:
        cluster.remove()


def kill_backend(cluster: Cluster, chance: random.Random) -> None:
    """Kill one process that serves a connection, and wait until the others have ended and PostgreSQL is back."""
    backends = cluster.execute("SELECT pid FROM pg_stat_activity WHERE datname LIKE 'test_%'")
    if backends:
        (killed,) = chance.choice(backends)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{killed}").exists())  # then PostgreSQL knows, and turns everyone away
    cluster.wait()


def test_an_export_that_is_killed_leaves_no_bundle_that_passes_for_whole(instance: Instance) -> None:
    """At any instant: either no file of that name, or a whole one; what else it leaves, no desk takes."""
    chance = random.Random(9)
    with instance.serve() as server:
        Person.who_sent(server).send(("large.bin", bytes(6_000_000)))
        for _ in range(10):
            server.client.send()
    whole = export(instance)
    killed, seconds = 0, 60.0
    for number in range(EXPORT_KILLS):
        path, began = instance.folder / f"{number}.tar", time.monotonic()
        process = multiprocessing.get_context("fork").Process(target=intake, args=(instance, "export", path))
        process.start()
        process.join(chance.uniform(0, seconds) if number else None)
        process.kill()
        process.join()
        seconds = seconds if number else time.monotonic() - began
        killed += process.exitcode == -signal.SIGKILL
        if path.exists():
            assert read(instance, path).verified == whole.verified
        for left in instance.folder.glob(f".{number}.tar.*"):
            with contextlib.suppress(BundleError), open_bundle(left) as bundle:
                assert bundle.verify() == whole.verified or bundle.verify().troubles
            left.unlink()
    assert killed > EXPORT_KILLS / 4
    assert troubles(instance, []) == []
