"""`Look over and send` shows what was answered, all of it and nothing else; and sending twice is safe."""

import pytest
from playwright.sync_api import Browser, Page
from service import Server
from visitor import (
    DESKTOP,
    ENOUGH,
    LANGUAGES,
    PHONE,
    STORY,
    TESTIMONIALS,
    Visitor,
    open_names,
    question_id,
    section_of,
    visit,
)

CHOSEN = {**ENOUGH, "safe.retaliate": ["Y"], "care.effects": ["CANCEL", "DIVERT"], "inc.ransom": ["N"]}
HIDDEN_AGAIN = {"inc.paid": ["Y"], "care.cancel_n": ["10-99"]}


def answers_on(page: Page) -> dict[str, list[str]]:
    """Return, by its id, what the last page shows under each question that it shows."""
    found: dict[str, list[str]] = page.evaluate(
        """Object.fromEntries([...document.querySelectorAll(".question")].filter(e => e.checkVisibility()).map(e => {
            const shown = [...e.querySelectorAll("label,input:not([type]),select,textarea")]
                .filter(each => each.checkVisibility() && !each.matches(".label,.date label"))
                .map(each => each.value ?? each.textContent.trim());
            const none = getComputedStyle(e, "::after").content;
            return [e.id, none === "none" ? shown : shown.concat("(" + none + ")")];
        }))"""
    )
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_page_shows_exactly_what_was_answered(shared_server: Server, chromium: Browser, language: str) -> None:
    """Every open question is there with its answer or `not answered`; none of a closed branch is."""
    none = {"en": "Not answered", "fr": "Sans réponse", "ar": "دون إجابة"}[language]
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open().set({**CHOSEN, **HIDDEN_AGAIN})
        visitor.at("story").field("story.text").fill(STORY)
        visitor.at("when_where").field("inc.when.year").fill("2025")
        visitor.field("inc.when.month").select_option("3")
        visitor.field("inc.country").select_option("CH")
        visitor.look_over()
        shown = answers_on(visitor.page)
        written = {"story.text": [STORY], "inc.when": ["2025", "3", ""], "inc.country": ["CH"]}
        chosen: dict[str, list[str]] = {**CHOSEN, **HIDDEN_AGAIN}
        expected = {}
        for name in open_names(chosen) & set(TESTIMONIALS.questions):
            labels = [
                (visitor.option(name, option.code).locator("xpath=..").text_content() or "").strip()
                for option in TESTIMONIALS.questions[name].options
                if option.code in chosen.get(name, [])
            ]
            expected[question_id(name)] = labels or written.get(name) or [f'("{none}")']
        assert shown == expected


def test_change_leads_to_the_section(shared_server: Server, chromium: Browser) -> None:
    """Each `Change` on the last page opens the section that it stands in; what changes there shows on return."""
    with visit(chromium, shared_server.address, viewport=DESKTOP) as visitor:
        visitor.open().set({**ENOUGH, "CCONT": ["Y"]})
        visitor.look_over()
        for identifier in visitor.page.locator(".page:has(.change:visible)").evaluate_all("all => all.map(e => e.id)"):
            visitor.follow(visitor.look_over().page.locator(f"#{identifier} .change"))
            assert visitor.shown() == [section_of(identifier)]
        visitor.option("con.via", "SIGNAL").check()
        visitor.look_over()
        assert answers_on(visitor.page)[question_id("con.via")] == ["Signal"]


def sent_once(visitor: Visitor) -> str:
    """Send the form into a new tab, so that this one still holds it, and return the code of the receipt."""
    visitor.look_over()
    with visitor.page.context.expect_page() as opened:
        visitor.page.locator(".send button").click(modifiers=["Control"])
    receipt = Visitor(opened.value, visitor.address)
    code = receipt.return_code()
    receipt.page.close()
    return code


@pytest.mark.parametrize("language", LANGUAGES)
def test_sending_the_same_again_gives_the_same_receipt(shared_server: Server, chromium: Browser, language: str) -> None:
    """Who is not sure whether it was sent may press the button again: nothing is stored twice, the code stays."""
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open().set(ENOUGH)
        code = sent_once(visitor)
        stored = len(shared_server.instance.ciphertexts())
        visitor.send()
        assert visitor.return_code() == code
        assert len(shared_server.instance.ciphertexts()) == stored


@pytest.mark.parametrize("as_new", [True, False])
def test_other_answers_in_a_sent_form_can_go_either_way(shared_server: Server, chromium: Browser, as_new: bool) -> None:
    """The page says so, keeps every word and offers both ways: a new testimony, or an addition without a new code."""
    with visit(chromium, shared_server.address, viewport=PHONE) as visitor:
        visitor.open().set(ENOUGH)
        code = sent_once(visitor)
        visitor.at("story").field("story.text").fill(STORY)
        visitor.look_over().send()
        assert "already sent this form once" in visitor.page.locator("[role=alert]").inner_text()
        assert "Back button" in visitor.page.locator("[role=alert]").inner_text()
        assert visitor.values() == {**ENOUGH, "story.text": [STORY]}
        visitor.look_over()
        assert visitor.page.locator(".send button:visible").count() == 2
        with visitor.page.expect_navigation():
            visitor.page.locator(".send button").nth(0 if as_new else 1).click()
        if as_new:
            assert visitor.return_code() != code
        else:
            assert visitor.page.locator("h1").inner_text() == "We added it to your testimony"
            assert visitor.page.locator("#return-code").count() == 0
            assert code not in visitor.page.content()


def test_back_from_the_receipt_is_a_new_form(shared_server: Server, chromium: Browser) -> None:
    """Back from the receipt shows no answer, and what is sent from there is a testimony of its own."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open().set(ENOUGH)
        visitor.look_over().send()
        code = visitor.return_code()
        visitor.page.go_back()
        assert visitor.values() == {}
        visitor.set(ENOUGH)
        visitor.look_over().send()
        assert visitor.return_code() != code
