"""Words of sources as pages show them: every code point for one, their direction, and what their language is called."""

import unicodedata

from babel import Locale, UnknownLocaleError

# What a browser would drop, or turn into something else: each has a picture that takes its place.
_PICTURES = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"}
_PICTURES |= {0x7F: 0x2421, **dict.fromkeys(range(0x80, 0xA0), 0xFFFD)}
# What turns letters around whatever they are, and has them read otherwise than they were written.
_PICTURES |= {0x202D: 0xFFFD, 0x202E: 0xFFFD}


def displayed(text: str) -> str:
    """Return the text for a page: as many code points as it has, and none that a browser changes or turns around."""
    return text.translate(_PICTURES)


def direction(text: str, language: str) -> str:
    """Return `rtl` or `ltr`: that of most letters, whatever form they were typed into, or else the language's."""
    found = [unicodedata.bidirectional(character) for character in text]
    right, left = sum(kind in ("R", "AL") for kind in found), found.count("L")
    if right != left:
        return "rtl" if right > left else "ltr"
    locale = _locale(language)
    return str(locale.text_direction) if locale else "ltr"


def language_name(language: str) -> str:
    """Return what a language is called in English; one that nobody knows is called as it is."""
    locale = _locale(language)
    return (locale.get_display_name("en") if locale else None) or language


def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        return None
