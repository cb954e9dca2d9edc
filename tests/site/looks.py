"""What can be measured of how a page looks, and of how it is built for those who hear it."""

from playwright.sync_api import Page

ENOUGH_CONTRAST = 4.5
"""The least contrast that WCAG 2.2 AA asks for, of text."""
_SHAPES = 3.0
"""The same, of the edges of controls."""
_LEAST_HEIGHT = 44
"""Pixels that a fingertip needs."""

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


def contrasts(page: Page) -> dict[str, float]:
    """Return the contrast of every colour of text with what is behind it. Edges of fields count as they must."""
    page.wait_for_function("document.getAnimations().length === 0")  # a colour on its way to another counts for nothing
    return dict(page.evaluate(_CONTRASTS, {"text": ENOUGH_CONTRAST, "shapes": _SHAPES}))


def too_small(page: Page) -> list[str]:
    """Return what can be pressed but is less than a fingertip high, with a hair's breadth for rounding."""
    found: list[str] = page.evaluate(
        """least => [...document.querySelectorAll(
            "a:not(.skip,main p:not(.onward) a),main p a.button,button,summary,select,textarea,"
            + "input:not([type]),input[type=file],fieldset label")]
            .filter(e => e.checkVisibility() && !e.matches(".date label, .summary a, .trap *"))
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
                    .trim().split(/\\s+/).some(id => !document.getElementById(id))))
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
