"""A PostgreSQL primary dies under load. Its synchronous standby takes over, and the site follows by itself."""

import contextlib
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPException
from pathlib import Path

import pytest
from person import changed_program, wait_until
from postgres import Cluster, database_name
from service import CALL, ENOUGH, Instance, Server

SENDERS = 6
PEOPLE = 12
IMPATIENT = {
    "intake/store/postgresql.py": [("_ANSWER_SECONDS = 20.0", "_ANSWER_SECONDS = 5.0")],
    "intake/site/service.py": [("_CHECK_SECONDS = 1.0", "_CHECK_SECONDS = 3600.0")],
}
"""What to change in the program so that it waits less for the database, and does not find out before a form comes."""


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary and its synchronous standby."""
    primary = Cluster.create(durable=True)
    standby = primary.standby()
    yield primary, standby
    primary.remove()
    standby.remove()


@pytest.fixture
def instance(pair: tuple[Cluster, Cluster], tmp_path: Path) -> Instance:
    """An instance that knows both."""
    primary, standby = pair
    return Instance.create(tmp_path, primary.url(database_name(primary.new_database()), standby=standby))


def waiting_for_the_standby(primary: Cluster) -> int:
    """How many transactions are written, and wait for nothing but the standby's disk."""
    return int(primary.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")[0][0])


def digests(instance: Instance) -> set[str]:
    """The SHA-256 of every ciphertext that is stored."""
    return {hashlib.sha256(ciphertext).hexdigest() for ciphertext in instance.ciphertexts()}


def test_all_wait_for_the_disk_at_once(pair: tuple[Cluster, Cluster], instance: Instance, tmp_path: Path) -> None:
    """Nothing serialises submissions: with a standby that takes nothing for a while, all of them come as far as that.

    None is acknowledged before its disk has it. Whoever waits too long gets the form back, and sends it again.
    """
    primary, standby = pair
    with instance.serve(**changed_program(tmp_path, IMPATIENT)) as server, ThreadPoolExecutor(PEOPLE) as pool:
        forms = [{**server.client.form(), **ENOUGH, "story.text": f"Person {number}"} for number in range(PEOPLE)]
        with standby.stopped():
            sent = [pool.submit(server.client.post, CALL, form) for form in forms]
            wait_until(lambda: waiting_for_the_standby(primary) == PEOPLE)
            assert [answer.result(60).status for answer in sent] == [503] * PEOPLE
        assert "Person 0" in sent[0].result().text
        receipts = [server.client.post(CALL, form) for form in forms]
    assert [receipt.status for receipt in receipts] == [200] * PEOPLE
    assert digests(instance) == {receipt.digest for receipt in receipts}
    assert len(instance.ciphertexts()) == PEOPLE


def test_who_cannot_store_says_so(pair: tuple[Cluster, Cluster], instance: Instance, tmp_path: Path) -> None:
    """After a form that cannot be stored, nobody is asked to write one for nothing until the standby is back."""
    impatient = {name: changes for name, changes in IMPATIENT.items() if "postgresql" in name}
    with instance.serve(**changed_program(tmp_path, impatient)) as server:
        forms = [{**server.client.form(), **ENOUGH} for _ in range(PEOPLE)]
        with pair[1].stopped(), ThreadPoolExecutor(PEOPLE) as pool:
            answers = list(pool.map(partial(server.client.post, CALL), forms))
            assert {answer.status for answer in answers} == {503}  # both workers have noticed
            assert server.client.get("/healthz").status == 503
            assert server.client.get(CALL).status == 503
        for _ in range(20):  # so that each worker is asked
            wait_until(lambda: server.client.get("/healthz").status == 200)
        assert server.client.send().status == 200


def test_a_primary_that_dies_costs_no_receipt(pair: tuple[Cluster, Cluster], instance: Instance) -> None:
    """While people send. The standby is promoted: every receipt's record is there, and the site goes on."""
    with instance.serve() as server:
        receipts, statuses = sent_over_a_failover(server, *pair)
        assert server.client.send().status == 200
    assert statuses.keys() <= {200, 503}
    assert set(receipts) <= digests(instance)
    assert len(instance.open_on_desk()) == len(instance.ciphertexts())


def sent_over_a_failover(server: Server, primary: Cluster, standby: Cluster) -> tuple[list[str], Counter[int]]:
    """Let people send while the primary dies, until they go on with the standby; return the digests of their receipts,
    and how often the site answered what."""
    receipts: list[str] = []
    statuses: Counter[int] = Counter()
    end = threading.Event()

    def keep_sending() -> None:
        while not end.is_set():
            with contextlib.suppress(OSError, HTTPException, AssertionError):
                answer = server.client.send()
                statuses[answer.status] += 1
                if answer.status == 200:
                    receipts.append(answer.digest)

    senders = [threading.Thread(target=keep_sending) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        wait_until(lambda: len(receipts) >= 20)
        primary.kill()
        before = len(receipts)
        standby.promote()
        wait_until(lambda: len(receipts) >= before + SENDERS + 20)
    finally:
        end.set()
        for sender in senders:
            sender.join()
    return receipts, statuses
