"""The redaction page in a real browser, with the keyboard alone, too; and what it and the exports let through."""

import json
import re
from pathlib import Path

import pytest
from looks import contrasts, nameless, too_wide
from playwright.sync_api import Browser, Page, expect

from desk.colleagues import joined
from desk.redacting.case import AGREES, EDITION
from desk.review.running import DESKTOP, NARROW, Reader, Running, browse, serving
from desk.stick import SOURCE, Desk, Server

STORY = "Dr Anna Keller called from Lyon. Then 👩\u200d👩\u200d👧 waited, and Anna Keller came.\nI was alone."


@pytest.fixture
def server(server: Server) -> Server:
    """One testimony with names in it, whose source agrees to everything, and wants to be asked about their name."""
    server.edition = EDITION
    consent = {**AGREES, "notice_sha256": EDITION.notice_sha256("en")}
    answers = {"story.text": STORY, "inc.country": "FR", "you.role": "NURSE", "inc.name": "=Hôpital Nord"}
    server.receive(language="en", answers=answers, consent=consent)
    return server


@pytest.fixture
def testimony(server: Server, opened: Desk) -> str:
    (record,) = opened.listed()
    assert opened.at_desk("acknowledge", record, "--state", "accepted").returncode == 0
    return record


def dialog_takes(page: Page, kind: str) -> None:
    """With the keyboard: find the kind, take it, send."""
    page.keyboard.press("Enter")
    expect(page.locator("#find-kind")).to_be_focused()
    page.keyboard.type(kind)
    page.keyboard.press("Enter")
    expect(page.locator("#mark :checked")).to_have_count(1)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_marking_with_the_keyboard(testimony: str, running: Running, chromium: Browser) -> None:
    """From the text to the pseudonym and on to the next words, without a mouse."""
    with browse(chromium, running) as page:
        page.goto(f"{running.home}testimony/{testimony}/redaction")
        page.locator(f"#text-{testimony}-story\\.text").focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowRight")
        dialog_takes(page, "per")
        working = page.locator(".working").first
        expect(working).to_have_text(re.compile(r"^Dr \[Person 1\] called from Lyon\."))
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        dialog_takes(page, "pla")
        expect(working).to_have_text(re.compile(r"^Dr \[Person 1\] called from \[Place 1\]\."))
        assert page.locator(f"#text-{testimony}-story\\.text").text_content() == STORY


def test_marking_with_the_mouse_and_the_suggestions(testimony: str, running: Running, chromium: Browser) -> None:
    with browse(chromium, running) as page:
        page.goto(f"{running.home}testimony/{testimony}/redaction")
        words = page.locator(f"#text-{testimony}-story\\.text")
        page.evaluate(
            """text => {
                const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
                let node;
                while ((node = walker.nextNode())) {
                    const at = node.data.indexOf("👩");
                    if (at >= 0) { getSelection().setBaseAndExtent(node, at, node, at + 2); return; }
                }
            }""",
            words.element_handle(),
        )
        page.locator("#mark-tools button").click()
        page.get_by_label("Role", exact=True).check()
        with page.expect_navigation():
            page.get_by_role("button", name="Take them out").click()
        working = page.locator(".working").first
        expect(working).to_contain_text("Then [Role 1] waited")  # the whole family, of which two units were marked
        suggestions = page.locator("#suggestions")
        expect(suggestions).to_contain_text("Anna Keller")
        with page.expect_navigation():
            page.get_by_label("Take out all: person").click()
        assert working.inner_text().count("[Person 1]") == 2
        with page.expect_navigation():
            page.get_by_label("Dismiss Lyon").click()
        expect(suggestions).not_to_contain_text("Lyon")
        page.reload()
        expect(suggestions).not_to_contain_text("Lyon")
        family = page.locator(".marks li").filter(has=page.get_by_text("Role 1", exact=True).and_(page.locator(".tag")))
        family.locator("select").select_option(label="Person 1: Anna Keller")
        with page.expect_navigation():
            family.get_by_role("button", name="Change").click()
        expect(working).to_contain_text("Then [Person 1] waited")
        before = page.locator(".marks li").count()
        with page.expect_navigation():
            page.locator(".marks li button", has_text="Leave it in").first.click()
        expect(page.locator(".marks li")).to_have_count(before - 1)


def select(page: Page, testimony: str, words: str) -> None:
    """Select words of the story, and open the dialog."""
    page.evaluate(
        """([id, words]) => {
            const text = document.getElementById(id);
            const at = text.textContent.indexOf(words);
            const range = document.createRange();
            const place = (at) => {
                const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
                let node = walker.nextNode();
                while (node.length < at) { at -= node.length; node = walker.nextNode(); }
                return [node, at];
            };
            range.setStart(...place(at));
            range.setEnd(...place(at + words.length));
            getSelection().removeAllRanges();
            getSelection().addRange(range);
        }""",
        [f"text-{testimony}-story.text", words],
    )
    page.locator("#mark-tools button").click()


