"""The list of testimonies in a browser: found by links, by words and by keys; decided about, and taken back."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

import pytest
from looks import contrasts, nameless, too_wide, twice
from playwright.sync_api import Browser, Locator, Page, expect

from desk.conftest import DUTY
from desk.review.running import DESKTOP, NARROW, PHONE, Reader, Running, browse
from desk.stick import CALL, EDITION, Server
from intake.calls.edition import Edition

MORE = b"""
      - {id: care.worst, type: radio, label: Worst, options: [{code: WAIT, label: Wait}, {code: DEATH, label: Death}]}
      - {id: safe.retaliate, type: radio, label: Afraid, options: [{code: "Y", label: Yes}, {code: "N", label: No}]}
      - {id: inc.when,"""
WITH_HARM = Edition({**EDITION.files, "call.yaml": CALL.replace(b"\n      - {id: inc.when,", MORE)})
HOSTILE = {
    "markup": "<script>document.title='taken'</script><img src=x onerror=alert(1)></main></body>\"'><b>bold",
    "long": "Donaudampfschiff" * 1250,
    "turned": "\u202egpj.exe \u2067 turned \u2066 around",
    "stacked": "Z" + "\u0301\u0316" * 2000,
    "terminal": "\x1b[31mred\x1b]0;title\x07",
    "emoji": "👩🏿‍⚕️" * 300,
}
ARABIC = "انطفأت الشاشات كلها في الساعة الثالثة فجراً"
CHINESE = "医院的屏幕全都黑了，医生看不到化验结果。"
FILTER = re.compile(
    r'<summary><bdi[^>]*>(.*?)</bdi>|<a class="depth\d" href="([^"]*)"( aria-current="true")?><bdi[^>]*>(.*?)</bdi> '
    r'<span class="soft">([\d,]+)</span>'
)
AA, AAA = 4.5, 7.0  # of edges, which `contrasts` counts as if they were text, and of text


@pytest.fixture
def server() -> Server:
    """Testimonies of all sorts; what each is about is in its words."""
    server = Server([DUTY.recipient()], edition=WITH_HARM)
    server.receive(language="ar", answers={"story.text": ARABIC, "inc.kind": "LEAK", "inc.country": "EG"})
    server.receive(language="en", answers={"story.text": CHINESE, "inc.kind": "RANSOM"})
    for text in HOSTILE.values():
        server.receive(language="en", answers={"story.text": text, "inc.country": "FR"})
    server.receive(
        language="fr", answers={"story.text": "Elle est morte.", "care.worst": "DEATH", "inc.kind": "RANSOM"}
    )
    server.receive(
        language="fr", answers={"story.text": "J'ai peur.", "safe.retaliate": "Y", "care.effects": ["DELAY"]}
    )
    server.receive(language="en", answers={"story.text": "The last one."}, test=True)
    return server


@pytest.fixture
def page(running: Running, chromium: Browser) -> Iterator[Page]:
    """The list in a browser."""
    with browse(chromium, running) as found:
        yield found


def numbers(page: Page) -> list[str]:
    """The numbers of the testimonies that are listed."""
    found: list[str] = page.locator(".row [data-open]").evaluate_all("links => links.map(e => e.lastChild.data)")
    return found


def row(page: Page, number: int) -> Locator:
    """One of the testimonies."""
    return page.locator(f"#t{number}")


def press(page: Page, *keys: str) -> None:
    """Press keys that lead to no other page."""
    for key in keys:
        page.keyboard.press(key)


def press_and_go(page: Page, key: str) -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(key)


def click_and_go(page: Page, link: Locator) -> None:
    """Click what leads to another page."""
    with page.expect_navigation():
        link.click()


def test_by_keyboard_alone(page: Page) -> None:
    """Move, mark, accept, undo, search, open: nothing but keys."""
    assert numbers(page) == [str(number) for number in range(11, 0, -1)]
    press(page, "j", "j", "k", "j", "x", "j", "x")
    expect(page.locator("#t9")).to_be_focused()
    expect(page.locator("#marked")).to_have_text("2 marked:")
    press_and_go(page, "a")
    assert page.inner_text("#said") == "2 testimonies now: accepted. Undo"
    assert [row(page, number).locator(".state").inner_text() for number in (11, 10, 9, 8)] == [
        "new",
        "accepted",
        "accepted",
        "new",
    ]
    expect(page.locator("#t8")).to_be_focused()
    press_and_go(page, "s")
    assert row(page, 8).locator(".state").inner_text() == "set aside"
    expect(page.locator("#t7")).to_be_focused()
    press_and_go(page, "u")
    press_and_go(page, "u")
    assert {row(page, number).locator(".state").inner_text() for number in range(1, 12)} == {"new"}
    press_and_go(page, "u")
    assert page.inner_text("#said") == "There is nothing to undo."

    press(page, "/")
    page.keyboard.type("aurajsx!L?u")  # letters in a field are letters
    expect(page.locator("[name=words]")).to_have_value("aurajsx!L?u")
    press(page, "Control+a")
    page.keyboard.type("peur")
    press_and_go(page, "Enter")
    assert re.fullmatch(r"/\?search=\d+", page.url.removeprefix(f"{_origin(page)}"))
    assert (numbers(page), page.inner_text("mark")) == (["10"], "peur")
    press(page, "/", "Escape", "?")
    expect(page.locator("dialog")).to_be_visible()
    press(page, "a", "L", "Escape")
    expect(page.locator("dialog")).to_be_hidden()
    press(page, "j")
    press_and_go(page, "o")
    assert re.search(r"/testimony/[0-9a-f]{32}\?search=\d+$", page.url)
    press(page, "g")
    press_and_go(page, "t")
    assert page.inner_text("h1") == "Trail"
    assert page.locator("#result").inner_text() == "Every signature is right, and nothing is missing between them."
    assert page.locator("tbody tr").count() == 7  # who came, three decisions, three taken back


def test_keys_can_be_turned_off(page: Page) -> None:
    """Then letters do nothing, and Tab and Enter still do everything."""
    press(page, "?")
    with page.expect_navigation():
        page.get_by_role("button", name="Turn single keys off").click()
    press(page, "j", "?", "L")
    page.locator("#t11 input").focus()
    press(page, "j", "Space")
    expect(page.locator("#t11 input")).to_be_checked()
    expect(page.locator("#t11 input")).to_be_focused()
    expect(page.locator("dialog")).to_be_hidden()
    page.get_by_role("button", name="Accept").focus()
    press_and_go(page, "Enter")
    assert row(page, 11).locator(".state").inner_text() == "accepted"


def test_without_scripts(running: Running, chromium: Browser) -> None:
    """Filters, search, marks, decisions, undo, what is hidden, the sheet of keys: all of it is plain pages."""
    with browse(chromium, running, PHONE, scripts=False) as page:
        page.get_by_role("link", name="Filters").click()
        click_and_go(page, page.locator("#filters").get_by_role("link", name=re.compile("^French")))
        assert numbers(page) == ["10", "9"]
        hidden = row(page, 9).get_by_text("Elle est morte.")
        expect(hidden).to_be_hidden()
        row(page, 9).get_by_text("Show").click()
        expect(hidden).to_be_visible()
        row(page, 9).get_by_role("checkbox").check()
        click_and_go(page, page.get_by_role("button", name="Set aside"))
        assert numbers(page) == ["10", "9"]
        click_and_go(page, page.get_by_role("button", name="Undo"))
        expect(row(page, 9).locator(".state")).to_have_text("new")
        page.fill("[name=words]", "peur")
        click_and_go(page, page.get_by_role("button", name="Search"))
        assert numbers(page) == ["10"]
        click_and_go(page, page.get_by_role("link", name=re.compile("^Search peur")))
        assert numbers(page) == ["10", "9"]
        page.get_by_role("link", name="Keys").click()
        expect(page.locator("dialog")).to_be_visible()


def test_every_filter_leads_where_it_says(reader: Reader) -> None:
    """Each choice has as many testimonies as it says, is in force, and can be taken away again; so can two at once."""
    first = [found for found in filters(reader.get("/").text) if found.count]
    assert {"Status", "What was it", "Language", "Country", "May we publish this"} <= {found.group for found in first}
    for choice in first:
        text = reader.get(choice.address).text
        assert total(text) == choice.count
        assert [(found.group, found.label, found.address) for found in filters(text) if found.chosen] == [
            (choice.group, choice.label, "/")
        ]
        for second in filters(text):
            if second.count and not second.chosen and second.group != choice.group:
                both = reader.get(second.address).text
                assert total(both) == second.count
                assert {found.label for found in filters(both) if found.chosen} == {choice.label, second.label}
                break


def test_what_is_asked_for_is_not_in_the_address(reader: Reader) -> None:
    """A search is kept in the workspace, and its number is in the link, which works again."""
    answer = reader.press("/search", {"words": "screens peur", "language": "fr"})
    address = answer.headers["Location"]
    assert re.fullmatch(r"/\?search=\d+&language=fr|/\?language=fr&search=\d+", address)
    assert reader.press("/search", {"words": "screens peur", "language": "fr"}).headers["Location"] == address
    assert 'value="screens peur"' in reader.get(address).text
    assert reader.press("/search", {"words": "  ", "language": "fr"}).headers["Location"] == "/?language=fr"
    assert "give letters or digits" in reader.follow(reader.press("/search", {"words": "!?"})).text
    for words, number in ((ARABIC[:6], 1), ("屏幕", 2)):
        found = reader.follow(reader.press("/search", {"words": words})).text
        assert f'id="t{number}"' in found
        assert total(found) == 1
        assert f"<mark>{words}</mark>" in found


def test_hostile_words_stay_words(running: Running, chromium: Browser) -> None:
    """Nothing in a testimony runs, breaks the page or makes it wider than the narrowest screen."""
    with browse(chromium, running, NARROW) as page:
        trouble: list[str] = []
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("console", lambda message: trouble.append(message.text))
        page.on("request", lambda request: trouble.append(request.url))
        for viewport in (NARROW, PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            page.goto(running.home)
            assert too_wide(page) == 0
            assert page.title() == "Testimonies · Review desk"
            assert len(numbers(page)) == 11
            assert page.locator("main").count() == 1
        assert row(page, 3).locator(".words").inner_text().startswith("<script>document.title='taken'</script>")
        assert row(page, 7).locator(".words").inner_text().startswith("␛[31mred")
        assert row(page, 1).locator(".words").evaluate("e => getComputedStyle(e).direction") == "rtl"
        heights = page.locator(".row").evaluate_all("rows => rows.map(e => e.offsetHeight)")
        assert max(heights) < 160
        assert {found.removeprefix(running.home) for found in trouble} == {
            "",
            *(f"static/{name}" for name in ("desk.css", "keys.js", "list.css", "list.js")),
        }


@pytest.mark.parametrize("dark", [False, True])
def test_it_can_be_read(running: Running, chromium: Browser, dark: bool) -> None:
    """Text has seven times the light of what is behind it, or the other way round; all controls have names."""
    with browse(chromium, running, dark=dark) as page:
        page.locator("#t9 summary").click()
        page.locator("#t10 input").check()
        expect(page.locator("#marked")).to_have_text("1 marked:")
        assert {name for name, ratio in contrasts(page).items() if ratio < (AA if "edge" in name else AAA)} == set()
        assert [nameless(page), twice(page)] == [[], []]


def test_hard_ones_are_counted(reader: Reader) -> None:
    """Only those that were opened, each once a day; after enough of them there is a suggestion."""
    assert "read today" not in reader.get("/").text
    found = re.findall(r'href="(/testimony/[0-9a-f]{32})" data-open>.*?</span>(\d+)<', reader.get("/").text)
    address = next(link for link, number in found if number == "9")
    for _ in range(2):
        reader.press(f"{address}/uncover")
        assert "1 hard one read today" in reader.get("/").text
    reader.get(next(link for link, number in found if number == "10"))
    assert "1 hard one read today" in reader.get("/").text


def test_spam_takes_along_what_looks_like_it(server: Server, reader: Reader) -> None:
    """And undo takes both back."""
    record = server.identifier(11)
    page = reader.follow(reader.press("/decide", {"record": record, "state": "spam", "next": "/?state=spam"}))
    assert "1 testimony now: spam" in page.text
    assert total(page.text) == 1
    assert "Undone" in reader.follow(reader.press("/undo", {"next": "/?state=spam"})).text
    assert total(reader.get("/?state=spam").text) == 0


def test_mistakes_are_said(server: Server, reader: Reader) -> None:
    """What cannot be done is said where one was."""
    here = {"Referer": f"http://127.0.0.1:{reader.port}/?language=fr"}
    answer = reader.press("/decide", {"record": "f" * 32, "state": "accepted", "next": "/?language=fr"}, **here)
    assert answer.headers["Location"] == "/?language=fr"
    assert "There is no record with this id" in reader.follow(answer).text
    record = server.identifier(1)
    answer = reader.press("/decide", {"record": record, "state": "<b>", "next": "/"}, **here)
    assert "There is no state &#39;&lt;b&gt;&#39;" in reader.follow(answer).text
    for said in ("1 testimony now: accepted.", "Already accepted."):
        assert said in reader.follow(reader.press("/decide", {"record": record, "state": "accepted"})).text
    assert "Undone: 1 testimony" in reader.follow(reader.press("/undo")).text
    assert "No testimony is marked" in reader.follow(reader.press("/decide", {"state": "accepted", "next": "/"})).text


def _origin(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(frozen=True)
class Found:
    """A filter on a page."""

    group: str
    label: str
    address: str
    count: int
    chosen: bool


def filters(text: str) -> list[Found]:
    """Every filter of a page."""
    found = []
    group = ""
    for name, address, current, label, count in FILTER.findall(text[text.index('id="filters"') :]):
        if name:
            group = name
        else:
            found.append(Found(group, label, unescape(address), int(count.replace(",", "")), bool(current)))
    return found


def total(text: str) -> int:
    found = re.search(r"<strong>([\d,]+)</strong> <span class=\"soft\">(?:found|in all)", text)
    assert found
    return int(found[1].replace(",", ""))
