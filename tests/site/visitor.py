"""Someone who fills in the form in a browser: what they can press, and what they can see."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, ViewportSize, expect

from intake.calls.edition import CALLS
from intake.calls.load import load_call
from intake.calls.model import Call, Condition, Kind, Note, Question, Section

TESTIMONIALS: Call = load_call((CALLS / "testimonials.yaml").read_bytes())
LANGUAGES = ("en", "fr", "ar")
PHONE: ViewportSize = {"width": 390, "height": 844}
NARROW: ViewportSize = {"width": 320, "height": 640}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
STORY = "The screens went dark. Les écrans se sont éteints. انطفأت الشاشات."
ENOUGH: Mapping[str, list[str]] = {"you.adult": ["Y"], "CINT": ["Y"], "inc.kind": ["RANSOM"]}


@dataclass
class Visitor:
    """One browser tab at the form of one server."""

    page: Page
    address: str
    language: str = "en"

    def open(self, place: str = "") -> "Visitor":
        """Open the form, at one of its places."""
        self.page.goto(f"{self.address}/{self.language}/testimonials{place}")
        return self

    def at(self, section: str) -> "Visitor":
        """Go to a section as the list of parts does: by its fragment, without a request."""
        return self.go_to(page_id(section))

    def go_to(self, identifier: str) -> "Visitor":
        """Follow a fragment of this page."""
        self.page.evaluate("name => { location.hash = name }", identifier)
        return self

    def look_over(self) -> "Visitor":
        """Go to the last page, where everything is shown."""
        return self.go_to(f"p{len(TESTIMONIALS.sections) + 1}")

    def shown(self) -> list[str]:
        """Return the names of the sections that can be seen: one, but for the last page."""
        pages = self.page.evaluate(
            "[...document.querySelectorAll('form .page[id]')].filter(e => e.checkVisibility()).map(e => e.id)"
        )
        return [section_of(identifier) for identifier in pages]

    def option(self, question: str, code: str) -> Locator:
        """Return a radio button or checkbox."""
        return self.page.locator(f'input[name="{question}"][value="{code}"]')

    def field(self, name: str) -> Locator:
        """Return a text field or list."""
        return self.page.locator(f'[name="{name}"]')

    def set(self, answers: Mapping[str, Iterable[str]]) -> None:
        """Choose exactly these options in the whole form, wherever they are."""
        chosen = [[question, code] for question, codes in answers.items() for code in codes]
        self.page.evaluate(
            """chosen => {
                const wanted = new Set(chosen.map(String));
                for (const input of document.querySelectorAll("[type=radio],[type=checkbox]"))
                    input.checked = wanted.has(String([input.name, input.value]));
            }""",
            chosen,
        )

    def press_continue(self) -> None:
        """Press the one button that leads on."""
        self.follow(self.page.locator(".page .go.button:visible"))

    def follow(self, link: Locator) -> None:
        """Click a link to another place of this page, and wait until that can be seen."""
        place = link.get_attribute("href")
        link.click()
        self.is_at(place)

    def is_at(self, place: str | None) -> None:
        """Wait until the browser is at a place of this page, and shows it."""
        assert place and place.startswith("#")
        expect(self.page).to_have_url(re.compile(f"{place}$"))
        expect(self.page.locator(place)).to_be_visible()

    def send(self) -> None:
        """Press the button that sends, which only the last page has."""
        with self.page.expect_navigation():
            self.page.locator(".send button:visible").first.click()

    def values(self) -> dict[str, list[str]]:
        """Return what every field holds that holds something, without the hidden ones."""
        pairs: list[list[str]] = self.page.evaluate(
            "[...new FormData(document.forms[0])].filter(([name, value]) =>"
            " value && !document.forms[0].querySelector(`[type=hidden][name='${name}']`))"
        )
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value.replace("\r\n", "\n"))
        return found

    def return_code(self) -> str:
        """Return the code on the receipt."""
        return self.page.locator("#return-code").inner_text()


@contextlib.contextmanager
def visit(chromium: Browser, address: str, language: str = "en", **options: Any) -> Iterator[Visitor]:
    """Open a browser without JavaScript, cookies or a past, on a phone unless told otherwise."""
    context: BrowserContext = chromium.new_context(**{"java_script_enabled": False, "viewport": PHONE, **options})
    try:
        yield Visitor(context.new_page(), address, language)
    finally:
        context.close()


def without_has(page: Page) -> None:
    """Make the browser one that does not know `:has`: it then skips all that asks for it first."""

    def rewrite(route: Route) -> None:
        response = route.fetch()
        headers = {name: value for name, value in response.headers.items() if name != "content-security-policy"}
        route.fulfill(response=response, headers=headers, body=response.text().replace(":has(", ":unheard-of("))

    page.route("**/*", rewrite)


def without_styles(page: Page) -> None:
    """Make the browser one that knows no CSS."""

    def rewrite(route: Route) -> None:
        if route.request.resource_type == "stylesheet":
            route.abort()
        else:
            response = route.fetch()
            route.fulfill(response=response, body=re.sub("<style>.*?</style>", "", response.text(), flags=re.DOTALL))

    page.route("**/*", rewrite)


def page_id(section: str) -> str:
    """Return the id of a section's page."""
    return f"p{[each.id for each in TESTIMONIALS.sections].index(section) + 1}"


