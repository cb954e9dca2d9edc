"""What looks like a name, a number, an address or a date. Simple rules that miss a lot: a help for the eye, no more."""

import re
from collections.abc import Iterator
from functools import cache

from babel import Locale, UnknownLocaleError

from intake.desk.redacting.word_lists import (
    AFTER_ORGANISATIONS,
    AFTER_PERSONS,
    BEFORE_PERSONS,
    NO_NAMES_IN_CHINESE,
    ORGANISATION_ENDINGS,
    ORGANISATIONS,
    PARTICLES,
)

Hint = tuple[int, int, str]
"""Where it is in the text, and the kind of passage that it seems to be."""

_Word = tuple[int, int, str]

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019\-][^\W\d_]+)*")
# The bounds keep hostile texts from taking long: every pattern looks at each place for a few characters only.
_CONTACT = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}|(?:https?://|(?<!\w)www\.)[^\s<>\"]{0,500}[\w/]"
    r"|(?<![\w@])@\w{3,64}|(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.(?:com|org|net|info|edu|gov|int)(?![\w-])"
)
_DATE = re.compile(
    r"(?<![\w./-])\d{1,4}([./-])\d{1,2}\1\d{1,4}(?![\w/-])|\d{4}\s?年(?:\s?\d{1,2}\s?月)?(?:\s?\d{1,2}\s?日)?"
    r"|\d{1,2}\s?月\s?\d{1,2}\s?日|(?<![\w:])\d{1,2}[:hH]\d{2}(?![\w:])"
)
_YEAR = re.compile(r"(?<![\d.,])\d{4}(?![\d,]|\.\d)")
_YEARS = range(1900, 2100)
_NUMBER = re.compile(r"(?<!\d)[+(]{0,2}\d(?:[\s().\-/\u00a0\u202f]{0,2}\d){5,19}(?!\d)")
_LONG_NUMBER = re.compile(r"(?<!\d)(?:(?<![A-Z])[A-Z]{1,4}[- ]?)?\d{4,}")
_NUMBERED = re.compile(
    r"(?<!\w)(?:hospital|clinic|school|больниц\w{0,3}|поликлиник\w{0,3}|лікарн\w{0,3})\s{0,2}(?:№|No\.?|n°)\s{0,2}\d{1,4}",
    re.IGNORECASE,
)
_CHINESE = f"(?![{NO_NAMES_IN_CHINESE}])[\u4e00-\u9fff]"
_CHINESE_PERSON = re.compile(f"(?:{_CHINESE}){{1,3}}?(?={'|'.join(AFTER_PERSONS)})")
_CHINESE_ORGANISATION = re.compile(f"(?:{_CHINESE}){{2,8}}?(?:{'|'.join(AFTER_ORGANISATIONS)})")
_SENTENCE_ENDS = re.compile(r"[.!?\u2026:;\u061f\u3002\uff01\uff1f\"\u00ab\u201c\u201e(\n\u2013\u2014]")
_GAP = re.compile(r"\s{1,2}|\.\s?|\s?-\s?")
_LONGEST_ABBREVIATION = 3
_MOST_WORDS = 8
_MOST_NAMES = 50
_ARABIC_PREFIXES = "وفبلك"
_CASELESS_NAME_WORDS = 2
_SHORTEST_ACRONYM = 4
_LOCALES = {"ar": ("ar", "ar_SY", "ar_MA")}  # the names of months differ
_NO_PLACES = frozenset(["ZZ", "UN", "EU", "EZ", "XA", "XB", "QO"])


def find(text: str, language: str) -> list[Hint]:
    """Return what looks as if it could identify somebody, in the order of the text; nothing overlaps."""
    found: list[Hint] = []
    taken = bytearray(len(text))
    for hints in (
        _written(text),
        _months(text, language),
        _numbers(text),
        _organisations(text),
        _persons(text),
        _again(text, found),
        _places(text, language),
        _capitals(text, language),
    ):
        for first, last, kind in hints:
            if not any(taken[first:last]):
                taken[first:last] = b"\1" * (last - first)
                found.append((first, last, kind))
    return sorted(found)


