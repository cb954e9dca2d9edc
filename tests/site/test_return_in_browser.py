"""Coming back with the code in a browser without scripts: read, write, choose, delete, withdraw, leave."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal

import pytest
from looks import ENOUGH_CONTRAST, contrasts, first_fields, headings, nameless, too_small, too_wide, twice
from person import Person, Reviewer, stored
from playwright.sync_api import Browser, FilePayload, Page, Request, expect
from service import Server
from visitor import DESKTOP, ENOUGH, NARROW, Visitor, question_id, visit

from intake import code
from intake.envelope import Addition, Consent

WORDS = "I remember one more thing.\nوشيء آخر"
LONG = (
    "How long did the night shift work on paper?\n\nhttps://example.org/"
    + "no-space-in-it-" * 12
    + "\n"
    + "And? " * 300
)
LONG_NAMES: list[FilePayload] = [
    {"name": name, "mimeType": "", "buffer": b"x"}
    for name in ("a" * 180 + ".pdf", "صورة من قسم الطوارئ في المستشفى 2026.jpg", "Lettre & <b>copie.txt")
]
INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
LIKE_PAPER = {
    "en": lambda digits: code.groups(digits),
    "ar": lambda digits: f" {digits[:12]} - {digits[12:]}".translate(INDIC),
}
Look = Callable[[str], None]


@pytest.fixture(scope="module")
def reviewer(shared_server: Server) -> Reviewer:
    """A desk that this server trusts."""
    return Reviewer(shared_server.instance).introduced()


@pytest.fixture(params=["en", "ar"])
def visitor(shared_server: Server, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Someone at a phone, in a language that is written from the left and in one that is written from the right."""
    with visit(chromium, shared_server.address, request.param) as visitor:
        yield visitor


@pytest.fixture
def person(shared_server: Server) -> Person:
    """Someone who has sent a testimony."""
    return Person.who_sent(shared_server)


def come_back(visitor: Visitor, typed: str) -> Page:
    """Type a code and press Enter."""
    visitor.page.goto(f"{visitor.address}/{visitor.language}/return")
    visitor.page.locator("#code").fill(typed)
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press("Enter")
    return visitor.page


def press(page: Page, selector: str) -> None:
    """Press what sends something."""
    with page.expect_navigation():
        page.locator(selector).click()


def texts(person: Person) -> list[str]:
    """Return the words that they added, as the desk opens them."""
    return [envelope.text for envelope in person.opened() if isinstance(envelope, Addition)]


def unfold(page: Page, heading: str) -> None:
    """Open what is folded below a heading."""
    page.locator(f"{heading} + details > summary").click()
    expect(page.locator(f"{heading} + details[open]")).to_be_visible()


def option(page: Page, question: str, answer: str) -> str:
    """Return the selector of a choice."""
    return f'#{question_id(question)} input[value="{answer}"]'


# The code


def test_the_code_opens_it_however_it_is_typed(visitor: Visitor, person: Person) -> None:
    """With spaces as on the receipt, or in the digits of the language and a dash; Enter is enough."""
    page = come_back(visitor, LIKE_PAPER[visitor.language](person.return_code))
    expect(page.locator(".digest")).to_have_text(person.digest)
    assert page.url == f"{visitor.address}/{visitor.language}/return"


def test_each_mistake_in_the_code_is_told(visitor: Visitor) -> None:
    """Each in its own words, twice: above, with the focus, and at the field, which keeps what was typed."""
    told = set()
    right = code.make()
    wrong = f"{right[:-1]}{(int(right[-1]) + 1) % 10}"
    for typed in ("12x4", right[1:], wrong, right):
        page = come_back(visitor, typed)
        problem = page.locator("#code-problem").inner_text()
        expect(page.locator("#code")).to_have_value(typed)
        assert page.locator("#code").get_attribute("aria-describedby") == "code-hint code-problem"
        expect(page.locator(":focus")).to_have_attribute("role", "alert")
        assert page.locator(".summary a[href='#code']").inner_text() == problem
        assert page.title().split(":")[0] in ("Error", "خطأ")
        told.add(problem)
    assert len(told) == 4


def test_words_are_not_lost_with_a_wrong_code(person: Person, chromium: Browser) -> None:
    """Someone whose page held another code by the time they sent it can still copy what they wrote."""
    with visit(chromium, person.server.address) as visitor:
        page = come_back(visitor, person.return_code)
        page.locator("#text").fill(WORDS)
        page.locator("#words [name=code]").evaluate("(e, other) => { e.value = other }", code.make())
        press(page, "#words .button")
        expect(page.locator("textarea[readonly]")).to_have_value(WORDS)


# Words


