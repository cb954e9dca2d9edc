"""A day at the desk in real browsers, with the keyboard alone: what two reviewers do with a testimony until it leaves.

And after it: no word of that day is in any file of their home but the workspace and the export that was asked for.
"""

import contextlib
import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from service import CHROMIUM

from desk.conftest import DUTY, PASSPHRASE
from desk.review.running import Running, serving
from desk.review.telling import EDITION, tell
from desk.stick import Desk, Server, key_file

NAMED = "Frau Quittenbaum"
QUOTED = "Then the Zitterpappel ward wrote on paper."
WORKED = {
    "name": "Quittenbaum",
    "quote": "Zitterpappel",
    "story": "Moorhexe",
    "search": "Blindschleiche",
    "memo": "Sumpfdotter",
    "journal": "Wegerich",
    "translation": "Hornklee",
    "code": "Feuersalamander",
    "other": "Nebelkappe",
}
"""Words that nothing else holds, by where they are written."""
STORY = f"{NAMED} called us at night. {QUOTED} The {WORKED['story']} {WORKED['search']} never came."
TABS = 250  # stops that a page has at the most


@pytest.fixture
def home() -> Iterator[Path]:
    """Home of both reviewers, and place of their temporary files. Chromium wants a short path for its socket."""
    with tempfile.TemporaryDirectory(prefix="home") as folder:
        yield Path(folder)