def occurrences(text: str, words: str) -> Iterator[tuple[int, int]]:
    """Yield where the same words stand in a text, in capitals or not, and whatever blank is between them."""
    parts = words.split()
    if parts:
        pattern = r"\s+".join(map(re.escape, parts))
        edges = ("" if _is_chinese(words[0]) else r"(?<!\w)", "" if _is_chinese(words[-1]) else r"(?!\w)")
        for match in re.finditer(f"{edges[0]}{pattern}{edges[1]}", text, re.IGNORECASE):
            yield match.span()


def _written(text: str) -> Iterator[Hint]:
    """Yield what is known by how it is written, without any list of words."""
    for pattern, kind in ((_CONTACT, "contact"), (_DATE, "date"), (_NUMBERED, "organisation")):
        yield from ((*match.span(), kind) for match in pattern.finditer(text))
    for pattern, kind in ((_CHINESE_PERSON, "person"), (_CHINESE_ORGANISATION, "organisation")):
        yield from ((*match.span(), kind) for match in pattern.finditer(text))


def _numbers(text: str) -> Iterator[Hint]:
    yield from ((*match.span(), "date") for match in _YEAR.finditer(text) if int(match[0]) in _YEARS)
    for pattern, kind in ((_NUMBER, "contact"), (_LONG_NUMBER, "other")):
        yield from ((*match.span(), kind) for match in pattern.finditer(text))


def _months(text: str, language: str) -> Iterator[Hint]:
    with_number, alone = _month_patterns(language)
    for pattern in (with_number, alone):
        yield from ((*match.span(), "date") for match in pattern.finditer(text))


def _places(text: str, language: str) -> Iterator[Hint]:
    yield from ((*match.span("place"), "place") for match in _place_pattern(language).finditer(text))


def _organisations(text: str) -> Iterator[Hint]:
    words = _words(text)
    for index, (first, last, word) in enumerate(words):
        if _is_organisation(word):
            begin, end = _name_begin(text, words, index), _name_end(text, words, index)
            if end > last or begin < first or _is_compound(word):
                yield begin, end, "organisation"


def _persons(text: str) -> Iterator[Hint]:
    """Yield what follows a title."""
    words = _words(text)
    for index, (_, last, word) in enumerate(words[:-1]):
        if word.casefold() in BEFORE_PERSONS or word.lstrip(_ARABIC_PREFIXES) in BEFORE_PERSONS:
            end = _name_end(text, words, index)
            if end > last:
                yield words[index + 1][0], end, "person"


def _again(text: str, found: list[Hint]) -> Iterator[Hint]:
    """Yield where the persons and organisations that were found so far stand once more."""
    names = {text[first:last]: kind for first, last, kind in found if kind in ("person", "organisation")}
    for name in list(names)[:_MOST_NAMES]:
        yield from ((first, last, names[name]) for first, last in occurrences(text, name))


def _capitals(text: str, language: str) -> Iterator[Hint]:
    """Yield words with a capital where no sentence begins; two of them in a row are most likely somebody's name."""
    words = _words(text)
    index = 0
    while index < len(words):
        first, _, word = words[index]
        begins = _begins(text, words, index)
        if not word[0].isupper() or (begins and len(word) <= _LONGEST_ABBREVIATION):
            index += 1
            continue
        end = _name_end(text, words, index)
        count = 1
        while index + count < len(words) and words[index + count][1] <= end:
            count += 1
        if _stands_out(word, count, begins=begins, nouns=language.startswith("de")):
            yield first, end, "person" if count > 1 else "organisation" if word.isupper() else "other"
        index += count


def _stands_out(word: str, count: int, *, begins: bool, nouns: bool) -> bool:
    """Tell whether capitals say something: where all `nouns` have one they do not, nor where a sentence begins."""
    if word.isupper() and count == 1:
        return len(word) >= _SHORTEST_ACRONYM
    if nouns:
        return count > 1 and not begins
    return count > 1 or (not begins and len(word) > 1)


def _words(text: str) -> list[_Word]:
    return [(match.start(), match.end(), match[0]) for match in _WORD.finditer(text)]


def _begins(text: str, words: list[_Word], index: int) -> bool:
    """Tell whether a sentence begins with a word, and not after an abbreviation such as "St."."""
    if index == 0:
        return True
    _, last, before = words[index - 1]
    gap = text[last : words[index][0]]
    abbreviated = gap.strip() == "." and before[0].isupper() and len(before) <= _LONGEST_ABBREVIATION
    return not abbreviated and _SENTENCE_ENDS.search(gap) is not None