def test_words_are_added(visitor: Visitor, person: Person) -> None:
    """They are stored once, however often the page is loaded again, and the digest of what is stored is shown."""
    page = come_back(visitor, person.return_code)
    page.locator("#text").fill(WORDS)
    press(page, "#words .button")
    digests = {record.sha256 for record in stored(person.server.instance).values() if record.kind == "addition"}
    assert page.locator(".summary output").inner_text() in digests
    expect(page.locator(":focus")).to_have_attribute("role", "alert")
    expect(page.locator("#text")).to_have_value("")
    page.reload()
    assert page.locator(".summary output").inner_text() in digests
    assert texts(person) == [WORDS]


def test_nothing_written(visitor: Visitor, person: Person) -> None:
    """An empty field gets an error that leads to it."""
    page = come_back(visitor, person.return_code)
    press(page, "#words .button")
    page.locator(".summary.error a").click()
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_attribute("aria-describedby", re.compile("text-problem"))


def test_the_language_changes_and_the_words_stay(visitor: Visitor, person: Person) -> None:
    """The page stays open in the other language, with what was written and not yet sent."""
    page = come_back(visitor, person.return_code)
    page.locator("#text").fill(WORDS)
    page.locator(".languages summary").click()
    press(page, ".languages [value=fr]")
    assert page.locator("html").get_attribute("lang") == "fr"
    expect(page.locator("#text")).to_have_value(WORDS)
    page.locator(".languages summary").click()
    press(page, f".languages [value={visitor.language}]")
    expect(page.locator("#text")).to_have_value(WORDS)
    assert [envelope.kind for envelope in person.opened()] == ["testimony"]


def test_words_that_are_not_sent_are_pointed_out(person: Person, chromium: Browser) -> None:
    """Before every button that would lose them, and only while there are any."""
    with visit(chromium, person.server.address) as visitor:
        page = come_back(visitor, person.return_code)
        for heading in ("#m4", "#m5"):
            unfold(page, heading)
        warnings = page.locator(".unsent")
        seen = warnings.filter(visible=True)
        expect(warnings).to_have_count(3)
        expect(seen).to_have_count(0)
        page.locator("#text").fill(WORDS)
        expect(seen).to_have_count(3)


# Choices


def test_choices_open_and_close_and_are_saved(visitor: Visitor, shared_server: Server) -> None:
    """“Ask me first” is there only with contact; what is saved is shown, then and later, and sealed for the desk."""
    person = Person.who_sent(shared_server, CSTAT="Y")
    page = come_back(visitor, person.return_code)
    unfold(page, "#m5")
    asks = [option(page, name, "ASK") for name in ("CPUB_ANON", "CPUB_NAME", "CMEDIA", "CPARTNER", "CLEA")]
    seen = page.locator(", ".join(asks)).filter(visible=True)
    expect(seen).to_have_count(0)
    page.locator(option(page, "CCONT", "Y")).check()
    expect(seen).to_have_count(len(asks))
    expect(page.locator(option(page, "CPUB_REVIEW", "Y"))).to_be_hidden()
    page.locator(option(page, "CPUB_ANON", "ASK")).check()
    page.locator(option(page, "CPUB_REVIEW", "Y")).check()
    page.locator(option(page, "CSTAT", "N")).check()
    press(page, "form[action$='/consent'] .button")
    for _ in range(2):
        for name, answer in {"CCONT": "Y", "CPUB_ANON": "ASK", "CPUB_REVIEW": "Y", "CSTAT": "N", "CMEDIA": "N"}.items():
            expect(page.locator(option(page, name, answer)), name).to_be_checked()
        expect(page.locator("[name=CINT]"), "only withdrawing takes this back").to_have_count(0)
        come_back(visitor, person.return_code)
    (consent,) = (envelope.consent for envelope in person.opened() if isinstance(envelope, Consent))
    assert (consent["CINT"], consent["CPUB_ANON"], consent["CSTAT"], consent["CLEA"]) == ("Y", "ASK", "N", "N")


def test_who_fears_trouble_is_not_asked_for_a_name(shared_server: Server, chromium: Browser) -> None:
    """The choice that the form did not offer is not offered here either."""
    person = Person.who_sent(shared_server, **{"safe.retaliate": "Y", "CCONT": "Y"})
    with visit(chromium, person.server.address) as visitor:
        page = come_back(visitor, person.return_code)
        unfold(page, "#m5")
        expect(page.locator(option(page, "CMEDIA", "ASK"))).to_be_visible()
        expect(page.locator("[name=CPUB_NAME]")).to_have_count(0)


