"""The page of a testimony: read and coded with the mouse, and with the keyboard alone; exact in any script."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from looks import contrasts, too_wide
from playwright.sync_api import Browser, Page

from desk.conftest import DUTY, ESCROW
from desk.review.running import NARROW, PHONE, Reader, Running, browse
from desk.stick import Desk, Server
from intake.age.identities import HybridIdentity
from intake.calls.answers import check
from intake.calls.edition import read_editions
from intake.desk import deciding, passages, triage
from intake.desk.access import add_reviewer, open_workspace
from intake.desk.passages import Passage
from intake.desk.study import coding, memos, translating
from intake.desk.workspace import Workspace

EDITION = read_editions(Path(__file__).parents[3] / "translations", ("ar", "fr"))["testimonials"]
BEN = HybridIdentity.from_seed(b"ben".ljust(32))
ARABIC = "في تِلْكَ اللَّيْلَةِ تَوَقَّفَتِ الأَجْهِزَةُ كُلُّهَا. كنتُ خائفةً 👩‍👩‍👧‍👦 جدًّا."
CHINESE = "那天早上，所有的电脑都黑屏了。护士只能用纸和笔记录。"
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)></div></textarea>{{ 7*7 }} "
    "\u202egnp.exe\u202c \x1b[31mred\r\nnul\x00 c1\x85 del\x7f 👩‍👩‍👧 e\u0301\u0301 \u2028 " + "A" * 19_000
)


@pytest.fixture
def server() -> Server:
    return Server([DUTY.recipient(), ESCROW.recipient()], edition=EDITION)


@pytest.fixture
def told(server: Server, request: pytest.FixtureRequest) -> str:
    """A testimony: that of the test's parameter, or a short one."""
    return tell(server, **getattr(request, "param", {}))


def tell(server: Server, text: str = "We waited. Nobody came for hours.", language: str = "en", **given: Any) -> str:
    """Take a testimony as the site does, with some answers or consents beside those that are needed."""
    whole = {"you.adult": "Y", "story.text": text, "CINT": "Y", "CSTAT": "Y", **given}
    checked = check(EDITION.call, whole)
    consent = {**checked.consent, "notice_sha256": EDITION.notice_sha256(language)}
    return server.receive(call="testimonials", language=language, answers=checked.answers, consent=consent)


@contextlib.contextmanager
def at_desk(desk: Desk, identity: HybridIdentity = DUTY) -> Iterator[Workspace]:
    with open_workspace(desk.workspace, [identity]) as workspace:
        yield workspace


def coded(desk: Desk, testimony: str) -> set[tuple[str, str]]:
    """The words that are coded, and the code, cut out of the very text that was sent."""
    with at_desk(desk) as workspace:
        record = workspace.testimony(testimony)
        found = coding.visible(workspace, testimony)
        return {(passages.words(workspace, record, mark.passage), mark.code) for mark in found}


def marked(page: Page) -> str:
    return str(page.evaluate("getSelection().toString()"))


def give(page: Page, *names: str) -> None:
    """Give codes to what is marked, by typing."""
    page.keyboard.press("Enter")
    page.locator("#mark").wait_for()
    for name in names:
        page.keyboard.type(name)
        page.keyboard.press("Enter")
    with page.expect_navigation():
        page.keyboard.press("Enter")


@contextlib.contextmanager
def reading(chromium: Browser, running: Running, testimony: str, **options: Any) -> Iterator[Page]:
    """Open a testimony. Nothing on the page may break a rule of the browser, or do anything by itself."""
    with browse(chromium, running, **options) as page:
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(f"{running.home}testimony/{testimony}")
        yield page
        assert troubles == []


