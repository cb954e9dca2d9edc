"""The server of the desk: on this machine only, and silent."""

import ctypes
import errno
import io
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from intake.desk.errors import DeskError
from intake.desk.finding import index
from intake.desk.keys import Ask
from intake.desk.review.app import create_app
from intake.desk.review.errors import log_unexpected
from intake.desk.review.lock import IDLE_SECONDS, Lock

HOST = "127.0.0.1"

_CONNECTIONS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""With the user of each: see proc_pid_net(5). The second one has those whose program speaks IPv6, too."""
_PR_SET_DUMPABLE = 4
_PATIENCE_SECONDS = 30


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_SECONDS  # browsers open connections ahead, and may never use them

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: an address names a testimony."""

    def get_stderr(self) -> Any:
        """Write no traceback either: the application says what went wrong in it."""
        return io.StringIO()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer nothing to what is not HTTP."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    allow_reuse_port = False  # two desks at one port would take turns

    def server_bind(self) -> None:
        """Take the port without asking the network what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Answer only programs of this user: browsers give the cookie to whoever listens at any port of the machine."""
        wanted = [_as_listed(client_address), _as_listed(request.getsockname())]
        for table in filter(Path.exists, _CONNECTIONS):
            for line in table.read_text().splitlines():
                listed = line.split()
                if [address[-len(wanted[0]) :] for address in listed[1:3]] == wanted:
                    return int(listed[7]) == os.geteuid()
        return False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say where it went wrong, without a value. A browser that leaves is no error."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log_unexpected(error)


def serve(
    workspace: Path, key: Path, ask: Ask, say: Callable[[str], None], port: int, idle: float = IDLE_SECONDS
) -> None:
    """Open the workspace and serve its pages until Ctrl-C; `say` tells where. Raises DeskError.

    With a key file that has no passphrase it ends, too, when it would lock itself after `idle` seconds.
    """
    _leave_no_core()
    with _listening(port) as server:
        lock = Lock(workspace, key, idle)
        lock.end = server.shutdown
        lock.unlock(ask)
        index.refresh(lock.workspace)  # much to do in a workspace of an earlier version: not while a page is waited for
        app = create_app(lock, server.server_port)
        server.set_app(app)
        threading.Thread(target=lock.watch, daemon=True).start()
        say(f"http://{HOST}:{server.server_port}/?token={app.extensions['desk.session'].token}")
        say("Open this address in the browser of this machine. It works once. Ctrl-C ends the desk.")
        try:
            server.serve_forever()
            say("The desk is closed. Its key file has no passphrase to ask for: to go on, start it again.")
        except KeyboardInterrupt:
            say("The desk is closed.")
        finally:
            lock.lock()


def _listening(port: int) -> _Server:
    try:
        return _Server((HOST, port), _Handler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise DeskError(f"Port {port} is in use, perhaps by another desk: end that, or choose --port.") from None
        raise DeskError(f"Port {port} cannot be used: {error.strerror}.") from None


def _as_listed(address: tuple[str, int]) -> str:
    """Return an address as the tables of connections have it."""
    return f"{int.from_bytes(socket.inet_aton(address[0]), sys.byteorder):08X}:{address[1]:04X}"


def _leave_no_core() -> None:
    """Keep the system from writing the memory of this process to the disk when it crashes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # a core_pattern that is a pipe takes no notice of the limit
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
