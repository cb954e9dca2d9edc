"""Many clients in one process, each on a kept-alive connection of its own: the load runs on the machine it measures.

A process for each client would take more, and 512 of them would fight for the processors. `wrk` would take less, but
does not know which answer belongs to which client, and could not check that each form got its own receipt.
"""

import collections
import re
import selectors
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from clients import BROWSER, HIDDEN, LENGTH, RECEIPT

_SECONDS = 60.0
_PAUSE_SECONDS = 1.0
_READ = 256 * 1024


@dataclass(frozen=True)
class Load:
    """What the clients send, and where. The last answer is a text, which each testimony ends in its own way."""

    port: int
    path: str
    answers: Mapping[str, str]


@dataclass
class Outcome:
    """What became of the submissions. `refused` holds the seconds that each 503 took, `errors` all that is neither."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    refused_posts: int = 0
    without_retry_after: int = 0
    errors: collections.Counter[str] = field(default_factory=collections.Counter)


class Crowd:
    """Clients of one server, and what became of their submissions."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._selector = selectors.DefaultSelector()
        self._texts = _different(load)
        self.outcome = Outcome()
        self.under_way: set[_Client] = set()
        self._looked = 0.0

    def submit(self, clients: int, count: int) -> Outcome:
        """Send so many submissions from so many clients at once, each client one after the other."""
        left = count
        began = time.monotonic()
        paused: list[tuple[float, _Client]] = []

        def go_on(client: "_Client", done: bool) -> None:
            nonlocal left
            if not done:
                paused.append((time.monotonic() + _PAUSE_SECONDS, client))
            elif left:
                left -= 1
                client.begin()

        everyone = [_Client(self._load, self._selector, self, go_on) for _ in range(min(clients, count))]
        for client in everyone:
            go_on(client, done=True)
        while self.under_way or paused:
            self._work(0.1)
            while paused and paused[0][0] < time.monotonic():
                paused.pop(0)[1].begin()
        self.outcome.seconds = time.monotonic() - began
        for client in everyone:
            client.close()
        return self.outcome

    def arrive(self, rate: float, seconds: float) -> Outcome:
        """Let so many clients a second arrive, whether or not those before them have been answered."""
        began = time.monotonic()
        arrived = 0
        while time.monotonic() < began + seconds or self.under_way:
            due = min(rate * (time.monotonic() - began), rate * seconds)
            while arrived < due:
                _Client(self._load, self._selector, self, lambda client, done: client.close()).begin()
                arrived += 1
            self._work(0.002)
        self.outcome.seconds = seconds
        return self.outcome

    def text(self) -> bytes:
        """Return answers that nobody else sends."""
        return next(self._texts)

    def _work(self, patience: float) -> None:
        for key, _ in self._selector.select(patience):
            client: _Client = key.data
            client.work()
        now = time.monotonic()
        if now > self._looked + _PAUSE_SECONDS:
            self._looked = now
            for client in [client for client in self.under_way if now - client.asked > _SECONDS]:
                client.fail("no answer")


class _Client:
    """One client: fetches a form, sends it, checks the receipt."""

    def __init__(
        self, load: Load, selector: selectors.BaseSelector, crowd: Crowd, go_on: Callable[["_Client", bool], None]
    ) -> None:
        self.asked = 0.0
        self._load = load
        self._selector = selector
        self._crowd = crowd
        self._go_on = go_on
        self._began = 0.0
        self._code = b""
        self._request = self._received = b""
        self._socket: socket.socket | None = None
        self._headers = BROWSER.format(port=load.port)
        self._origin = f"Origin: http://127.0.0.1:{load.port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"

    def begin(self) -> None:
        """Ask for a form."""
        self._crowd.under_way.add(self)
        self._began, self._code = time.monotonic(), b""
        self._ask(f"GET {self._load.path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    def work(self) -> None:
        """Go on, now that the connection stands or something came."""
        connection = self._socket
        if connection is None:
            return
        try:
            if self._request:
                connection.sendall(self._request)
                self._request = b""
                self._selector.modify(connection, selectors.EVENT_READ, self)
                return
            data = connection.recv(_READ)
        except OSError as error:
            self.fail(type(error).__name__)
            return
        if not data:
            self._lost()
            return
        self._received += data
        end = self._received.find(b"\r\n\r\n") + 4
        if end < 4:
            return
        length = LENGTH.search(self._received, 0, end)
        if not length:
            self.fail("an answer without its length")
        elif len(self._received) >= end + int(length[1]):
            self._answered(self._received[:end], self._received[end:])

    def fail(self, why: str) -> None:
        """Count an error, and go on."""
        self._crowd.outcome.errors[why] += 1
        self._end(done=True, close=True)

    def _lost(self) -> None:
        if self in self._crowd.under_way:
            self.fail("closed without an answer")
        else:
            self.close()  # nobody asked for anything

    def close(self) -> None:
        """Leave."""
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None

    def _ask(self, request: bytes) -> None:
        self.asked, self._received = time.monotonic(), b""
        if self._socket is None:
            self._request = request
            self._socket = socket.socket()
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setblocking(False)
            self._socket.connect_ex(("127.0.0.1", self._load.port))
            self._selector.register(self._socket, selectors.EVENT_WRITE, self)
            return
        try:
            self._socket.sendall(request)
        except OSError as error:
            self.fail(type(error).__name__)

    def _answered(self, head: bytes, body: bytes) -> None:
        status = head[9:12]
        if status == b"503":
            self._crowd.outcome.refused.append(time.monotonic() - self.asked)
            self._crowd.outcome.refused_posts += bool(self._code)
            self._crowd.outcome.without_retry_after += b"\r\nRetry-After: " not in head
            self._end(done=False, close=True)
        elif status != b"200":
            self.fail(f"status {status.decode()}")
        elif self._code:
            shown = RECEIPT.search(_plain(head, body))
            if shown and shown[1].replace(b" ", b"") == self._code:
                self._crowd.outcome.latencies.append(time.monotonic() - self._began)
                self._end(done=True, close=False)
            else:
                self.fail("no receipt")
        else:
            self._send(head, body)

    def _send(self, head: bytes, body: bytes) -> None:
        # The hidden fields travel uncompressed inside the compressed page.
        hidden = HIDDEN.search(body) or HIDDEN.search(_plain(head, body))
        if not hidden:
            self.fail("no form")
            return
        self._code = hidden[2]
        form = b"form_token=%b&code=%b&%b" % (hidden[1], hidden[2], self._crowd.text())
        start = f"POST {self._load.path} HTTP/1.1\r\n{self._headers}{self._origin}Content-Length: {len(form)}\r\n\r\n"
        self._ask(start.encode() + form)

    def _end(self, *, done: bool, close: bool) -> None:
        if close:
            self.close()
        self._crowd.under_way.discard(self)
        self._go_on(self, done)


def _different(load: Load) -> Iterator[bytes]:
    answers = urlencode(load.answers).encode()
    number = 0
    while True:
        number += 1
        yield b"%b+%d" % (answers, number)


def _plain(head: bytes, body: bytes) -> bytes:
    packed = re.search(rb"\r\ncontent-encoding: gzip\r\n", head, re.IGNORECASE)
    return zlib.decompress(body, 31) if packed else body
