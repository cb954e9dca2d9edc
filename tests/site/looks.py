"""What can be measured of how a page looks, and of how it is built for those who hear it."""

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Page

ENOUGH_CONTRAST = 7.0
"""The least contrast that WCAG 2.2 AAA asks for, of text."""
_SHAPES = 3.0
"""The least that AA asks for, of the edges of controls."""
_LEAST_HEIGHT = 44
"""Pixels that a fingertip needs."""
AXE = Path(__file__).parents[1] / "foreign" / "node_modules" / "axe-core" / "axe.min.js"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_CONTRAST = "color-contrast-enhanced"
_UNSTUCK = ".top { position: static !important }"
"""What sticks to the top of the window hides what is scrolled away below it. That is no fault of what is hidden."""

_AXE = """async ([tags, rules]) => {
    const more = {"color-contrast-enhanced": {enabled: true}, "target-size": {enabled: true}};
    const options = rules.length
        ? {runOnly: rules}
        : {runOnly: tags, rules: {...more, "color-contrast": {enabled: false}}};
    const closed = [...document.querySelectorAll(".page")].filter(e => !e.checkVisibility());  // half of the time
    const {violations, incomplete} = await axe.run(
        {exclude: closed}, {...options, resultTypes: ["violations", "incomplete"], selectors: false, preload: false});
    // Where a text's background cannot be told, its contrast is not known to be enough.
    return [...violations, ...incomplete.filter(({id}) => id === "color-contrast-enhanced")].flatMap(({id, nodes}) =>
        nodes.map(({html, failureSummary}) => `${id}: ${html.slice(0, 200)} ${failureSummary}`));
}"""

_CONTRASTS = """least => {
    const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const mixed = text => text.startsWith("color(srgb") ? 255 : 1;  // what color-mix() makes counts to 1
    const parse = text => text.match(/[\\d.]+/g).map((part, place) => part * (place < 3 ? mixed(text) : 1));
    const behind = element => {
        for (let e = element; e; e = e.parentElement) {
            const color = parse(getComputedStyle(e).backgroundColor);
            if (color.length === 3 || color[3] === 1) return color;
        }
        return [NaN, NaN, NaN];
    };
    const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
    const found = new Map();
    for (const e of document.body.querySelectorAll("*")) {
        const text = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!(text || e.matches("input,select,textarea")) || !e.checkVisibility()) continue;
        const style = getComputedStyle(e);
        found.set(`${style.color} on ${behind(e)}`, ratio(parse(style.color), behind(e)));
        if (e.matches("select,textarea,input:not([type])"))
            found.set(`edge ${style.borderColor} on ${behind(e.parentElement)}`,
                ratio(parse(style.borderTopColor), behind(e.parentElement)) * least.text / least.shapes);
    }
    return [...found];
}"""

_HEADINGS = "[...document.querySelectorAll('h1,h2,h3,h4')].filter(e => e.checkVisibility()).map(e => +e.tagName[1])"

# WCAG 1.4.12: whoever reads better with more room between letters, words, lines and paragraphs may ask for this much.
_SPACING = """
* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
p { margin-bottom: 2em !important }
"""

# Pieces of text that lie on one another, each without the air above and below its letters. What sticks to the top of
# the window lies on what is scrolled away, and is no fault.
_OVERLAPS = """() => {
    const pieces = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const {data, parentElement: parent} = walker.currentNode;
        if (!data.trim() || !parent.checkVisibility() || parent.closest(".top,.trap,script,option,select")) continue;
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        for (const {left, right, top, bottom} of range.getClientRects()) {
            const air = (bottom - top) * 0.25;
            if (right - left > 2) pieces.push({left, right, top: top + air, bottom: bottom - air, parent, data});
        }
    }
    pieces.sort((a, b) => a.top - b.top);
    const found = [];
    pieces.forEach((a, place) => {
        for (let next = place + 1; next < pieces.length && pieces[next].top < a.bottom - 1; next++) {
            const b = pieces[next];
            if (a.parent !== b.parent && a.left < b.right - 1 && b.left < a.right - 1)
                found.push(`${a.data.trim().slice(0, 40)} / ${b.data.trim().slice(0, 40)}`);
        }
    });
    return found;
}"""


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong, target sizes and AAA contrast included."""
    return _axe(page)


def faint(page: Page) -> list[str]:
    """Return the texts whose contrast axe-core finds less than AAA asks for, or cannot tell."""
    return _axe(page, _CONTRAST)


def wrong(page: Page) -> dict[str, object]:
    """Return all that is wrong with a page on a small screen, by what it is; nothing is the aim."""
    levels = headings(page)
    checked: dict[str, object] = {
        "axe": violations(page),
        "wide": max(too_wide(page), 0),
        "small": too_small(page),
        "headings": [pair for pair in pairwise(levels[levels.index(1) :]) if pair[1] > pair[0] + 1],
        "nameless": nameless(page),
        "ids": twice(page),
        "overlapping": overlapping(page),
        **spaced_out(page),
    }
    return {what: found for what, found in checked.items() if found}


def spaced_out(page: Page) -> dict[str, object]:
    """Return what is too wide or overlaps once a reader's own spacing of text is forced on the page (WCAG 1.4.12)."""
    with styled(page, _SPACING):
        return {"spaced: wide": max(too_wide(page), 0), "spaced: overlapping": overlapping(page)}