@contextlib.contextmanager
def sitting(chromium: Browser, running: Running, home: Path, name: str) -> Iterator[Page]:
    """Sit down at a desk, with a browser of one's own that keeps what browsers keep. The mouse stays where it is."""
    context = chromium.browser_type.launch_persistent_context(
        home / name,
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu"],
        ignore_default_args=["--disable-back-forward-cache"],
        env={"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin"},
    )
    with contextlib.closing(context):
        page = context.new_page()
        page.goto(running.address)
        page.get_by_role("heading", name="Testimonies").wait_for()
        yield page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def leads(page: Page, *keys: str) -> None:
    """Press keys, the last of which leads to another page."""
    press(page, *keys[:-1])
    with page.expect_navigation():
        page.keyboard.press(keys[-1])


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until what is wanted has the focus, and can be seen to have it."""
    for _ in range(TABS):
        if wanted.evaluate_all("([one]) => one === document.activeElement"):
            assert wanted.evaluate("e => e.matches(':focus-visible')")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {wanted}")


def activate(page: Page, role: str, name: str, key: str = "Enter") -> None:
    """Go to a link or a button with Tab, and press it. It leads to another page."""
    reach(page, page.get_by_role(role, name=name, exact=True))  # type: ignore[arg-type]
    leads(page, key)


def choose(page: Page, label: str, wanted: str) -> None:
    """Choose from a list with the arrow keys."""
    field = page.get_by_role("combobox", name=label, exact=True)
    reach(page, field)
    for _ in range(field.locator("option").count()):
        if field.evaluate("e => e.selectedOptions[0].label") == wanted:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{label} has no {wanted}")


def code(page: Page, *names: str) -> None:
    """Give codes to the words that are selected, by their names."""
    press(page, "Enter")
    expect(page.get_by_role("dialog").get_by_role("heading", name="Give codes to")).to_be_visible()
    for name in names:
        page.keyboard.type(name)
        press(page, "Enter")
    leads(page, "Enter")


def selected(page: Page, words: str) -> None:
    """Wait until these words are selected."""
    page.wait_for_function("words => getSelection().toString() === words", arg=words)


def keep_words(page: Page, button: str, words: str) -> None:
    """Type into the field that has the focus, and send it off."""
    expect(page.locator(":is(input, textarea):focus")).to_have_count(1)
    page.keyboard.type(words)
    activate(page, "button", button)


def test_from_the_list_to_the_withdrawal(server: Server, stick: Path, chromium: Browser, home: Path) -> None:
    server.edition = EDITION
    for language, text in (("fr", "Rien ne marchait."), ("ar", "كل شيء توقف."), ("en", "We were lucky.")):
        tell(server, text, language)
    record = tell(server, STORY, "en", CPUB_ANON="Y", **{"inc.country": "AT"})
    server.export(stick)
    desk = Desk(home, key_file(home / "duty.key", DUTY))
    assert desk.open(stick).returncode == 0
    keys = ("keygen", home / "keys", "--name", "ben", "--passphrase-file", "-")
    assert desk.run(*keys, input=f"{PASSPHRASE}\n").returncode == 0
    assert desk.at_desk("reviewer", "add", home / "keys" / "ben.pub").returncode == 0
    ben = Desk(home, home / "keys" / "ben.key")
    quotes = home / "quotes.csv"

    with serving(desk) as running, sitting(chromium, running, home, "one") as page:
        find(page)
        study(page)
        redact(page)
        addresses = f"127.0.0.1:{running.port}/testimony/{record}"
    with serving(ben, passphrase=PASSPHRASE) as running, sitting(chromium, running, home, "two") as page:
        code_blind(page)
        confirm(page)
        compare(page)
        export(page, quotes)
    with quotes.open(encoding="utf-8-sig", newline="") as file:
        assert [row["quote"] for row in csv.DictReader(file)] == [f"[Person 1] called us at night. {QUOTED}"]

    server.withdraw(record)
    server.export(stick)
    said = desk.open(stick).stdout
    assert "1 withdrawn" in said
    assert str(quotes) in said
    with serving(desk) as running, sitting(chromium, running, home, "three") as page:
        expect(page.get_by_text("3 in all")).to_be_visible()
        expect(page.get_by_text(WORKED["quote"])).to_have_count(0)
        leads(page, "g", "e")
        expect(page.get_by_text("Delete this file, and every copy.")).to_be_visible()

    files = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and not path.is_symlink()}
    assert any(addresses.encode() in content for content in files.values())  # what browsers keep is found by this
    for word in (*WORKED.values(), *PASSPHRASE.split(", ")):
        holding = [path for path, content in files.items() if any(form in content for form in forms(word))]
        assert holding == [quotes] * (word == WORKED["quote"]), word


def forms(word: str) -> list[bytes]:
    return [form.encode(encoding) for form in (word, word.lower()) for encoding in ("utf-8", "utf-16-le", "latin-1")]


def find(page: Page) -> None:
    """By a filter, by a word, and by the keys that move in the list."""
    expect(page.get_by_text("4 in all")).to_be_visible()
    activate(page, "link", "English 2")
    expect(page.get_by_text("2 found")).to_be_visible()
    press(page, "/")
    expect(page.locator("[name=words]")).to_be_focused()
    page.keyboard.type(WORKED["search"])
    leads(page, "Enter")
    expect(page.get_by_text("1 found")).to_be_visible()
    expect(page.locator("mark")).to_have_text(WORKED["search"])
    leads(page, "j", "o")
    expect(page.get_by_role("heading", name="Testimony 4")).to_be_visible()
    leads(page, "r")
    expect(page.get_by_role("button", name="Reading", pressed=True)).to_be_visible()


def study(page: Page) -> None:
    """A code of one's own and another for the same words; a memo, a translation, a note in the journal."""
    leads(page, "g", "c")
    press(page, "n")
    keep_words(page, "Add", WORKED["code"])
    leads(page, "g", "j")
    press(page, "n")
    keep_words(page, "Write it down", WORKED["journal"])
    leads(page, "g", "l")
    leads(page, "j", "o")
    press(page, "w", "ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight")
    selected(page, "called us")
    code(page, WORKED["code"], "delayed care")
    press(page, "m")
    keep_words(page, "Keep the memo", WORKED["memo"])
    reach(page, page.get_by_text("Translate", exact=True))
    press(page, "Enter")
    reach(page, page.get_by_role("textbox", name="Into that language"))
    keep_words(page, "Save the translation", WORKED["translation"])
    activate(page, "button", "I have finished coding")
    expect(page.get_by_text("2 codes by you.")).to_be_visible()


