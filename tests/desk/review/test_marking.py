"""Coding on the page of a testimony: with the mouse, and with the keyboard alone; exact in any script."""

import pytest
from looks import contrasts, too_wide
from playwright.sync_api import Browser, Page, expect

from desk.conftest import DUTY, ESCROW
from desk.review.running import NARROW, Running
from desk.review.telling import ARABIC, CHINESE, EDITION, at_desk, coded, reading, tell
from desk.stick import Desk, Server
from intake.desk.passages import Passage
from intake.desk.study import coding, memos

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


def has_marked(page: Page, words: str) -> None:
    page.wait_for_function("words => getSelection().toString() === words", arg=words)


def give(page: Page, *names: str) -> None:
    """Give codes to what is marked, by typing."""
    page.keyboard.press("Enter")
    expect(page.locator("#find-code")).to_be_focused()
    for name in names:
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(page.locator("#find-code")).to_have_value("")
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("told", [{"text": ARABIC, "language": "ar"}], indirect=True)
def test_coding_arabic_with_the_keyboard_alone(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    family = "👩‍👩‍👧‍👦"
    with reading(chromium, running, told) as page:
        words = page.locator("[data-part]").first
        expect(words).to_have_attribute("lang", "ar")
        expect(words).to_have_attribute("dir", "rtl")
        page.keyboard.press("w")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        has_marked(page, "تِلْكَ")
        page.keyboard.press("Shift+ArrowLeft")
        give(page, "equipment lost", "backlog")
        page.keyboard.press("ArrowRight")  # goes back in this text: from the end of what was coded
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Alt+Shift+ArrowRight")  # one letter less, with the marks on it
        give(page, "delayed care")
        page.keyboard.press("ArrowDown")
        has_marked(page, ARABIC.partition(".")[0] + ".")
        give(page, "witness")
        for _ in range(3):
            page.keyboard.press("ArrowLeft")
        has_marked(page, family)
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
            has_marked(page, words)
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
        for _ in range(80):  # more than there are words: the last one stays
            page.keyboard.press("ArrowRight")
        has_marked(page, "A" * 19_000)
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
        expect(under).to_have_text("waited.")
        notes.nth(1).hover()
        expect(under).to_contain_class("lit")
        with page.expect_navigation():
            page.get_by_role("button", name="Remove Fear of error").click()
        expect(notes).to_have_count(2)
    assert coded(opened, told) == {("We waited.", "care.delayed"), (" Nobody", "care.backlog")}


def test_a_memo_on_a_passage_and_on_the_whole(told: str, opened: Desk, running: Running, chromium: Browser) -> None:
    with reading(chromium, running, told) as page:
        page.keyboard.press("w")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.locator("#find-code")).to_be_focused()
        page.locator("#mark-memo").fill("Who are we?")
        with page.expect_navigation():
            page.get_by_role("button", name="Give them").click()
        expect(page.locator(".notes > li")).to_contain_text("Who are we?")
        page.keyboard.press("m")
        expect(page.locator("#memo")).to_be_focused()
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
        expect(page.locator("#mark :checked")).to_have_count(1)
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.locator("#mark [data-quote]")).to_have_text("waited")
        expect(page.locator("#mark :checked")).to_have_count(0)
        page.keyboard.press("Enter")  # nothing is chosen: nothing is sent
        page.keyboard.type("no such code")
        expect(page.get_by_text("No code is called that.")).to_be_visible()
        page.locator("#find-code").fill("")
        with page.expect_navigation():
            page.keyboard.type("witness")
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")
    assert coded(opened, told) == {("waited", "meta.stance.witness")}


def test_keys_may_be_quicker_than_the_page(told: str, running: Running, chromium: Browser) -> None:
    """Closed, and opened again for other words before the page hears of it: what is typed goes into the filter."""
    with reading(chromium, running, told) as page:
        for key in ("w", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        page.evaluate(
            """() => {
                const event = key => new KeyboardEvent("keydown", {key, bubbles: true});
                const press = key => document.activeElement.dispatchEvent(event(key));
                const dialog = document.getElementById("mark");
                dialog.addEventListener("close", () => { dialog.dataset.closed = "yes" });
                dialog.close(), press("ArrowRight"), press("Enter");
            }"""
        )
        page.locator("#mark[data-closed]").wait_for()
        expect(page.locator("#mark [data-quote]")).to_have_text("waited")
        page.keyboard.type("no such code")
        expect(page.locator("#find-code")).to_have_value("no such code")


def test_the_button_takes_what_is_selected_now(told: str, running: Running, chromium: Browser) -> None:
    """Who pauses while they drag, and is quick then, gives codes to all of it: not to what the button came for."""
    with reading(chromium, running, told) as page:
        page.keyboard.press("w")
        page.keyboard.press("ArrowRight")
        page.locator("#mark-tools").wait_for()
        page.evaluate(
            """() => {
                getSelection().modify("extend", "forward", "sentence");
                document.querySelector("#mark-tools button").click();
            }"""
        )
        expect(page.locator("#mark [data-quote]")).to_have_text("We waited.")


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
        has_marked(page, "في")
