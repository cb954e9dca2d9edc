"""Files in a browser without scripts: from the receipt, from the mailbox, kept, lost, and what the person is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person
from playwright.sync_api import Browser, FilePayload, Page, expect
from service import Instance, Server
from visitor import ENOUGH, Visitor, visit

LARGEST_MB = 1
FILES = {"photo.jpg": b"\xff\xd8 a photo", "صورة ١.jpg": b"x" * 70_000, "a letter & its <b>copy.txt": b"Dear Sir,"}
"""Names and contents of files that are kept."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes small files only."""
    instance = Instance.create(tmp_path_factory.mktemp("small"))
    with instance.serve(INTAKE_MAX_UPLOAD_MB=str(LARGEST_MB)) as running:
        yield running


def payloads(files: dict[str, bytes]) -> list[FilePayload]:
    """Return files as a person chooses them."""
    return [{"name": name, "mimeType": "", "buffer": content} for name, content in files.items()]


def send(page: Page, files: dict[str, bytes]) -> None:
    """Choose files, all at once, and send them."""
    page.locator("#files").set_input_files(payloads(files))
    with page.expect_navigation():
        page.locator("form[action$='/evidence'] .button").click()


def come_back(visitor: Visitor, person: Person) -> Page:
    """Type the code."""
    visitor.page.goto(f"{visitor.address}/{visitor.language}/return")
    visitor.page.locator("#code").fill(person.return_code)
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    return visitor.page


def kept(page: Page) -> list[str]:
    """Return the names in the list of what is stored."""
    return [name.inner_text() for name in page.locator("main > ul bdi").all()]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_from_the_receipt(server: Server, chromium: Browser, language: str) -> None:
    """Several at once; the next page names each, shows the code only to who asks, and leads on to the testimony."""
    with visit(chromium, server.address, language) as visitor:
        page = visitor.page
        visitor.open().set(ENOUGH)
        visitor.look_over().send()
        shown = visitor.return_code()
        person = Person(server, shown.replace(" ", ""), page.locator("#digest").inner_text(), language)
        page.locator(".fold > summary").click()
        send(page, FILES)
        assert page.url == f"{server.address}/{language}/evidence"
        assert kept(page) == list(FILES)
        expect(page.locator(".summary")).to_have_count(0)
        again = page.locator(".code output")
        expect(again).to_be_hidden()
        page.locator(".fold > summary").last.click()
        expect(again).to_be_visible()
        assert again.inner_text() == shown
        with page.expect_navigation():
            page.locator("form[action$='/return'] .button").click()
        assert page.locator(".digest").inner_text() == person.digest
    assert {name: arrived.content for name, arrived in person.files().items()} == FILES


@pytest.mark.parametrize("language", ["en", "ar"])
def test_from_the_mailbox(server: Server, chromium: Browser, language: str) -> None:
    """The same later, with the code, and once more from the page that follows."""
    person = Person.who_sent(server)
    with visit(chromium, server.address, language) as visitor:
        page = come_back(visitor, person)
        for name, content in FILES.items():
            page.locator(".fold > summary").first.click()
            send(page, {name: content})
            assert kept(page) == [name]
    assert {name: arrived.content for name, arrived in person.files().items()} == FILES


def test_loading_the_page_again(server: Server, chromium: Browser, tmp_path: Path) -> None:
    """The browser sends the files once more; they are stored once, and the page says the same."""
    person = Person.who_sent(server)
    paths = [tmp_path / name for name in FILES]
    for path in paths:
        path.write_bytes(FILES[path.name])
    with visit(chromium, server.address) as visitor:
        page = come_back(visitor, person)
        page.locator(".fold > summary").first.click()
        page.locator("#files").set_input_files(paths)
        with page.expect_navigation():
            page.locator("form[action$='/evidence'] .button").click()
        page.reload()
        assert kept(page) == list(FILES)
    assert [envelope.kind for envelope in person.opened()].count("attachment") == len(FILES)
    assert {name: arrived.content for name, arrived in person.files().items()} == FILES


def test_one_that_is_too_large(server: Server, chromium: Browser) -> None:
    """The focus is on what was not stored, by its name; the others are, and another can be chosen at once."""
    person = Person.who_sent(server)
    with visit(chromium, server.address) as visitor:
        page = come_back(visitor, person)
        page.locator(".fold > summary").first.click()
        send(page, {"film.mov": b"x" * (LARGEST_MB * 1_000_000 + 1), **FILES})
        assert page.locator(":focus bdi").inner_text() == "film.mov"
        assert "at most 1 MB" in page.locator(":focus").inner_text()
        assert kept(page) == list(FILES)
        assert page.title().startswith("Error:")
        send(page, {"film.mov": b"shorter"})
        assert kept(page) == ["film.mov"]
    assert {name: arrived.content for name, arrived in person.files().items()} == {**FILES, "film.mov": b"shorter"}


def test_none_chosen(server: Server, chromium: Browser) -> None:
    """It says so, and the form is there."""
    person = Person.who_sent(server)
    with visit(chromium, server.address) as visitor:
        page = come_back(visitor, person)
        page.locator(".fold > summary").first.click()
        send(page, {})
        assert "You have not chosen a file yet." in page.locator("main").inner_text()
        expect(page.locator("#files")).to_be_visible()
    assert person.files() == {}


def test_no_room(instance: Instance, chromium: Browser) -> None:
    """Receipt and mailbox say so and have no form for files; words are still taken."""
    with instance.serve(INTAKE_STORAGE_QUOTA_MB="1") as server:
        assert Person.who_sent(server).send(("film.mov", bytes(1_100_000))).status == 200
        server.settle()  # the receipt shows what was found at most a second ago
        with visit(chromium, server.address) as visitor:
            page = visitor.page
            visitor.open().set(ENOUGH)
            visitor.look_over().send()
            said = "We have no room for files just now."
            assert said in page.locator("main").inner_text()
            expect(page.locator("#files")).to_have_count(0)
            person = Person(server, visitor.return_code().replace(" ", ""), page.locator("#digest").inner_text())
            page = come_back(visitor, person)
            assert said in page.locator("main").inner_text()
            expect(page.locator("#files")).to_have_count(0)
            page.locator("#text").fill("Then only words.")
            with page.expect_navigation():
                page.locator("#words .button").click()
        assert sorted(envelope.kind for envelope in person.opened()) == ["addition", "testimony"]


def test_the_receipt_on_paper(server: Server, chromium: Browser) -> None:
    """What is printed is the code and what to know, not the form for files or anything to press."""
    with visit(chromium, server.address) as visitor:
        visitor.open().set(ENOUGH)
        visitor.look_over().send()
        page = visitor.page
        page.locator(".fold > summary").click()
        page.emulate_media(media="print")
        page.wait_for_function("matchMedia('print').matches")
        expect(page.locator("#return-code")).to_be_visible()
        expect(page.locator("#digest")).to_be_visible()
        pressed = page.locator("a, button, summary, input:not([type=hidden])").all()
        assert [each.inner_text() for each in pressed if each.is_visible()] == []
