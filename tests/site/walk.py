"""Every page of the public site in every state, one after the other, for tests that look at them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from looks import styled
from person import Person
from playwright.sync_api import expect
from service import ROOT
from visitor import ENOUGH, Visitor, section_with

SHIPPED = ("en", *sorted(path.parent.name for path in (ROOT / "translations").glob("*/LC_MESSAGES")))
"""Every language that has a catalogue."""
OUR_CODE = re.compile(r"\d{4}( \d{4}){5}")
_EVERY_SECTION = ".page, .page .if, .page .onward { display: block !important }"

Look = Callable[[str], None]


@dataclass
class Walk:
    """A visitor who goes everywhere, and calls `look` with the name of what is to be seen now."""

    visitor: Visitor
    look: Look
    person: Person
    """Someone who has replies."""
    gone: Person
    """Someone who has withdrawn."""
    scripts: bool = True

    def everywhere(self) -> None:
        """See it all."""
        self.outside()
        self.form()
        self.coming_back()

    def outside(self) -> None:
        """See the pages that anybody sees."""
        page, language = self.visitor.page, self.visitor.language
        page.goto(f"{self.visitor.address}/{language}/")
        page.locator(".languages summary").click()
        self.look("landing, languages open")
        for name, place in {
            "verify": f"/{language}/verify",
            "not found": f"/{language}/nothing",
            "exit": "/exit",
        }.items():
            page.goto(self.visitor.address + place)
            self.look(name)

    def form(self) -> None:
        """See the form from its first section to the receipt."""
        visitor, page = self.visitor, self.visitor.page
        visitor.open()
        expect(page.locator(f".send [data-way={'browser' if self.scripts else 'plain'}]")).to_have_count(1)
        for summary in page.locator("summary:visible").all():
            summary.click()
        self.look("first section, all unfolded")
        with styled(page, _EVERY_SECTION):
            self.look("all sections, closed ones too")
        visitor.at(section_with("inc.kind").id).option("inc.kind", "RANSOM").check()
        self.look("a section with a choice")
        visitor.at("age").option("you.adult", "N").check()
        visitor.at("under_18")
        self.look("under 18")
        visitor.set(ENOUGH)
        visitor.at(section_with("inc.when").id).field("inc.when.year").fill("1")
        visitor.look_over()
        self.look("look over")
        page.locator(".send .button:visible").first.click()
        expect(page.locator("main > .summary.error")).to_be_focused()
        self.look("look over, with a mistake" if self.scripts else "a mistake")
        page.locator("main > .summary.error a").click()
        self.look("a section with a mistake")
        visitor.field("inc.when.year").fill("2025")
        visitor.look_over()
        page.locator(".send .button:visible").first.click()
        expect(page.locator("#return-code")).to_have_text(OUR_CODE)
        for summary in page.locator("summary:visible").all():
            summary.click()
        self.look("receipt")
        if not self.scripts:
            page.locator("form[action$='/evidence'] .button").click()
            expect(page.locator("main > .summary.error, h1 + p").first).to_be_visible()
            self.look("no file chosen")

    def coming_back(self) -> None:
        """See what someone who returns sees."""
        page = self.visitor.page
        self._return("1234")
        expect(page.locator("main > .summary.error")).to_be_focused()
        self.look("wrong code")
        self._return(self.person.return_code)
        expect(page.locator(".reply")).to_have_count(1)
        for summary in page.locator("summary:visible").all():
            summary.click()
        self.look("mailbox")
        page.locator("#words .button").click()
        expect(page.locator("main > .summary.error")).to_be_focused()
        self.look("nothing written")
        page.locator("form[action$='/withdraw'] .button").click()
        expect(page.locator(".button.bad")).to_be_visible()
        self.look("withdraw")
        self._return(self.gone.return_code)
        expect(page.locator(".finish")).to_be_visible()
        self.look("withdrawn")

    def _return(self, typed: str) -> None:
        page = self.visitor.page
        page.goto(f"{self.visitor.address}/{self.visitor.language}/return")
        page.locator("#code").fill(typed)
        page.locator("main .button").first.click()
