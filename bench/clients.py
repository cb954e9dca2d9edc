"""Clients that fetch and send forms as fast as the server answers: one process and one kept-alive connection each.

The load runs on the machine that it measures, so these are bare sockets: no headers parsed, no page taken apart.
"""

import multiprocessing
import re
import socket
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from typing import NamedTuple
from urllib.parse import urlencode

_FORK = multiprocessing.get_context("fork")
_SECONDS = 60
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)
_HIDDEN = re.compile(rb'name="form_token" value="([^"]+)".*?name="code" value="(\d+)"', re.DOTALL)
_RECEIPT = re.compile(rb'<output id="return-code"[^>]*>([\d ]+)</output>')
_BROWSER = (
    "Host: 127.0.0.1:{port}\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
)


class BenchError(Exception):
    """The server did not do what it is measured at."""


class Response(NamedTuple):
    """A response as it came over the wire."""

    head: bytes
    body: bytes

    @property
    def size(self) -> int:
        """Bytes on the wire, headers included."""
        return len(self.head) + len(self.body)

    @property
    def text(self) -> bytes:
        """The body, decompressed."""
        packed = b"\r\ncontent-encoding: gzip\r\n" in self.head.lower()
        return zlib.decompress(self.body, 31) if packed else self.body


class Connection:
    """A kept-alive connection to the server on a loopback port, with the headers that a browser sends."""

    def __init__(self, port: int) -> None:
        self._headers = _BROWSER.format(port=port)
        self._origin = f"Origin: http://127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> Response:
        """Fetch a page."""
        return self._exchange(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    def post(self, path: str, body: bytes) -> Response:
        """Send a form."""
        head = f"POST {path} HTTP/1.1\r\n{self._headers}{self._origin}Content-Length: {len(body)}\r\n\r\n"
        return self._exchange(head.encode() + body)

    def submit(self, path: str, answers: bytes) -> None:
        """Fetch the form, send it with these answers (urlencoded), and make sure that a receipt came."""
        page = self.get(path)
        # The hidden fields travel uncompressed inside the compressed page.
        hidden = _HIDDEN.search(page.body) or _HIDDEN.search(page.text)
        if not hidden:
            raise BenchError(f"no form: {page.head.splitlines()[0].decode()}")
        receipt = self.post(path, b"form_token=%b&code=%b&%b" % (hidden[1], hidden[2], answers))
        shown = _RECEIPT.search(receipt.text)
        if not shown or shown[1].replace(b" ", b"") != hidden[2]:
            raise BenchError(f"no receipt: {receipt.head.splitlines()[0].decode()}")

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _exchange(self, request: bytes) -> Response:
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n") + 4) < 4:
            received += self._receive()
        length = _LENGTH.search(received, 0, end)
        if not length:
            raise BenchError("a response does not say how long it is")
        parts, missing = [received[end:]], int(length[1]) - (len(received) - end)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return Response(received[:end], b"".join(parts))

    def _receive(self) -> bytes:
        return self._socket.recv(256 * 1024) or _left()


@dataclass(frozen=True)
class Load:
    """What the clients send, and where."""

    port: int
    path: str
    answers: Mapping[str, str]


def submit_all(load: Load, clients: int, count: int) -> tuple[float, list[float]]:
    """Send `count` submissions from so many clients at once. Return the seconds it took, and each one's seconds.

    Raises BenchError for a submission that got no receipt.
    """
    left = _FORK.Value("i", count)
    start = _FORK.Barrier(clients + 1, timeout=_SECONDS)
    pipes: list[Pipe] = []
    for _ in range(clients):
        reader, writer = _FORK.Pipe(duplex=False)
        _FORK.Process(target=_client, args=(load, left, start, writer), daemon=True).start()
        writer.close()
        pipes.append(reader)
    start.wait()
    began = time.perf_counter()
    latencies: list[float] = []
    for pipe in pipes:
        result = pipe.recv()
        if isinstance(result, str):
            raise BenchError(result)
        latencies += result
    seconds = time.perf_counter() - began
    for process in multiprocessing.active_children():
        process.join(_SECONDS)
    return seconds, latencies


def _client(load: Load, left: "Synchronized[int]", start: Barrier, pipe: Pipe) -> None:
    answers = urlencode(load.answers).encode()
    connection = Connection(load.port)
    latencies = []
    start.wait()
    try:
        while _take(left):
            began = time.perf_counter()
            connection.submit(load.path, answers)
            latencies.append(time.perf_counter() - began)
    except (BenchError, OSError) as error:
        pipe.send(f"{type(error).__name__}: {error}")
        return
    connection.close()
    pipe.send(latencies)


def _take(left: "Synchronized[int]") -> bool:
    with left.get_lock():
        left.value -= 1
        return left.value >= 0


def _left() -> bytes:
    raise BenchError("the server closed the connection")
