"""The whole way in the browser that Tor Browser is made from: no compiler for scripts, no secure context."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from marionette_driver import By, Wait
from marionette_driver.errors import MarionetteException
from marionette_driver.keys import Keys
from marionette_driver.marionette import Marionette, WebElement
from person import Person, Reviewer
from service import Server
from test_sealing_anywhere import BARE, CODE, FILL_IN
from visitor import ENOUGH, STORY, question_id

from intake import envelope

PATIENCE = 120
"""Seconds: without a compiler, on a busy machine."""

WORDS = "One more thing.\nوشيء آخر"
MARKUP = "<b>Which ward</b> was it? شكراً"
LETTER = b"Dear patient, your results are lost. " * 3000
EVERYTHING = """return document.documentElement.textContent + window.name
    + [...document.querySelectorAll("input, textarea")].map(field => field.value).join(" ")"""
ANSWERS = """return [...document.querySelectorAll("#form :is(textarea, :checked)[name]")].map(
    field => [field.name, field.value]).filter(([, value]) => value)"""


@dataclass
class Tab:
    """A tab of Firefox at the site. What looks for something waits until it is there."""

    firefox: Marionette
    address: str

    def open(self, path: str) -> None:
        """Go to a page."""
        self.firefox.navigate(self.address + path)

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.firefox.execute_script(script, script_args=arguments)

    def find(self, selector: str, words: str = "") -> WebElement:
        """Return the first element that can be seen and shows these words."""

        def shown(firefox: Marionette) -> WebElement | None:
            found = (each for each in firefox.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed())
            return next((each for each in found if re.search(words, each.text)), None)

        waiting = Wait(self.firefox, timeout=PATIENCE, ignored_exceptions=MarionetteException)
        return waiting.until(shown, message=f"{selector} {words}")

    def click(self, *selectors: str) -> None:
        """Click on one after the other."""
        for selector in selectors:
            found = self.find(selector)
            self.run("arguments[0].scrollIntoView({ block: 'center' })", found)  # not below the bar at the top
            found.click()

    def write(self, selector: str, text: str) -> None:
        """Type into a field, in place of what it holds."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def speak(self, language: str) -> None:
        """Choose a language in the menu."""
        self.click(".languages summary", f".languages [value={language}]")
        self.find(f"html[lang={language}] h1")


@pytest.fixture
def tab(server: Server, firefox: Marionette, tmp_path: Path) -> Iterator[Tab]:
    """A tab that saves files without a question."""
    with firefox.using_prefs({"browser.download.folderList": 2, "browser.download.dir": str(tmp_path)}):
        yield Tab(firefox, f"http://intake.test:{server.client.port}")


def test_the_whole_way(server: Server, tab: Tab, tmp_path: Path) -> None:
    """Write, save a draft, leave, go on, send, add a file, come back, read, write, choose and withdraw."""
    reviewer = Reviewer(server.instance).introduced()

    tab.open("/en/")
    tab.open("/en/testimonials")
    tab.find(".drafts")
    assert tab.run(f"return {BARE}") == [False, "undefined", "undefined"]
    tab.run(f"({FILL_IN})(arguments)", {**ENOUGH, "CSTAT": ["Y"]}, STORY)
    answers = tab.run(ANSWERS)
    tab.click("#draft-save summary")
    return_code = tab.find("#draft-code", CODE.pattern).text
    tab.click("#draft-save button")
    tab.find("#status", "saved the file")
    draft = tmp_path / "draft.age"
    Wait(tab.firefox, timeout=PATIENCE).until(lambda _: draft.exists() and draft.stat().st_size)

    tab.find("body").send_keys(Keys.ESCAPE * 3)
    tab.find("main", "This page is empty.")
    assert (tab.firefox.get_url(), tab.run("return window.name")) == (f"{tab.address}/exit", "")
    tab.firefox.go_back()
    tab.find(".drafts")
    read = tab.run(EVERYTHING)
    assert (STORY in read, return_code in read, tab.run(ANSWERS)) == (False, False, [])

    tab.click("#draft-open summary")
    tab.find("#draft-file").send_keys(str(draft))
    tab.write("#draft-digits", return_code)
    tab.click("#draft-open button")
    tab.find("#status", "Your answers are back.")
    tab.speak("fr")
    assert tab.run(ANSWERS) == answers
    tab.run("location.hash = document.querySelector('.review').id")
    tab.click(".send button")

    assert tab.find("#return-code", CODE.pattern).text == return_code
    person = Person(server, return_code.replace(" ", ""), tab.find("#digest", "[0-9a-f]{64}").text)
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(LETTER)
    tab.click("details:has(#evidence) > summary")
    tab.find("#files").send_keys(str(letter))
    tab.click("#evidence > p > .button")
    tab.find("#sent-files [data-in=stored]")
    reviewer.deliver(reviewer.reply(person, MARKUP), reviewer.news(person, "received"))

    tab.open("/en/return")
    tab.find(".note[data-way=browser]")
    tab.write("#code", return_code)
    tab.click("form:has(#code) .button")
    assert tab.find(".reply .said").text == MARKUP
    tab.find("#news", "The two lines are the same.")
    tab.write("#text", WORDS)
    for language in ("ar", "en"):
        tab.speak(language)
        tab.find("#text")
    tab.click("#words .button")
    tab.find(".summary", "We have stored what you wrote.")
    tab.click("#m5 + details > summary", f'#{question_id("CSTAT")} input[value="N"]', "#choices .button")
    tab.find(".summary", "We have stored your choices.")

    authority, opened = person.authority(), person.opened()
    (testimony,) = (each for each in opened if isinstance(each, envelope.Testimony))
    (added,) = (each for each in opened if isinstance(each, envelope.Addition))
    (consent,) = (each for each in opened if isinstance(each, envelope.Consent))
    assert (testimony.language, testimony.answers["story.text"]) == ("fr", STORY)
    assert (added.text, testimony.consent["CSTAT"], consent.consent["CSTAT"]) == (WORDS, "Y", "N")
    assert {name: file.content for name, file in person.files().items()} == {"letter.pdf": LETTER}
    for each in (added, consent):
        each.verify(authority)
    assert {each.client for each in opened} == {"browser"}

    tab.click("form[action$='/withdraw'] .button", "#withdraw .button")
    tab.find("h1", "Your testimony is withdrawn")
    (withdrawal,) = person.opened()
    assert isinstance(withdrawal, envelope.Withdrawal)
    withdrawal.verify(authority)
    assert (withdrawal.client, withdrawal.parent) == ("browser", testimony.id)
