"""The server process: gunicorn, told to keep quiet about who asks, and to leave no core dump."""

import contextlib
import ctypes
import errno
import io
import itertools
import logging
import math
import os
import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gunicorn.http.wsgi
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from intake.operator.busy import PEEK, BusyAnswers
from intake.site.app import LARGEST_FORM
from intake.site.sweeping import Sweeper

_PR_SET_DUMPABLE = 4
_SILENT_SECONDS = 90  # much longer than Tor takes to build another circuit
_POST_SECONDS = 600  # the largest form, at 7 kB a second
_IDLE_SECONDS = 10  # a new connection may wait this long before its request begins
_GRACE_SECONDS = 2.0  # nobody loses a thread before this
_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 10.0  # when a request had to wait longer, nobody else begins
_YIELD_SECONDS, _MOST_YIELD_SECONDS = 0.0002, 0.002
_TAKEN_AT_ONCE = 64 * 1024
_MOST_LOOKS = 16
_AT_WORK = 8  # of the threads; the others wait for senders and readers, or for these: more would only take turns
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


class CountedSocket(socket.socket):
    """A connection that knows how much came through it since it got a thread, and whether the other side is awaited.

    `began` is when its request began, `started` when a thread took it or began to answer, `dropped` when the thread was
    taken back; before `deadline` the request must be answered.
    """

    received = 0
    began = started = dropped = 0.0
    deadline = math.inf
    awaited = False

    def recv(self, *args: Any) -> bytes:
        """Receive, and count."""
        self.awaited = True
        try:
            data = super().recv(*args)
        finally:
            self.awaited = False
        self.received += len(data)
        return data

    def sendall(self, *args: Any) -> None:
        """Send; meanwhile the other side is awaited, but not for what this server took before."""
        self.received, self.started, self.awaited = 0, time.monotonic(), True
        try:
            super().sendall(*args)
        finally:
            self.awaited = False

    def peek(self) -> bytes:
        """Return what has come and was not received yet. From then on, nothing waits on this connection."""
        self.setblocking(False)
        try:
            return super().recv(PEEK, socket.MSG_PEEK)
        except OSError:
            return b""

    def setblocking(self, blocking: bool) -> None:
        """Wait for a sender, but not for ever: gunicorn would, for one who falls silent in a request's head."""
        self.settimeout(_SILENT_SECONDS if blocking else 0)

    def rate(self, now: float) -> float:
        """Return the bytes a second since it got a thread."""
        return self.received / max(now - self.started, _GRACE_SECONDS)


