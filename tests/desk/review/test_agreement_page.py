"""Agreement in the browser: closed until one has finished, then numbers, and both codings side by side; and links."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from looks import ENOUGH_CONTRAST, contrasts, too_wide
from playwright.sync_api import Browser, expect

from desk.conftest import DUTY
from desk.review.running import DESKTOP, NARROW, PHONE, Reader, Running, browse
from desk.stick import Desk, Server
from desk.study.conftest import BEN
from intake.desk import trail
from intake.desk.access import add_reviewer, open_workspace
from intake.desk.passages import Passage
from intake.desk.review.words import displayed
from intake.desk.study import coding
from intake.desk.workspace import Workspace

STORY = "Six <b>heures</b>, \u202erien\u202c ne marchait. 👩‍⚕️ Ma mère attendait."


@pytest.fixture
def stories(server: Server) -> list[str]:
    """What a source wrote with a tag and marks that turn the direction around; and four of the same incident."""
    answers = {"inc.country": "FR", "inc.when": "2026-03-09", "inc.kind": "RANSOM"}
    first = server.receive(answers={"story.text": STORY, **answers})
    return [first, *(server.receive(answers={"story.text": "It was dark.", **answers}) for _ in range(3))]


@pytest.fixture
def opened(server: Server, desk: Desk, stick: Path, stories: list[str], tmp_path: Path) -> Desk:
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 0, result.stderr
    with open_workspace(desk.workspace, [DUTY], "duty") as workspace:
        (tmp_path / "ben.pub").write_text(f"{BEN.recipient()}\n")
        add_reviewer(workspace, desk.workspace, tmp_path / "ben.pub")
    return desk


@pytest.fixture
def ben(opened: Desk) -> Iterator[Workspace]:
    with open_workspace(opened.workspace, [BEN], "ben") as workspace:
        yield workspace


def code(workspace: Workspace, testimony: str, words: str, *codes: str) -> None:
    first = STORY.index(words)
    with workspace.transaction():
        coding.add(workspace, testimony, Passage(testimony, "story.text", first, first + len(words)), codes)


def finish(workspace: Workspace, testimony: str) -> None:
    with workspace.transaction():
        coding.finish(workspace, testimony)


def test_it_opens_with_ones_own_finishing(reader: Reader, ben: Workspace, stories: list[str]) -> None:
    """What ben gave shows nowhere before; then it does."""
    first = stories[0]
    code(ben, first, "Ma mère attendait", "patient.family")
    finish(ben, first)
    for path in ("/agreement", f"/agreement/{first}", f"/testimony/{first}", "/trail"):
        assert "<bdi>Family burden" not in reader.get(path).text, path
        assert 'code-purple">Family burden' not in reader.get(path).text.partition("<dialog")[0], path
    assert "Others have finished 1 testimony that you have not." in reader.get("/agreement").text
    closed = reader.get(f"/agreement/{first}")
    assert (closed.status, "when you and another reviewer have finished" in closed.text) == (400, True)
    reader.press(f"/testimony/{first}/finish")
    page = reader.get("/agreement").text
    assert "Family burden" in page
    assert f'href="/agreement/{first}"' in page
    assert "1 testimony that you and another have finished" in page
    assert "Family burden" in reader.get(f"/agreement/{first}").text


def test_both_codings_side_by_side(
    running: Running, opened: Desk, ben: Workspace, stories: list[str], chromium: Browser
) -> None:
    """The words are those of the source, each code where it was given; it can be read on a phone, light and dark."""
    first = stories[0]
    with open_workspace(opened.workspace, [DUTY], "duty") as duty:
        code(duty, first, "rien\u202c ne marchait", "care.no-records", "meta.stance.direct")
        code(duty, first, "Ma mère attendait", "care.delayed")
        code(ben, first, "ne marchait. 👩‍⚕️ Ma mère", "care.no-records")
        code(ben, first, "👩‍⚕️", "staff.blame")
        for workspace in (duty, ben):
            finish(workspace, first)
    with browse(chromium, running) as page:
        page.goto(f"{running.home}agreement")
        row = page.locator("tr", has_text="Delayed care")
        expect(row).to_contain_text("0.00")
        with page.expect_navigation():
            page.locator("a", has_text="Testimony 1").click()
        expect(page.locator("tr", has_text="No records")).to_contain_text("on shared words")
        expect(page.locator("tr", has_text="Delayed care")).to_contain_text("only duty")
        expect(page.locator("tr", has_text="Blame")).to_contain_text("only ben")
        columns = page.locator(".side-by-side > article")
        expect(columns).to_have_count(2)
        for column in columns.all():
            said = column.locator(".said")
            shown = said.evaluate(
                "e => { for (const name of e.querySelectorAll('.given-name')) name.remove(); return e.textContent }"
            )
            assert shown == displayed(STORY)
        page.reload()
        solid = page.locator(".given:not(.alone)").all_text_contents()
        assert "".join(solid) == displayed("rien\u202c ne marchait" + "ne marchait. 👩‍⚕️ Ma mère")
        for dark in (False, True):
            page.emulate_media(color_scheme="dark" if dark else "light")
            for size in (DESKTOP, PHONE, NARROW):
                page.set_viewport_size(size)
                for path in ("agreement", f"agreement/{first}", f"testimony/{first}#links"):
                    page.goto(running.home + path)
                    assert not too_wide(page), (path, size)
                    faint = [pair for pair, ratio in contrasts(page).items() if not ratio >= ENOUGH_CONTRAST]
                    assert not faint, (path, dark)


def test_testimonies_are_linked_and_unlinked(reader: Reader, ben: Workspace, stories: list[str]) -> None:
    first, second, third, _ = stories
    page = reader.get(f"/testimony/{first}").text
    assert "May be the same" in page
    assert "the same day, both: Ransomware, same country" in page
    answer = reader.press(f"/testimony/{first}/links", {"other": second, "next": f"/testimony/{first}?sort=oldest"})
    assert answer.headers["Location"] == f"/testimony/{first}?sort=oldest#links"
    page = reader.get(f"/testimony/{first}").text
    assert re.search(rf'action="/testimony/{first}/links/remove"(?s:.*?)value="{second}"', page)
    reader.press(f"/testimony/{second}/links", {"number": "3"})
    assert "by way of another" in reader.get(f"/testimony/{first}").text
    for number in ("0", "99", "9" * 40, "x", ""):
        said = reader.follow(reader.press(f"/testimony/{first}/links", {"number": number})).text
        assert "There is no testimony with this number." in said, number
    reader.press(f"/testimony/{first}/links/remove", {"other": second})
    reader.press(f"/testimony/{third}/links/remove", {"other": second})
    assert "Linked with no other testimony." in reader.get(f"/testimony/{first}").text
    events = [entry.event for entry in trail.entries(ben) if entry.event.endswith("linked")]
    assert events == ["linked", "linked", "unlinked", "unlinked"]
