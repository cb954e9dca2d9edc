"""Whole walks through the onion: a testimony with evidence, without a browser, without scripts, and with them."""

import os
import re
from pathlib import Path

from person import Person
from playwright.sync_api import Browser, Page, expect
from service import Server
from visitor import ENOUGH, Visitor, visit

from intake import code
from intake.envelope import Withdrawal
from onion.namespace import Namespace
from onion.recording import recorded, send_in_the_clear

STORY = "Nobody-could-say-which-ward-had-lights"
NAME = "Letter-of-a-patient.pdf"
LETTER = b"Dear-patient-your-results-are-lost\r\n" * 60_000
AGENT = "Browser-Of-A-Source"
CONTROL = "seen-by-whoever-looks"
FILM = os.urandom(3_000_000)


def test_without_a_browser(server: Server, loopback: Namespace, tmp_path: Path) -> None:
    """A testimony and a file of 2 MB reach the desk, and nothing in any packet on the way tells of them.

    That the recording would hold it is shown by a text that goes over the same interface in the clear.
    """
    client = server.client
    with recorded(loopback, tmp_path) as recording:
        send_in_the_clear(loopback, CONTROL)
        assert client.get("/", User_Agent=AGENT).headers["Location"] == "/en/"
        assert "/en/testimonials" in client.get("/en/", User_Agent=AGENT).text
        person = Person.who_sent(server, **{"story.text": STORY})
        assert person.send((NAME, LETTER)).status == 200
        assert person.digest in person.come_back().text
    onion = client.origin.removeprefix("http://").removesuffix(".onion")
    typed: dict[str, str | bytes] = {"story": STORY, "question": "story.text", "name": NAME, "letter": LETTER[:30]}
    codes = {
        "code": person.return_code,
        "as shown": code.groups(person.return_code),
        "access": person.keys.access.hex(),
    }
    others = {"agent": AGENT, "address": onion, "digest": person.digest}
    assert recording.holding({"control": CONTROL, **typed, **codes, **others}) == ["control"]

    testimony = next(found for found in server.instance.open_on_desk() if found["id"] == person.testimony)
    assert testimony["attachments"] == 1
    shown = server.instance.shown(person.testimony)
    assert shown["answers"]["story.text"] == STORY
    (letter,) = shown["attachments"]
    assert server.instance.desk("attachment", letter["id"], "--out", tmp_path / "letter").returncode == 0
    assert (tmp_path / "letter").read_bytes() == LETTER
    assert person.act("withdraw", confirm="yes").status == 200
    assert [type(record) for record in person.opened()] == [Withdrawal]


def test_in_a_browser_without_scripts(server: Server, browser: Browser) -> None:
    """From the address alone to the mailbox, with a file of 3 MB; no cookie, and no request to anybody else."""
    with visit(browser, server.address) as visitor:
        page, asked = visitor.page, _asked(visitor.page)
        page.goto(server.address)
        expect(page).to_have_url(f"{server.address}/en/")
        page.locator("a[href$='/testimonials']").first.click()
        _write(visitor)
        visitor.send()
        person = _person(server, page)
        page.locator(".fold > summary").click()
        page.locator("#files").set_input_files({"name": "film.mov", "mimeType": "", "buffer": FILM})
        page.locator("form[action$='/evidence'] .button").click()
        expect(page.locator("main > ul bdi")).to_have_text("film.mov")
        _come_back(page, person)
        assert page.context.cookies() == []
        assert {address.rpartition("/")[0] for address in asked if not address.startswith(server.address)} == set()
    assert person.files()["film.mov"].content == FILM


def test_in_a_browser_with_scripts(server: Server, browser: Browser) -> None:
    """An onion is no secure context for an ordinary browser: all the same the answers and the file are sealed in it."""
    with visit(browser, server.address, java_script_enabled=True) as visitor:
        page, asked = visitor.page, _asked(visitor.page)
        visitor.open()
        assert page.evaluate("isSecureContext") is False
        expect(page.locator(".send [data-way=browser]")).not_to_have_attribute("hidden", "")
        _write(visitor)
        page.locator(".send .button:visible").first.click()
        person = _person(server, page)
        page.locator(".fold > summary").click()
        page.locator("#files").set_input_files({"name": "film.mov", "mimeType": "", "buffer": FILM})
        page.locator("#evidence > p > .button").click()
        expect(page.locator("#sent-files > li")).to_contain_text("It is stored safely.", use_inner_text=True)
        _come_back(page, person)
        assert page.context.cookies() == []
        assert [address for address in asked if not address.startswith(server.address)] == []
    assert {record.client for record in person.opened()} == {"browser"}
    assert person.files()["film.mov"].content == FILM


def _asked(page: Page) -> list[str]:
    """Return a list that will hold the address of each request."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def _write(visitor: Visitor) -> None:
    visitor.at("story").field("story.text").fill(STORY)
    visitor.set(ENOUGH)
    visitor.look_over()


def _person(server: Server, page: Page) -> Person:
    """Return who got the receipt. Where scripts run, they put the code there."""
    expect(page.locator("#return-code")).to_have_text(re.compile(r"\d{4}( \d{4}){5}"))
    shown = page.locator("#return-code").inner_text()
    return Person(server, shown.replace(" ", ""), page.locator("#digest").inner_text())


def _come_back(page: Page, person: Person) -> None:
    page.goto(f"{person.server.address}/en/return")
    page.locator("#code").fill(person.return_code)
    page.keyboard.press("Enter")
    expect(page.locator(".digest")).to_have_text(person.digest)
