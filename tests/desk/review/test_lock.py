"""The desk locks itself when nobody is at work: then it has neither words nor a key, and asks for the passphrase."""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from person import wait_until
from playwright.sync_api import Browser, Page, expect

from desk.conftest import PASSPHRASE
from desk.review.running import Running, browse, serving
from desk.stick import Desk, Server
from intake.age.identities import HybridIdentity

MARKER = "Sternwarte Kupferkessel"
IDLE = 6.0


@pytest.fixture(scope="module")
def opened(made: Path, identity: HybridIdentity, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A desk with one testimony, for the key that has a passphrase. The tests only look at it."""
    folder = tmp_path_factory.mktemp("desk")
    server = Server([identity.recipient()])
    server.receive(language="en", answers={"story.text": f"{MARKER} was dark."})
    server.export(folder / "bundle.tar")
    (folder / "passphrase").write_text(PASSPHRASE)
    desk = Desk(folder, made / "duty.key")
    result = desk.open(folder / "bundle.tar", "--passphrase-file", folder / "passphrase")
    assert result.returncode == 0, result.stderr
    return desk


@pytest.fixture
def running(opened: Desk) -> Iterator[Running]:
    """The desk as a process that locks itself soon."""
    with serving(opened, idle=IDLE, passphrase=PASSPHRASE) as found:
        yield found


def files_open(running: Running) -> list[str]:
    """The files of the workspace that the process has open."""
    return [path.name for path in running.files() if path.name.startswith("desk.db")]


def test_it_locks_itself(running: Running) -> None:
    """After some idle seconds the database is closed, without any request, and no page shows anything but the lock."""
    reader = running.enter()
    assert MARKER in reader.get("/").text
    assert files_open(running)
    wait_until(lambda: not files_open(running))
    answer = reader.get("/trail?page=2")
    assert (answer.status, answer.headers["Location"]) == (303, "/locked?next=%2Ftrail%3Fpage%3D2")
    page = reader.follow(answer)
    assert "The desk is locked" in page.text
    assert MARKER not in page.text
    assert 'value="/trail?page=2"' in page.text
    assert "Codebook" not in page.text  # no page leads anywhere


def test_requests_keep_it_open(running: Running) -> None:
    """Somebody is at work as long as pages are asked for; asking for the page that shows the lock is no work."""
    reader = running.enter()
    for _ in range(6):
        time.sleep(IDLE / 5)
        assert reader.get("/").status == 200
    wait_until(lambda: reader.get("/locked") and not files_open(running))


def test_the_passphrase_unlocks_it(running: Running) -> None:
    """The right passphrase leads back to where one was; a wrong one is said to be wrong, and nothing is shown."""
    reader = running.enter()
    csrf = reader.csrf()
    locked = reader.press("/lock")
    assert (locked.headers["Location"], locked.headers["Clear-Site-Data"]) == ("/locked", '"cache"')
    assert not files_open(running)
    fields = {"csrf": csrf, "next": "/trail?page=1"}
    assert reader.post("/unlock", {**fields, "csrf": "wrong", "passphrase": PASSPHRASE}).status == 403
    wrong = reader.follow(reader.post("/unlock", {**fields, "passphrase": "wrong"}))
    assert "The passphrase does not open" in wrong.text
    assert 'value="/trail?page=1"' in wrong.text
    assert not files_open(running)
    lost = reader.follow(reader.post("/decide", fields))
    assert "What you sent was not saved" in lost.text
    answer = reader.post("/unlock", {**fields, "passphrase": PASSPHRASE})
    assert answer.headers["Location"] == "/trail?page=1"
    assert "Codebook" in reader.follow(answer).text
    assert MARKER in reader.get("/").text


def test_what_was_typed_is_forgotten(running: Running) -> None:
    """What the next page was to say, or to show again of a form that could not be taken, does not outlive a lock."""
    reader = running.enter()
    csrf = reader.csrf()
    reader.post("/decide", {"csrf": csrf, "record": "none", "state": "accepted"})
    reader.post("/lock", {"csrf": csrf})
    page = reader.follow(reader.post("/unlock", {"csrf": csrf, "passphrase": PASSPHRASE}))
    assert "There is no record" not in page.text


def test_it_leads_nowhere_else(running: Running) -> None:
    """Whatever the address says, unlocking leads to a page of the desk."""
    reader = running.enter()
    foreign = (
        "//evil.example/",
        "/\\evil.example",
        "http://evil.example/",
        "\t//evil.example",
        "/\n/evil.example",
        "//[",
    )
    for path in (*foreign, "/nothing", "/lock", "", "/["):
        page = reader.get(f"/locked?{urlencode({'next': path})}").text
        assert '<a class="button" href="/">' in page
    csrf = reader.csrf()
    reader.press("/lock")
    answer = reader.post("/unlock", {"csrf": csrf, "next": foreign[0], "passphrase": PASSPHRASE})
    assert answer.headers["Location"] == "/"


def test_a_key_without_passphrase_ends_the_program(server: Server, desk: Desk, stick: Path) -> None:
    """There is nothing to ask for, so the program ends, and says how to go on: after a while, or when told."""
    server.receive(language="en")
    server.export(stick)
    assert desk.open(stick).returncode == 0
    with serving(desk, idle=IDLE) as running:
        assert "start it again" in running.written()
        assert running.process.returncode == 0
    with serving(desk) as running:
        answer = running.enter().press("/lock")
        assert (answer.status, "The desk is closed" in answer.text) == (200, True)
        assert "start it again" in running.written()


def words(page: Page) -> str:
    """What can be read on a page, or found in it."""
    return page.content()


def test_words_leave_the_screen(running: Running, chromium: Browser) -> None:
    """With and without scripts the page is replaced when the desk locks itself, and Back does not bring it again."""
    with browse(chromium, running) as page:
        assert MARKER in words(page)
        page.goto(running.home + "trail")
        page.goto(running.home)
        page.wait_for_url("**/locked?next=*")
        assert MARKER not in words(page)
        for _ in range(2):
            page.go_back()
            page.wait_for_url("**/locked*")
            assert MARKER not in words(page)
        page.fill("#passphrase", PASSPHRASE)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/locked" not in url)
        expect(page.locator("main")).to_contain_text(MARKER)


def test_words_leave_the_screen_without_scripts(running: Running, chromium: Browser) -> None:
    """The browser itself goes to the lock."""
    with browse(chromium, running, scripts=False) as page:
        assert MARKER in words(page)
        page.wait_for_url("**/locked?next=*")
        assert MARKER not in words(page)
        page.go_back()
        assert MARKER not in words(page)


def test_locking_by_hand(running: Running, chromium: Browser) -> None:
    """The key L locks at once, in every tab; Back and Forward show nothing."""
    with browse(chromium, running) as page:
        other = page.context.new_page()
        other.goto(running.home)
        assert MARKER in words(other)
        page.keyboard.press("L")
        page.wait_for_url("**/locked")
        other.wait_for_url("**/locked*")
        for tab in (page, other):
            assert MARKER not in words(tab)
            tab.go_back()
            assert MARKER not in words(tab)
            tab.go_forward()
            assert MARKER not in words(tab)


def test_who_writes_is_at_work(running: Running, chromium: Browser) -> None:
    """Typing keeps the desk open, though no page is asked for."""
    with browse(chromium, running) as page:
        for _ in range(7):
            time.sleep(IDLE / 5)
            page.keyboard.press("Shift")
        assert MARKER in words(page)
        assert files_open(running)