def verdicts(page: Page) -> list[str]:
    return [text.split("\n")[0] for text in page.locator(".uses dd").all_inner_texts()]


def test_a_quote_on_its_way_out(
    server: Server, testimony: str, opened: Desk, stick: Path, chromium: Browser, tmp_path: Path
) -> None:
    """Marked and chosen by one, confirmed by another, asked about the name, agreed to, signed twice, and exported."""
    ben = joined(opened, "ben")
    path = f"testimony/{testimony}/redaction"
    with serving(opened) as running, browse(chromium, running) as page:
        page.goto(running.home + path)
        with page.expect_navigation():
            page.get_by_label("Take out all: person").click()
        select(page, testimony, "Anna Keller called from Lyon.")
        with page.expect_navigation():
            page.get_by_role("button", name="Quote these words").click()
        expect(page.locator(".quote-card blockquote")).to_have_text("[Person 1] called from Lyon.")
        assert verdicts(page) == ["may not leave"] * 3
        expect(page.locator(".uses")).to_contain_text("second reader")
        page.get_by_text("Ask the person").click()
        page.get_by_label("The name below their words").fill("Maria")
        with page.expect_navigation():
            page.get_by_role("button", name="Seal the question").click()
        expect(page.locator(".asked")).to_contain_text("Nothing came from the source since then.")
    server.add(server.text(testimony, "Yes, with my name.", language="en"))
    server.export(stick)
    assert opened.open(stick).returncode == 0
    for reader, confirms in ((opened, False), (ben, True)):
        with serving(reader) as running, browse(chromium, running) as page:
            page.goto(running.home + path)
            page.get_by_label("Which of these is their answer?").select_option(index=1)
            with page.expect_navigation():
                page.get_by_role("button", name="I have read it, and it is a yes").click()
            assert ("only one reviewer" in page.locator(".uses").inner_text()) == (not confirms)
            if confirms:
                expect(page.locator("#confirmation")).to_contain_text("Nurse")
                expect(page.locator("#confirmation")).to_contain_text("No other testimony here has the same role")
                page.get_by_label("I have read every word").check()
                page.get_by_label("do not tell who it is").check()
                with page.expect_navigation():
                    page.get_by_role("button", name="Confirm the redaction").click()
                assert verdicts(page) == ["may leave"] * 3
                page.goto(f"{running.home}exports")
                page.get_by_label("What", exact=True).select_option(label="Quotes for publication with a name")
                page.get_by_label("New file on this machine").fill(str(tmp_path / "quotes.csv"))
                with page.expect_navigation():
                    page.get_by_role("button", name="Write it").click()
                expect(page.locator("table")).to_contain_text(str(tmp_path / "quotes.csv"))
    content = (tmp_path / "quotes.csv").read_text(encoding="utf-8-sig")
    assert re.fullmatch(
        r"row,call,language,quote,name\n[0-9a-f]{16},tiny,en,\[Person 1\] called from Lyon.,Maria\n", content
    )
    server.add(server.consent(testimony, 1, SOURCE, **{**AGREES, "CPUB_NAME": "N"}))
    server.export(stick)
    assert "export for publication with a name" in opened.open(stick).stdout
    with serving(opened) as running:
        reader_ = running.enter()
        assert "took back what covered this" in reader_.get("/exports").text
        out = tmp_path / "again.jsonl"
        reader_.press("/exports", {"what": "quotes:name", "format": "jsonl", "path": str(out)})
        assert out.read_text() == ""
        page_ = reader_.get("/exports").text
        assert "1 without consent to this use" in page_
    server.withdraw(testimony)
    server.export(stick)
    assert "it is in an export for publication with a name" in opened.open(stick).stdout


