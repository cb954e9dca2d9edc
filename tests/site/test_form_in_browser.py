"""The whole form in Chromium without JavaScript: onward, back, every part, in three languages, on phone and desktop."""

import json
import re
from collections.abc import Iterable, Mapping

import pytest
from playwright.sync_api import Browser, ViewportSize, expect
from service import Server
from visitor import DESKTOP, LANGUAGES, PHONE, STORY, TESTIMONIALS, Visitor, page_id, visit

ALWAYS_OPEN = [section.id for section in TESTIMONIALS.sections if section.condition.always]
TYPED: Mapping[str, str] = {"story.text": STORY, "inc.when.year": "2025", "inc.name": "St. Anna"}
CHOSEN: Mapping[str, list[str]] = {
    "safe.device": ["WORK"],
    "safe.silence": ["Y"],
    "you.adult": ["Y"],
    "inc.kind": ["RANSOM", "OUTAGE"],
    "inc.data": ["MAYBE"],
    "care.effects": ["CANCEL"],
    "care.worst": ["DEATH"],
    "CINT": ["Y"],
    "CCONT": ["Y"],
}
"""Choices that open every section but the one for people under 18."""


def walk(visitor: Visitor, chosen: Mapping[str, Iterable[str]], typed: Mapping[str, str]) -> list[str]:
    """Go from the first section to the last by `Continue` alone, answering on the way. Return the sections met."""
    met = []
    while (shown := visitor.shown()) and len(shown) == 1:
        met += shown
        for section in (section for section in TESTIMONIALS.sections if section.id == shown[0]):
            for question in section.questions:
                for code in chosen.get(question.id, ()):
                    visitor.option(question.id, code).check()
                for name in (name for name in typed if name.startswith(question.id)):
                    visitor.field(name).fill(typed[name])
        visitor.press_continue()
    return met


@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_walk_by_continue_ends_at_a_receipt(
    shared_server: Server, chromium: Browser, language: str, viewport: ViewportSize
) -> None:
    """Continue leads through every section that is open, no other, to `look over and send`, and to a return code."""
    with visit(chromium, shared_server.address, language, viewport=viewport) as visitor:
        met = walk(visitor.open(), {"you.adult": ["Y"], "CINT": ["Y"]}, {"story.text": STORY})
        assert met == ALWAYS_OPEN
        assert visitor.page.url.endswith(f"#p{len(TESTIMONIALS.sections) + 1}")
        visitor.send()
        assert re.fullmatch(r"\d{4}( \d{4}){5}", visitor.return_code())
        html = visitor.page.locator("html")
        assert html.get_attribute("lang") == language
        assert html.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
        assert visitor.page.context.cookies() == []


def test_what_is_sent_is_what_was_typed(shared_server: Server, chromium: Browser) -> None:
    """With every branch open, Continue meets every section, Back meets them in reverse, and all answers arrive."""
    with visit(chromium, shared_server.address, "fr") as visitor:
        met = walk(visitor.open(), CHOSEN, TYPED)
        assert met == [section.id for section in TESTIMONIALS.sections if section.id != "under_18"]
        met_again = []
        while visitor.shown() != [met[0]]:
            visitor.follow(visitor.page.locator("form .go:not(.button):visible"))
            met_again += visitor.shown()
        assert met_again == met[::-1]
        visitor.look_over()
        visitor.send()
    records = [json.loads(shared_server.instance.opened(each)) for each in shared_server.instance.ciphertexts()]
    sent = next(record for record in records if record.get("answers", {}).get("inc.name") == "St. Anna")
    assert sent["answers"] == {
        "safe.silence": "Y",
        "you.adult": "Y",
        "inc.when": "2025",
        "inc.name": "St. Anna",
        "inc.kind": ["RANSOM", "OUTAGE"],
        "inc.data": "MAYBE",
        "care.effects": ["CANCEL"],
        "care.worst": "DEATH",
        "story.text": STORY,
    }
    assert sent["language"] == "fr"
    assert (sent["consent"]["CINT"], sent["consent"]["CCONT"], sent["consent"]["CPARTNER"]) == ("Y", "Y", "N")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_section_is_ever_blank(shared_server: Server, chromium: Browser, language: str) -> None:
    """Whoever comes to a section, even to a closed one by an old link, sees one heading, words, and the way on."""
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open()
        for section in TESTIMONIALS.sections:
            visitor.at(section.id)
            assert visitor.shown() == [section.id]
            page = visitor.page.locator(f"#{page_id(section.id)}")
            assert page.locator("h1").is_visible()
            heading, *words = page.inner_text().split("\n", 1)
            assert heading.strip()
            assert len("".join(words)) > 20, section.id
            assert page.locator(".go:visible").count() == (
                1 if section.stop or section == TESTIMONIALS.sections[0] else 2
            )


