"""A desk with testimonies, and the real process that serves it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "site"))  # looks.py measures pages

from desk.review.running import Reader, Running, serving
from desk.stick import Desk, Server


@pytest.fixture
def opened(server: Server, desk: Desk, stick: Path) -> Desk:
    """A desk that opened a bundle: what the test's own `server` holds, or three testimonies."""
    if not server.entries:
        for language in ("fr", "ar", "en"):
            server.receive(language=language)
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 0, result.stderr
    return desk


@pytest.fixture
def running(opened: Desk) -> Iterator[Running]:
    """The desk as a process of its own."""
    with serving(opened) as found:
        yield found


@pytest.fixture
def reader(running: Running) -> Reader:
    """Someone who came in with the token."""
    return running.enter()
