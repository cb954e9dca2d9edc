"""Promise 4: acknowledged means durable, and a retry makes no second testimony."""

import contextlib
import hashlib
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest
from service import CALL, ENOUGH, Answer, Instance, Server

PEOPLE = 30


def at_once(people: int, act: Callable[[int], Answer]) -> list[Answer]:
    """Let people act at the same moment."""
    barrier = threading.Barrier(people)

    def one(number: int) -> Answer:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(people) as pool:
        return list(pool.map(one, range(people)))


def digests(instance: Instance) -> set[str]:
    """The SHA-256 of every ciphertext that is stored."""
    return {hashlib.sha256(ciphertext).hexdigest() for ciphertext in instance.ciphertexts()}


@pytest.mark.parametrize("round_number", range(3))
def test_a_kill_at_any_instant_loses_no_receipt(instance: Instance, round_number: int) -> None:
    """Every receipt that was shown before a kill -9 is in the database after it, whole; and the export is clean."""
    server = instance.start()
    server.client.send()
    receipts: list[str] = []

    def keep_sending() -> None:
        with contextlib.suppress(OSError, HTTPException, AssertionError):
            while True:
                receipts.append(server.client.send(**{"story.text": "One of many. " * random.randrange(1, 900)}).digest)

    senders = [threading.Thread(target=keep_sending) for _ in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(random.uniform(0.2, 0.8))
    server.kill()
    for sender in senders:
        sender.join()
    assert receipts
    assert set(receipts) <= digests(instance)
    with instance.serve() as again:
        assert again.client.send().status == 200
    for ciphertext in instance.ciphertexts():
        instance.opened(ciphertext)
    assert len(instance.open_on_desk()) == len(instance.ciphertexts())


def test_a_retry_after_a_kill_shows_the_same_receipt(instance: Instance) -> None:
    """Someone whose connection broke sends again, to a server that was killed meanwhile: one testimony, one code."""
    server = instance.start()
    form = {**server.client.form(), **ENOUGH}
    first = server.client.post(CALL, form)
    server.kill()
    with instance.serve() as again:
        second = again.client.post(CALL, form)
    assert (first.return_code, first.digest) == (second.return_code, second.digest)
    assert len(instance.ciphertexts()) == 1


def test_many_who_send_at_the_same_moment_lose_nothing(server: Server) -> None:
    """Thirty people press Send at once: thirty receipts, no error, thirty testimonies."""
    forms = [{**server.client.form(), **ENOUGH, "story.text": f"Person {number}"} for number in range(PEOPLE)]
    answers = at_once(PEOPLE, lambda number: server.client.post(CALL, forms[number]))
    assert [answer.status for answer in answers] == [200] * PEOPLE
    assert len({answer.return_code for answer in answers}) == PEOPLE
    assert digests(server.instance) == {answer.digest for answer in answers}


def test_one_form_sent_by_many_requests_at_once_is_one_testimony(server: Server) -> None:
    """An impatient click, twenty times: one testimony, and every answer shows the same receipt."""
    form = {**server.client.form(), **ENOUGH}
    answers = at_once(20, lambda number: server.client.post(CALL, form))
    assert {answer.status for answer in answers} == {200}
    assert len({(answer.return_code, answer.digest) for answer in answers}) == 1
    assert len(server.instance.ciphertexts()) == 1


def test_the_same_form_with_other_content_loses_nothing(server: Server) -> None:
    """The next person at a ward computer pressed Back: their text is kept, and both ways on are offered."""
    client = server.client
    form = client.form()
    first = client.post(CALL, {**form, **ENOUGH})
    other = {**form, **ENOUGH, "story.text": "Another person's words."}
    page = client.post(CALL, other)
    assert page.status == 409
    assert "Another person&#39;s words." in page.text
    assert first.return_code not in page.text.replace(f'name="earlier_code" value="{first.return_code}"', "")
    renewed = {**other, **{name: page.hidden(name) for name in ("form_token", "code", "earlier_code")}}
    new = client.post(CALL, renewed)
    assert new.status == 200 and new.return_code != first.return_code
    added_form = {**renewed, **client.form(), "earlier": "1"}
    added = client.post(CALL, added_form)
    again = client.post(CALL, added_form)
    assert added.status == again.status == 200
    assert added.digest == again.digest
    assert "return-code" not in added.text
    assert len(server.instance.ciphertexts()) == 3


def test_a_database_that_was_taken_away_is_not_written_to(server: Server) -> None:
    """A receipt is never shown for a testimony that went into a file nobody will find again."""
    form = {**server.client.form(), **ENOUGH}
    server.instance.database.rename(server.instance.folder / "moved.db")
    answer = server.client.post(CALL, form)
    assert answer.status == 503
    assert "The screens went dark." in answer.text
