"""The whole way in the browser that Tor Browser is made from: no compiler for scripts, no secure context."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from marionette_driver import By, Wait
from marionette_driver.errors import MarionetteException
from marionette_driver.keys import Keys
from marionette_driver.marionette import Marionette, WebElement
from person import Person, Reviewer, kinds
from service import Server
from test_sealing_anywhere import BARE, CODE, FILL_IN
from visitor import ENOUGH, STORY, question_id

from intake.envelope import Addition, Consent, Testimony

WORDS = "One more thing.\nوشيء آخر"
MARKUP = "<b>Which ward</b> was it? شكراً"
LETTER = b"Dear patient, your results are lost. " * 3000
EVERYTHING = """return document.documentElement.textContent + window.name
    + [...document.querySelectorAll("input, textarea")].map(field => field.value).join(" ")"""
TYPED = """return [...document.querySelectorAll("#form :is(textarea, input)")].filter(
    field => field.type === "textarea" || field.checked).map(field => field.name + field.value)"""


@dataclass
class Tab:
    """A page in Firefox. All that looks for something waits until it is there."""

    firefox: Marionette
    address: str

    def open(self, path: str) -> None:
        """Go to a page of the site."""
        self.firefox.navigate(self.address + path)

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page."""
        return self.firefox.execute_script(script, script_args=arguments)

    def find(self, selector: str, words: str | re.Pattern[str] = "") -> WebElement:
        """Return the first element that can be seen and shows these words."""

        def shown(firefox: Marionette) -> WebElement | None:
            found = (each for each in firefox.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed())
            return next((each for each in found if re.search(words, each.text)), None)

        waiting = Wait(self.firefox, timeout=90, ignored_exceptions=MarionetteException)
        return waiting.until(shown, message=f"{selector} {words}")

    def click(self, *selectors: str) -> None:
        """Click one after the other."""
        for selector in selectors:
            self.find(selector).click()

    def write(self, selector: str, text: str) -> None:
        """Type into a field, in place of what it holds."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, file: Path) -> None:
        """Choose a file."""
        self.find(selector).send_keys(str(file))

    def speak(self, language: str) -> None:
        """Choose a language in the menu."""
        self.click(".languages summary", f".languages [value={language}]")
        self.find(f"html[lang={language}] h1")

    def form(self) -> None:
        """Open the form, and wait until the script is at work."""
        self.open("/en/testimonials")
        self.find(".drafts")


@pytest.fixture
def tab(server: Server, firefox: Marionette, tmp_path: Path) -> Any:
    """A tab at the site, in which nothing of the browser itself helps; it saves files without a question."""
    saving = {"browser.download.folderList": 2, "browser.download.dir": str(tmp_path)}
    with firefox.using_prefs(saving):
        yield Tab(firefox, f"http://intake.test:{server.client.port}")


def test_the_whole_way(server: Server, tab: Tab, tmp_path: Path) -> None:
    """Write, keep a draft, leave, go on, send, add a file, come back, read, write, choose, withdraw."""
    instance, reviewer = server.instance, Reviewer(server.instance).introduced()

    # A draft; Escape three times leaves nothing behind; the draft goes on in another language.
    tab.open("/en/")
    tab.form()
    assert tab.run(f"return {BARE}") == [False, "undefined", "undefined"]
    tab.run(f"({FILL_IN})(arguments)", {**ENOUGH, "CSTAT": ["Y"]}, STORY)
    typed = tab.run(TYPED)
    tab.click("#draft-save summary")
    return_code = tab.find("#draft-code", CODE).text
    tab.click("#draft-save button")
    Wait(tab.firefox, timeout=90).until(lambda _: (tmp_path / "draft.age").exists())
    tab.firefox.find_element(By.CSS_SELECTOR, "body").send_keys(Keys.ESCAPE * 3)
    Wait(tab.firefox, timeout=90).until(lambda firefox: firefox.get_url().endswith("/exit"))
    for i in range(4):
        print("AT", tab.firefox.get_url(), tab.run("return document.readyState"), STORY in tab.run(EVERYTHING), return_code in tab.run(EVERYTHING), repr(tab.run(EVERYTHING))[:150])
        tab.firefox.go_back()
    tab.open("/en/")
    tab.form()
    tab.run(f"({FILL_IN})(arguments)", {**ENOUGH, "CSTAT": ["Y"]}, STORY)
    tab.firefox.navigate("about:blank")
    for i in range(2):
        print("AT", tab.firefox.get_url(), tab.run("return document.readyState"), STORY in tab.run(EVERYTHING), repr(tab.run(EVERYTHING))[:150])
        tab.firefox.go_back()
