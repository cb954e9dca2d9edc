"""Promise 4: acknowledged means durable, and a retry makes no second testimony."""

import contextlib
import hashlib
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlencode

import pytest
from person import Person, exported, kinds
from postgres import shared_cluster
from service import CALL, ENOUGH, Answer, Instance, Server

from intake import code

pytestmark = pytest.mark.both_engines

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
    receipts = [server.client.send().digest]

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
    assert set(receipts) <= digests(instance)
    with instance.serve() as again:
        assert again.client.send().status == 200
    for ciphertext in instance.ciphertexts():
        instance.opened(ciphertext)
    assert len(instance.open_on_desk()) == len(instance.ciphertexts())


def test_a_kill_at_any_instant_loses_no_file_that_was_kept(instance: Instance) -> None:
    """Every file and every word that a page said is stored is there after a kill -9; the rest is not exported."""
    server = instance.start()
    people = [Person.who_sent(server) for _ in range(3)]
    said: dict[int, dict[str, bytes]] = {0: {}, 1: {}, 2: {}}
    words: list[str] = []

    def keep_sending(person: Person, kept: dict[str, bytes]) -> None:
        with contextlib.suppress(OSError, HTTPException, AssertionError):
            while True:
                name, content = f"{len(kept)}.bin", random.randbytes(random.randrange(3_000_000))
                if person.send((name, content)).status == 200:
                    kept[name] = content
                if (page := person.act("reply", text=f"Words {name}")).status == 200:
                    words.append(re.findall(r"digest\"[^>]*>([0-9a-f]{64})", page.text)[0])

    senders = [threading.Thread(target=keep_sending, args=(person, said[at])) for at, person in enumerate(people)]
    for sender in senders:
        sender.start()
    while not (all(said.values()) and words):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.5))
    server.kill()
    for sender in senders:
        sender.join()
    for at, person in enumerate(people):
        files = person.files()
        assert {name: files[name].content for name in said[at]} == said[at]
    assert words and set(words) <= digests(instance)
    described = sum(len(person.files()) for person in people)
    (bundled, _), held = exported(instance), kinds(instance)
    assert len(bundled) == len(held)
    assert held.count("content") == held.count("attachment") == described


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


def test_a_form_that_broke_off_on_its_way_is_no_testimony(server: Server) -> None:
    """A connection that dies in the middle of an answer stores nothing; the whole form, sent again, is taken."""
    form = {**server.client.form(), **ENOUGH, "CCONT": "Y", "con.via": "PHONE", "con.value": "+41 79 123 45 67"}
    body = urlencode(form).encode()
    head = f"POST {CALL} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with socket.create_connection(("127.0.0.1", server.client.port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-20])
        connection.shutdown(socket.SHUT_WR)
        assert b"200 OK" not in connection.recv(65536)
    assert server.instance.ciphertexts() == []
    assert server.client.post(CALL, form).status == 200


def test_after_adding_the_earlier_testimony_is_still_known(server: Server) -> None:
    """Back after an addition, then sent as a new testimony: the page that comes still leads to the earlier one."""
    client = server.client
    form = client.form()
    first = client.post(CALL, {**form, **ENOUGH})
    other = {**ENOUGH, "story.text": "More."}
    page = client.post(CALL, {**form, **other})
    renewed = {name: page.hidden(name) for name in ("form_token", "code", "earlier_code")}
    assert client.post(CALL, {**renewed, **other, "earlier": "1"}).status == 200
    again = client.post(CALL, {**renewed, **other})
    assert again.status == 409
    assert again.hidden("earlier_code") == first.return_code


def test_a_database_that_was_replaced_is_not_written_to_blindly(
    server: Server, new_database: Callable[[], str], tmp_path: Path
) -> None:
    """A restored backup has another memory: the text is kept, and the next form works with what is there now."""
    for _ in range(30):  # both workers have opened the first one
        form = {**server.client.form(), **ENOUGH}
    (tmp_path / "other").mkdir()
    other = Instance.create(tmp_path / "other", new_database())
    if other.database_url:
        shared_cluster().replace(server.instance.database_url, other.database_url)
    else:
        for leftover in server.instance.database.parent.glob("intake.db-*"):
            leftover.unlink()
        other.database.replace(server.instance.database)
    answer = server.client.post(CALL, form)
    assert answer.status == 503
    assert "The screens went dark." in answer.text
    for _ in range(2):  # once to notice, once to open the new file
        server.settle()
        for _ in range(30):  # so that each worker is asked
            server.client.get("/healthz")
    receipt = server.client.post(CALL, form)
    ((identifier,),) = server.instance.rows("SELECT id FROM instance")
    mailboxes = server.instance.rows("SELECT id FROM mailbox")
    assert mailboxes == [(code.derive(receipt.return_code, bytes.fromhex(identifier)).mailbox_id,)]
    (listed,) = server.instance.open_on_desk()
    assert listed["state"] == "new"


def test_a_database_that_was_taken_away_is_not_written_to(server: Server) -> None:
    """A receipt is never shown for a testimony that went into a file nobody will find again."""
    form = {**server.client.form(), **ENOUGH}
    server.instance.take_database_away()
    answer = server.client.post(CALL, form)
    assert answer.status == 503
    assert "The screens went dark." in answer.text
