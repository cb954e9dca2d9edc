"""The page of a file: its picture or its text, what is known of it, and the way out of the workspace."""

import contextlib
import http.client
import re
from collections.abc import Iterator
from email.message import Message
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from looks import contrasts, too_wide
from playwright.sync_api import Browser, expect

from desk.review.running import DESKTOP, NARROW, Reader, Running, browse
from desk.stick import Desk, Server
from desk.viewing.files import BLUE, RED, close, document, filled, quarters, saved
from desk.viewing.files import opened as picture_of
from intake.calls.answers import check
from intake.calls.edition import read_editions

AA = 4.5
MARKER = "marker-71c0"

TWO_PAGES = document(filled(RED), filled(BLUE, "0 0 100 100"))
HIDDEN = "safe\u202egnp.exe\x1b[2J <b>bold</b>\n" + "A line of a log.\n" * 6000
SENT: dict[str, tuple[bytes, dict[str, Any]]] = {
    "paper": (TWO_PAGES, {"name": "rapport final.pdf", "media_type": "application/pdf"}),
    "photo": (saved(quarters(4000, 3000), "JPEG"), {}),
    "page": (f"<script>document.title='{MARKER}'</script>".encode(), {"name": "x.png", "media_type": "image/png"}),
    "log": (HIDDEN.encode(), {"name": "../../etc/\u202egnp.log", "media_type": "text/plain"}),
    "arabic": ("تعطل النظام".encode("windows-1256"), {"name": "ملف.txt", "media_type": "text/plain"}),
    "program": (b"\x7fELF\2\1\1" + MARKER.encode(), {"name": "scan.pdf", "media_type": "application/pdf"}),
    "damaged": (saved(quarters(), "PNG")[:60], {"name": "broken.png", "media_type": "image/png"}),
}


@pytest.fixture
def files(server: Server) -> dict[str, str]:
    """The files of one testimony, by what they are."""
    testimony = server.receive()
    server.receive()
    made = {name: server.attach(testimony, data, **said)[0] for name, (data, said) in SENT.items()}
    late, content = server.attach(testimony, b"later", name="later.txt")
    server.purge(content)
    return {**made, "late": late, "testimony": testimony}


@pytest.fixture
def reader(files: dict[str, str], running: Running) -> Iterator[Reader]:
    yield running.enter()


