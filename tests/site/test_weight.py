"""What the pages weigh on the line, headers included, in the heaviest language; and how often they ask."""

import re
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Request
from service import Instance, Server
from visitor import visit
from walk import SHIPPED

from intake.age.identities import HybridIdentity

MOST = {"": 14_000, "testimonials": 35_000}
"""The landing page with all it loads, and the form without scripts (bytes)."""
MOST_SCRIPT = 60_000
_STYLE = re.compile(rb'<link rel="stylesheet" href="([^"]+)"')
_SCRIPT = re.compile(rb'<script src="([^"]+)"[^>]*>')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that speaks every language there is, and seals to a key on duty and to one in escrow."""
    instance = Instance.create(tmp_path_factory.mktemp("all"))
    instance.add_recipient("escrow", HybridIdentity.generate())
    with instance.serve(INTAKE_LANGUAGES=" ".join(SHIPPED)) as running:
        yield running


def fetch(server: Server, path: str, encoding: str = "gzip") -> bytes:
    """Return every byte that the server sends, headers and all."""
    with socket.create_connection(("127.0.0.1", server.client.port), timeout=60) as line:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
        line.sendall(head.encode())
        found = b"".join(iter(lambda: line.recv(65536), b""))
    assert found.startswith(b"HTTP/1.1 200 "), found[:100]
    return found


def linked(server: Server, path: str, pattern: re.Pattern[bytes]) -> list[str]:
    """Return what a page loads."""
    return [match[1].decode() for match in pattern.finditer(fetch(server, path, "identity"))]


@pytest.mark.parametrize("page", MOST)
def test_a_page_is_light(server: Server, page: str) -> None:
    """The document and its stylesheet, and on the landing page its script too, in every language."""
    weights = {}
    for language in SHIPPED:
        path = f"/{language}/{page}"
        loaded = linked(server, path, _STYLE) + ([] if page else linked(server, path, _SCRIPT))
        assert loaded
        weights[language] = sum(len(fetch(server, each)) for each in (path, *loaded))
    assert {language: weight for language, weight in weights.items() if weight > MOST[page]} == {}


def test_the_script_is_light(server: Server) -> None:
    """There is one, and it does not hold up the page."""
    (script,) = linked(server, "/en/testimonials", _SCRIPT)
    assert len(fetch(server, script)) <= MOST_SCRIPT
    (tag,) = (match[0] for match in _SCRIPT.finditer(fetch(server, "/en/testimonials", "identity")))
    assert b" defer" in tag and b"integrity=" in tag


@pytest.mark.parametrize("page", MOST)
def test_three_requests_before_a_person_can_type(server: Server, chromium: Browser, page: str) -> None:
    """The document, the stylesheet, the script: nothing else is asked for, not even later."""
    asked: list[Request] = []
    with visit(chromium, server.address, java_script_enabled=True) as visitor:
        visitor.page.on("request", lambda request: asked.append(request))
        visitor.page.goto(f"{server.address}/en/{page}", wait_until="networkidle")
    assert sorted(request.resource_type for request in asked) == ["document", "script", "stylesheet"]
