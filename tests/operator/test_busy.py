"""More people than the server can serve: who has not begun is told at once, and nothing that was written is lost."""

import contextlib
import http.client
import selectors
import socket
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

import pytest
from service import CALL, ENOUGH, Answer, Client, Instance, Server, copy_of_the_program

THREADS, CONNECTIONS, WAITING = 2, 34, 8
SMALL = {
    '"workers": max(2, os.cpu_count() or 1)': '"workers": 1',
    '"threads": 64': f'"threads": {THREADS}',
    '"worker_connections": 800': f'"worker_connections": {CONNECTIONS}',
    "self._threads) * 4 // 5": "self._threads) // 4",
    "_PATIENCE_SECONDS = 10.0": "_PATIENCE_SECONDS = 0.0",
    "_GRACE_SECONDS = 2.0": "_GRACE_SECONDS = 1.0",
}
"""What is changed in a copy of the program, so that a few requests are too many: 2 at work and 8 that wait."""
STALLED_SECONDS = 4
"""Long enough for a thread to be taken from a slow sender."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is soon busy."""
    folder = tmp_path_factory.mktemp("small")
    program = copy_of_the_program(folder)
    file = program / "intake" / "operator" / "server.py"
    text = file.read_text()
    for before, after in SMALL.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text)
    with Instance.create(folder).serve(PYTHONPATH=str(program)) as server:
        yield server


@contextlib.contextmanager
def stalled(database: Path) -> Iterator[None]:
    """Let nothing be written: every testimony has to wait."""
    with contextlib.closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


class Sent:
    """A request that was sent, whose answer can be read later."""

    def __init__(self, client: Client, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", client.port), timeout=60)
        self.socket.sendall(request)

    def answer(self) -> Answer:
        """Wait for the answer, and leave."""
        with contextlib.closing(self.socket):
            response = http.client.HTTPResponse(self.socket)
            response.begin()
            return Answer(response.status, response.headers, response.read().decode())


def form(client: Client, text: str, path: str = CALL) -> bytes:
    """Return a request that sends a form of its own."""
    return post(client, {**client.form(), **ENOUGH, "story.text": text}, path)


def post(client: Client, fields: dict[str, str | Sequence[str]], path: str) -> bytes:
    """Return a request that sends these fields."""
    body = urlencode(fields, doseq=True)
    kind = "application/x-www-form-urlencoded"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def first_answered(requests: Sequence[Sent], count: int, seconds: float = 25) -> list[Sent]:
    """Wait until so many of the requests have an answer, or none came for so long, and return those that have."""
    found: list[Sent] = []
    with selectors.DefaultSelector() as selector:
        for request in requests:
            selector.register(request.socket, selectors.EVENT_READ, request)
        while len(found) < count and (ready := selector.select(seconds)):
            for key, _ in ready:
                found.append(key.data)
                selector.unregister(key.fileobj)
    return found


def refused(client: Client, path: str, under_way: list[Sent], **headers: str) -> Answer:
    """Ask for a page until it is refused. What is not refused waits with the others: it came before they were seen."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    for _ in range(8):
        asked = Sent(client, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        if not first_answered([asked], 1, seconds=2):
            under_way.append(asked)
        elif (answer := asked.answer()).status == 503:
            return answer
    raise AssertionError("nothing was refused")


def test_who_has_not_begun_is_told_at_once_in_their_language(small: Server) -> None:
    """While testimonies wait for the database, a new form gets a 503; what was sent, and other pages, wait."""
    client = small.client
    requests = [form(client, f"While it was busy {number}.") for number in range(THREADS + 1)]
    with stalled(small.instance.database):
        under_way = [Sent(client, request) for request in requests]
        for path, language, accepted in (
            ("/ar/testimonials", "ar", "de"),
            ("/fr/?x=1", "fr", "de"),
            ("/", "uk", "xx, uk;q=0.5, de;q=0.1"),
        ):
            page = refused(client, path, under_way, Accept_Language=accepted)
            assert page.headers["Retry-After"] == "30"
            assert f'<html lang="{language}"' in page.text
            assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "Server" not in page.headers
        under_way.append(Sent(client, b"GET /en/return HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
    answers = [request.answer() for request in under_way]
    assert [answer.status for answer in answers] == [200] * len(answers)
    codes = [answer.return_code for answer in answers[: len(requests)]]
    assert all(client.come_back(code).status == 200 for code in codes)
    assert client.get("/ar/testimonials").status == 200


def test_what_was_sent_is_refused_only_when_no_more_can_wait_and_can_be_sent_again(small: Server) -> None:
    """Ten are kept, however long the database takes. Four more are told to load the page again; then they are kept."""
    client = small.client
    requests = [form(client, f"One of many {number}.") for number in range(THREADS + WAITING + 4)]
    with stalled(small.instance.database):
        sent = [Sent(client, request) for request in requests]
        turned_away = first_answered(sent, 4)
        assert len(turned_away) == 4
        time.sleep(STALLED_SECONDS)
        assert len(first_answered(sent, 5, seconds=0.1)) == 4
    for request in turned_away:
        page = request.answer()
        assert page.status == 503
        assert page.headers["Retry-After"] == "30"
        alert, after = page.text.split('data-refused="ours"')[1].split("</div>")[:2]
        assert "Something went wrong on our side." in alert
        assert "Please reload this page" not in alert  # a script shows this, and has the answers still
        assert "Please reload this page" in after
    kept = [request.answer() for request in sent if request not in turned_away]
    assert [answer.status for answer in kept] == [200] * (THREADS + WAITING)
    again = [Sent(client, requests[sent.index(request)]).answer() for request in turned_away]
    assert [answer.status for answer in again] == [200] * 4
    assert len({answer.return_code for answer in kept + again}) == len(requests)


def test_connections_without_a_request_keep_nobody_out(small: Server) -> None:
    """More silent connections than there are places: the oldest of them give way."""
    with contextlib.ExitStack() as stack:
        for _ in range(4 * CONNECTIONS):
            stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", small.client.port))))
        assert small.client.get("/en/").status == 200
        assert small.client.send().status == 200
