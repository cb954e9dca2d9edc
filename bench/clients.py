"""A connection to the server as a browser has it, on a bare socket: no headers parsed, no page taken apart."""

import re
import socket
import zlib
from typing import NamedTuple

_SECONDS = 60
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)
HIDDEN = re.compile(rb'name="form_token" value="([^"]+)".*?name="code" value="(\d+)"', re.DOTALL)
RECEIPT = re.compile(rb'<output id="return-code"[^>]*>([\d ]+)</output>')
BROWSER = (
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
        self._headers = BROWSER.format(port=port)
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> Response:
        """Fetch a page."""
        return self._exchange(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode())

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _exchange(self, request: bytes) -> Response:
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n") + 4) < 4:
            received += self._receive()
        length = LENGTH.search(received, 0, end)
        if not length:
            raise BenchError("a response does not say how long it is")
        parts, missing = [received[end:]], int(length[1]) - (len(received) - end)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        return Response(received[:end], b"".join(parts))

    def _receive(self) -> bytes:
        return self._socket.recv(256 * 1024) or _left()


def _left() -> bytes:
    raise BenchError("the server closed the connection")
