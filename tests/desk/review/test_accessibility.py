"""Every page of the desk, as axe-core judges it: in light and dark, wide and narrow, with all that folds unfolded."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from desk.conftest import DUTY, ESCROW
from desk.review import pages
from desk.review.running import DESKTOP, NARROW, Running, browse
from desk.review.telling import ARABIC, EDITION, tell
from desk.stick import Desk, Server
from desk.viewing.files import quarters, saved

AXE = Path(__file__).parents[2] / "foreign" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_RUN = """async tags => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    const {violations} = await axe.run({runOnly: tags, resultTypes: ["violations"]});
    return violations.flatMap(({id, impact, nodes}) =>
        nodes.map(({html, failureSummary}) => `${impact} ${id}: ${html.slice(0, 200)} ${failureSummary}`));
}"""

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="needs the npm package: npm ci --prefix tests/foreign")


@pytest.fixture
def server() -> Server:
    server = Server([DUTY.recipient(), ESCROW.recipient()], edition=EDITION)
    given: dict[str, Any] = {"CPUB_ANON": "ASK", "CCONT": "Y", "con.name": "A name", "CTRANS": "N"}
    record = tell(server, "Dr Anna Keller of Lyon waited. Nobody came.", **given, **{"safe.retaliate": "Y"})
    server.add(server.text(record, "And then she came.", language="en"))
    server.attach(record, saved(quarters(), "JPEG"))
    server.attach(record, b"A line of a log.\n" * 100, name="a.log", media_type="text/plain")
    server.attach(record, b"\x7fELF\2\1\1", name="a.pdf", media_type="application/pdf")
    tell(server, ARABIC, "ar", **given, **{"inc.country": "SY", "inc.kind": ["RANSOM", "THEFT"]})
    tell(server, "Elle est morte.", "fr", **{"care.worst": "DEATH"})
    return server


@pytest.fixture
def worked(opened: Desk) -> Desk:
    pages.work(opened, "Keller waited")
    return opened


@pytest.mark.parametrize(("viewport", "dark"), [(DESKTOP, False), (NARROW, True)], ids=["wide", "dark and narrow"])
def test_every_page_is_for_everyone(
    worked: Desk, running: Running, chromium: Browser, viewport: ViewportSize, dark: bool
) -> None:
    found: dict[str, list[str]] = {}
    with browse(chromium, running, viewport, dark=dark) as page:
        page.context.add_init_script(path=AXE)
        for address in (one for each in pages.addresses(worked).values() for one in each):
            page.goto(running.home + address)
            found[address] = violations(page)
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        found["the sheet of keys"] = violations(page)
        (first, *_) = pages.addresses(worked)["/testimony/<identifier>"]
        for address in (first, f"{first}/redaction"):
            page.goto(running.home + address)
            page.locator("[data-part]").first.focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Enter")
            expect(page.get_by_role("dialog")).to_be_visible()
            found[f"the dialog of {address}"] = violations(page)
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def violations(page: Page) -> list[str]:
    found: list[str] = page.evaluate(_RUN, TAGS)
    return found
