"""Files in a workspace are looked at, and nothing of them is anywhere else afterwards."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.stick import Desk, Server
from desk.viewing.files import RED, close, document, filled, opened, quarters, saved
from intake.desk import evidence
from intake.desk.errors import DeskError
from intake.desk.options import opened as open_workspace
from intake.desk.viewing import looking
from intake.desk.viewing.kinds import Shown
from intake.desk.viewing.picture import ViewingError
from intake.desk.workspace import Workspace

MARKER = b"marker-4f1c"


@pytest.fixture
def testimony(server: Server) -> str:
    return server.receive()


@contextlib.contextmanager
def workspace(server: Server, desk: Desk, stick: Path) -> Iterator[Workspace]:
    """The workspace, after a bundle was opened."""
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 0, result.stderr
    with open_workspace(desk.workspace, desk.key, None) as found:
        yield found


def test_a_file_is_described(server: Server, desk: Desk, stick: Path, testimony: str) -> None:
    data = saved(quarters(), "PNG")
    identifier, _ = server.attach(testimony, data, name="a\u202egnp.exe\x1b[2J", media_type="image/jpeg")
    with workspace(server, desk, stick) as found:
        (described,) = looking.describe_all(found, testimony)
        assert described == looking.describe(found, identifier)
    assert (described.id, described.testimony, described.size) == (identifier, testimony, len(data))
    assert described.name == "a\\u202egnp.exe\\x1b[2J"
    assert described.kind is not None
    assert (described.kind.name, described.kind.shown) == ("PNG image", Shown.PIXELS)
    assert (described.declared, described.differs) == ("image/jpeg", True)


def test_a_file_that_has_not_arrived_is_described_as_far_as_it_can(
    server: Server, desk: Desk, stick: Path, testimony: str
) -> None:
    identifier, content = server.attach(testimony, b"x" * 100)
    server.purge(content)
    with workspace(server, desk, stick) as found:
        described = looking.describe(found, identifier)
        assert (described.kind, described.differs, described.size) == (None, False, 100)
        for look in (looking.draw, looking.read):
            with pytest.raises(ViewingError, match="cannot be shown"):
                look(found, identifier)


def test_pages_are_drawn(server: Server, desk: Desk, stick: Path, testimony: str) -> None:
    identifier, _ = server.attach(testimony, document(filled(RED), filled((0, 0, 0))), media_type="application/pdf")
    with workspace(server, desk, stick) as found:
        first = looking.draw(found, identifier)
        assert (first.pages, close(opened(first.png).getpixel((800, 400)), RED)) == (2, True)
        assert opened(looking.draw(found, identifier, 2).png).getpixel((800, 400)) == (0, 0, 0)
        assert looking.draw(found, identifier, larger=True).width > 3000
        with pytest.raises(ViewingError, match="not text"):
            looking.read(found, identifier)


def test_a_file_of_several_parts_is_drawn_and_read(server: Server, desk: Desk, stick: Path, testimony: str) -> None:
    picture = saved(quarters(1500, 1000), "BMP")
    text = "À l'hôpital, encore. ".encode() * 100_000
    assert min(len(picture), len(text)) > 2 * evidence.PART_SIZE
    drawn, _ = server.attach(testimony, picture)
    read, _ = server.attach(testimony, text)
    with workspace(server, desk, stick) as found:
        assert looking.draw(found, drawn).width == 1500
        assert looking.read(found, read, 50).text.count("À l'hôpital, encore.") > 1000
        with pytest.raises(ViewingError, match="neither an image nor a PDF"):
            looking.draw(found, read)


@pytest.mark.parametrize("data", [b"\x7fELF\2\1\1", b"PK\3\4" + bytes(99), bytes(1000), b""])
def test_what_cannot_be_shown_is_only_described(
    data: bytes, server: Server, desk: Desk, stick: Path, testimony: str
) -> None:
    identifier, _ = server.attach(testimony, data, name="scan.png", media_type="image/png")
    with workspace(server, desk, stick) as found:
        described = looking.describe(found, identifier)
        assert described.kind is not None
        assert described.kind.shown is Shown.NOT
        for look in (looking.draw, looking.read):
            with pytest.raises(ViewingError):
                look(found, identifier)


def test_a_page_that_calls_itself_an_image_is_text(server: Server, desk: Desk, stick: Path, testimony: str) -> None:
    identifier, _ = server.attach(testimony, b"<html><script>alert(1)</script>", media_type="image/png")
    with workspace(server, desk, stick) as found:
        assert looking.describe(found, identifier).differs
        assert looking.read(found, identifier).text == "<html><script>alert(1)</script>"


def test_a_file_too_large_to_draw_is_not_even_read(
    server: Server, desk: Desk, stick: Path, testimony: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_MOST_BYTES", 10_000)
    identifier, _ = server.attach(testimony, saved(quarters(), "BMP"))
    with workspace(server, desk, stick) as found, pytest.raises(ViewingError, match="larger than"):
        looking.draw(found, identifier)


def test_only_a_filed_attachment_is_looked_at(server: Server, desk: Desk, stick: Path, testimony: str) -> None:
    identifier, content = server.attach(testimony, b"words")
    other = server.receive()
    gone, _ = server.attach(other, b"words")
    with workspace(server, desk, stick):
        pass
    server.withdraw(other)
    stick.unlink()
    with workspace(server, desk, stick) as found:
        for nothing in (testimony, content, gone, "0" * 32, "", "../../etc/passwd"):
            for look in (looking.describe, looking.draw, looking.read):
                with pytest.raises(DeskError):
                    look(found, nothing)
        assert looking.read(found, identifier).text == "words"


def test_nothing_is_written_anywhere(
    server: Server, desk: Desk, stick: Path, testimony: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {name: tmp_path / name for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")}
    for name, place in places.items():
        place.mkdir()
        monkeypatch.setenv(name, str(place))
    monkeypatch.chdir(places["HOME"])
    picture, _ = server.attach(testimony, saved(quarters(3000, 2000), "PNG"))
    paper, _ = server.attach(testimony, document(filled(RED)))
    words, _ = server.attach(testimony, MARKER * 1000)
    damaged, _ = server.attach(testimony, saved(quarters(), "TIFF")[:500] + MARKER)
    with workspace(server, desk, stick) as found:
        before = watched(tmp_path, desk)
        for identifier in (picture, paper):
            looking.draw(found, identifier)
        looking.read(found, words)
        with pytest.raises(ViewingError):
            looking.draw(found, damaged)
        assert watched(tmp_path, desk) == before
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or MARKER not in path.read_bytes(), path


def watched(folder: Path, desk: Desk) -> dict[Path, tuple[int, int]]:
    """Every file and folder outside the workspace, with its size and when it or what is in it changed."""
    outside = (path for path in folder.rglob("*") if not path.is_relative_to(desk.workspace))
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in outside}
