"""Exit, then Back: nothing of what was typed, with the browser's caches on, as in a browser that people use."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person, wait_until
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect
from service import CHROMIUM, Server
from visitor import ENOUGH, STORY, Visitor

WORDS = STORY.split(".")[0]


@pytest.fixture(params=[False, True], ids=["no scripts", "scripts"])
def profile(chromium: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A browser with a profile on disk that keeps pages for Back, as every browser does; Playwright turns that off."""
    context = chromium.browser_type.launch_persistent_context(
        tmp_path / "profile",
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu"],
        ignore_default_args=["--disable-back-forward-cache"],
        java_script_enabled=request.param,
        viewport={"width": 390, "height": 844},
    )
    yield context
    context.close()


def write(context: BrowserContext, server: Server) -> Visitor:
    """Open the form in a new tab and tell something."""
    visitor = Visitor(context.new_page(), server.address).open()
    visitor.at("story").field("story.text").fill(WORDS)
    return visitor


def everything_back_shows(page: Page) -> str:
    """Press Back until the form's first page is past, and return all that could be read on the way."""
    read = ""
    for _ in range(4):
        # A page that came from a POST is not kept: Chromium asks whether to send it again, and Playwright gives up.
        with contextlib.suppress(Error):
            page.go_back(wait_until="commit", timeout=5000)
        with contextlib.suppress(Error):
            wait_until(lambda: page.evaluate("document.readyState") == "complete")
            read += page.evaluate(
                "document.documentElement.innerText"
                " + [...document.querySelectorAll('input,textarea')].map(e => e.value + (e.checked ?? '')).join(' ')"
            )
    return read


def test_this_browser_would_show_it(profile: BrowserContext, shared_server: Server) -> None:
    """Without Exit, Back does show what was typed: so the tests below would notice."""
    visitor = write(profile, shared_server)
    visitor.page.goto("about:blank")
    assert WORDS in everything_back_shows(visitor.page)


def test_back_after_exit_shows_nothing_typed(profile: BrowserContext, shared_server: Server) -> None:
    """Who left the form by Exit leaves no word behind for the next person at this device."""
    visitor = write(profile, shared_server)
    leave(visitor.page)
    read = everything_back_shows(visitor.page)
    assert "Before you start" in read, "Back came to the form, empty"
    assert WORDS not in read


def test_back_after_exit_from_an_error(profile: BrowserContext, shared_server: Server) -> None:
    """The page that gave the answers back with an error does not come back."""
    visitor = write(profile, shared_server)
    visitor.look_over().page.locator(".send button:visible").click()
    expect(visitor.page.locator(".summary.error")).to_be_focused()
    assert visitor.values() == {"story.text": [WORDS]}
    leave(visitor.page)
    assert WORDS not in everything_back_shows(visitor.page)


def test_back_after_exit_from_the_receipt(profile: BrowserContext, shared_server: Server) -> None:
    """The return code does not come back, nor what was sent, and nothing is sent a second time."""
    visitor = write(profile, shared_server)
    visitor.set(ENOUGH)
    visitor.look_over().send()
    code = visitor.return_code()
    stored = len(shared_server.instance.ciphertexts())
    leave(visitor.page)
    read = everything_back_shows(visitor.page)
    assert WORDS not in read
    assert code not in read
    assert code.replace(" ", "") not in read
    assert len(shared_server.instance.ciphertexts()) == stored


def test_back_after_exit_from_ones_testimony(profile: BrowserContext, shared_server: Server) -> None:
    """Neither the code that was typed comes back, nor what it opened, nor words that were written there."""
    person = Person.who_sent(shared_server)
    page = profile.new_page()
    page.goto(f"{shared_server.address}/en/return")
    page.locator("#code").fill(person.return_code)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.locator("#text").fill(WORDS)
    leave(page)
    read = everything_back_shows(page)
    assert "Come back with your code" in read, "Back came to the page that asks, empty"
    assert person.return_code not in read
    assert person.digest not in read
    assert WORDS not in read


def leave(page: Page) -> None:
    """Press Exit: a neutral page comes in the same tab."""
    page.locator("a.exit").click()
    page.wait_for_url("**/exit")
    expect(page.get_by_text("This page is empty.")).to_be_visible()
    expect(page.locator("a, form")).to_have_count(0)