def redact(page: Page) -> None:
    """Take a name out, quote what is around it, and accept the testimony."""
    leads(page, "d")
    reach(page, page.get_by_role("group", name="Original"))
    press(page, "ArrowRight", "Shift+ArrowRight")
    selected(page, NAMED)
    press(page, "Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("person")
    leads(page, "Enter", "Enter")
    press(page, "ArrowDown", "Shift+ArrowDown", "Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    reach(page, page.get_by_role("button", name="Quote these words"))
    leads(page, "Enter")
    quote = page.get_by_role("article", name="Quote 1")
    expect(quote.get_by_role("blockquote")).to_have_text(f"[Person 1] called us at night. {QUOTED}")
    expect(quote.get_by_text("may not leave")).to_have_count(3)
    leads(page, "b")
    leads(page, "a")
    expect(page.get_by_role("button", name="Accepted", pressed=True)).to_be_visible()


def code_blind(page: Page) -> None:
    """Another reviewer sees nothing of what the first made of it until they say that they have finished."""
    leads(page, "j", "o")
    words = page.get_by_role("main")
    expect(words).to_contain_text(WORKED["story"], use_inner_text=True)
    expect(words).not_to_contain_text(WORKED["memo"])
    expect(page.get_by_role("list", name="Codes and memos on this text")).to_have_count(0)
    press(page, "w", "ArrowRight", "ArrowRight", "ArrowRight")
    code(page, WORKED["code"], "backlog")
    press(page, "m")
    keep_words(page, "Keep the memo", WORKED["other"])
    activate(page, "button", "I have finished coding")
    expect(words).to_contain_text(WORKED["memo"], use_inner_text=True)
    expect(page.get_by_role("list", name="Codes and memos on this text").get_by_text("Delayed care")).to_be_visible()


def confirm(page: Page) -> None:
    """The second reader of the redaction."""
    leads(page, "d")
    for label in ("I have read every word", "Role, country, date and place together"):
        reach(page, page.get_by_role("checkbox", name=label))
        press(page, "Space")
    activate(page, "button", "Confirm the redaction")
    expect(page.get_by_text("confirmed by ben")).to_be_visible()
    expect(page.get_by_role("article", name="Quote 1").get_by_text("may leave", exact=True)).to_be_visible()


def compare(page: Page) -> None:
    """Where the two agree, and where not."""
    leads(page, "g", "a")
    table = page.get_by_role("table").filter(has_text="Alpha")
    expect(table.get_by_role("row", name=WORKED["code"]).get_by_role("cell").nth(1)).to_have_text("1")
    expect(table.get_by_role("row", name="Backlog").get_by_role("cell").nth(1)).to_have_text("0")
    activate(page, "link", "Testimony 4")
    for name in ("duty", "ben"):
        expect(page.get_by_role("article", name=f"As coded by {name}")).to_contain_text(WORKED["code"])


def export(page: Page, path: Path) -> None:
    """Write the quotes to a file; lock the desk, and come back with the passphrase."""
    leads(page, "g", "e")
    choose(page, "What", "Quotes for publication")
    reach(page, page.get_by_role("textbox", name="New file on this machine"))
    page.keyboard.type(str(path))
    leads(page, "Enter")
    expect(page.get_by_role("status").get_by_text("1 row was written")).to_be_visible()
    expect(page.get_by_role("cell", name=str(path))).to_be_visible()
    leads(page, "L")
    reach(page, page.get_by_label("Passphrase"))
    page.keyboard.type(PASSPHRASE)
    leads(page, "Enter")
    expect(page.get_by_text("4 in all")).to_be_visible()