def test_enter_on_a_choice_saves_nothing(person: Person, chromium: Browser) -> None:
    """As in the form: a choice counts when the button is pressed."""
    with visit(chromium, person.server.address) as visitor:
        page = come_back(visitor, person.return_code)
        unfold(page, "#m5")
        page.locator(option(page, "CCONT", "Y")).check()
        page.keyboard.press("Enter")
        page.locator("#text").fill(WORDS)
        press(page, "#words .button")
        assert sorted(envelope.kind for envelope in person.opened()) == ["addition", "testimony"]


# Replies


def test_a_reply_is_read_answered_and_deleted(visitor: Visitor, person: Person, reviewer: Reviewer) -> None:
    """The newest first, each as it was written; deleting asks once more, deletes that one, and keeps words unsent."""
    reviewer.deliver(reviewer.reply(person, "<b>First</b>\nشكراً"), reviewer.reply(person, LONG.strip()))
    reviewer.deliver(Reviewer(reviewer.instance, reviewer.key).reply(person, "Third."))
    page = come_back(visitor, person.return_code)
    shown = {text.inner_text() for text in page.locator(".reply .said").all()}
    assert shown == {"<b>First</b>\nشكراً", LONG.strip(), "Third."}
    assert "(3)" in page.locator(".contents a").first.inner_text()
    page.locator("#text").fill(WORDS)
    third = page.locator(".reply", has_text="Third.")
    expect(third.locator("button")).to_be_hidden()
    third.locator("summary").click()
    with page.expect_navigation():
        third.locator("button").click()
    expect(page.locator(".reply")).to_have_count(2)
    expect(page.locator(".reply", has_text="Third.")).to_have_count(0)
    expect(page.locator("#text")).to_have_value(WORDS)
    press(page, "#words .button")
    expect(page.locator(".reply")).to_have_count(2)
    assert texts(person) == [WORDS]


def test_the_news_are_in_plain_words(shared_server: Server, chromium: Browser, reviewer: Reviewer) -> None:
    """Every state, the digest that the reviewer signed beside the receipt's, and a loud word where they differ."""
    person = Person.who_sent(shared_server)
    states = ("received", "accepted", "set aside", "used")
    reviewer.deliver(*(reviewer.news(person, state, text=f"About {state}.") for state in states))
    with visit(chromium, person.server.address) as visitor:
        page = come_back(visitor, person.return_code)
        assert [line.inner_text() for line in page.locator(".digest").all()] == [person.digest] * 2
        assert {line.inner_text() for line in page.locator(".news .said").all()} == {
            f"About {each}." for each in states
        }
        expect(page.locator(".news .problem")).to_have_count(0)
        reviewer.deliver(reviewer.news(person, "received", sha256="ab" * 32))
        page = come_back(visitor, person.return_code)
        expect(page.locator(".news .problem")).to_be_visible()


# Withdrawing


def test_withdrawing_asks_once_more(visitor: Visitor, person: Person) -> None:
    """“No” keeps everything, “Yes” takes it back, and the code then says so and shows nothing else."""
    page = come_back(visitor, person.return_code)
    press(page, "form[action$='/withdraw'] .button")
    press(page, "form[action$='/return'] .button")
    expect(page.locator("#text")).to_be_visible()
    assert [envelope.kind for envelope in person.opened()] == ["testimony"]
    press(page, "form[action$='/withdraw'] .button")
    press(page, "form[action$='/withdraw'] .bad")
    said = page.locator("main").inner_text()
    expect(page.locator("main form")).to_have_count(0)
    page.reload()
    assert page.locator("main").inner_text() == said
    assert come_back(visitor, person.return_code).locator("main").inner_text() == said


def test_words_written_after_withdrawing_are_given_back(person: Person, chromium: Browser) -> None:
    """Withdrawn in one tab while writing in another: nothing is stored, and the text can be copied."""
    with visit(chromium, person.server.address) as visitor:
        page = come_back(visitor, person.return_code)
        page.locator("#text").fill(WORDS)
        assert person.act("withdraw", confirm="yes").status == 200
        press(page, "#words .button")
        expect(page.locator("textarea[readonly]")).to_have_value(WORDS)
    mine = [record for record in stored(person.server.instance).values() if record.mailbox == person.keys.mailbox_id]
    assert "addition" not in {record.kind for record in mine}


# Everything together


