"""Where one character ends and the next begins for a reader: extended grapheme clusters (Unicode Standard Annex 29).

It only has to be told where a mark would cut through one. Where the annex leaves a choice, what belongs together here
is rather more than less.
"""

import unicodedata

_ZWJ = "\u200d"
_JOINED = frozenset("\u200c\u0e33\u0eb3\uff9e\uff9f")  # not marks by their category, but parts of what is before them
_LEADING = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd")
_VIRAMAS = frozenset("\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d\u1039")  # those that tie two consonants together
_BREAKS = ("Cc", "Zl", "Zp")


def widen(text: str, first: int, last: int) -> tuple[int, int]:
    """Return the passage with the rest of each character that it cuts through."""
    while 0 < first < len(text) and not _boundary(text, first):
        first -= 1
    while 0 < last < len(text) and not _boundary(text, last):
        last += 1
    return first, last


def _boundary(text: str, at: int) -> bool:
    """Tell whether one character ends and another begins at a place within the text."""
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return False
    if unicodedata.category(before) in _BREAKS or unicodedata.category(after) in _BREAKS:
        return True
    if _extends(after) or before in _LEADING:
        return False
    if before == _ZWJ and not after.isspace():
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        return _run_of_flag_halves(text, at) % 2 == 0
    return not (_hangul(before, after) or _tied(text, at))


def _extends(character: str) -> bool:
    if character == _ZWJ or character in _JOINED or unicodedata.category(character) in ("Mn", "Me", "Mc"):
        return True
    return 0x1F3FB <= ord(character) <= 0x1F3FF or 0xE0020 <= ord(character) <= 0xE007F  # skin tones; tags


def _is_flag_half(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _run_of_flag_halves(text: str, at: int) -> int:
    """Return how many there are in a row before a place."""
    start = at
    while start and _is_flag_half(text[start - 1]):
        start -= 1
    return at - start


def _hangul(before: str, after: str) -> bool:
    """Tell whether two parts of a Korean syllable go on: leading consonants, vowels, trailing consonants."""
    first, second = _hangul_kind(before), _hangul_kind(after)
    return second in {"L": ("L", "V", "LV", "LVT"), "V": ("V", "T"), "T": ("T",)}.get(first[-1:], ())


def _hangul_kind(character: str) -> str:
    code = ord(character)
    if 0xAC00 <= code <= 0xD7A3:
        return "LVT" if (code - 0xAC00) % 28 else "LV"
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    return "T" if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB else ""


def _tied(text: str, at: int) -> bool:
    """Tell whether a virama ties the letter at a place to the one before it."""
    if unicodedata.category(text[at]) != "Lo":
        return False
    while at and _extends(text[at - 1]):
        at -= 1
        if text[at] in _VIRAMAS:
            return True
    return False
