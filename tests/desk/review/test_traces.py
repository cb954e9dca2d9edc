"""Words of testimonies are in the workspace, encrypted, and nowhere else: not where the browser keeps things."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import wait_until
from playwright.sync_api import Browser, Error, expect
from service import CHROMIUM

from desk.review.running import Reader, serving
from desk.stick import Desk, Server

STORY = "Sternwarte Kupferkessel was dark"
SEARCHED = "Sternwarte Kupferkessel"
TYPED = "Nachtfalter Zwieback"
READ = "document.documentElement.innerText + [...document.querySelectorAll('input')].map(e => ` ${e.value}`).join('')"


@pytest.fixture
def home() -> Iterator[Path]:
    """A home and a folder for temporary files. Chromium wants a short path for its socket."""
    with tempfile.TemporaryDirectory(prefix="home") as folder:
        yield Path(folder)


def test_nothing_is_left_outside_the_workspace(
    server: Server, desk: Desk, stick: Path, chromium: Browser, home: Path
) -> None:
    """After reading, searching and writing in a browser with a profile of its own, no file but it knows any word.

    That the search of the files finds what is there is shown by the addresses, which browsers do remember.
    """
    record = server.receive(language="en", answers={"story.text": STORY})
    server.receive(language="en")
    server.export(stick)
    assert desk.open(stick).returncode == 0
    with serving(desk, HOME=str(home), TMPDIR=str(home)) as running:
        context = chromium.browser_type.launch_persistent_context(
            home / "profile",
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu"],
            ignore_default_args=["--disable-back-forward-cache"],
            env={"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin"},
        )
        with contextlib.closing(context):
            page = context.new_page()
            page.goto(running.address)
            assert STORY in page.content()
            page.fill("[name=words]", SEARCHED)
            page.keyboard.press("Enter")
            page.wait_for_url("**/?search=*")
            expect(page.locator("mark").first).to_have_text(SEARCHED.split()[0])
            page.goto(running.home + f"testimony/{record}")
            assert STORY in page.content()
            page.goto(running.home)
            page.fill("[name=words]", TYPED)
            page.evaluate("document.querySelector('form.search [name=csrf]').value = 'of an earlier day'")
            page.keyboard.press("Enter")
            page.get_by_text("That did not come from this desk").wait_for()
            page.goto(running.home + "trail")
            page.keyboard.press("L")
            page.wait_for_url("**/lock*")
            for _ in range(6):
                with contextlib.suppress(Error):
                    page.go_back(wait_until="commit", timeout=5000)
                with contextlib.suppress(Error):
                    wait_until(lambda: page.evaluate("document.readyState") == "complete")
                    assert not {*SEARCHED.split(), *TYPED.split()} & set(page.evaluate(READ).split())
    found = dict(_files(home))
    assert any(f"127.0.0.1:{running.port}/testimony/{record}".encode() in content for content in found.values())
    for word in (*SEARCHED.split(), *TYPED.split()):
        for encoded in (word.encode(), word.encode("utf-16-le"), word.lower().encode()):
            assert [path for path, content in found.items() if encoded in content] == []


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def test_no_form_is_remembered(server: Server, reader: Reader) -> None:
    """Forms for words tell the browser not to keep them, and those that change something have the token."""
    record = server.identifier(1)
    pages = ("/", "/codebook", "/agreement", "/charts", "/journal", "/exports", "/trail", f"/testimony/{record}")
    for path in (*pages, f"/testimony/{record}/redaction"):
        page = reader.get(path)
        assert page.status == 200, path
        forms = re.findall(r"<form\b.*?</form>", page.text, re.DOTALL)
        assert forms
        for form in forms:
            start = form[: form.index(">")]
            if re.search(r'<textarea|<input(?![^>]*type="(?:hidden|checkbox|radio|color)")', form):
                assert 'autocomplete="off"' in start, (path, start)
            assert ('method="post"' in start) == ('name="csrf"' in form), (path, start)
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=|<style", page.text), path