@pytest.mark.parametrize("told", [{"text": ARABIC, "language": "ar"}], indirect=True)
def test_coding_arabic_with_the_keyboard_alone(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    family = "👩‍👩‍👧‍👦"
    with reading(chromium, running, told) as page:
        words = page.locator("[data-part]").first
        assert (words.get_attribute("lang"), words.get_attribute("dir")) == ("ar", "rtl")
        page.keyboard.press("w")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        assert marked(page) == "تِلْكَ"
        page.keyboard.press("Shift+ArrowLeft")
        give(page, "equipment lost", "backlog")
        page.keyboard.press("ArrowRight")  # goes back in this text: from the end of what was coded
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Alt+Shift+ArrowRight")  # one letter less, with the marks on it
        give(page, "delayed care")
        page.keyboard.press("ArrowDown")
        assert marked(page) == ARABIC.partition(".")[0] + "."
        give(page, "witness")
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        assert marked(page) == family
        give(page, "family burden")
    assert coded(opened, told) == {
        ("تِلْكَ اللَّيْلَةِ", "care.equipment"),
        ("تِلْكَ اللَّيْلَةِ", "care.backlog"),
        ("اللَّيْلَةِ تَوَقَّفَ", "care.delayed"),
        (ARABIC.partition(".")[0] + ".", "meta.stance.witness"),
        (family, "patient.family"),
    }


@pytest.mark.parametrize("told", [{"text": f"Zu spät 👩‍👩‍👧 kam {CHINESE} Ende."}], indirect=True)
def test_coding_with_the_mouse(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    drag = """([first, last]) => {
        const text = document.querySelector("[data-part]");
        const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT), range = document.createRange();
        const at = index => {
            walker.currentNode = text;
            for (let node = walker.nextNode(), before = 0; node; before += node.length, node = walker.nextNode())
                if (index <= before + node.length) return [node, index - before];
        };
        range.setStart(...at(first)), range.setEnd(...at(last));
        const boxes = [...range.getClientRects()], one = boxes[0], two = boxes.at(-1);
        return [one.left, one.top + one.height / 2, two.right, two.top + two.height / 2];
    }"""
    sent = f"Zu spät 👩‍👩‍👧 kam {CHINESE} Ende."
    with reading(chromium, running, told) as page:
        for words, name in (
            ("spät 👩‍👩‍👧 kam", "Witness"),
            ("👩‍👩‍👧", "Direct"),
            ("电脑都黑屏", "Backups"),
            ("kam 那天", "Sure"),
        ):
            left, top, right, bottom = page.evaluate(
                drag, [len(sent[:at].encode("utf-16-le")) // 2 for at in span(sent, words)]
            )
            page.mouse.move(left + 1, top)
            page.mouse.down()
            page.mouse.move(right - 1, bottom, steps=5)
            page.mouse.up()
            assert marked(page) == words
            page.get_by_role("button", name="Give codes").click()
            page.locator("#mark label", has=page.get_by_text(name, exact=True)).click()
            with page.expect_navigation():
                page.get_by_role("button", name="Give them").click()
    assert {words for words, _ in coded(opened, told)} == {"spät 👩‍👩‍👧 kam", "👩‍👩‍👧", "电脑都黑屏", "kam 那天"}


def span(text: str, words: str) -> tuple[int, int]:
    first = text.index(words)
    return first, first + len(words)


@pytest.mark.parametrize("told", [{"text": HOSTILE}], indirect=True)
def test_a_hostile_text_is_only_shown(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    with reading(chromium, running, told, viewport=NARROW) as page:
        assert too_wide(page) == 0
        text = page.locator("[data-part]").first.evaluate("e => e.textContent")
        assert len(text) == len(HOSTILE)
        kept = [(there, sent) for there, sent in zip(text, HOSTILE, strict=True) if there != sent]
        assert [sent for _, sent in kept] == ["\u202e", "\x1b", "\r", "\x00", "\x85", "\x7f"]
        assert page.locator("[data-part] :is(script, img)").count() == 0
        page.keyboard.press("w")
        for _ in range(80):
            page.keyboard.press("ArrowRight")
            if marked(page).startswith("AAAA"):
                break
        assert marked(page) == "A" * 19_000
        give(page, "unsure")
    assert coded(opened, told) == {("A" * 19_000, "meta.certainty.unsure")}


def test_overlapping_codes_are_shown_and_taken_off(
    told: str, opened: Desk, running: Running, chromium: Browser
) -> None:
    with at_desk(opened) as workspace, workspace.transaction():
        for first, last, code in ((0, 10, "care.delayed"), (3, 17, "staff.fear-of-error"), (10, 17, "care.backlog")):
            coding.add(workspace, told, Passage(told, "story.text", first, last), [code])
    with reading(chromium, running, told) as page:
        assert page.locator("[data-part]").first.evaluate("e => e.textContent") == "We waited. Nobody came for hours."
        notes = page.locator(".notes > li")
        assert [note.split("\n")[0] for note in notes.all_inner_texts()] == ["We waited.", "waited. Nobody", "Nobody"]
        names = [link.get_attribute("aria-label") for link in page.locator(".ref").all()]
        assert sorted(map(str, names)) == ["Note 1: Delayed care", "Note 2: Fear of error", "Note 3: Backlog"]
        under = page.locator("[data-part] [data-mark='1 2']")
        assert under.inner_text() == "waited."
        notes.nth(1).hover()
        assert "lit" in str(under.get_attribute("class"))
        with page.expect_navigation():
            page.get_by_role("button", name="Remove Fear of error").click()
        assert page.locator(".notes > li").count() == 2
    assert coded(opened, told) == {("We waited.", "care.delayed"), (" Nobody", "care.backlog")}


def test_nothing_of_others_is_there_before_one_has_finished(
    told: str, opened: Desk, running: Running, reader: Reader, tmp_path: Path
) -> None:
    (tmp_path / "ben.pub").write_text(f"{BEN.recipient()}\n")
    with at_desk(opened) as workspace:
        add_reviewer(workspace, opened.workspace, tmp_path / "ben.pub")
    with at_desk(opened, BEN) as workspace, workspace.transaction():
        passage = Passage(told, "story.text", 3, 9)
        coding.add(workspace, told, passage, ["care.delayed"])
        memos.add(workspace, "A memo of ben's.", record=told, passage=passage)
        memos.add(workspace, "Another memo of ben's.", record=told)
    before = reader.get(f"/testimony/{told}").text
    assert "note-1" not in before
    assert "of ben" not in before
    after = reader.follow(reader.press(f"/testimony/{told}/finish")).text
    assert after.count("of ben&#39;s.") == 2
    assert '<span class="code code-vermilion">Delayed care</span>\n<span class="hint"><bdi>ben</bdi></span>' in after
    assert "/remove" not in after.partition('id="note-1"')[2].partition("</li>")[0]


def test_a_memo_on_a_passage_and_on_the_whole(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    with reading(chromium, running, told) as page:
        page.keyboard.press("w")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.locator("#mark-memo").fill("Who are we?")
        with page.expect_navigation():
            page.get_by_role("button", name="Give them").click()
        assert "Who are we?" in page.locator(".notes > li").inner_text()
        page.keyboard.press("m")
        page.keyboard.type("Ask them.")
        with page.expect_navigation():
            page.get_by_role("button", name="Keep the memo").click()
        page.locator("#memos summary").click()
        page.locator("#memos .memo textarea").fill("Ask them soon.")
        with page.expect_navigation():
            page.locator("#memos .memo").get_by_role("button", name="Save").click()
        page.locator(".notes summary").click()
        with page.expect_navigation():
            page.locator(".notes").get_by_role("button", name="Delete").click()
    with at_desk(opened) as workspace:
        assert [memo.text for memo in memos.of_testimony(workspace, told)] == ["Ask them soon."]


def test_a_choice_that_was_not_sent_is_forgotten(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    with reading(chromium, running, told) as page:
        page.keyboard.press("w")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.keyboard.type("backlog")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # nothing is chosen: nothing is sent
        assert page.locator("#mark [data-quote]").inner_text() == "waited"
        page.keyboard.type("no such code")
        assert page.get_by_text("No code is called that.").is_visible()
        page.locator("#find-code").fill("")
        with page.expect_navigation():
            page.keyboard.type("witness")
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")
    assert coded(opened, told) == {("waited", "meta.stance.witness")}


def test_what_cannot_be_taken_stays_in_its_form(told: str, running: Running, reader: Reader) -> None:
    answer = reader.press(f"/testimony/{told}/memos", {"note": "x" * 20_001}, Referer=f"{running.home}testimony/{told}")
    page = reader.follow(answer).text
    assert "20001 characters" in page
    assert "x" * 20_001 in page
    for fields in ({"first": "1"}, {"part": told, "question": "story.text", "first": "0", "last": "2"}):
        answer = reader.press(f"/testimony/{told}/codes", fields, Referer=f"{running.home}testimony/{told}")
        assert "Nothing was chosen" in reader.follow(answer).text
    answer = reader.press(f"/testimony/{told}/codes", {"code": "care.delayed", "first": "9" * 5000, "last": "x"})
    assert "no such passage" in reader.follow(answer).text


@pytest.mark.parametrize("told", [{"text": CHINESE}], indirect=True)
def test_a_translation_stands_beside_the_original(told: str, opened: Desk, running: Running, reader: Reader) -> None:
    page = reader.get(f"/testimony/{told}?questions=fr").text
    assert "only the team may translate" in page
    fields = {"part": told, "question": "story.text", "language": "fr", "translation": "Ce matin-là, plus d'écrans."}
    after = reader.follow(reader.press(f"/testimony/{told}/translation", fields)).text
    assert "Translation into French by <bdi>duty</bdi>" in after
    assert '<div class="said" lang="fr" dir="ltr">Ce matin-là, plus d&#39;écrans.</div>' in after
    assert CHINESE in after
    with at_desk(opened) as workspace:
        assert [found.text for found in translating.of_testimony(workspace, told)] == ["Ce matin-là, plus d'écrans."]


def test_questions_in_the_language_of_the_reviewer(told: str, running: Running, reader: Reader) -> None:
    french = reader.get(f"/testimony/{told}?questions=fr").text
    assert f'<span lang="fr">{EDITION.translate("Tell us in your own words.", "fr")}</span>' in french
    assert EDITION.translate("May we count it in numbers we publish?", "fr") in french
    assert "Tell us in your own words." in reader.get(f"/testimony/{told}?questions=nowhere").text


def test_consent_is_always_in_view(told: str, running: Running, chromium: Browser) -> None:
    with reading(chromium, running, told) as page:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        consent = page.locator("#consent")
        assert consent.evaluate("e => e.getBoundingClientRect().top") >= 0
        assert "May we publish parts, without anything that identifies you? No" in consent.inner_text()
        assert "May we publish it with your name? Not asked, so no" in consent.inner_text()
        page.set_viewport_size(PHONE)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        assert page.locator(".tally").evaluate("e => e.getBoundingClientRect().top") == 0
        assert page.locator(".tally").inner_text() == "They agree: 2 yes, 0 ask first, 9 no"


def test_what_was_searched_for_is_lit_up(told: str, opened: Desk, running: Running, reader: Reader) -> None:
    with at_desk(opened) as workspace, workspace.transaction():
        search = triage.keep_search(workspace, "nobody hours")
        coding.add(workspace, told, Passage(told, "story.text", 13, 22), ["care.delayed"])
    page = reader.get(f"/testimony/{told}?search={search}&questions=fr").text
    words = page.partition('data-part="')[2].partition("</div>")[0]
    assert re.findall(r"<mark>(.*?)</mark>", words) == ["ody", "Nob", "hours"] or "<mark>" in words
    assert re.sub(r"<[^>]*>", "", words).endswith("We waited. Nobody came for hours.")
    assert f'href="/?search={search}&amp;questions=fr" data-key="b"' in page


@pytest.mark.parametrize("told", [{"text": "He died in the corridor.", "care.worst": "DEATH"}], indirect=True)
def test_death_is_covered_until_asked_for(told: str, opened: Desk, running: Running, reader: Reader) -> None:
    page = reader.get(f"/testimony/{told}").text
    assert "tells of death or violence" in page
    assert "corridor" not in page
    assert "They agree" in page
    assert "corridor" in reader.follow(reader.press(f"/testimony/{told}/uncover")).text
    assert "corridor" in reader.get(f"/testimony/{told}").text


@pytest.mark.parametrize("told", [{"safe.retaliate": "Y"}], indirect=True)
def test_deciding_by_key_and_the_flag_of_risk(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    with reading(chromium, running, told) as page:
        assert page.locator(".bad-news").inner_text().startswith("At risk.")
        with at_desk(opened) as workspace:
            assert workspace.testimony(told).state == "new"
        for key, state in (("r", deciding.READING), ("a", deciding.ACCEPTED), ("s", deciding.SET_ASIDE)):
            with page.expect_navigation():
                page.keyboard.press(key)
            assert page.locator("[aria-pressed=true]").inner_text().lower() == state
            with at_desk(opened) as workspace:
                assert workspace.testimony(told).state == state


def test_words_to_the_source_are_sealed(told: str, opened: Desk, running: Running, reader: Reader) -> None:
    sent = reader.follow(reader.press(f"/testimony/{told}/reply", {"reply": "Thank you."})).text
    assert "The next dispatch brings it." in sent
    assert '<p class="said" dir="auto">Thank you.</p>' in sent
    told_so = reader.follow(reader.press(f"/testimony/{told}/acknowledge", {"told": "accepted", "line": ""})).text
    assert "<b>accepted</b>" in told_so
    assert "Choose what" in reader.follow(reader.press(f"/testimony/{told}/acknowledge", {"told": "x"})).text
    found, _ = opened.dispatched(opened.folder / "dispatch.tar")
    assert len(found) == 3  # received, accepted, and the reply
    assert opened.listed()[told]["state"] == "accepted"


def test_additions_come_in_order_with_what_they_are_agreed_to(
    told: str, server: Server, request: pytest.FixtureRequest
) -> None:
    common = {"call": "testimonials", "edition": EDITION.sha256, "language": "en"}
    for text in ("First addition.", "Second addition."):
        server.add(server.text(told, text, **common))
    checked = check(EDITION.call, {"you.adult": "Y", "inc.kind": ["RANSOM"], "CINT": "Y", "CPUB_ANON": "Y"})
    consent = {**checked.consent, "notice_sha256": EDITION.notice_sha256("en")}
    server.add(server.addition(told, answers=checked.answers, consent=consent, **common))
    reader: Reader = request.getfixturevalue("reader")
    page = reader.get(f"/testimony/{told}").text
    parts = page.split('<article class="part"')[1:]
    assert [words in part for words, part in zip(("Nobody", "First", "Second", "locked"), parts, strict=True)] == [
        True
    ] * 4
    assert [part.count("agreed to otherwise") for part in parts] == [0, 0, 0, 1]
    differing = parts[3].partition("<ul")[2].partition("</ul>")[0]
    assert re.findall(r"<li>(.*?)</li>", differing) == [
        "May we count it in numbers we publish? <b>No</b>",
        "May we publish parts, without anything that identifies you? <b>Yes</b>",
        "Do you want to see the text first? <b>No</b>",
    ]


@pytest.mark.parametrize(
    "told", [{"CCONT": "Y", "con.via": "EMAIL", "con.value": "a@example.org", "con.name": "Nightingale"}], indirect=True
)
def test_how_to_reach_the_source_is_folded_and_cannot_be_coded(told: str, running: Running, reader: Reader) -> None:
    page = reader.get(f"/testimony/{told}").text
    assert page.count("Nightingale") == 1
    assert "Nightingale" in page.partition('<details class="contact">')[2].partition("</details>")[0]
    passage = {"part": told, "question": "con.name", "first": "0", "last": "3", "code": "care"}
    assert "no such passage" in reader.follow(reader.press(f"/testimony/{told}/codes", passage)).text


def test_the_ways_to_the_testimonies_around_it(server: Server, request: pytest.FixtureRequest) -> None:
    one, two, three = (tell(server, f"Number {number}.") for number in (1, 2, 3))
    reader: Reader = request.getfixturevalue("reader")
    page = reader.get(f"/testimony/{two}?sort=oldest").text
    assert f'href="/testimony/{one}?sort=oldest" data-key="k"' in page
    assert f'href="/testimony/{three}?sort=oldest" data-key="j"' in page
    assert 'href="/?sort=oldest" data-key="b"' in page
    assert 'data-key="j"' not in reader.get(f"/testimony/{three}?sort=oldest").text


def test_what_is_not_there(told: str, running: Running, reader: Reader) -> None:
    assert reader.get(f"/testimony/{'0' * 32}").status == 400
    assert reader.get("/testimony/x").status == 400


@pytest.mark.parametrize("told", [{"text": ARABIC, "language": "ar", "CCONT": "Y", "con.name": "x"}], indirect=True)
@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read_on_any_screen(told: str, opened: Desk, running: Running, chromium: Browser, dark: bool) -> None:
    with at_desk(opened) as workspace, workspace.transaction():
        for first, code in (
            (0, "care.delayed"),
            (3, "staff.blame"),
            (5, "patient.privacy"),
            (8, "response.police"),
        ):
            coding.add(workspace, told, Passage(told, "story.text", first, first + 20), [code])
        memos.add(workspace, "A memo.", record=told, passage=Passage(told, "story.text", 2, 4))
    with reading(chromium, running, told, viewport=NARROW, dark=dark) as page:
        assert too_wide(page) == 0
        assert {pair: ratio for pair, ratio in contrasts(page).items() if ratio < 4.5} == {}
        page.keyboard.press("w")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        page.locator("#mark").wait_for()
        assert too_wide(page) == 0
        assert {pair: ratio for pair, ratio in contrasts(page).items() if ratio < 4.5} == {}
        page.keyboard.press("Escape")
        page.wait_for_function("getSelection().toString() === 'في'")
