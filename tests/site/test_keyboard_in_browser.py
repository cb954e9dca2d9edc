"""The form with a keyboard alone: leaving, walking, answering, sending; and what Enter must not do."""

import re

import pytest
from playwright.sync_api import Browser, Request, Route, expect
from service import Server
from visitor import DESKTOP, ENOUGH, STORY, Visitor, visit, without_has

FOCUS = (
    "(e => [e.tagName, e.className, e.name || '', e.value || '', e.getAttribute('href') || ''])(document.activeElement)"
)


def focus(visitor: Visitor) -> dict[str, str]:
    """Return what has the focus."""
    return dict(zip(("tag", "class", "name", "value", "href"), visitor.page.evaluate(FOCUS), strict=True))


def test_the_second_tab_is_the_way_out(shared_server: Server, chromium: Browser) -> None:
    """Two skip links come first and can be seen when reached: to the content, and away from the site."""
    with visit(chromium, shared_server.address, viewport=DESKTOP) as visitor:
        for address in ("/en/", "/en/testimonials", "/en/nothing"):
            visitor.page.goto(shared_server.address + address)
            visitor.page.keyboard.press("Tab")
            assert focus(visitor)["href"] == "#main"
            visitor.page.keyboard.press("Tab")
            assert focus(visitor)["href"] == "/exit"
            box = visitor.page.locator(":focus").bounding_box()
            assert box and box["x"] >= 0 and box["y"] >= 0
            visitor.page.keyboard.press("Enter")
            visitor.page.wait_for_url("**/exit")


def test_skipping_does_not_lose_the_place(shared_server: Server, chromium: Browser) -> None:
    """Within the form the focus is past the header already, and no skip link leads back to the first section."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open().at("money")
        visitor.page.keyboard.press("Tab")
        assert focus(visitor)["name"] == "inc.ransom"
        assert visitor.page.locator('.skip[href="#main"]').evaluate("e => e.checkVisibility()") is False
        assert visitor.page.locator('.skip[href="/exit"]').evaluate("e => e.checkVisibility()") is True


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "scripts"])
def test_a_testimony_by_keyboard_alone(shared_server: Server, chromium: Browser, scripts: bool) -> None:
    """Tab, Space and Enter reach every section, choose, write and send: `Continue` takes the focus along."""
    answers = {name: codes[0] for name, codes in ENOUGH.items()}
    with visit(chromium, shared_server.address, viewport=DESKTOP, java_script_enabled=scripts) as visitor:
        visitor.open()
        press = visitor.page.keyboard.press
        met = []
        for _ in range(600):
            press("Tab")
            at = focus(visitor)
            if at["name"] in answers and at["value"] == answers[at["name"]]:
                press("Space")
            elif at["name"] == "story.text":
                visitor.page.keyboard.type(STORY)
            elif at["class"].startswith("go button"):
                press("Enter")
                visitor.is_at(at["href"])
                met += visitor.shown()[:1]
            elif at["tag"] == "BUTTON" and visitor.page.url.endswith("#p36") and not at["name"]:
                break
        assert met[0] == "device" and met[-1] == "review" and len(set(met)) == len(met)
        press("Enter")
        expect(visitor.page.locator("#return-code")).to_have_text(re.compile(r"\d{4}( \d{4}){5}"))


@pytest.mark.parametrize("language", ["en", "ar"])
def test_enter_in_a_text_field_does_nothing(shared_server: Server, chromium: Browser, language: str) -> None:
    """Enter in any field of the form, filled or not, sends nothing and changes no language; so after an error too."""
    with visit(chromium, shared_server.address, language) as visitor:
        without_has(visitor.page)
        sent: list[Request] = []
        visitor.page.on("request", lambda request: sent.append(request))
        visitor.open().set({"inc.days": ["1-3D"], "CCONT": ["Y"], "con.via": ["EMAIL"]})
        for _ in range(2):
            before = len(sent)
            for name in ("inc.when.year", "inc.name", "inc.days_number", "con.value", "you.adult", "inc.kind", "CINT"):
                visitor.field(name).first.focus()
                visitor.page.keyboard.press("Enter")
            # Had Enter sent anything, this would not be the first request.
            visitor.send()
            urls = [request.url for request in sent[before:] if request.resource_type == "document"]
            assert urls == [f"{visitor.address}/{language}/testimonials"]
            expect(visitor.page.locator(".summary.error")).to_have_count(1)


@pytest.mark.parametrize("name", ["inc.name", "inc.owner"])
def test_enter_in_the_paged_form_does_nothing(shared_server: Server, chromium: Browser, name: str) -> None:
    """The same where sections are paged: in a text field and on a choice, the next thing sent is what was asked for."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open().at("organisation_more").field("inc.name").fill("St. Anna")
        visitor.field(name).first.focus()
        visitor.page.keyboard.press("Enter")
        visitor.page.keyboard.press("Enter")
        assert visitor.shown() == ["organisation_more"]
        visitor.look_over().send()
        assert visitor.page.url.startswith(f"{visitor.address}/en/")
        expect(visitor.page.locator(".summary.error")).to_be_visible()
        assert visitor.values() == {"inc.name": ["St. Anna"]}


def test_enter_where_dialogs_are_unknown(shared_server: Server, chromium: Browser) -> None:
    """An older browser reads `formmethod=dialog` as GET: our policy keeps it from putting answers into an address."""

    def age(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace('formmethod="dialog"', 'formmethod="get"'))

    with visit(chromium, shared_server.address) as visitor:
        visitor.page.route("**/testimonials", age)
        visitor.open().at("age").option("you.adult", "Y").check()
        visitor.page.keyboard.press("Enter")
        visitor.look_over().send()
        assert visitor.page.url == f"{visitor.address}/en/testimonials"
        assert visitor.values() == {"you.adult": ["Y"]}
