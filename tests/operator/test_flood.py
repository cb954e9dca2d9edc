"""A flooded server: nobody is counted by address and nobody has to solve anything, and people still get through."""

import contextlib
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from flood import BEGINNINGS
from service import Client, Server, multipart

RATE = 12
"""Connections a second of each kind; there are seven kinds at once."""
SECONDS = 15


@contextlib.contextmanager
def crowd(port: int, kind: str, beginning: bytes = b"", rate: int = RATE, most: int = 1_000_000) -> Iterator[None]:
    """Keep a crowd of one kind at the doors."""
    command = [sys.executable, str(Path(__file__).with_name("flood.py")), str(port), str(rate), kind, str(most)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(beginning)
    process.stdin.close()
    try:
        yield
        assert process.poll() is None, "the crowd went home"
    finally:
        process.kill()
        process.wait()


def upload_without_end(client: Client) -> bytes:
    """Return the beginning of an upload that a real code lets in, and that never goes on."""
    receipt = client.send()
    fields = {name: receipt.hidden(name) for name in ("form_token", "code")}
    body, kind = multipart(fields, [("endless.bin", b"")])
    head = f"POST /en/evidence HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: 500000000\r\n\r\n"
    return head.encode() + body[: body.rindex(b"\r\n--")]


def walk_through_every_door(client: Client) -> None:
    """Do all that an honest person can do."""
    assert client.get("/en/").status == 200
    receipt = client.send()
    assert receipt.status == 200
    fields = {name: receipt.hidden(name) for name in ("form_token", "code")}
    assert client.send_files(fields, [("letter.pdf", b"x" * 400_000)]).status == 200
    mailbox = client.come_back(receipt.return_code)
    assert mailbox.status == 200
    fields = {name: mailbox.hidden(name) for name in ("form_token", "code")}
    assert client.post("/en/reply", {**fields, "text": "I remember more."}).status == 200
    assert client.post("/en/consent", {**fields, "CSTAT": "Y"}).status == 200
    assert client.post("/en/withdraw", {**fields, "confirm": "yes"}).status == 200


def test_an_honest_person_gets_through_every_door_of_a_flooded_server(server: Server) -> None:
    """84 connections a second for 15 seconds, each held as long as the server lets it: at every door, all at once."""
    endless = upload_without_end(server.client)
    walks = 0
    with contextlib.ExitStack() as stack:
        for kind in BEGINNINGS:
            stack.enter_context(crowd(server.client.port, kind))
        stack.enter_context(crowd(server.client.port, "upload", endless))
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            walk_through_every_door(server.client)
            walks += 1
            time.sleep(0.5)
    assert walks >= 3


def open_page(port: int) -> int:
    """Fetch a page with little patience, and return its status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    with contextlib.closing(connection):
        connection.request("GET", "/en/return")
        return connection.getresponse().status


def test_a_burst_that_takes_every_thread_gives_them_back(server: Server) -> None:
    """400 senders at one moment, who then trickle: an honest page is there within seconds, not minutes."""
    with crowd(server.client.port, "reply", rate=2000, most=400):
        time.sleep(1.5)
        assert [open_page(server.client.port) for _ in range(4)] == [200] * 4


def test_readers_who_do_not_read_lose_their_threads(server: Server) -> None:
    """Threads that wait for somebody to take an answer are taken back as well."""
    asking = b"GET /ar/testimonials HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\n\r\n" * 200
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            deaf = stack.enter_context(contextlib.closing(socket.socket()))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.settimeout(5)
            with contextlib.suppress(OSError):
                deaf.connect(("127.0.0.1", server.client.port))
                deaf.send(asking)
        assert [open_page(server.client.port) for _ in range(6)] == [200] * 6
