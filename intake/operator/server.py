"""The server process: gunicorn, told to keep quiet about who asks, and to leave no core dump."""

import contextlib
import ctypes
import logging
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import gunicorn.http.wsgi
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

_PR_SET_DUMPABLE = 4
_SILENT_SECONDS = 90  # much longer than Tor takes to build another circuit
_POST_SECONDS = 600  # the largest form, at 7 kB a second
_UNREADABLE = b"The server could not read this request.\n"
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Cache-Control: no-store\r\nX-Frame-Options: DENY\r\nX-Content-Type-Options: nosniff\r\n"
    b"Referrer-Policy: same-origin\r\n"
    b"Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    b"Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n"
    b"Cross-Origin-Resource-Policy: same-origin\r\nPermissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_UNREADABLE), _UNREADABLE)
)


def forbid_core_dumps() -> None:
    """Make sure that a crash of this process, and of those it forks, writes no memory to a disk."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # a core_pattern that is a pipe takes no notice of the limit
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


class QuietLogger(Logger):  # type: ignore[misc]
    """Gunicorn's log without its messages about requests, which hold addresses, and without times."""

    def setup(self, cfg: Any) -> None:
        """Write to standard error: the level and the message."""
        super().setup(cfg)
        formatter = logging.Formatter("%(levelname)s %(message)s")
        handler = logging.StreamHandler()
        handler.setFormatter(formatter)
        self.error_log.handlers = [handler]
        ours = logging.getLogger("intake")
        ours.handlers, ours.propagate = [handler], False

    def access(self, *args: Any, **kwargs: Any) -> None:
        """Log no request."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log what concerns the server itself: gunicorn's warnings about a request name its address."""
        if "from ip=" not in msg:
            super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log that a request failed, without its address, its path, or the values in a traceback."""
        error = sys.exc_info()[0]
        self.error("a request failed before its answer: %s", error.__name__ if error else "unknown")


class QuietWorker(ThreadWorker):  # type: ignore[misc]
    """A worker that answers a request it cannot read with one fixed page, and finishes what it does before it ends."""

    def handle_quit(self, sig: int, frame: Any) -> None:
        """On Ctrl-C, end as on SIGTERM: gunicorn's own way drops submissions, and can lock up on its thread pool."""
        self.handle_exit(sig, frame)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request, unless its sender falls silent or trickles: a thread is not to wait for ever."""
        conn.sock.settimeout(_SILENT_SECONDS)
        if req.method != "POST":
            return super().handle_request(req, conn)
        deadline = threading.Timer(_POST_SECONDS, _hang_up, [conn.sock])
        deadline.daemon = True
        deadline.start()
        try:
            return super().handle_request(req, conn)
        finally:
            deadline.cancel()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer without repeating what came."""
        try:
            client.sendall(_BAD_REQUEST)
        except OSError:
            self.log.debug("a client left before its answer")


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(socket.SHUT_RDWR)


def _without_server_name(response: Any) -> list[str]:
    return [line for line in _default_headers(response) if not line.startswith("Server:")]


_default_headers = gunicorn.http.wsgi.Response.default_headers
gunicorn.http.wsgi.Response.default_headers = _without_server_name

SETTINGS: dict[str, Any] = {
    "workers": max(2, os.cpu_count() or 1),
    "worker_class": "intake.operator.server.QuietWorker",
    "threads": 64,
    "preload_app": True,  # nothing is connected yet when the workers are forked
    "backlog": 1024,
    "logger_class": "intake.operator.server.QuietLogger",
    "accesslog": None,
    "control_socket_disable": True,
    "worker_tmp_dir": "/dev/shm",  # noqa: S108 - heartbeat files only; gunicorn unlinks them at once
    "limit_request_field_size": 16380,
    "umask": 0o077,
    "post_fork": lambda server, worker: forbid_core_dumps(),
    "on_starting": lambda server: forbid_core_dumps(),
}
"""For `intake run` and, through `gunicorn.conf.py`, for `gunicorn wsgi:app`."""


class Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn with these settings."""

    def __init__(self, load: Callable[[], Any], bind: str) -> None:
        """Serve the application that `load` makes, once in each worker, at `bind` (host:port)."""
        self._load, self._bind = load, bind
        super().__init__()

    def load_config(self) -> None:
        """Set what SETTINGS says."""
        for name, value in {**SETTINGS, "bind": self._bind}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the application."""
        return self._load()
