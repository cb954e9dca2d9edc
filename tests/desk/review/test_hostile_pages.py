"""What sources, their files and reviewers write is only ever shown: on every page, in a browser, narrow and wide."""

import io
import zipfile
import zlib

import pytest
from playwright.sync_api import Browser, Page, expect

from desk.conftest import DUTY, ESCROW
from desk.review import pages
from desk.review.running import DESKTOP, NARROW, Running, browse, resize
from desk.review.telling import EDITION, tell
from desk.stick import Desk, Server
from desk.viewing.files import document, filled, pdf, png, quarters, saved

MARKUP = (
    "<script>alert(1)</script><svg onload=alert(2)><iframe src='http://192.0.2.1/x'></iframe><style>*{display:none}"
    "</style></main></body></html><!-- \"'><img src=//192.0.2.1/i onerror=alert(3)> <a href='javascript:alert(4)'>"
    "javascript:alert(5) https://192.0.2.1/ </textarea></select></title>{{ 7*7 }}{% x %} &lt;b&gt; onfocus=alert(6) "
    "autofocus=\" x='<base href=//192.0.2.1/><meta http-equiv=refresh content=0;url=//192.0.2.1/>"
)
TERMINAL = (
    "\x1b[31mred\x1b]0;title\x07\x1b[2J nul\x00 \x01\x08\x0b\x0c\x7f\x80\x85\x9b31m \ufeff\u2028\u2029 \ufffe \ue000"
)
# What is closed here was not opened, and what is opened is not closed: it is for the page to keep that to itself.
TURNED = "\u2069\u2069\u202c\u202c gpj.exe \u202b\u202e\u2067\u202d\u2067 turned שלום around \u2068\u202b\u200f!"
STACKED = "e" + "\u0301\u0316" * 2500 + " Z\u0334\u0335\u0336 \U0001f3ff\u200d\u200d\ufe0f \U0001f1e6 \u20e3 \u0301"
LONG = "Donaudampfschiff" * 1249 + "\U0001f469\U0001f3ff\u200d\u2695\ufe0f"
TEXTS = {"markup": MARKUP, "terminal": TERMINAL, "turned": TURNED, "stacked": STACKED, "long": LONG}
WRITTEN = f"{TURNED} {MARKUP} {TERMINAL} {STACKED[:800]} {LONG[:3000]}"
"""What reviewers write, who may paste anything."""

_SHORT = {"story.line": 500, "inc.name": 200, "con.name": 100}

_OUT_OF_ORDER = """() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    const theirs = "bdi, [dir], [data-quote], option, .hidden, script, style";
    const block = e => getComputedStyle(e).display === "inline" ? block(e.parentElement) : e;
    const left = (node, at) => {
        const range = document.createRange();
        range.setStart(node, at), range.setEnd(node, at + 1);
        return range.getClientRects()[0];
    };
    const wrong = (one, two) => one && two && Math.abs(one.top - two.top) < 2 && one.left > two.left;
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    let before = null;
    while (walker.nextNode()) {
        const node = walker.currentNode, shut = node.parentElement.closest(theirs);
        if (!node.parentElement.checkVisibility()) continue;
        const letters = [...node.data.matchAll(/\\w(?=\\w)/g)].slice(0, 300);
        if (shut) {
            before = {where: block(shut.parentElement), boxes: [...shut.getClientRects()]};
        } else if (letters.length) {
            if (letters.some(({index}) => wrong(left(node, index), left(node, index + 1))))
                found.push(`turned: ${node.data}`);
            const here = {where: block(node.parentElement), boxes: [left(node, letters[0].index)]};
            if (before?.where === here.where && before.boxes.some(box => wrong(box, here.boxes[0])))
                found.push(`moved: ${node.data}`);
            before = here;
        }
    }
    return found.map(text => text.slice(0, 80));
}"""
"""Where text of the desk's own is not in its order, from left to right."""

_TOO_WIDE = """() => [...document.querySelectorAll("body *")]
    .filter(e => document.documentElement.scrollWidth > innerWidth && e.getBoundingClientRect().right > innerWidth)
    .map(e => `${e.tagName}.${e.className}: ${Math.round(e.getBoundingClientRect().right)}`).slice(0, 8)"""


def zipped(name: str, size: int) -> bytes:
    """A small archive of a large file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(name, bytes(size))
    return sink.getvalue()


def hostile_files() -> dict[str, bytes]:
    """Files by their names: bombs, lies, and names that want to be something else."""
    pages_without_end = {1: b"<</Type /Catalog /Pages 1 0 R /Kids [1 0 R] /Parent 1 0 R /Count 9>>"}
    return {
        '../../../"><img src=x onerror=alert(7)>.png': png(30_000, 30_000, b""),
        f"{TURNED}.jpg": png(2, 2, zlib.compress(bytes(20_000_000), 1)),
        "\x1b]0;x\x07\x00.pdf": pdf(pages_without_end),
        "javascript:alert(8)//": document(filled((1, 2, 3)), box=b"0 0 1e30 1e30"),
        "../" * 80 + "passwd": zipped("../../x", 50_000_000),
        "\u202efdp.gpj": saved(quarters(), "JPEG")[:200],
        "e" + "\u0301" * 254: f"{MARKUP}\n{TERMINAL}\n{TURNED}\n{STACKED}\n{LONG}".encode(),
    }


@pytest.fixture
def server() -> Server:
    server = Server([DUTY.recipient(), ESCROW.recipient()], edition=EDITION)
    for name, text in TEXTS.items():
        short = {question: text[:limit] for question, limit in _SHORT.items()}
        given = {"CPUB_ANON": "Y", "CCONT": "Y", "CTRANS": "N", "inc.country": "FR", "inc.kind": ["RANSOM"], **short}
        record = tell(server, text, "ar" if name == "turned" else "en", **given)
        server.add(server.text(record, text, language="en"))
    for name, data in hostile_files().items():
        server.attach(record, data, name=name)
    return server


@pytest.fixture
def worked(opened: Desk) -> Desk:
    pages.work(opened, WRITTEN)
    return opened


def test_every_page_only_shows_it(worked: Desk, running: Running, chromium: Browser) -> None:
    """No script, no request to anywhere else, nothing out of its place: and the head of the page where it always is."""
    with browse(chromium, running) as page:
        troubles: list[str] = []
        ours = (running.home, "data:,")
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: troubles.extend([request.url] * (not request.url.startswith(ours))))
        found = pages.addresses(worked)
        assert set(found) == pages.rules()
        for address in (one for each in found.values() for one in each):
            answer = page.goto(running.home + address)
            assert answer and answer.status == 200, address
            assert page.url == running.home + address
            for viewport in (NARROW, DESKTOP):
                resize(page, viewport)
                assert wrong(page) == [], (address, viewport)
            assert troubles == [], address


def wrong(page: Page) -> list[str]:
    """What is not as on every page."""
    expect(page.get_by_role("banner").get_by_role("link", name="Review desk")).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link")).to_have_count(7)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    found: list[str] = [*page.evaluate(_OUT_OF_ORDER), *page.evaluate(_TOO_WIDE)]
    words = page.locator("[data-part]")
    if words.count():
        words.first.focus()
        for key in ("ArrowDown", "Shift+ArrowDown", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_visible()
        found += page.evaluate(_TOO_WIDE)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    return found
