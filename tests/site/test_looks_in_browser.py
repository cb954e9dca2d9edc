"""What can be measured of how pages look: contrast in light and dark, and things large enough to touch."""

from typing import Literal

import pytest
from playwright.sync_api import Browser
from service import Server
from visitor import ENOUGH, LANGUAGES, TESTIMONIALS, Visitor, visit, without_has

TEXT, SHAPES = 4.5, 3.0
"""The least contrast that WCAG 2.2 AA asks for, of text and of the edges of controls."""

CONTRASTS = """least => {
    const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = parse(getComputedStyle(e).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [NaN, NaN, NaN];
    };
    const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const found = new Map();
    for (const e of document.body.querySelectorAll("*")) {
        const text = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!(text || e.matches("input,select,textarea")) || !e.checkVisibility()) continue;
        const style = getComputedStyle(e);
        found.set(`${style.color} on ${behind(e)}`, ratio(parse(style.color), behind(e)));
        if (e.matches("select,textarea,input:not([type])"))
            found.set(`edge ${style.borderColor} on ${behind(e.parentElement)}`,
                ratio(parse(style.borderTopColor), behind(e.parentElement)) * least.text / least.shapes);
    }
    return [...found];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(shared_server: Server, chromium: Browser, scheme: Literal["light", "dark"]) -> None:
    """Every text and every field's edge stands out enough from what is behind it, on every kind of page."""
    with visit(chromium, shared_server.address, color_scheme=scheme) as visitor:
        without_has(visitor.page)
        found: dict[str, float] = {}

        def look() -> None:
            found.update(visitor.page.evaluate(CONTRASTS, {"text": TEXT, "shapes": SHAPES}))

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
    assert {pair: ratio for pair, ratio in found.items() if not ratio >= TEXT} == {}


def too_small(visitor: Visitor) -> list[str]:
    """Return what can be pressed but is less than 40 pixels high, with a hair's breadth for rounding."""
    found: list[str] = visitor.page.evaluate(
        """[...document.querySelectorAll(
            "a:not(.skip,main p:not(.onward) a),button,summary,select,textarea,input:not([type]),fieldset label")]
            .filter(e => e.checkVisibility() && !e.matches(".date label, .summary a"))
            .map(e => [e, Math.round(e.getBoundingClientRect().height)])
            .filter(([, height]) => height && height < 40)
            .map(([e, height]) => `${e.outerHTML.slice(0, 90)}: ${height}`)"""
    )
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_pressed_is_large_enough(shared_server: Server, chromium: Browser, language: str) -> None:
    """On a phone every button, choice, field and link that stands alone is about a fingertip high."""
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open()
        visitor.page.locator(".parts summary").click()
        small = set(too_small(visitor))
        for section in TESTIMONIALS.sections:
            visitor.at(section.id)
            small.update(too_small(visitor))
        visitor.look_over()
        small.update(too_small(visitor))
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
    assert rings == {"rgb(255, 191, 71) solid 3px / rgb(23, 34, 44) 0px 0px 0px 6px"}