def _name_end(text: str, words: list[_Word], index: int) -> int:
    """Return where a name ends that a word begins or announces: capitals, and small words between them."""
    end, caseless = words[index][1], 0
    for place in range(index + 1, min(index + _MOST_WORDS, len(words))):
        first, last, word = words[place]
        if _begins(text, words, place) or not _GAP.fullmatch(text[words[place - 1][1] : first]):
            break
        if word[0].isupper():
            end = last
        elif not word[0].islower() and not _is_chinese(word) and caseless < _CASELESS_NAME_WORDS:
            caseless += 1
            end = last
        elif word.casefold() not in PARTICLES:
            break
    return end


def _name_begin(text: str, words: list[_Word], index: int) -> int:
    """Return where a name begins that ends in a word, as "St. Mary's Hospital" does."""
    begin = words[index][0]
    for place in range(index - 1, max(index - _MOST_WORDS, -1), -1):
        first, last, word = words[place]
        if _begins(text, words, place + 1) or not _GAP.fullmatch(text[last : words[place + 1][0]]):
            break
        article = _begins(text, words, place) and len(word) <= _LONGEST_ABBREVIATION and text[last] != "."
        if word[0].isupper() and not article:
            begin = first
        elif word.casefold() not in PARTICLES:
            break
    return begin


def _is_organisation(word: str) -> bool:
    small = word.casefold()
    return small.startswith(ORGANISATIONS) or _is_compound(word) or _without_prefix(word) in ORGANISATIONS


def _is_compound(word: str) -> bool:
    small = word.casefold()
    return word[0].isupper() and small.endswith(ORGANISATION_ENDINGS) and small not in ORGANISATION_ENDINGS


def _without_prefix(word: str) -> str:
    return word.lstrip(_ARABIC_PREFIXES).removeprefix("ال")


def _is_chinese(text: str) -> bool:
    return "\u3040" <= text[0] <= "\u9fff"


@cache
def _month_patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a month with a day or a year beside it, and of one alone that can be nothing else."""
    names = {
        str(name)
        for locale in _locales(language)
        for name in locale.months["format"]["wide"].values()
        if not str(name)[0].isdigit() and not _is_chinese(str(name))
    }
    month = _alternatives(names)
    alone = _alternatives(name for name in names if len(name) > len("mars"))
    day = r"\d{1,2}(?:st|nd|rd|th|er|\.|º|ª)?"
    between = r"(?:\s|,|de\s|del\s|d['\u2019])*"
    with_number = rf"(?<!\w)(?:{day}{between}(?:{month})(?:{between}\d{{4}})?|(?:{month}){between}\d{{1,4}})(?!\w)"
    return re.compile(with_number, re.IGNORECASE), re.compile(rf"(?<!\w)(?:{alone})(?!\w)")


@cache
def _place_pattern(language: str) -> re.Pattern[str]:
    """Return the pattern of the countries and the large cities that the Unicode CLDR names in a language."""
    names = set()
    for locale in _locales(language):
        names |= {str(name) for code, name in locale.territories.items() if code.isalpha() and code not in _NO_PLACES}
        names |= {str(zone["city"]) for zone in locale.time_zones.values() if "city" in zone}
    for zone in Locale("ar").time_zones:  # a locale that has nearly all of them
        names.add(str(zone).rpartition("/")[2].replace("_", " "))
    chinese = _alternatives(name for name in names if _is_chinese(name))
    inflected = _alternatives(name[:-1] for name in names if len(name) > 4 and "\u0400" <= name[0] <= "\u04ff")
    other = _alternatives(name for name in names if len(name) > 2 and not _is_chinese(name))
    whole = rf"(?<!\w)[{_ARABIC_PREFIXES}]?(?:{other})(?!\w)|(?<!\w)(?:{inflected})\w{{0,3}}(?!\w)"
    return re.compile(rf"(?P<place>{whole}|{chinese})")


def _locales(language: str) -> Iterator[Locale]:
    base = language.replace("_", "-").partition("-")[0].lower()
    for name in ("en", *_LOCALES.get(base, (base,))):
        try:
            yield Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue


def _alternatives(names: Iterator[str] | set[str]) -> str:
    """Return a pattern for any of the names, the longer ones first; one that never matches if there is none."""
    return "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name)))) or r"(?!)"
