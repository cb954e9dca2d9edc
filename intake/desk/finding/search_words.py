"""Words of any script, folded so that a search finds them however they were typed, and where they are in the text.

A text is cut into clusters (a character and what is written on it), each is folded by itself, and what comes of them
is cut into words. So every word is known by its clusters, and these by their places in the text as it was sent. Scripts
that are written without spaces become pairs of characters, each overlapping the next.
"""

import bisect
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from operator import add
from typing import NamedTuple

_LONGEST_WORD = 64  # characters: what is longer is found by its beginning
_LONGEST_QUERY = 500  # characters
_MOST_KEPT = 100_000  # in memory: a hostile text has as many clusters and words as it likes

# One syllable of Hangul may be typed as its letters, and a flag is two letters; both are one cluster.
_LEADING, _VOWEL, _TRAILING = "\u1100-\u115f\ua960-\ua97c", "\u1160-\u11a7\ud7b0-\ud7c6", "\u11a8-\u11ff\ud7cb-\ud7fb"
_FLAG = "\U0001f1e6-\U0001f1ff"
_JOINING = "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d"  # of the scripts of India: the next letter is written together
_FAR, _FAR_ONES = 0x10000, "\U00010000-\U0010ffff"
_PAIRED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecf\u0edc-\u0edf"  # Thai, Lao
    "\u1000-\u103f\u1050-\u109d\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f\u1780-\u17d3\u17dc\u17dd"  # Myanmar, Khmer
    f"{_LEADING}{_VOWEL}{_TRAILING}\uac00-\ud7a3"
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u2e80-\u2fd5\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
)
"""Scripts whose words have no spaces between them, or, in Korean, endings written onto them."""
_DROPPED = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0898-\u089f\u08ca-\u08ff"  # Arabic
    "\u093c"  # the dot below of Hindi, typed or not
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # which picture of a character is meant
)
_drop = re.compile(f"[{_DROPPED}]").sub
# Letters of their own, and no accented ones.
_KEPT = {"\u0438\u0306": "й", "\u0443\u0306": "ў", "\u0456\u0308": "ї", "\u0433\u0301": "ѓ", "\u043a\u0301": "ќ"}
_SAME = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ँ": "ं"}
    | {"ى": "ي", "ی": "ي", "ٱ": "ا", "ة": "ه", "ہ": "ه", "ھ": "ه", "ک": "ك"}
)
_BEFORE_ARTICLE = "وفبكال"
_ARTICLE = re.compile("^[وف]?(?:[بك]?ال|لل)(?=\\w{3})")
_QUERY = re.compile(r'(-?)(?:"([^"]*)"?(\*?)|([^\s"]+))')
_TYPED = str.maketrans({**dict.fromkeys("“”„‟«»＂「」『』", '"'), "＊": "*", "−": "-", "－": "-"})


@dataclass(frozen=True)
class Term:
    """One thing to look for: words that follow one another. `prefix`: the last is the beginning of a word."""

    words: tuple[str, ...]
    prefix: bool
    excluded: bool


class _Word(NamedTuple):
    """A word and its place in the folded text. `paired`: of a script without spaces, one or two characters."""

    text: str
    first: int
    last: int
    paired: bool


@dataclass(frozen=True)
class _Patterns:
    cluster: re.Pattern[str]
    special: re.Pattern[str]
    ignored: re.Pattern[str]
    words: re.Pattern[str]


class Indexer(dict[str, str]):
    """Does what `index_text` does, and remembers words: for many texts at once, and no longer than that."""

    def text(self, text: str) -> str:
        """Return the words of a text, with spaces between them, as the index keeps them."""
        return " ".join(map(self.__getitem__, text.split()))

    def __missing__(self, word: str) -> str:
        found = index_text(word)
        if len(word) <= _LONGEST_WORD:
            if len(self) >= _MOST_KEPT:
                self.clear()
            self[word] = found
        return found


def index_text(text: str) -> str:
    """Return the words of a text, with spaces between them, as the index keeps them."""
    found: list[str] = []
    for paired, word in _patterns().words.findall(_fold(text)):
        if paired:
            found += map(add, paired, paired[1:])
            found.append(paired[-1])
        else:
            found.append(_bare(word))
    return " ".join(found)


def parse_query(query: str) -> list[Term]:
    """Return what a query asks for: all of it, and nothing that is excluded. No query is wrong; some ask for nothing.

    Words in quotation marks follow one another, a minus excludes, a star at the end means the beginning of a word.
    """
    terms = []
    for minus, phrase, star, word in _QUERY.findall(query[:_LONGEST_QUERY].translate(_TYPED)):
        text = phrase or word
        words = list(_words(_fold(text)))
        while len(words) > 1 and words[-1].paired and words[-2].last == words[-1].last:
            words.pop()  # the last character of a pair stands alone only where a text ends there
        if words:
            alone = words[-1].paired and len(words[-1].text) == 1
            prefix = bool(star) or text.endswith("*") or alone
            terms.append(Term(tuple(found.text for found in words), prefix, bool(minus)))
    return terms


def match_expression(terms: Iterable[Term]) -> str:
    """Return the FTS5 expression for terms that must all be there. It holds no character that FTS5 could take amiss."""
    return " AND ".join(f'"{" ".join(term.words)}"{"*" if term.prefix else ""}' for term in terms)


def highlight(text: str, query: str) -> list[tuple[int, int]]:
    """Return the places (first, last) of a text that a query asks for: in order, whole clusters, none overlapping."""
    return _places(text, [term for term in parse_query(query) if not term.excluded])