def section_of(identifier: str) -> str:
    """Return the name of a page's section, or `review`."""
    number = int(identifier.removeprefix("p"))
    return TESTIMONIALS.sections[number - 1].id if number <= len(TESTIMONIALS.sections) else "review"


def section_with(question: str) -> Section:
    """Return the section that a question is in."""
    return next(section for section in TESTIMONIALS.sections if question in {each.id for each in section.questions})


def question_id(question: str) -> str:
    """Return the id of a question's element."""
    return f"q{list(TESTIMONIALS.questions).index(question) + 1}"


def conditions() -> Iterator[tuple[str, Condition]]:
    """Return the name and condition of everything that opens and closes: `section`, `question`, `question=code`."""
    for section in TESTIMONIALS.sections:
        yield section.id, section.condition
        for number, item in enumerate(section.items):
            if isinstance(item, Note):
                yield f"{section.id}#{number}", item.condition
            else:
                yield item.id, item.condition
                yield from ((f"{item.id}={option.code}", option.condition) for option in item.options)


def opening(condition: Condition, instead: Mapping[str, str] | None = None) -> dict[str, set[str]]:
    """Return choices that open something and all around it: the first code of each question, or the one given."""
    chosen: dict[str, set[str]] = {}
    for question, codes in condition.when.items():
        _choose(chosen, question, (instead or {}).get(question, codes[0]))
    return chosen


def open_names(chosen: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the names of what is open with these choices, as `conditions` names them: by the rules of the call."""
    seen: dict[str, Any] = {}
    found = set()
    for section in TESTIMONIALS.sections:
        if not section.condition.holds(seen):
            continue
        found.add(section.id)
        for number, item in enumerate(section.items):
            if not item.condition.holds(seen):
                continue
            if isinstance(item, Note):
                found.add(f"{section.id}#{number}")
                continue
            found.add(item.id)
            there = [option.code for option in item.options if option.condition.holds(seen)]
            found.update(f"{item.id}={code}" for code in there)
            codes = [code for code in there if code in chosen.get(item.id, ())]
            if codes:
                seen[item.id] = codes if item.kind is Kind.CHECKBOXES else codes[0]
    return found


def _choose(chosen: dict[str, set[str]], question: str, code: str) -> None:
    asked: Question = TESTIMONIALS.questions[question]
    option = next(option for option in asked.options if option.code == code)
    for around in (section_with(question).condition, asked.condition, option.condition):
        for name, codes in opening(around).items():
            chosen.setdefault(name, set()).update(codes)
    chosen.setdefault(question, set()).add(code)
