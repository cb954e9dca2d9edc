"""Clients that send forms through a unix socket: to a server that listens there, or through Tor."""

import http.client
import socket
from collections.abc import Mapping
from pathlib import Path

from service import Answer, Client

_SECONDS = 90  # a large form over a busy circuit
_VERSION, _CONNECT, _PORT = 5, 1, 80
_IPV4, _BY_NAME, _IPV6 = 1, 3, 4


class NoEntryError(OSError):
    """Tor did not reach the onion. `code` is its answer: 0xf4 when a key is missing."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the onion cannot be reached: {code:#x}")
        self.code = code


def connect(path: Path) -> socket.socket:
    """Connect to a unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(_SECONDS)
    connection.connect(str(path))
    return connection


def connect_through(socks: Path, onion: str, port: int = _PORT) -> socket.socket:
    """Connect to an onion through a client's SOCKS port (RFC 1928). Raises NoEntryError, or another OSError."""
    connection = connect(socks)
    try:
        name = onion.encode()
        connection.sendall(bytes([_VERSION, 1, 0]))
        connection.sendall(bytes([_VERSION, _CONNECT, 0, _BY_NAME, len(name)]) + name + port.to_bytes(2, "big"))
        _, _, _, code, _, kind = _receive(connection, 6)
        _receive(connection, {_IPV4: 4, _IPV6: 16}[kind] + 2)
        if code:
            raise NoEntryError(code)
    except OSError:
        connection.close()
        raise
    return connection


def _receive(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        more = connection.recv(length - len(received))
        if not more:
            raise ConnectionResetError("Tor hung up")
        received += more
    return received


class SocketClient(Client):
    """Sends requests to a server that listens on a unix socket."""

    def __init__(self, path: Path, host: str = "localhost") -> None:
        super().__init__(0)
        self.path = path
        self.host = host

    @property
    def origin(self) -> str:
        """What a browser calls the site."""
        return f"http://{self.host}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        connection = http.client.HTTPConnection(self.host)
        connection.sock = self.reach()
        return connection

    def reach(self) -> socket.socket:
        """Open a socket that leads to the server."""
        return connect(self.path)


class OnionClient(SocketClient):
    """Sends requests to an onion, through the SOCKS port of a client."""

    def reach(self) -> socket.socket:
        """Open a socket that leads to the server."""
        return connect_through(self.path, self.host)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request; once more if no answer came, as people do: circuits break."""
        try:
            return super().request(method, path, body, headers)
        except (OSError, http.client.HTTPException):
            return super().request(method, path, body, headers)