def test_the_list_of_parts_leads_to_every_open_section(shared_server: Server, chromium: Browser) -> None:
    """Nobody has to walk: the list of all parts opens each section, and the last page."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open().set(CHOSEN)
        visitor.page.locator(".parts summary").click()
        expect(visitor.page.locator(".parts[open]")).to_be_visible()
        links = visitor.page.locator(".parts a:visible")
        met = []
        for number in range(links.count() - 1):
            visitor.follow(links.nth(number))
            met += visitor.shown()
        assert met == [section.id for section in TESTIMONIALS.sections if section.id != "under_18"]
        visitor.follow(links.last)
        assert "review" in visitor.shown()


def test_the_form_opens_with_what_exit_does(shared_server: Server, chromium: Browser) -> None:
    """Before the first question, one page tells what Exit does, and what it does not do."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.page.goto(f"{visitor.address}/en/")
        with visitor.page.expect_navigation():
            visitor.page.locator("main .button").click()
        assert visitor.shown() == ["leave"]
        assert "It does not erase your browser history." in visitor.page.locator("#p1").inner_text()
        assert visitor.page.locator("#p1 :is(input, textarea, select):visible").count() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_under_18_is_stopped_and_cannot_send(shared_server: Server, chromium: Browser, language: str) -> None:
    """A child reads a kind page, has no way on and no button to send, not even on the last page."""
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open().at("age").option("you.adult", "N").check()
        visitor.press_continue()
        assert visitor.shown() == ["under_18"]
        assert visitor.page.locator(".page .button:visible").count() == 0
        words = visitor.page.locator(f"#{page_id('under_18')} .text").inner_text()
        visitor.look_over()
        assert visitor.page.locator(f"#{page_id('under_18')} .text").inner_text() == words
        assert visitor.page.locator(".send :visible").count() == 0
        visitor.at("age").option("you.adult", "Y").check()
        visitor.press_continue()
        assert visitor.shown() == ["you"]


def test_exit_is_on_every_page_and_fragments_tell_nothing(shared_server: Server, chromium: Browser) -> None:
    """The exit link stays on the screen, leads away in the same tab, and no address names what a page asks."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open()
        for section in TESTIMONIALS.sections:
            visitor.at(section.id).page.evaluate("scrollTo(0, document.body.scrollHeight)")
            box = visitor.page.locator("a.exit").bounding_box()
            assert box and 0 <= box["y"] < 20
        links: list[list[str]] = visitor.page.evaluate(
            "[...document.links].map(link => [link.getAttribute('href'), link.target])"
        )
        assert {href for href, target in links if target != "_blank" and not re.fullmatch("#[pq][0-9]+", href)} == {
            "#main",
            "/exit",
        }
        assert ["/exit", ""] in links
        names: list[str] = visitor.page.evaluate("[...document.querySelectorAll('main [id]')].map(e => e.id)")
        neutral = "form|data|status|draft-[a-z]+|[pq][0-9]+[a-z]?(-[0-9]+)?"
        assert [name for name in names if not re.fullmatch(neutral, name)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_around_the_form(shared_server: Server, chromium: Browser, language: str) -> None:
    """Every page names its language, direction and subject, has one heading and the way out."""
    titles = set()
    with visit(chromium, shared_server.address, language, locale=language) as visitor:
        for address in (f"/{language}/", f"/{language}/testimonials", f"/{language}/nothing"):
            visitor.page.goto(shared_server.address + address)
            html = visitor.page.locator("html")
            assert html.get_attribute("lang") == language
            assert html.get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
            assert visitor.page.locator("h1:visible").count() == 1
            assert visitor.page.locator("a.exit").is_visible()
            titles.add(visitor.page.title())
        visitor.page.locator("a.exit").click()
        visitor.page.wait_for_url("**/exit")
        assert visitor.page.locator("html").get_attribute("lang") == language
        assert visitor.page.title() not in titles
        assert "CyberPeace" not in visitor.page.title() + visitor.page.content()
    assert len(titles) == 3
