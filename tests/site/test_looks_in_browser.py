"""What can be measured of how pages look: contrast in every state, size, zoom, forced colours, print."""

import re
from typing import Literal

import pytest
from looks import ENOUGH_CONTRAST, contrasts, too_small, too_wide
from person import Person
from playwright.sync_api import Browser, expect
from service import ROOT, Instance, Server
from visitor import ENOUGH, LANGUAGES, NARROW, TESTIMONIALS, question_id, section_with, visit, without_has
from walk import SHIPPED

from intake.site.catalogue import machine_drafted

STYLES = {path.name: path.read_text() for path in (ROOT / "intake" / "site" / "static").glob("*.css")}
RING = "rgb(255, 191, 71) solid 3px / rgb(23, 34, 44) 0px 0px 0px 6px"
ZOOMED = {"width": 320, "height": 256}
"""What is left of 1280 by 1024 at 400 %."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(shared_server: Server, chromium: Browser, scheme: Literal["light", "dark"]) -> None:
    """Every text and every field's edge stands out enough from what is behind it, on every kind of page."""
    with visit(chromium, shared_server.address, color_scheme=scheme) as visitor:
        without_has(visitor.page)
        found: dict[str, float] = {}

        def look() -> None:
            found.update(contrasts(visitor.page))

        visitor.page.goto(f"{visitor.address}/en/")
        look()
        visitor.open()
        look()
        visitor.send()
        look()
        visitor.set(ENOUGH)
        visitor.send()
        look()
    assert len(found) >= 8
    assert {pair: ratio for pair, ratio in found.items() if not ratio >= ENOUGH_CONTRAST} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_what_is_pointed_at(
    shared_server: Server, chromium: Browser, scheme: Literal["light", "dark"]
) -> None:
    """Links and buttons of every kind, the languages and what unfolds, while the pointer is on them, and disabled."""
    person = Person.who_sent(shared_server)
    found: dict[str, float] = {}
    with visit(chromium, shared_server.address, color_scheme=scheme) as visitor:
        page = visitor.page
        page.goto(f"{visitor.address}/en/return")
        page.locator("#code").fill(person.return_code)
        page.locator("main .button").click()
        page.locator(".languages summary").click()
        for selector in (".languages button", ".contents a", "#words .button", ".fold summary", ".exit", "footer a"):
            page.locator(selector).first.hover()
            found |= contrasts(page)
        page.locator("form[action$='/withdraw'] .button").hover()
        found |= contrasts(page)
        page.locator("form[action$='/withdraw'] .button").click()
        for kind in (".bad", ".second"):
            page.locator(f".button{kind}").hover()
            found |= contrasts(page)
        page.locator(".button.bad").evaluate("e => { e.disabled = true }")
        found |= contrasts(page)
    assert {pair: ratio for pair, ratio in found.items() if not ratio >= ENOUGH_CONTRAST} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_pressed_is_large_enough(shared_server: Server, chromium: Browser, language: str) -> None:
    """On a phone every button, choice, field and link that stands alone is about a fingertip high."""
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open()
        visitor.page.locator(".parts summary").click()
        visitor.page.locator(".languages summary").click()
        small = set(too_small(visitor.page))
        for section in TESTIMONIALS.sections:
            visitor.at(section.id)
            small.update(too_small(visitor.page))
        visitor.look_over()
        small.update(too_small(visitor.page))
        assert small == set()


def test_the_focus_can_be_seen(shared_server: Server, chromium: Browser) -> None:
    """The ring around what has the focus is of two colours: one stands out in the light, the other in the dark."""
    rings = set()
    for scheme in ("light", "dark"):
        with visit(chromium, shared_server.address, color_scheme=scheme) as visitor:
            visitor.open().at("age")
            visitor.page.keyboard.press("Tab")
            ring = "e => [getComputedStyle(e).outline, getComputedStyle(e).boxShadow].join(' / ')"
            rings.add(visitor.page.locator(":focus").evaluate(ring))
    assert rings == {RING}


