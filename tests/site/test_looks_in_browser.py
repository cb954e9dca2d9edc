"""What can be measured of how pages look: contrast in light and dark, and things large enough to touch."""

from typing import Literal

import pytest
from looks import ENOUGH_CONTRAST, contrasts, too_small
from playwright.sync_api import Browser
from service import Server
from visitor import ENOUGH, LANGUAGES, TESTIMONIALS, visit, without_has


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_pressed_is_large_enough(shared_server: Server, chromium: Browser, language: str) -> None:
    """On a phone every button, choice, field and link that stands alone is about a fingertip high."""
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open()
        visitor.page.locator(".parts summary").click()
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
    assert rings == {"rgb(255, 191, 71) solid 3px / rgb(23, 34, 44) 0px 0px 0px 6px"}