def test_forms_that_do_not_fit_get_a_sentence(testimony: str, reader: Reader, tmp_path: Path) -> None:
    where = f"/testimony/{testimony}"
    passage = {"part": testimony, "question": "story.text", "first": "3", "last": "14"}
    wrong = [
        (f"{where}/redactions", {**passage, "last": "99999", "what": ":person"}, "no such passage"),
        (f"{where}/redactions", {**passage, "what": ":colour"}, "no kind of passage"),
        (f"{where}/redactions", {**passage, "first": "x", "what": ":person"}, "Select the words first"),
        (f"{where}/redactions", {**passage, "what": f"{0:032}:"}, "no longer there"),
        ("/redaction/none", {"what": ":person"}, "no longer there"),
        (f"{where}/suggestions", {"do": "mark:role"}, "suggested no longer"),
        (f"{where}/confirmation", {"sha256": "0" * 64, "read": "yes"}, "tick both boxes"),
        (f"{where}/confirmation", {"sha256": "0" * 64, "read": "yes", "apart": "yes"}, "read it again"),
        ("/quote/none/drop", {}, "no longer there"),
        ("/quote/none/ask", {"use": "statistics"}, "Choose what the words"),
        ("/asked/none", {"answer": "x"}, "no longer there"),
        ("/exports", {"what": "answers:name", "format": "csv", "path": "/tmp/x"}, "There is no export of answers"),
        (
            "/exports",
            {"what": "answers:statistics", "format": "veris", "path": "/tmp/x"},
            "There is no export as veris yet",
        ),
        ("/exports", {"what": "answers:statistics", "format": "csv", "path": "x.csv"}, "the whole path"),
        ("/exports", {"what": "nothing", "format": "csv", "path": "/tmp/x"}, "Choose what to write"),
        (
            "/exports",
            {"what": "answers:statistics", "format": "csv", "path": str(tmp_path / "a" / "b")},
            "is no folder",
        ),
    ]
    for path, fields, said in wrong:
        answer = reader.press(path, fields, Referer=f"http://127.0.0.1{where}/redaction")
        assert said in reader.follow(answer).text, (path, fields)
    quote = reader.press(f"{where}/redactions", {**passage, "do": "quote"})
    assert quote.status == 303
    found = re.search(r"/quote/([0-9a-f]{32})/ask", reader.get(f"{where}/redaction").text)
    assert found
    refused = reader.press(f"/quote/{found[1]}/ask", {"use": "partner", "introduction": "x"})
    assert "does not want to be asked" in reader.follow(refused).text  # they said yes to it already
    nameless = reader.press(f"/quote/{found[1]}/ask", {"use": "name", "introduction": "x"})
    assert "Write the name" in reader.follow(nameless).text


def test_what_a_hostile_testimony_holds_is_text(server: Server, opened: Desk, chromium: Browser) -> None:
    evil = '</span><script>document.title="run"</script>\u202e"><img src=x onerror=alert(1)> \x00 &amp; Anna Keller'
    consent = {**AGREES, "notice_sha256": EDITION.notice_sha256("en")}
    record = server.receive(language="en", answers={"story.text": evil}, consent=consent)
    server.export(opened.folder / "evil.tar")
    assert opened.open(opened.folder / "evil.tar").returncode == 0
    with serving(opened) as running, browse(chromium, running) as page:
        page.goto(f"{running.home}testimony/{record}/redaction")
        with page.expect_navigation():
            page.get_by_label("Take out all: person").click()
        assert page.title() != "run"
        assert "<script>" in (page.locator(".words").first.text_content() or "")
        expect(page.locator(".working")).to_contain_text("[Person 1]")


@pytest.mark.parametrize("dark", [False, True])
def test_looks(testimony: str, running: Running, chromium: Browser, dark: bool) -> None:
    """Words stand out, and nothing is wider than a small phone."""
    for viewport in (DESKTOP, NARROW):
        with browse(chromium, running, viewport, dark=dark) as page:
            page.goto(f"{running.home}testimony/{testimony}/redaction")
            assert too_wide(page) <= 0
            assert nameless(page) == []
            assert {name: found for name, found in contrasts(page).items() if found < 4.5} == {}


def test_nothing_of_it_is_in_an_address(testimony: str, reader: Reader) -> None:
    page = reader.get(f"/testimony/{testimony}/redaction")
    assert json.dumps(re.findall(r'(?:href|action)="([^"]*)"', page.text)).find("Keller") == -1


def test_what_is_hard_to_read_is_covered_here_too(server: Server, opened: Desk) -> None:
    consent = {**AGREES, "notice_sha256": EDITION.notice_sha256("en")}
    hard = server.receive(language="en", answers={"story.text": STORY, "care.worst": "DEATH"}, consent=consent)
    server.export(opened.folder / "hard.tar")
    assert opened.open(opened.folder / "hard.tar").returncode == 0
    with serving(opened) as running:
        reader = running.enter()
        answer = reader.get(f"/testimony/{hard}/redaction")
        assert (answer.status, answer.headers["Location"]) == (302, f"/testimony/{hard}")
        assert "Keller" not in answer.text
        reader.press(f"/testimony/{hard}/uncover")
        assert "Keller" in reader.get(f"/testimony/{hard}/redaction").text


def test_a_text_of_nothing_but_addresses_makes_no_endless_page(server: Server, opened: Desk) -> None:
    """Each mark offers the pseudonyms of the others, but not all of hundreds."""
    consent = {**AGREES, "notice_sha256": EDITION.notice_sha256("en")}
    words = " ".join(f"a{number}@example.org" for number in range(300))
    record = server.receive(language="en", answers={"story.text": words}, consent=consent)
    server.export(opened.folder / "more.tar")
    assert opened.open(opened.folder / "more.tar").returncode == 0
    with serving(opened) as running:
        reader = running.enter()
        assert reader.press(f"/testimony/{record}/suggestions", {"do": "mark:contact"}).status == 303
        page = reader.get(f"/testimony/{record}/redaction").text
    assert page.count('class="tag go"') == 300
    assert page.count("<option") < 300 * 120
