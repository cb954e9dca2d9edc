"""The page of a testimony: what its source wrote, what they agree to, and the forms around it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from desk.conftest import DUTY, ESCROW
from desk.review.running import PHONE, Reader, Running, resize
from desk.review.telling import CHINESE, EDITION, at_desk, reading, tell
from desk.stick import Desk, Server
from intake.age.identities import HybridIdentity
from intake.calls.answers import check
from intake.desk import deciding
from intake.desk.access import add_reviewer
from intake.desk.finding import triage
from intake.desk.passages import Passage
from intake.desk.study import coding, memos, translating

BEN = HybridIdentity.from_seed(b"ben".ljust(32))


@pytest.fixture
def server() -> Server:
    return Server([DUTY.recipient(), ESCROW.recipient()], edition=EDITION)


@pytest.fixture
def told(server: Server, request: pytest.FixtureRequest) -> str:
    """A testimony: that of the test's parameter, or a short one."""
    return tell(server, **getattr(request, "param", {}))


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
        resize(page, PHONE)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function("document.querySelector('.tally').getBoundingClientRect().top === 0")
        expect(page.locator(".tally")).to_have_text("They agree: 2 yes, 0 ask first, 8 no")


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
            expect(page.locator("[aria-pressed=true]")).to_have_text(state, ignore_case=True)
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
