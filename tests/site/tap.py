"""A tap on the line between a browser and a server: every byte that the browser sends, as a network could see it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Tap:
    """The address to open in place of the server's, and what came through so far."""

    address: str
    sent: bytearray = field(default_factory=bytearray)

    def holding(self, secrets: dict[str, bytes]) -> list[str]:
        """Return the names of those that came through."""
        return [name for name, secret in secrets.items() if secret in self.sent]


@contextlib.contextmanager
def tap(port: int) -> Iterator[Tap]:
    """Listen in front of the server at this port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Tap(f"http://127.0.0.1:{listening.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listening, port, found), daemon=True).start()
        yield found


def _accept(listening: socket.socket, port: int, found: Tap) -> None:
    with contextlib.suppress(OSError):  # when the tap is closed
        while True:
            browser, _ = listening.accept()
            server = socket.create_connection(("127.0.0.1", port))
            for source, target, kept in ((browser, server, found.sent), (server, browser, bytearray())):
                threading.Thread(target=_pass_on, args=(source, target, kept), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            kept += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