def everywhere(visitor: Visitor, server: Server, reviewer: Reviewer, look: Look) -> str:
    """Go to every page in every state, and return the code."""
    page, address = visitor.page, f"{visitor.address}/{visitor.language}"
    page.goto(f"{address}/return")
    look("return")
    come_back(visitor, "12x4")
    look("return, wrong")
    visitor.open().set({**ENOUGH, "CCONT": ["Y"]})
    visitor.look_over().send()
    return_code = visitor.return_code().replace(" ", "")
    person = Person(server, return_code, page.locator("#digest").inner_text())
    look("receipt")
    page.locator(".fold summary").click()
    look("receipt, open")
    press(page, "form[action$='/evidence'] button")
    look("files, none chosen")
    page.locator("#files").set_input_files(LONG_NAMES)
    press(page, "form[action$='/evidence'] button")
    page.locator(".fold summary").last.click()
    look("files")
    press(page, "form[action$='/return'] button")
    look("empty")
    news = [reviewer.news(person, state, text=LONG) for state in ("received", "accepted", "set aside", "used")]
    strangers = Reviewer(reviewer.instance).reply(person, "This is not from the desk.")
    other = reviewer.news(person, "received", sha256="ab" * 32)
    reviewer.deliver(*news, other, reviewer.reply(person, LONG), reviewer.reply(person, "شكراً"), strangers)
    come_back(visitor, return_code)
    look("full")
    for summary in page.locator("summary").all():
        summary.click()
    page.locator("#text").fill("x" * 200)
    look("unfolded")
    press(page, "#words .button")
    look("added")
    press(page, "#words .button")
    look("nothing written")
    unfold(page, "#m5")
    press(page, "form[action$='/consent'] .button")
    look("saved")
    press(page, "form[action$='/withdraw'] .button")
    look("withdraw")
    press(page, "form[action$='/withdraw'] .bad")
    look("withdrawn")
    return return_code


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("fr", "dark"), ("ar", "dark")])
def test_every_page_on_a_narrow_phone(
    shared_server: Server, chromium: Browser, reviewer: Reviewer, language: str, scheme: Literal["light", "dark"]
) -> None:
    """Nothing is too wide, too small or too faint; headings, names and the first fields are in order; Exit is there."""
    faint: dict[str, dict[str, float]] = {}
    wrong: dict[str, dict[str, object]] = {}
    with visit(chromium, shared_server.address, language, viewport=NARROW, color_scheme=scheme) as visitor:
        page = visitor.page

        def look(name: str) -> None:
            levels = headings(page)
            jumps = [pair for pair in pairwise(levels[levels.index(1) :]) if pair[1] > pair[0] + 1]
            fields = [each for each in first_fields(page) if each not in (["form_token", "code"], [])]
            checked: dict[str, object] = {
                "wide": too_wide(page) > 0,
                "small": too_small(page),
                "headings": levels.count(1) != 1 or jumps,
                "nameless": nameless(page),
                "ids": twice(page),
                "fields": fields,
                "exit": not page.locator("a.exit").is_visible(),
            }
            wrong[name] = {what: found for what, found in checked.items() if found}
            faint[name] = {pair: ratio for pair, ratio in contrasts(page).items() if not ratio >= ENOUGH_CONTRAST}

        everywhere(visitor, shared_server, reviewer, look)
    assert {name: found for name, found in wrong.items() if found} == {}
    assert {name: found for name, found in faint.items() if found} == {}
    assert len(wrong) == 14


def test_the_code_is_in_no_address_and_no_cookie(shared_server: Server, chromium: Browser, reviewer: Reviewer) -> None:
    """In all requests of all pages the code is in the body alone, and nothing else is fetched but the stylesheets."""
    sent: list[Request] = []
    with visit(chromium, shared_server.address) as visitor:
        visitor.page.on("request", lambda request: sent.append(request))
        return_code = everywhere(visitor, shared_server, reviewer, lambda name: None)
        told = [" ".join([request.url, *map(" ".join, request.all_headers().items())]) for request in sent]
        assert len(told) > 20 and any(return_code in (request.post_data or "") for request in sent)
        assert [each for each in told if return_code in each.replace(" ", "").replace("%20", "")] == []
        assert [each for each in told if "cookie" in each] == []
        assert visitor.page.context.cookies() == []
        assert {request.resource_type for request in sent} <= {"document", "stylesheet"}


def test_with_the_keyboard_alone(person: Person, chromium: Browser) -> None:
    """Tab and Enter lead from the empty page to words that are stored."""

    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.locator(f"{selector}:focus").count():
                return
        raise AssertionError(f"the focus never came to {selector}")

    with visit(chromium, person.server.address, viewport=DESKTOP) as visitor:
        page = visitor.page
        page.goto(f"{visitor.address}/en/return")
        tab_to("#code")
        page.keyboard.type(person.return_code)
        tab_to("form .button")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        tab_to("#text")
        page.keyboard.type("By keyboard.")
        tab_to("#words .button")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.locator(".summary output")).to_be_visible()
    assert texts(person) == ["By keyboard."]
