"""Senders who take for ever, at every route that there is, and ten thousand who only hold a connection."""

import asyncio
import contextlib
import resource
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from breaking import workers
from person import Person, wait_until
from service import Server, multipart

sys.path.insert(0, str(Path(__file__).parent.parent / "operator"))

from flood import BEGINNINGS, FILES, FORM, HEAD, hold
from test_flood import walk_through_every_door

from intake.operator.server import SETTINGS
from intake.site.app import create_app

EACH = 8
"""Slow senders at each route: all together more than there are threads."""
THREADS = SETTINGS["threads"]
IDLE = 10_000
OPEN_FILES = 1024
"""What a process may usually open."""


def beginnings(server: Server) -> dict[str, bytes]:
    """What a slow sender begins with at each route: a head without end, and a body where one is taken."""
    app = create_app(server.instance.environment)
    person = Person.who_sent(server)
    fields, kind = multipart(person.fields(), [("endless.bin", b"")])
    found = {
        "POST evidence with a code": HEAD.format(path="/en/evidence", kind=kind, length=10**9).encode() + fields[:-50]
    }
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for name, value in (("language", "en"), ("call", "testimonials"), ("name", "form.js"), ("filename", "form.js")):
            path = path.replace(f"<{name}>", value).replace(f"<path:{name}>", value)
        assert "<" not in path, rule
        for method in sorted(rule.methods or ()):
            if method == "POST":
                found[f"POST {path}"] = HEAD.format(path=path, kind=FORM, length=1_000_000).encode()
                found[f"POST {path} sealed"] = HEAD.format(path=path, kind=FILES, length=1_000_000).encode()
            elif method == "GET":
                found[f"GET {path}"] = BEGINNINGS["head"].replace("/en/testimonials", path).encode()
    return found


@contextlib.contextmanager
def slow_senders(port: int, kinds: list[bytes]) -> Iterator[None]:
    """Let all of them begin at once, and come back whenever the server ends what they do."""
    stop = threading.Event()

    async def one(beginning: bytes) -> None:
        while not stop.is_set():
            await hold(port, "slow", beginning)
            await asyncio.sleep(0.2)

    async def all_of_them() -> None:
        tasks = [asyncio.create_task(one(beginning)) for beginning in kinds for _ in range(EACH)]
        while not stop.is_set():
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_slow_senders_at_every_route_keep_nobody_out(server: Server) -> None:
    """More of them than threads, for as long as the server lets them: a person gets through every door."""
    kinds = beginnings(server)
    with slow_senders(server.client.port, list(kinds.values())):
        for _ in range(2):
            time.sleep(1)
            walk_through_every_door(server.client)
    assert len(kinds) * EACH > 2 * THREADS
    assert server.client.get("/healthz").text == "ok\n"


@contextlib.contextmanager
def many_open_files(count: int) -> Iterator[None]:
    """Let this process open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), max(hard, count)))
    except ValueError:
        pytest.skip(f"Only root may let a process open {count} files here.")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, count)))


def test_ten_thousand_idle_connections_keep_nobody_out(server: Server) -> None:
    """They are opened as fast as that goes, and say nothing: those who speak are heard, while they come and after."""
    before = workers(server)
    for worker in before:
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    with many_open_files(IDLE + 1000), contextlib.ExitStack() as stack:
        for number in range(IDLE):
            idle = stack.enter_context(socket.socket())
            idle.setblocking(False)
            idle.connect_ex(("127.0.0.1", server.client.port))
            if number % 2500 == 2000:
                assert server.client.send().status == 200
        walk_through_every_door(server.client)
    assert workers(server) == before
    wait_until(lambda: server.client.get("/healthz").text == "ok\n")
    assert "Too many open files" not in server.log
