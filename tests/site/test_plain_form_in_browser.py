"""Where the browser lacks `:has`, or CSS, the form is one long page that still works; and no screen is too narrow."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from service import Server
from visitor import LANGUAGES, NARROW, STORY, TESTIMONIALS, page_id, question_id, visit, without_has, without_styles

LESSER = {"no :has": without_has, "no CSS": without_styles}


@pytest.mark.parametrize("lessen", LESSER.values(), ids=LESSER)
@pytest.mark.parametrize("language", LANGUAGES)
def test_one_long_form_shows_everything_and_can_be_sent(
    shared_server: Server, chromium: Browser, language: str, lessen: Callable[[Page], None]
) -> None:
    """Each section, question and option can be seen, with a word on when to answer it; and it is sent from the end."""
    with visit(chromium, shared_server.address, language) as visitor:
        lessen(visitor.page)
        visitor.open()
        assert [name for name in visitor.shown() if name != "review"] == [each.id for each in TESTIMONIALS.sections]
        hidden: list[str] = visitor.page.evaluate(
            """[...document.querySelectorAll("form :is(label,legend,select,textarea,input:not([type=hidden]),.if)")]
                .filter(e => !e.checkVisibility() && !e.closest("[data-way=browser]")).map(e => e.outerHTML)"""
        )
        assert hidden == []
        for section in TESTIMONIALS.sections:
            if section.condition.when:
                assert visitor.page.locator(f"#{page_id(section.id)} > .if").first.inner_text()
            for question in section.questions:
                if question.condition.when:
                    assert visitor.page.locator(f"#{question_id(question.id)} > .if").inner_text()
        visitor.option("you.adult", "Y").check()
        visitor.option("CINT", "Y").check()
        visitor.option("inc.ransom", "N").check()
        visitor.option("inc.paid", "Y").check()
        visitor.field("story.text").fill(f"{language} {lessen.__name__}")
        visitor.send()
        assert visitor.return_code()
    records = [json.loads(shared_server.instance.opened(each)) for each in shared_server.instance.ciphertexts()]
    stories = {record["answers"]["story.text"]: record["answers"] for record in records if "answers" in record}
    assert stories[f"{language} {lessen.__name__}"].get("inc.paid") is None


@pytest.mark.parametrize("lessen", LESSER.values(), ids=LESSER)
def test_mistakes_in_the_long_form(shared_server: Server, chromium: Browser, lessen: Callable[[Page], None]) -> None:
    """The summary comes first, its links lead to the questions, and everything is still there."""
    with visit(chromium, shared_server.address) as visitor:
        lessen(visitor.page)
        visitor.open().field("story.text").fill(STORY)
        visitor.send()
        assert visitor.page.title().startswith("Error:")
        visitor.follow(visitor.page.locator(".summary a").first)
        expect(visitor.page).to_have_url(f"{visitor.address}/en/testimonials#{question_id('you.adult')}")
        top: float = visitor.page.evaluate("document.querySelector(':target').getBoundingClientRect().top")
        assert 0 <= top < 400
        assert visitor.values() == {"story.text": [STORY]}


@pytest.mark.parametrize("lessen", LESSER.values(), ids=LESSER)
def test_a_child_is_stopped_in_the_long_form(
    shared_server: Server, chromium: Browser, lessen: Callable[[Page], None]
) -> None:
    """There the button cannot go away, so the server stops them kindly, and stores nothing."""
    with visit(chromium, shared_server.address) as visitor:
        lessen(visitor.page)
        visitor.open().option("you.adult", "N").check()
        visitor.option("CINT", "Y").check()
        visitor.field("story.text").fill(STORY)
        stored = len(shared_server.instance.ciphertexts())
        visitor.send()
        assert visitor.page.locator("h1").inner_text() == "This form is for adults"
        assert len(shared_server.instance.ciphertexts()) == stored


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wider_than_a_narrow_screen(shared_server: Server, chromium: Browser, language: str) -> None:
    """At 320 pixels no page scrolls sideways: not the start page, a section, an error, the receipt, nor a dead end."""
    with visit(chromium, shared_server.address, language, viewport=NARROW) as visitor:
        wide = []

        def look(name: str) -> None:
            widths = "[document.documentElement.scrollWidth, innerWidth]"
            inside, screen = visitor.page.evaluate(widths)
            if inside > screen:
                wide.append((name, inside))

        for address in ("", "nothing"):
            visitor.page.goto(f"{visitor.address}/{language}/{address}")
            look(address)
        visitor.open().field("story.text").evaluate("(e, text) => { e.value = text }", "long" * 400)
        visitor.look_over()
        visitor.send()
        look("error")
        visitor.page.locator(".parts summary").click()
        look("parts")
        for section in TESTIMONIALS.sections:
            visitor.at(section.id)
            look(section.id)
        visitor.option("you.adult", "Y").evaluate("e => { e.checked = true }")
        visitor.option("CINT", "Y").evaluate("e => { e.checked = true }")
        visitor.look_over()
        look("review")
        visitor.send()
        look("receipt")
        without_has(visitor.page)
        visitor.open()
        look("long form")
        assert wide == []