def test_forced_colours_hide_no_state(shared_server: Server, chromium: Browser) -> None:
    """Where the system takes our colours away, what is chosen, wrong or has the focus still looks different."""
    with visit(chromium, shared_server.address, forced_colors="active") as visitor:
        visitor.open().at(section_with("you.adult").id)
        choice = visitor.page.locator("label", has=visitor.option("you.adult", "Y"))
        looks = [choice.screenshot()]
        visitor.page.keyboard.press("Tab")
        expect(visitor.option("you.adult", "Y")).to_be_focused()
        looks.append(choice.screenshot())
        visitor.page.keyboard.press("Space")
        expect(visitor.option("you.adult", "Y")).to_be_checked()
        looks.append(choice.screenshot())
        assert len(set(looks)) == 3
        question = visitor.page.locator(f"#{question_id('inc.when')}")
        visitor.at(section_with("inc.when").id)
        before = question.bounding_box(), question.evaluate("e => getComputedStyle(e).borderInlineStartWidth")
        visitor.field("inc.when.year").fill("1")
        visitor.set(ENOUGH)
        visitor.look_over().send()
        question = visitor.page.locator(f"#{question_id('inc.when')}")
        assert before != (question.bounding_box(), question.evaluate("e => getComputedStyle(e).borderInlineStartWidth"))
        for selector in (".button:visible", ".exit"):
            edge = visitor.page.locator(selector).first.evaluate("e => getComputedStyle(e).borderTopColor")
            assert edge != "rgba(0, 0, 0, 0)"


def test_at_400_percent_nothing_hides_the_focus(shared_server: Server, chromium: Browser) -> None:
    """In a window of 320 by 256, Tab goes through a section and nothing that it reaches lies below the way out."""
    with visit(chromium, shared_server.address, viewport=ZOOMED) as visitor:
        visitor.open().at(section_with("inc.kind").id)
        hidden = []
        for _ in range(30):
            visitor.page.keyboard.press("Tab")
            hidden += visitor.page.evaluate(
                """() => {
                    const [bar, at] = [".top", ":focus"].map(each => document.querySelector(each));
                    if (!at || bar.contains(at)) return [];
                    const {top} = at.getBoundingClientRect();
                    const seen = top >= bar.getBoundingClientRect().bottom - 1 && top < innerHeight;
                    return seen ? [] : [at.outerHTML.slice(0, 100)];
                }"""
            )
        assert hidden == []
        assert too_wide(visitor.page) == 0
        bar = visitor.page.locator(".top").bounding_box()
        assert bar and bar["height"] <= ZOOMED["height"] / 4


def test_the_menu_of_languages(instance: Instance, chromium: Browser) -> None:
    """Each language by its own name, the current one marked; a title says, in the page's words, what nobody checked."""
    languages = " ".join(SHIPPED)
    with (
        instance.serve(INTAKE_LANGUAGES=languages) as server,
        visit(chromium, server.address, viewport=NARROW) as visitor,
    ):
        page = visitor.page
        for language in SHIPPED:
            page.goto(f"{visitor.address}/{language}/")
            page.locator(".languages summary").click()
            entries = page.locator(".languages li")
            expect(entries).to_have_count(len(SHIPPED))
            expect(page.locator(".languages [aria-current]")).to_have_attribute("lang", language)
            names = entries.all_inner_texts()
            assert len(set(names)) == len(SHIPPED) and names == sorted(names)
            titles = {
                other: page.locator(f".languages a[hreflang={other}]").get_attribute("title")
                for other in SHIPPED
                if other != language
            }
            assert {other for other, title in titles.items() if title} == {
                other for other in titles if machine_drafted(other)
            }
            assert too_small(page) == [] and too_wide(page) == 0
        page.locator(".languages a[hreflang=en]").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_what_is_printed_of_a_receipt(shared_server: Server, chromium: Browser) -> None:
    """The code, what to do with it and the digest; no buttons, no menus, nothing that only a screen needs."""
    with visit(chromium, shared_server.address, color_scheme="dark") as visitor:
        visitor.open().set(ENOUGH)
        visitor.look_over().send()
        visitor.page.emulate_media(media="print")
        assert visitor.page.locator("h1:visible, h2:visible").all_inner_texts() == [
            "We have your testimony",
            "Keep this code",
            "Proof that we have it",
        ]
        for selector in ("#return-code", "#digest"):
            expect(visitor.page.locator(selector)).to_be_visible()
        expect(visitor.page.locator(":is(a, button, input, summary, header, nav, footer):visible")).to_have_count(0)
        assert list(contrasts(visitor.page)) == ["rgb(0, 0, 0) on 255,255,255"]


@pytest.mark.parametrize(
    "forbidden",
    [
        r"animation|transition|@keyframes|scroll-behavior",
        r"[{;](width|height|left|right|top|bottom|(min|max)-(width|height)|(margin|padding|border)-(left|right|top|bottom))"
        r"\s*:",
        r"(text-align|float|clear):\s*(left|right)",
        r"letter-spacing|font-style:\s*italic|text-transform",
        r"url\(|@import|@font-face",
    ],
)
def test_what_no_style_may_say(forbidden: str) -> None:
    """Nothing moves; start and end, not left and right; no slant or gaps that not all scripts know."""
    assert {name: found[0] for name, text in STYLES.items() if (found := re.search(forbidden, text))} == {}
