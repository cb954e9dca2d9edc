"""What scripts add to the form besides the lock: sections, drafts, languages, ways out, and a receipt that asks."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import instance_id
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, expect
from service import CHROMIUM, Server
from test_form_sealed_in_browser import WORD, press, receipt, told, write
from visitor import ENOUGH, STORY, Visitor, page_id, visit

from intake import code
from intake.age.decrypt import decrypt
from intake.age.identities import ScryptIdentity
from intake.encoding import encode_base64

INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
STORES = """async () => JSON.stringify([
    Object.keys(localStorage), Object.keys(sessionStorage), document.cookie,
    (await indexedDB.databases()).length, globalThis.caches ? await caches.keys() : []])"""

ESCAPE_AND_LOOK = """() => {
    for (let times = 0; times < 3; times++)
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    return [getComputedStyle(document.documentElement).display, document.body.innerHTML, window.name];
}"""
"""What is still there the moment after the third press, before any other page can have come."""


@pytest.fixture
def visitor(shared_server: Server, chromium: Browser) -> Iterator[Visitor]:
    """Someone with scripts."""
    with visit(chromium, shared_server.address, java_script_enabled=True) as found:
        yield found


@pytest.fixture
def profile(chromium: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser with a profile on disk that keeps pages for Back, as every browser does."""
    context = chromium.browser_type.launch_persistent_context(
        tmp_path / "profile",
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu"],
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield context
    with contextlib.suppress(Exception):
        context.close()


def taken_over(visitor: Visitor) -> Visitor:
    """Wait until the script is at work."""
    expect(visitor.page.locator(".send [data-way=browser]")).not_to_have_attribute("hidden", "")
    return visitor


def escape(page: Page, times: int) -> None:
    """Press Escape so many times in a row."""
    for _ in range(times):
        page.keyboard.press("Escape")


def test_a_section_takes_the_focus_and_the_title(visitor: Visitor) -> None:
    """Continue, Back, a link of the summary and `look over` move the focus; the title tells no answer."""
    page = taken_over(visitor.open()).page
    subject = page.title()
    press_continue = page.locator(".page .go.button:visible")
    press_continue.click()
    expect(page.locator("#p2 h1")).to_be_focused()
    expect(page).to_have_title(re.compile(rf"^Part 2 of \d+ - {re.escape(subject)}$"))
    page.go_back()
    expect(page.locator("#p1 h1")).to_be_focused()
    expect(page).to_have_title(re.compile("^Part 1 of"))
    visitor.look_over()
    expect(page.locator(".review h1")).to_be_focused()
    expect(page).to_have_title(f"Look over and send - {subject}")
    press(visitor)
    told(page, "There is a problem", "3 answers need a look")
    assert page.title().startswith("Error: ")
    page.locator(".summary a").first.click()
    expect(visitor.option("you.adult", "Y")).to_be_focused()
    expect(page.locator(f"#{page_id('age')}")).to_be_visible()
    assert "Please choose an answer." in page.locator(f"#{page_id('age')} .wrong").inner_text()
    visitor.look_over()
    page.locator(".change:visible").first.click()
    expect(page.locator("#p2 h1")).to_be_focused()


def test_fields_are_left_alone_by_the_browser(visitor: Visitor) -> None:
    """No autofill, spell-check, or correction on what a person types: it could be kept, or sent somewhere."""
    page = taken_over(visitor.open()).page
    fields = page.locator("main :is(textarea, input:not([type])):not(.trap *)")
    assert fields.count() > 5
    for name, value in {"autocomplete": "off", "spellcheck": "false"}.items():
        assert fields.evaluate_all("(all, name) => all.map(each => each.getAttribute(name))", name) == [value] * (
            fields.count()
        )
    form = page.locator("#form")
    for name in ("autocomplete", "autocapitalize", "autocorrect"):
        assert form.get_attribute(name) == "off"
    assert form.get_attribute("writingsuggestions") == "false"


def test_a_draft_comes_back(visitor: Visitor, shared_server: Server, chromium: Browser, tmp_path: Path) -> None:
    """Saved without a network, locked with the code that was shown; opened elsewhere with it, and sent under it."""
    page = write(visitor).page
    page.context.set_offline(True)
    shown = draft_code(page)
    with page.expect_download() as download:
        page.locator("#draft-save button").click()
    assert download.value.suggested_filename == "draft.age"
    saved = tmp_path / "draft.age"
    download.value.save_as(saved)
    expect(page.locator("#status")).to_contain_text("has saved the file")
    page.context.set_offline(False)

    keys = code.derive(shown.replace(" ", ""), instance_id(shared_server.instance))
    assert WORD.encode() not in saved.read_bytes()
    draft = json.loads(decrypt(saved.read_bytes(), [ScryptIdentity(encode_base64(keys.draft))]))
    assert (draft["kind"], draft["call"], len(saved.read_bytes()) > 32 * 1024) == ("draft", "testimonials", True)
    assert ["story.text", STORY] in draft["fields"]

    with visit(chromium, shared_server.address, java_script_enabled=True) as later:
        taken_over(later.open())
        requests: list[Request] = []
        later.page.on("request", lambda request: requests.append(request))
        damaged, other = tmp_path / "damaged.age", tmp_path / "letter.txt"
        damaged.write_bytes(saved.read_bytes()[:-9] + bytes(9))
        other.write_text("Dear aunt")
        wrong = code.groups(code.make())
        for file, typed, sentence in (
            (None, shown, "Please choose the file"),
            (saved, "12", "A code has 24 digits. You typed 2."),
            (saved, wrong, "This code does not open this file."),
            (other, shown, "This file is not a draft"),
            (damaged, shown, "This file is damaged."),
            (saved, shown.translate(INDIC), "Your answers are back. You can go on."),
        ):
            open_draft(later.page, file, typed)
            expect(later.page.locator("#status")).to_have_text(re.compile(re.escape(sentence)))
        assert requests == []
        expect(later.page.locator(f"#{page_id('consent')} h1")).to_be_focused()  # the last that was answered
        assert later.values() == visitor.values()
        later.look_over()
        press(later)
        assert receipt(later.page) == shown.replace(" ", "")


def test_a_draft_of_another_edition(visitor: Visitor, chromium: Browser, tmp_path: Path) -> None:
    """What this form does not ask any more is left out, and the page says how much that was."""
    page = write(visitor).page
    page.evaluate("document.querySelector('[name=\"inc.name\"]').name = 'gone.question'")
    page.evaluate("document.querySelector('[name=\"gone.question\"]').value = 'something'")
    shown = draft_code(page)
    with page.expect_download() as download:
        page.locator("#draft-save button").click()
    download.value.save_as(tmp_path / "draft.age")
    taken_over(visitor.open())
    page.reload()
    taken_over(visitor)
    open_draft(page, tmp_path / "draft.age", shown)
    expect(page.locator("#status")).to_contain_text("1 answer has no place in this form any more")
    assert visitor.values()["story.text"] == [STORY]


def draft_code(page: Page) -> str:
    """Open the block that saves a draft, and return the code that it shows."""
    page.locator("#draft-save summary").click()
    expect(page.locator("#draft-code")).to_have_text(re.compile(r"\d{4}( \d{4}){5}"))
    return page.locator("#draft-code").inner_text()


def open_draft(page: Page, file: Path | None, typed: str) -> None:
    """Choose a file, type a code, and open it."""
    if not page.locator("#draft-digits").is_visible():
        page.locator("#draft-open summary").click()
    page.locator("#draft-file").set_input_files([file] if file else [])
    page.locator("#draft-digits").fill(typed)
    page.locator("#draft-open button").click()


def test_another_language_swaps_the_words_and_sends_nothing(visitor: Visitor, shared_server: Server) -> None:
    """All answers, the open section and the code stay; the page turns round; a network that is gone changes nothing."""
    page = write(visitor).page
    shown = draft_code(page)
    visitor.at("story")
    before = set(shared_server.instance.ciphertexts())
    answers = visitor.values()
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))

    page.context.set_offline(True)
    choose_language(page, "ar")
    expect(page.locator("#status")).to_contain_text("We could not fetch the page")
    assert (visitor.values(), visitor.shown()) == (answers, ["story"])
    page.context.set_offline(False)
    choose_language(page, "ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator(f"#{page_id('story')} h1")).to_be_focused()
    assert page.url.endswith("/ar/testimonials#" + page_id("story"))
    assert (visitor.values(), visitor.shown()) == (answers, ["story"])
    assert page.locator("html").get_attribute("lang") == "ar"
    expect(page.locator("[data-way=plain]:visible")).to_have_count(0)
    expect(page.locator(f"#{page_id('story')} .label")).to_have_text(re.compile("[؀-ۿ]"))
    visitor.look_over()
    none = page.locator(".question:visible").first.evaluate("e => getComputedStyle(e, '::after').content")
    assert re.search("[؀-ۿ]", none), "the style sheet speaks the new language, too"
    assert {each.method for each in requests} == {"GET"}
    assert all(
        re.fullmatch(r"/ar/testimonials|/static/.*", each.url.removeprefix(shared_server.address)) for each in requests
    )
    choose_language(page, "fr")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.locator(".send button:visible").first.click()
    assert receipt(page) == shown.replace(" ", "")
    (sent,) = set(shared_server.instance.ciphertexts()) - before
    assert shared_server.instance.testimony(sent).language == "fr"


def choose_language(page: Page, language: str) -> None:
    """Press a language in the menu."""
    page.locator(".languages details").evaluate("menu => { menu.open = true }")
    page.locator(f".languages button[value={language}]").click()


def test_leaving_quickly(profile: BrowserContext, shared_server: Server, tmp_path: Path) -> None:
    """Escape three times, or Exit once: the page is blank before the next one comes, nobody is asked, Back is empty.

    Nothing that was typed, and no code, is anywhere in the browser's profile afterwards.
    """
    page = profile.new_page()
    asked: list[str] = []

    def stay_calm(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", stay_calm)
    visitor = Visitor(page, shared_server.address)
    write(visitor, WORD)
    return_code = draft_code(page)
    assert json.loads(page.evaluate(STORES)) == [[], [], "", 0, []]
    escape(page, 2)
    page.wait_for_timeout(2500)  # too late for a third
    escape(page, 2)
    expect(page.locator(".review h1")).to_be_visible()
    page.wait_for_timeout(2500)
    assert page.evaluate(ESCAPE_AND_LOOK) == ["none", "", ""]
    page.wait_for_url("**/exit")

    again = Visitor(page, shared_server.address)
    write(again, WORD)
    press(again)
    sent = receipt(page)
    page.locator("a.exit").click()
    page.wait_for_url("**/exit")
    assert page.evaluate("window.name") == ""
    read = ""
    for _ in range(6):
        with contextlib.suppress(Exception):
            page.go_back(wait_until="commit", timeout=3000)
        with contextlib.suppress(Exception):
            read += page.evaluate(
                "document.documentElement.innerText + window.name"
                " + [...document.querySelectorAll('input,textarea')].map(e => e.value).join(' ')"
            )
    assert asked == []
    secrets = [WORD, return_code, sent, code.groups(sent), return_code.replace(" ", "")]
    assert [secret for secret in secrets if secret in read] == []
    profile.close()
    files = [path for path in (tmp_path / "profile").rglob("*") if path.is_file() and not path.is_symlink()]
    contents = {path: path.read_bytes() for path in files}
    assert any(b"/en/testimonials" in content for content in contents.values()), "the search finds what is there"
    for secret in secrets:
        for spelling in (secret.encode(), secret.encode("utf-16-le")):
            assert [path for path, content in contents.items() if spelling in content] == []


def test_escape_can_be_turned_off(visitor: Visitor, shared_server: Server) -> None:
    """The setting holds on the pages that follow, until the tab is closed; on others Escape leaves as well."""
    page = visitor.page
    page.goto(f"{shared_server.address}/en/")
    page.wait_for_load_state()
    escape(page, 3)
    page.wait_for_url("**/exit")
    taken_over(visitor.open())
    page.locator("#draft-escape").uncheck()
    write(visitor)
    escape(page, 3)
    visitor.at("leave")
    expect(page.locator("#draft-escape")).not_to_be_checked()
    visitor.look_over()
    press(visitor)
    receipt(page)
    escape(page, 4)
    expect(page.locator("#return-code")).to_be_visible()


def test_a_warning_before_words_are_lost(visitor: Visitor) -> None:
    """The browser asks while something typed would be lost, and on the receipt until the code is written down."""
    page = taken_over(visitor.open()).page
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", stay)
    visitor.at("story")
    page.reload()
    taken_over(visitor)
    assert asked == []
    visitor.field("story.text").fill(STORY)
    page.reload()
    taken_over(visitor)
    assert asked == ["beforeunload"]
    visitor.at("story").field("story.text").fill(STORY)
    visitor.set(ENOUGH)
    visitor.look_over()
    press(visitor)
    return_code = receipt(page)
    assert asked == ["beforeunload"]
    page.locator("#last").click()
    page.reload()
    assert asked == ["beforeunload"] * 2
    assert receipt(page) == return_code, "the tab still knows it"
    page.evaluate("print = () => { document.title = 'printed' }")
    page.locator("#print").click()
    expect(page).to_have_title("printed")
    page.locator("#last").fill("x")
    page.locator("#finish button").click()
    assert page.locator("#last").evaluate("input => input.validationMessage") == (
        "These are not the last four digits of your code."
    )
    page.locator("#last").fill(f" {return_code[-4:]}".translate(INDIC))
    page.locator("#finish button").click()
    page.wait_for_url("**/exit")
    assert asked == ["beforeunload"] * 2
    assert page.evaluate("window.name") == ""


def test_the_receipt_asks_without_scripts_too(shared_server: Server, chromium: Browser) -> None:
    """In the plain way the browser itself compares the last group, in the digits of any script."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open().at("story").field("story.text").fill(STORY)
        visitor.set(ENOUGH)
        visitor.look_over().send()
        last, page = visitor.return_code()[-4:], visitor.page
        wrong = "".join(str((int(digit) + 1) % 10) for digit in last)
        for typed in ("", wrong, last[:3]):
            page.locator("#last").fill(typed)
            page.locator("#finish button").click()
            expect(page.locator("#last:invalid")).to_be_visible()
        page.locator("#last").fill(last.translate(INDIC))
        with page.expect_navigation():
            page.locator("#finish button").click()
        assert "/exit" in page.url
