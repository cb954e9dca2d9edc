"""The page of charts: drawings that can be read by everyone, their tables, and the file with what may leave."""

import csv
import re
from pathlib import Path

import pytest
from looks import contrasts, nameless, too_wide, twice
from playwright.sync_api import Browser, Page, expect

from desk.conftest import DUTY
from desk.review.running import DESKTOP, PHONE, Reader, Running, browse
from desk.stick import FRENCH, catalogue
from desk.test_export import EDITION, MARKER, Counting
from intake.calls.edition import Edition

AAA = 7.0
ARABIC = {
    "Ransomware": "برنامج فدية",
    "A leak": "تسريب <b>بيانات</b> من كل الملفات القديمة",
    "Delays": "تأخير",
}


@pytest.fixture
def server() -> Counting:
    """Testimonies of several months, with labels in two scripts."""
    files = {**EDITION.files, "fr.po": catalogue(FRENCH), "ar.po": catalogue(ARABIC)}
    server = Counting([DUTY.recipient()], edition=Edition(files))
    for number in range(36):
        server.day = f"2026-{1 + number % 9:02}-11"
        kind = {"inc.kind": "RANSOM" if number % 3 else "LEAK", "care.effects": ["DELAY"]}
        said = {"inc.country": "FR", "inc.when": "2024-01"} if number % 2 else {}
        server.receive(answers={"story.text": MARKER, **kind, **said}, language="fr" if number % 4 else "ar")
    return server


def heard(page: Page) -> list[str]:
    """What the page writes to its console from now on: a breach of its own rules, above all."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text))
    return found


def test_every_drawing_has_a_name_a_description_and_a_table(reader: Reader) -> None:
    page = reader.get("/charts")
    assert page.status == 200
    drawings = re.findall(r'<svg [^>]*role="img" aria-labelledby="([\w-]+) ([\w-]+)"', page.text)
    assert len(drawings) == 6
    for title, description in drawings:
        assert re.search(rf'<title id="{title}">[^<]+</title>', page.text)
        assert re.search(rf'<desc id="{description}">The largest are [^<]+</desc>', page.text)
    assert page.text.count("<summary>Table</summary>") == 6
    assert "36 testimonies" in page.text
    assert MARKER not in page.text
    assert " style=" not in page.text
    assert '<a href="/?answer=inc.kind%3ARANSOM">' in page.text


def test_there_is_nothing_yet(reader: Reader, server: Counting) -> None:
    records = [server.identifier(number + 1) for number in range(36)]
    reader.press("/decide", {"record": records, "state": "spam", "next": "/"})
    page = reader.get("/charts")
    assert "There is nothing to count yet." in page.text
    assert "<svg" not in page.text


def test_it_looks_right_to_everyone(running: Running, chromium: Browser) -> None:
    with browse(chromium, running) as page:
        state = page.context.storage_state()
    for language, viewport, dark in (("en", DESKTOP, False), ("ar", PHONE, True), ("fr", PHONE, False)):
        context = chromium.new_context(
            viewport=viewport, color_scheme="dark" if dark else "light", locale=language, storage_state=state
        )
        page = context.new_page()
        trouble = heard(page)
        page.goto(f"{running.home}charts")
        for summary in page.locator("main summary").all():
            summary.click()
        expect(page.locator("main details:not([open])")).to_have_count(0)
        assert trouble == []
        assert too_wide(page) == 0
        assert [nameless(page), twice(page)] == [[], []]
        assert {name for name, ratio in contrasts(page).items() if ratio < AAA and "edge" not in name} == set()
        # Each name begins at the left edge of its drawing and stays in it, in whatever direction it runs.
        outside = page.evaluate(
            """[...document.querySelectorAll("svg > g > text:not([class])")].filter(text => {
                const [own, all] = [text.getBoundingClientRect(), text.ownerSVGElement.getBoundingClientRect()]
                return Math.abs(own.left - all.left) > 6 || own.right > all.right + 1
            }).map(text => text.textContent)"""
        )
        assert outside == []
        if language == "ar":
            expect(page.locator("svg text", has_text="برنامج فدية")).to_have_attribute("direction", "rtl")
            expect(page.locator("bdi[lang=ar]", has_text="برنامج فدية")).to_have_count(1)
        context.close()


def test_the_table_links_to_the_list(running: Running, chromium: Browser) -> None:
    with browse(chromium, running) as page:
        page.goto(f"{running.home}charts")
        figure = page.locator("figure", has=page.get_by_role("heading", name="Kind of attack"))
        figure.locator("summary").click()
        figure.get_by_role("link", name="A leak").click()
        expect(page).to_have_url(f"{running.home}?answer=inc.kind%3ALEAK")
        expect(page.locator("main")).to_contain_text("12")


def test_a_chart_leaves_as_a_file_of_its_own(running: Running, chromium: Browser, tmp_path: Path) -> None:
    out = tmp_path / "chart.csv"
    with browse(chromium, running) as page:
        page.goto(f"{running.home}charts")
        figure = page.locator("figure", has=page.get_by_role("heading", name="Kind of attack"))
        figure.get_by_role("link", name="Write as a file").click()
        expect(page.get_by_label("Chart", exact=True)).to_have_value("inc.kind")
        expect(page.get_by_label("New file")).to_be_focused()
        page.keyboard.type("chart.csv")
        page.keyboard.press("Enter")
        page.get_by_text("Write the whole path").wait_for()
        page.get_by_label("New file").fill(str(out))
        page.get_by_role("button", name="Write the file").click()
        page.get_by_text("rows were written").wait_for()
    with out.open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    assert {row["chart"] for row in rows} == {"all", "inc.kind"}
    assert {row["group"]: row["count"] for row in rows if row["chart"] == "inc.kind"}["RANSOM"] == "24"
    assert out.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_said(reader: Reader, tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("")
    for path, chart, words in (
        (str(there), "", "is there already"),
        ("/nowhere/at/all.csv", "", "There is no folder"),
        (str(tmp_path / "new.csv"), "no.such", "There is no such chart"),
    ):
        answer = reader.press("/charts", {"path": path, "format": "csv", "chart": chart})
        assert words in reader.follow(answer).text
    assert sorted(tmp_path.glob("*.csv")) == [there]
