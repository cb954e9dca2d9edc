"""The codebook in the browser: reading it, adding, changing, moving, merging, retiring; and the journal."""

import re

from looks import ENOUGH_CONTRAST, contrasts, too_wide
from playwright.sync_api import Browser, expect

from desk.conftest import DUTY
from desk.review.running import NARROW, PHONE, Reader, Running, browse
from desk.stick import Desk
from intake.desk import trail
from intake.desk.access import open_workspace
from intake.desk.passages import Passage
from intake.desk.study import codebook, coding


def events(desk: Desk) -> list[str]:
    with open_workspace(desk.workspace, [DUTY], "duty") as workspace:
        return [entry.event for entry in trail.entries(workspace)]


def test_every_starter_code_is_there_with_its_memo(reader: Reader) -> None:
    page = reader.get("/codebook").text
    assert page.count('class="node ') == 74
    assert "Care came later than it should have" in page
    assert "<title>Codebook · Review desk</title>" in page


def test_a_code_is_added_and_changed(running: Running, reader: Reader, opened: Desk) -> None:
    new = {"name": "<b>Néw</b>", "parent": "care", "colour": "sky", "memo": "What & why."}
    page = reader.follow(reader.press("/codebook", new)).text
    found = re.search(r'id="([0-9a-f]{32})" class="node depth-1"', page)
    assert found
    assert "&lt;b&gt;Néw&lt;/b&gt;" in page
    assert "<b>Néw" not in page
    changed = {"name": "Newer", "colour": "", "memo": ""}
    page = reader.follow(reader.press(f"/codebook/{found[1]}", changed)).text
    assert "Newer" in page
    assert "Néw" not in page
    page = reader.follow(reader.press(f"/codebook/{found[1]}/move", {"parent": ""})).text
    assert f'id="{found[1]}" class="node depth-0"' in page
    assert events(opened)[-3:] == ["code added", "code changed", "code moved"]


def test_what_cannot_be_taken_is_said_and_kept(reader: Reader, running: Running) -> None:
    """The sentence, and what was typed, on the page where it was typed."""
    new = {"name": "delayed CARE", "parent": "care", "colour": "sky", "memo": "A long thought."}
    referer = {"Referer": f"{running.home}codebook"}
    page = reader.follow(reader.press("/codebook", new, **referer)).text
    assert "There is a code with this name in the same place already." in page
    assert 'value="delayed CARE"' in page
    assert "A long thought.</textarea>" in page
    assert reader.get("/codebook/none").status == 400
    assert reader.press("/codebook/care/move", {}).status == 400


def test_merging_asks_and_leads_to_the_other(reader: Reader, opened: Desk) -> None:
    kept = reader.follow(reader.press("/codebook/care.delayed/merge", {"into": "care.backlog"}))
    assert "say that you are sure" in kept.text
    answer = reader.press("/codebook/care.delayed/merge", {"into": "care.backlog", "sure": "yes"})
    assert answer.headers["Location"] == "/codebook/care.backlog"
    assert "Delayed care" in reader.follow(answer).text
    assert reader.get("/codebook/care.delayed").headers["Location"] == "/codebook/care.backlog"
    assert 'id="care.delayed"' not in reader.get("/codebook").text


def test_a_code_is_retired_and_brought_back(reader: Reader) -> None:
    page = reader.follow(reader.press("/codebook/care.paper/retire", {"retired": "yes"})).text
    assert 'id="care.paper" class="node depth-1 retired"' in page
    page = reader.follow(reader.press("/codebook/care.paper/retire", {"retired": ""})).text
    assert 'id="care.paper" class="node depth-1"' in page


def test_thoughts_about_a_code_and_the_journal(reader: Reader) -> None:
    reader.press("/codebook/care.paper/memos", {"text": "Whiteboards, too?"})
    assert "Whiteboards, too?" in reader.get("/codebook/care.paper").text
    assert "Whiteboards, too?" not in reader.get("/journal").text
    page = reader.follow(reader.press("/journal", {"text": "A pattern <i>at night</i>."})).text
    assert "A pattern &lt;i&gt;at night&lt;/i&gt;." in page
    found = re.search(r"/memo/([0-9a-f]{32})/change", page)
    assert found
    reader.press(f"/memo/{found[1]}/change", {"text": "No pattern.", "next": "/journal"})
    assert "No pattern." in reader.get("/journal").text
    reader.press(f"/memo/{found[1]}/delete", {"next": "/journal"})
    assert "Nothing is written yet." in reader.get("/journal").text


def test_every_change_needs_the_token(reader: Reader) -> None:
    changes = ("", "/care", "/care/move", "/care/merge", "/care/retire", "/care/memos")
    for path in (*(f"/codebook{change}" for change in changes), "/journal"):
        assert reader.post(path, {"name": "x", "text": "x"}).status == 403, path


def test_with_the_keyboard_alone(opened: Desk, running: Running, chromium: Browser) -> None:
    """Find a code, give it another name, merge it into another one; without a mouse."""
    with browse(chromium, running) as page:
        page.keyboard.press("g")
        page.keyboard.press("c")
        page.wait_for_url("**/codebook")
        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(page.locator(":focus")).to_contain_text("Delayed care")
        page.keyboard.press("o")
        page.wait_for_url("**/codebook/care.delayed")
        page.keyboard.press("e")
        expect(page.locator("#name")).to_be_focused()
        page.keyboard.type("Late care")
        page.keyboard.press("Enter")
        page.wait_for_url("**/codebook#care.delayed")
        expect(page.locator("[id='care.delayed']")).to_contain_text("Late care")
        page.goto(f"{running.home}codebook/care.delayed")
        into = page.locator("#into")
        into.focus()
        for _ in range(into.locator("option").count()):  # letters would have to follow each other within a second
            if into.input_value() == "care.backlog":
                break
            page.keyboard.press("ArrowDown")
        expect(into).to_have_value("care.backlog")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/codebook/care.backlog")
        expect(page.locator("main")).to_contain_text("Late care")


def test_it_can_be_read_anywhere(opened: Desk, running: Running, chromium: Browser) -> None:
    """Nothing is wider than a small phone, and all text stands out, on light and on dark; with long names, too."""
    with open_workspace(opened.workspace, [DUTY], "duty") as workspace, workspace.transaction():
        parent = ""
        for depth in range(8):
            parent = codebook.add(workspace, f"{depth}{'W' * 78}", parent, "yellow", "x" * 300)
        testimony = next(iter(workspace.records("kind = 'testimony'")))
        coding.add(workspace, testimony.id, Passage(testimony.id, "story.text", 0, 2), ["care.paper", parent])
    with browse(chromium, running, PHONE) as first:  # the address lets one browser in, once
        for dark in (False, True):
            first.emulate_media(color_scheme="dark" if dark else "light")
            for size in (PHONE, NARROW):
                first.set_viewport_size(size)
                for path in ("codebook", "codebook/care.paper", f"codebook/{parent}", "journal"):
                    first.goto(running.home + path)
                    assert not too_wide(first), (path, dark)
                    faint = [pair for pair, ratio in contrasts(first).items() if not ratio >= ENOUGH_CONTRAST]
                    assert not faint, (path, dark)