class QuietWorker(ThreadWorker):  # type: ignore[misc]
    """A worker that answers a request it cannot read with one fixed page, and finishes what it does before it ends.

    A connection takes a thread only while a request is on its way. When others wait for a thread, the slowest senders
    lose theirs: whoever sends at a human pace gets through a crowd that holds its connections open.

    When requests wait for too long, those who have typed nothing yet are told at once to come back later; what somebody
    sends is refused only when no more can wait. A connection without a request never keeps another one out.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._threads: int = self.cfg.threads
        self._waiting: set[CountedSocket] = set()
        self._holding: set[CountedSocket] = set()
        self._last_wait = 0.0
        # The other places are for connections whose request has not begun, or that are being turned away.
        self._most_waiting = (self.worker_connections - self._threads) * 4 // 5
        self._at_work = threading.Semaphore(_AT_WORK)

    def load_wsgi(self) -> None:
        """Load the application, and what to say when it is too busy."""
        super().load_wsgi()
        self.application: Flask = self.wsgi
        self.wsgi: Any = self._work
        self._busy = BusyAnswers(self.application)

    def handle_quit(self, sig: int, frame: Any) -> None:
        """On Ctrl-C, end as on SIGTERM: gunicorn's own way drops submissions, and can lock up on its thread pool."""
        self.handle_exit(sig, frame)

    def accept(self, listener: Any) -> None:
        """Accept a connection and wait, without a thread, until its request begins."""
        if self.nr_conns < self._threads:
            time.sleep(min(self.nr_conns * _YIELD_SECONDS, _MOST_YIELD_SECONDS))  # one that has less to do goes first
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                time.sleep(_PAUSE_SECONDS)  # until another connection ends
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        connection = TConn(self.cfg, CountedSocket(fileno=accepted.detach()), client, listener.getsockname())
        self.nr_conns += 1
        self._let_wait(connection, self.on_pending_socket_readable)
        if self.nr_conns >= self.worker_connections:
            self._close_oldest()

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """Go on with a connection whose first request begins, unless it was closed a moment ago."""
        if client.fileno() >= 0:
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Go on with a connection whose next request begins, unless it was closed a moment ago."""
        if client.fileno() >= 0:
            super().on_client_socket_readable(conn, client)

    def enqueue_req(self, conn: Any) -> None:
        """Let a request wait for a thread, unless too many do."""
        answer = self._refusal(conn.sock)
        if answer:
            self._turn_away(conn, answer)
            return
        conn.sock.began = time.monotonic()
        self._waiting.add(conn.sock)
        super().enqueue_req(conn)
        self._free_threads()

    def murder_pending(self) -> None:
        """Once a second at least, see whether somebody waits, or has had a thread for too long."""
        super().murder_pending()
        self._free_threads()
        now = time.monotonic()
        for connection in list(self._holding):
            if now > connection.deadline:
                _shut_down(connection, socket.SHUT_RDWR)

    def handle(self, conn: Any) -> Any:
        """Handle a request, and close its connection here: gunicorn would wait for the other side in its one loop."""
        connection: CountedSocket = conn.sock
        connection.received, connection.started, connection.dropped = 0, time.monotonic(), 0.0
        connection.deadline = math.inf
        self._last_wait = connection.started - connection.began
        self._waiting.discard(connection)
        self._holding.add(connection)
        try:
            result = super().handle(conn)
            if result is False:
                conn.close(graceful=True)
                conn.close = lambda graceful=False: None
            return result
        finally:
            self._holding.discard(connection)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request; one that trickles in does not keep its thread for ever."""
        if req.method == "POST" and not req.path.endswith(
            "/evidence"
        ):  # a large file over Tor takes as long as it takes
            conn.sock.deadline = conn.sock.started + _POST_SECONDS
        return super().handle_request(req, conn)

    def _work(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Let the application answer a request that has arrived as a whole, but for files, which may take hours."""
        if environ["PATH_INFO"].endswith("/evidence"):
            return self.application(environ, start_response)
        size = environ.get("CONTENT_LENGTH", "")
        if size.isdecimal() and int(size) <= LARGEST_FORM:
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(size)))
        with self._at_work:
            return self.application(environ, start_response)

    def _let_wait(self, conn: Any, go_on: Callable[[Any, Any], None]) -> None:
        """Wait without a thread, and not for ever, until something comes."""
        conn.timeout = time.monotonic() + _IDLE_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(go_on, conn))

    def _close_oldest(self) -> None:
        """Close a connection that has no request: one that had its answer, or else the one that is silent longest."""
        for waiting in (self.keepalived_conns, self.pending_conns):
            for conn in itertools.islice(waiting, _MOST_LOOKS):
                if not conn.sock.peek():
                    waiting.remove(conn)
                    self._leave(conn)
                    return

    def _leave(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def _refusal(self, connection: CountedSocket) -> bytes | None:
        """Return the answer for a request that cannot even wait, or None where it can."""
        waiting = len(self._waiting)
        if waiting >= self._most_waiting:
            return self._busy.to_anyone(connection.peek())
        crowded = waiting >= self._most_waiting * 4 // 5  # the rest is for what people send
        if crowded or (waiting and self._last_wait > _PATIENCE_SECONDS and self._works()):
            return self._busy.to_beginner(connection.peek())
        return None

    def _works(self) -> bool:
        """Tell whether it is this server that is slow, and not a crowd of slow senders, who soon lose their threads."""
        return sum(not one.awaited for one in list(self._holding)) > self._threads // 2

    def _turn_away(self, conn: Any, answer: bytes) -> None:
        """Answer without a thread, and take in what still comes: who is sending would else not see the answer."""
        with contextlib.suppress(OSError):  # whoever left does not need it
            conn.sock.recv(_TAKEN_AT_ONCE)
            conn.sock.send(answer)
            conn.sock.shutdown(socket.SHUT_WR)
        self._let_wait(conn, self._take_in)

    def _take_in(self, conn: Any, client: Any) -> None:
        """Take in what nobody reads, until the other side has closed."""
        if client.fileno() < 0:
            return
        try:
            ended = not client.recv(_TAKEN_AT_ONCE)
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:
            self.pending_conns.remove(conn)
            self._leave(conn)

    def _free_threads(self) -> None:
        """Take threads from the slowest, one for each request that waits, and for good from who will not let go.

        First nothing more is read from them, so that they can still be answered. Who keeps their thread after that does
        not take the answer either. Whoever waits for this server, and not this server for them, keeps their thread.
        """
        now = time.monotonic()
        wanted = len(self._waiting) - (self._threads - len(self._holding))
        if wanted <= 0:
            return
        held = [one for one in list(self._holding) if one.awaited and now - one.started > _GRACE_SECONDS]
        for connection in held:
            if connection.dropped:
                wanted -= 1
                if now - connection.dropped > _GRACE_SECONDS:
                    _shut_down(connection, socket.SHUT_RDWR)
        slow = sorted((one for one in held if not one.dropped), key=lambda one: one.rate(now))
        for connection in slow[: max(wanted, 0)]:
            connection.dropped = now
            _shut_down(connection, socket.SHUT_RD)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer without repeating what came."""
        try:
            client.sendall(_BAD_REQUEST)
        except OSError:
            self.log.debug("a client left before its answer")


def _shut_down(connection: socket.socket, how: int) -> None:
    with contextlib.suppress(OSError):  # it has ended by itself
        connection.shutdown(how)


def _without_server_name(response: Any) -> list[str]:
    return [line for line in _default_headers(response) if not line.startswith("Server:")]


_default_headers = gunicorn.http.wsgi.Response.default_headers
gunicorn.http.wsgi.Response.default_headers = _without_server_name

SETTINGS: dict[str, Any] = {
    "workers": max(2, os.cpu_count() or 1),
    "worker_class": "intake.operator.server.QuietWorker",
    "threads": 64,
    "worker_connections": 800,  # of the 1024 files that a process may usually open
    "keepalive": 75,  # longer than a proxy keeps it, which would else send into a connection that is being closed
    "preload_app": True,  # nothing is connected yet when the workers are forked
    "backlog": 1024,
    "logger_class": "intake.operator.server.QuietLogger",
    "accesslog": None,
    "forwarder_headers": "",  # whoever comes through Tor could send them
    "secure_scheme_headers": {},
    "control_socket_disable": True,
    "worker_tmp_dir": "/dev/shm",  # noqa: S108 - heartbeat files only; gunicorn unlinks them at once
    "limit_request_field_size": 16380,
    "umask": 0o077,
    "post_fork": lambda server, worker: forbid_core_dumps(),
    "post_worker_init": lambda worker: Sweeper(worker.application.extensions["intake"]).start(),
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