def picture_at(reader: Reader, path: str) -> tuple[Message, bytes]:
    """A picture, and the headers that it comes with."""
    connection = http.client.HTTPConnection("127.0.0.1", reader.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Cookie": reader.cookie})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.headers, answer.read()


def source(html: str) -> str:
    """Where the picture of a page is."""
    found = re.search(r'<img src="([^"]+)"', html)
    assert found, html
    return unescape(found[1])


def test_a_document_is_shown_page_by_page(reader: Reader, files: dict[str, str]) -> None:
    path = f"/file/{files['paper']}"
    first = reader.get(path)
    assert (first.status, "Page 1 of 2" in first.text, 'rel="prev"' in first.text) == (200, True, False)
    second = reader.get(f"{path}?page=2")
    assert ("Page 2 of 2" in second.text, 'rel="next"' in second.text) == (True, False)
    for page, place, wanted in ((first, (1200, 400), RED), (second, (400, 400), BLUE)):
        _, picture = picture_at(reader, source(page.text))
        assert close(picture_of(picture).getpixel(place), wanted)
    third = reader.get(f"{path}?page=3")
    assert (third.status, "no such page" in third.text) == (200, True)


def test_a_picture_can_do_nothing(reader: Reader, files: dict[str, str]) -> None:
    for path in (f"/file/{files['photo']}/picture", f"/file/{files['photo']}/picture?larger=yes&page=1"):
        headers, picture = picture_at(reader, path)
        assert headers["Content-Type"] == "image/png"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "sandbox" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert picture_of(picture).size == (3200, 2400)


def test_a_testimony_lists_its_files(reader: Reader, files: dict[str, str]) -> None:
    page = reader.get(f"/testimony/{files['testimony']}").text
    rows = re.findall("<tr>.*?</tr>", page.partition('id="files"')[2], re.DOTALL)[1:]
    assert len(rows) == 8
    for name, row in zip([*SENT, "late"], rows, strict=True):
        assert (f'href="/file/{files[name]}"' in row) == (name != "late")
        assert ("has not arrived" in row) == (name == "late")
        assert ("not what it says" in row) == (name in ("page", "program"))
    assert "../../etc/\\u202egnp.log" in rows[3]


def test_a_testimony_without_files_lists_none(server: Server, files: dict[str, str], running: Running) -> None:
    other = next(entry.record for entry in server.entries if entry.event == "received" and entry.sequence > 1)
    assert 'id="files"' not in running.enter().get(f"/testimony/{other}").text


@pytest.fixture
def hard(server: Server) -> dict[str, str]:
    """A testimony of a death, and its file."""
    server.edition = read_editions(Path(__file__).parents[3] / "translations", ("fr",))["testimonials"]
    whole = {"you.adult": "Y", "story.text": "He died.", "care.worst": "DEATH", "CINT": "Y", "CSTAT": "Y"}
    checked = check(server.edition.call, whole)
    consent = {**checked.consent, "notice_sha256": server.edition.notice_sha256("en")}
    testimony = server.receive(call="testimonials", language="en", answers=checked.answers, consent=consent)
    file, _ = server.attach(testimony, saved(quarters(), "JPEG"), call="testimonials")
    return {"testimony": testimony, "file": file}


def test_files_of_a_death_are_covered_until_asked_for(hard: dict[str, str], running: Running) -> None:
    reader = running.enter()
    path = f"/file/{hard['file']}"
    covered = reader.get(path)
    assert (covered.status, covered.headers["Location"]) == (303, f"/testimony/{hard['testimony']}")
    assert reader.get(f"{path}/picture").status == 400
    assert 'id="files"' not in reader.follow(covered).text
    reader.press(f"/testimony/{hard['testimony']}/uncover")
    assert 'id="files"' in reader.get(f"/testimony/{hard['testimony']}").text
    assert picture_at(reader, source(reader.get(path).text))


def test_only_pictures_have_a_picture(reader: Reader, files: dict[str, str]) -> None:
    for name in ("page", "log", "program", "damaged", "late", "testimony"):
        answer = reader.get(f"/file/{files[name]}/picture")
        assert (answer.status, answer.headers.get_content_type()) == (400, "text/html")
    for nothing in ("0" * 32, "x", "..%2f..%2fetc"):
        assert reader.get(f"/file/{nothing}").status in (400, 404)
    for number in ("-1", "0", "x", "99999999999999999999"):
        assert reader.get(f"/file/{files['paper']}?page={number}").status == 200


def test_a_text_is_shown_as_text(reader: Reader, files: dict[str, str]) -> None:
    shown = reader.get(f"/file/{files['log']}").text
    assert "safe\\u202egnp.exe\\x1b[2J &lt;b&gt;bold&lt;/b&gt;" in shown
    assert "<bdi>../../etc/\\u202egnp.log</bdi>" in shown
    assert "\u202e" not in shown
    assert "Page 1 of 3" in shown
    assert "A line of a log." in reader.get(f"/file/{files['log']}?page=3").text


def test_a_reader_says_what_a_text_is_written_in(reader: Reader, files: dict[str, str]) -> None:
    assert "تعطل" not in reader.get(f"/file/{files['arabic']}").text
    shown = reader.get(f"/file/{files['arabic']}?charset=windows-1256").text
    assert "تعطل النظام" in shown
    assert '<option value="windows-1256" selected>' in shown


def test_what_a_file_says_of_itself_is_compared(reader: Reader, files: dict[str, str]) -> None:
    page = reader.get(f"/file/{files['page']}").text
    assert "This is not what it says" in page
    assert "HTML page" in page
    assert f"&lt;script&gt;document.title=&#39;{MARKER}&#39;" in page
    program = reader.get(f"/file/{files['program']}").text
    assert "Linux program" in program
    assert "are not shown here" in program
    assert MARKER not in program
    assert "This is not what it says" not in reader.get(f"/file/{files['paper']}").text


def test_what_cannot_be_shown_costs_one_sentence(reader: Reader, files: dict[str, str]) -> None:
    damaged = reader.get(f"/file/{files['damaged']}")
    assert damaged.status == 200
    assert "cannot be shown: it is damaged" in damaged.text
    late = reader.get(f"/file/{files['late']}").text
    assert "has not arrived" in late
    assert '<button class="button danger"' not in late
    assert reader.get(f"/file/{files['paper']}").status == 200


def test_no_word_of_it_is_in_an_address_or_a_title(reader: Reader, files: dict[str, str]) -> None:
    for name in ("paper", "log", "program"):
        shown = reader.get(f"/file/{files[name]}").text
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', shown) + re.findall("<title>.*</title>", shown)
        assert not [address for address in addresses if "rapport" in address or "scan" in address or "gnp" in address]


def test_a_file_is_taken_out_where_the_reviewer_says(
    reader: Reader, files: dict[str, str], opened: Desk, tmp_path: Path
) -> None:
    out = tmp_path / "taken" / "paper.bin"
    path = f"/file/{files['paper']}"

    def take(where: str) -> str:
        answer = reader.press(f"{path}/export", {"path": where}, Referer=f"http://127.0.0.1:{reader.port}{path}")
        return reader.follow(answer).text

    said = take(str(out))
    assert "There is no folder" in said
    assert str(out) in said  # what was typed is still there
    for wrong in ("paper.bin", "../paper.bin", "", "/a\0b"):
        assert "whole path" in take(wrong)
    assert "home folder" in take("~nobodyhere/x")
    assert "could not be written there" in take("/proc/paper.bin")
    out.parent.mkdir()
    said = take(str(out))
    assert "It is not encrypted: delete it" in said
    assert out.read_bytes() == TWO_PAGES
    assert out.stat().st_mode & 0o777 == 0o600
    assert "is there already" in take(str(out))
    assert reader.get("/trail").text.count("file taken out") == 1


def test_it_needs_a_form_of_the_desk_to_take_a_file_out(reader: Reader, files: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    path = f"/file/{files['paper']}/export"
    assert reader.post(path, {"path": str(out)}).status == 403
    assert reader.get(path).status == 405
    assert not out.exists()


def test_a_reviewer_looks_at_files_in_a_browser(
    files: dict[str, str], running: Running, chromium: Browser, tmp_path: Path
) -> None:
    with browse(chromium, running) as page:
        page.goto(f"{running.home}file/{files['paper']}")
        drawn = "least => document.querySelector('.picture img').naturalWidth > least"
        page.wait_for_function(drawn, arg=1500)
        page.keyboard.press("]")
        page.wait_for_url("**page=2**")
        page.keyboard.press("z")
        page.wait_for_url("**larger=yes**")
        page.wait_for_function(drawn, arg=3000)
        page.keyboard.press("e")
        page.keyboard.press("Tab")
        expect(page.locator("#path")).to_be_focused()
        page.keyboard.type(str(tmp_path / "out"))
        page.keyboard.press("Enter")
        page.get_by_text("It is not encrypted: delete it").wait_for()
        assert (tmp_path / "out").is_file()
        page.goto(f"{running.home}file/{files['page']}")
        assert MARKER not in page.title()
        assert MARKER in page.inner_text("pre")
        answer = page.goto(f"{running.home}file/{files['photo']}/picture")
        assert answer and answer.status == 200


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_readable_and_fits(files: dict[str, str], running: Running, chromium: Browser, dark: bool) -> None:
    for viewport in (DESKTOP, NARROW):
        with browse(chromium, running, viewport, dark=dark) as page:
            for name in ("paper", "log", "program", "damaged"):
                page.goto(f"{running.home}file/{files[name]}")
                assert too_wide(page) == 0
                assert [pair for pair, ratio in contrasts(page).items() if ratio < AA] == []