def clusters(text: str) -> Sequence[str]:
    """Return the characters of a text, each with what is written on it."""
    patterns = _patterns()
    return patterns.cluster.findall(text) if patterns.special.search(text) else text


def _places(text: str, terms: list[Term]) -> list[tuple[int, int]]:
    if not terms:
        return []
    pieces = clusters(text)
    folded = [_FOLDS[piece] for piece in pieces]
    whole = "".join(folded)
    terms = [term for term in terms if all(word in whole for word in term.words)]
    words = list(_words(whole)) if terms else []
    found = sorted({place for term in terms for place in _found(words, term)})
    ends, folded_ends = list(accumulate(map(len, pieces))), list(accumulate(map(len, folded)))
    places: list[tuple[int, int]] = []
    for first, last in found:
        start, end = bisect.bisect_right(folded_ends, first), bisect.bisect_right(folded_ends, last - 1)
        place = (ends[start] - len(pieces[start]), ends[end])
        if places and place[0] < places[-1][1]:
            place = (places[-1][0], max(places.pop()[1], place[1]))
        places.append(place)
    return places


def _found(words: list[_Word], term: Term) -> Iterator[tuple[int, int]]:
    *whole, beginning = term.words
    for number in range(len(words) - len(whole)):
        last = words[number + len(whole)]
        if not (last.text.startswith(beginning) if term.prefix else last.text == beginning):
            continue
        if all(words[number + place].text == word for place, word in enumerate(whole)):
            yield words[number].first, last.first + len(beginning) if last.paired else last.last


def _words(folded: str) -> Iterator[_Word]:
    for match in _patterns().words.finditer(folded):
        first, last = match.span()
        if not match[1]:
            yield _Word(_bare(match[2]), first, last, paired=False)
            continue
        for place in range(first, last):
            end = min(place + 2, last)
            yield _Word(folded[place:end], place, end, paired=True)


def _bare(word: str) -> str:
    """Return a word as it is looked for: no longer than it may be, and in Arabic without the article."""
    word = word[:_LONGEST_WORD]
    return _ARTICLE.sub("", word) if word[0] in _BEFORE_ARTICLE else word


def _fold(text: str) -> str:
    return text.lower() if text.isascii() else "".join(map(_FOLDS.__getitem__, clusters(text)))


class _Folds(dict[str, str]):
    """Cluster -> what it is searched as."""

    def __missing__(self, cluster: str) -> str:
        text = unicodedata.normalize("NFKD", _patterns().ignored.sub("", cluster))
        text = unicodedata.normalize("NFKD", text.replace("\u0345", "").casefold())  # an iota below is no letter
        for letter, kept in _KEPT.items():
            text = text.replace(letter, kept)
        text = unicodedata.normalize("NFC", _drop("", text)).casefold().translate(_SAME)
        text = "".join(str(unicodedata.decimal(character, character)) for character in text)
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[cluster] = text
        return text


_FOLDS = _Folds()


@cache
def _patterns() -> _Patterns:
    """Compile the patterns on first use: Python's `re` has no classes for marks and invisible characters."""
    kinds = {place: unicodedata.category(chr(place)) for place in (*range(0x80, 0x20000), *range(0xE0000, 0xE0200))}
    marks = {place for place, kind in kinds.items() if kind[0] == "M"} | set(map(ord, "\u0e33\u0eb3\uff9e\uff9f"))
    invisible = {place for place, kind in kinds.items() if kind == "Cf"}
    tail = marks | invisible | set(range(0x1F3FB, 0x1F400))  # the last are skin colours
    # `re` looks up what has 16 bits at once, and compares the rest range by range: they are tried apart.
    near, far = _class(place for place in tail if place < _FAR), _class(place for place in tail if place >= _FAR)
    indexed = re.compile(f"[{_PAIRED}{_DROPPED}]")
    word_marks = _class(place for place in marks if place < _FAR and not indexed.match(chr(place)))
    jamo = f"{_LEADING}{_VOWEL}{_TRAILING}"
    syllable = f"[{_LEADING}]+[{_VOWEL}]*[{_TRAILING}]*|[{_VOWEL}]+[{_TRAILING}]*"
    # No more marks than 64 on one character: a tower of them is cut, as Unicode's stream-safe format would cut it.
    written_on = f"[{near}{_TRAILING}]{{0,64}}(?:[{_FAR_ONES}](?<=[{far}])[{near}]{{0,64}}){{0,64}}"
    letter = f"(?:[^{jamo}{_FLAG}\r]|{syllable}|[{_FLAG}]{{2}}|\r\n|.){written_on}"
    emoji = "(?<=\u200d)(?=[\u2190-\u2bff\U0001f000-\U0001faff])"
    conjunct = f"(?:(?<=[{_JOINING}])|(?<=[{_JOINING}]\u200d))(?=[\u0905-\u0d39])"
    return _Patterns(
        cluster=re.compile(f"{letter}(?:(?:{emoji}|{conjunct}){letter}){{0,16}}", re.DOTALL),
        special=re.compile(f"[\r{near}{jamo}{_FAR_ONES}]"),
        ignored=re.compile(f"[{_class(invisible)}]+"),
        words=re.compile(f"([{_PAIRED}]+)|([^\\W_{_PAIRED}]+(?:[{word_marks}]+[^\\W_{_PAIRED}]*)*)"),
    )


def _class(places: Iterable[int]) -> str:
    """Return the characters as ranges for a pattern."""
    ranges: list[list[int]] = []
    for place in sorted(places):
        if ranges and place == ranges[-1][1] + 1:
            ranges[-1][1] = place
        else:
            ranges.append([place, place])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