@contextlib.contextmanager
def styled(page: Page, text: str) -> Iterator[None]:
    """Put a style of the reader's own on a page for a while, which its policy would not allow the page itself."""
    page.evaluate(
        """text => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(text);
            document.adoptedStyleSheets.push(sheet);
        }""",
        text,
    )
    yield
    page.evaluate("() => { document.adoptedStyleSheets.pop() }")


def overlapping(page: Page) -> list[str]:
    """Return the pairs of texts that lie on one another."""
    found: list[str] = page.evaluate(_OVERLAPS)
    return found


def contrasts(page: Page) -> dict[str, float]:
    """Return the contrast of every colour of text with what is behind it. Edges of fields count as they must."""
    return dict(page.evaluate(_CONTRASTS, {"text": ENOUGH_CONTRAST, "shapes": _SHAPES}))


def too_small(page: Page) -> list[str]:
    """Return what can be pressed but is less than a fingertip high, with a hair's breadth for rounding."""
    found: list[str] = page.evaluate(
        """least => [...document.querySelectorAll(
            "a:not(.skip,main p:not(.onward) a),main p a.button,button,summary,select,textarea,"
            + "input:not([type]),input[type=file],fieldset label,.tick")]
            .filter(e => e.checkVisibility() && !e.matches(".date label, .summary a, .trap *")
                && getComputedStyle(e).pointerEvents !== "none")
            .map(e => [e, Math.round(e.getBoundingClientRect().height)])
            .filter(([, height]) => height && height < least)
            .map(([e, height]) => `${e.outerHTML.slice(0, 90)}: ${height}`)""",
        _LEAST_HEIGHT,
    )
    return found


def too_wide(page: Page) -> int:
    """Return by how many pixels a page can be scrolled sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def headings(page: Page) -> list[int]:
    """Return the levels of all headings that can be seen, in order."""
    found: list[int] = page.evaluate(_HEADINGS)
    return found


def nameless(page: Page) -> list[str]:
    """Return the controls that say no name, and those that point to a label or a description that is not there."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("input:not([type=hidden]),textarea,select,button:not([hidden]),summary,a")]
            .filter(e => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))
            .concat([...document.querySelectorAll("[aria-describedby],[aria-labelledby]")].filter(e =>
                `${e.getAttribute("aria-describedby") ?? ""} ${e.getAttribute("aria-labelledby") ?? ""}`
                    .trim().split(/\\s+/).some(id => id && !document.getElementById(id))))
            .map(e => e.outerHTML.slice(0, 120))"""
    )
    return found


def twice(page: Page) -> list[str]:
    """Return the ids that more than one element has."""
    found: list[str] = page.evaluate(
        "(ids => ids.filter((id, place) => ids.indexOf(id) !== place))"
        "([...document.querySelectorAll('[id]')].map(e => e.id))"
    )
    return found


def first_fields(page: Page) -> list[list[str]]:
    """Return the names of the first two fields of every form that is sent."""
    found: list[list[str]] = page.evaluate(
        "[...document.forms].map(form => [...form.elements].filter(e => e.name && e.form.method === 'post')"
        ".filter(e => e.tagName !== 'BUTTON').slice(0, 2).map(e => e.name))"
    )
    return found


def _axe(page: Page, *rules: str) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    with styled(page, _UNSTUCK):
        found: list[str] = page.evaluate(_AXE, [_TAGS, list(rules)])
        return found
