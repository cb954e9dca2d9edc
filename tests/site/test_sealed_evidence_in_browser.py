"""Files where scripts run: sealed while they are read, in parts, with little memory; stopped, cut off, gone on with."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bare_browser import CHROMIUM, BareBrowser
from person import Person
from playwright.sync_api import Browser, Dialog, Locator, Page, Request, Route, expect
from service import Server
from visitor import visit

MEBIBYTE = 1024 * 1024
SIZES = {"nothing.txt": 0, "صورة <b>.jpg": 1, "letter.pdf": 5 * MEBIBYTE + 7}
LARGE = 96 * MEBIBYTE
MOST_MORE = 64 * MEBIBYTE
"""What all processes of the browser together may hold more while a large file goes: it and its seal are 192 MiB."""


@pytest.fixture
def person(shared_server: Server) -> Person:
    """Someone who has sent a testimony."""
    return Person.who_sent(shared_server)


@pytest.fixture
def page(chromium: Browser, person: Person) -> Iterator[Page]:
    """Their own page, opened with the code, in a browser that runs scripts."""
    with visit(chromium, person.server.address, java_script_enabled=True) as visitor:
        page = visitor.page
        page.goto(f"{visitor.address}/en/return")
        expect(page.locator(".note[data-way=browser]")).to_be_visible()
        page.locator("#code").fill(person.return_code)
        page.keyboard.press("Enter")
        page.locator("#m4 + .fold > summary").click()
        yield page


def made(folder: Path, name: str, size: int) -> Path:
    """Write a file of random bytes."""
    path = folder / name
    with path.open("wb") as file:
        for start in range(0, size, MEBIBYTE):
            file.write(os.urandom(min(MEBIBYTE, size - start)))
    return path


def send(page: Page, *paths: Path) -> None:
    """Choose files and send them."""
    page.locator("#files").set_input_files(list(paths))
    page.locator("#evidence > p > .button").click()


def says(row: Locator, words: str) -> None:
    """Wait until a row shows these words; it holds those of every state."""
    expect(row).to_contain_text(words, use_inner_text=True)


def test_files_of_every_size_arrive(page: Page, person: Person, tmp_path: Path) -> None:
    """The desk opens each, under its name, with its signature; and no request holds any of it in clear."""
    bodies: list[bytes] = []
    page.on("request", lambda request: bodies.append(request.post_data_buffer or b"") if len(bodies) < 12 else None)
    paths = [made(tmp_path, name, size) for name, size in SIZES.items()]
    send(page, *paths)
    rows = page.locator("#sent-files > li")
    for row, name in enumerate(SIZES):
        expect(rows.nth(row).locator("bdi")).to_have_text(name)
        says(rows.nth(row), "It is stored safely.")
    found = person.files()
    assert {name: arrived.content for name, arrived in found.items()} == {
        path.name: path.read_bytes() for path in paths
    }
    assert all(not any(arrived.padding) for arrived in found.values())
    assert found["nothing.txt"].sealed == found["صورة <b>.jpg"].sealed
    assert found["letter.pdf"].described.client == "browser"
    assert not any(
        secret in body
        for secret in (b"letter", b"nothing.txt", person.return_code.encode(), paths[2].read_bytes()[100:200])
        for body in bodies
    )


def test_a_large_file_takes_little_memory(person: Person, tmp_path: Path) -> None:
    """It is never whole in the browser, nor is its ciphertext."""
    if CHROMIUM is None:
        pytest.skip("Chromium is missing. To install it: sudo apt-get install chromium")
    large = made(tmp_path, "film.mov", LARGE)
    with BareBrowser(CHROMIUM, tmp_path / "profile", f"{person.server.address}/en/return") as browser:
        browser.until("document.querySelector('.note[data-way=browser]')?.checkVisibility()")
        typed = f"document.getElementById('code').value = '{person.return_code}'"
        browser.run(f"{typed}; document.querySelector('form .button').click()")
        browser.until("document.getElementById('words')?.checkVisibility()")
        browser.choose("#files", large)
        first = most = browser.memory()
        browser.run("document.querySelector('#evidence > p > .button').click()")
        end = time.monotonic() + 180
        while not browser.run("document.querySelector('#sent-files [data-in=stored]').checkVisibility()"):
            most = max(most, browser.memory())
            assert time.monotonic() < end
            time.sleep(0.1)
    assert most - first < MOST_MORE, f"{(most - first) / MEBIBYTE:.0f} MiB"
    assert person.files()["film.mov"].described.size == LARGE


def test_a_file_is_stopped_and_one_is_gone_on_with(page: Page, person: Person, tmp_path: Path) -> None:
    """Cancel stops a file at once, and it is not kept. After the network broke, it goes on where it was."""
    held: list[Route] = []
    sent: list[str] = []
    broken = True

    def on_the_way(route: Route) -> None:
        body = (route.request.post_data_buffer or b"")[:2000]
        number = body.partition(b'name="number"\r\n\r\n')[2].partition(b"\r\n")[0].decode()
        sent.append(number)
        if number == "1" and not held:
            held.append(route)
        elif number == "2" and broken:
            route.abort()
        else:
            route.continue_()

    page.route("**/evidence", on_the_way)
    send(page, made(tmp_path, "stopped.bin", 5 * MEBIBYTE), made(tmp_path, "cut.bin", 7 * MEBIBYTE))
    first, second = page.locator("#sent-files > li").all()
    expect(first.locator("progress")).not_to_have_js_property("value", 0)
    says(second, "It waits for its turn.")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with contextlib.suppress(Exception):  # Playwright says that the navigation was stopped
        page.goto(f"{person.server.address}/en/", timeout=10_000)
    assert asked == ["beforeunload"]
    first.get_by_role("button", name="Cancel").click()
    says(first, "You stopped it.")
    says(second, "We try again by ourselves.")
    says(second, "Press the button to go on")
    broken = False
    second.get_by_role("button", name="Go on").click()
    says(second, "It is stored safely.")
    assert sent == ["0", "1", "0", "1", *["2"] * 5, "3", ""]
    assert {name: arrived.content for name, arrived in person.files().items()} == {
        "cut.bin": (tmp_path / "cut.bin").read_bytes()
    }


def test_a_file_that_is_not_taken(page: Page, person: Person, tmp_path: Path) -> None:
    """None chosen, too large, not to be sealed, withdrawn meanwhile: it says so, and nothing goes without the lock but
    by the person's own click."""
    rows = page.locator("#sent-files > li")
    send(page)
    expect(page.locator("#evidence .none")).to_be_visible()
    page.evaluate("document.getElementById('evidence').dataset.largest = 10")
    send(page, made(tmp_path, "large.bin", 11))
    says(rows.nth(0), "This file is too large.")
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    page.evaluate("void (crypto.getRandomValues = () => { throw new Error() })")
    plain = made(tmp_path, "plain.bin", 10)
    send(page, plain)
    says(rows.nth(1), "Your browser could not lock this file.")
    assert requests == []
    with page.expect_navigation():
        rows.nth(1).get_by_role("button", name="Send it without this lock").click()
    expect(page.locator("main")).to_contain_text("1 file is stored safely")
    assert {name: arrived.content for name, arrived in person.files().items()} == {"plain.bin": plain.read_bytes()}


def test_a_file_for_what_was_withdrawn(page: Page, person: Person, tmp_path: Path) -> None:
    """It is not taken, and the page says why."""
    assert person.act("withdraw", confirm="yes").status == 200
    send(page, made(tmp_path, "late.bin", 10))
    says(page.locator("#sent-files > li"), "You have withdrawn this testimony.")
