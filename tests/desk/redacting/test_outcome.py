"""What is taken out of a text: every marked code point, whole characters, and nothing else."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intake.desk.redacting.graphemes import widen
from intake.desk.redacting.marks import Redaction
from intake.desk.redacting.outcome import pieces, plain, redact

WORDS = [
    "Anna ",
    "e\u0301te\u0301 ",
    "قالت مَرْيَم ",
    "👩\u200d👩\u200d👧 ",
    "👍🏽",
    "🇨🇭🇫🇷",
    "한국",
    "क्षेत्र ",
    "שָׁלוֹם ",
    "❤️",
    "1️⃣",
    "北京",
    "\u202eevil\u202c",
    "\r\n",
    "a",
    "🏴\U000e0067\U000e0062\U000e007f",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=8).map("".join) | st.text(max_size=20)


def mark(first: int, last: int, pseudonym: str = "X", name: str = "") -> Redaction:
    return Redaction(name or f"{first}-{last}", "r", "p", "q", first, last, "other", pseudonym, "anna", "2026")


@dataclass
class Marked:
    """A text and places in it."""

    text: str
    marks: list[Redaction]


@st.composite
def marked(draw: st.DrawFn) -> Marked:
    text = draw(TEXTS)
    edge = st.integers(-1, len(text) + 2)
    spans = draw(st.lists(st.tuples(edge, edge), max_size=6))
    return Marked(text, [mark(*span, name=str(number)) for number, span in enumerate(spans)])


@given(marked())
@example(Marked("Anna Keller", [mark(0, 11), mark(5, 11), mark(4, 6)]))
@example(Marked("e\u0301", [mark(0, 1)]))
@example(Marked("e\u0301", [mark(1, 2)]))
def test_every_code_point_is_either_in_its_place_or_taken_out(case: Marked) -> None:
    """Taken out is exactly what is marked, widened to whole characters; the rest is there, in order, unchanged."""
    text = case.text
    out = set()
    for one in case.marks:
        first, last = max(one.first, 0), min(one.last, len(text))
        if first < last:
            out |= set(range(*widen(text, first, last)))
    found = list(pieces(text, case.marks))
    assert "".join(piece for piece, _ in found) == text
    at, taken = 0, set()
    for piece, by in found:
        assert piece
        if by:
            taken |= set(range(at, at + len(piece)))
        at += len(piece)
    assert taken == out
    assert {place for one in case.marks for place in range(max(one.first, 0), min(one.last, len(text)))} <= out
    kept = [character for place, character in enumerate(text) if place not in out]
    secret = redact(text, [Redaction(**{**vars(one), "pseudonym": "\ue000"}) for one in case.marks])
    if "\ue000" not in text:
        assert secret.replace("[\ue000]", "") == "".join(kept)


@given(marked(), st.data())
def test_a_passage_holds_what_the_whole_does_there(case: Marked, data: st.DataObject) -> None:
    """Cutting a passage out never shows a marked code point that the whole text would not show."""
    text = case.text
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))
    out, at = set(), 0
    for piece, by in pieces(text, case.marks):
        out |= set(range(at, at + len(piece))) if by else set()
        at += len(piece)
    kept = "".join(text[place] for place in range(first, last) if place not in out)
    secret = [Redaction(**{**vars(one), "pseudonym": "\ue000"}) for one in case.marks]
    if "\ue000" not in text:
        assert redact(text, secret, first, last).replace("[\ue000]", "") == kept


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 4)], "[0] Bella Cora"),
        ([(0, 4), (5, 10)], "[0] [1] Cora"),
        ([(0, 4), (4, 10)], "[0][1] Cora"),
        ([(0, 7), (5, 10)], "[0] Cora"),
        ([(5, 10), (0, 7)], "[1] Cora"),
        ([(5, 7), (5, 10)], "Anna [1] Cora"),
        ([(0, 15), (5, 10)], "[0]"),
        ([(0, 6), (5, 11), (10, 15)], "[0]"),
        ([(5, 5), (9, 2), (40, 50)], "Anna Bella Cora"),
        ([(-5, 4), (11, 99)], "[0] Bella [1]"),
    ],
)
def test_marks_that_overlap_are_one(spans: list[tuple[int, int]], expected: str) -> None:
    """Named after the first of them, of those the longest. Those that only touch stay two."""
    marks = [mark(*span, pseudonym=str(number), name=str(number)) for number, span in enumerate(spans)]
    assert redact("Anna Bella Cora", marks) == expected
    assert redact("Anna Bella Cora", reversed(marks)) == expected


@pytest.mark.parametrize(
    ("text", "span", "whole"),
    [
        ("xe\u0301x", (1, 2), (1, 3)),
        ("xe\u0301x", (2, 3), (1, 3)),
        ("x👩\u200d👩\u200d👧x", (3, 4), (1, 6)),
        ("🇨🇭🇫🇷", (1, 2), (0, 2)),
        ("🇨🇭🇫🇷", (2, 3), (2, 4)),
        ("x👍🏽", (1, 2), (1, 3)),
        ("مَرْيَم", (0, 1), (0, 2)),
        ("क्षेत्र", (0, 1), (0, 4)),
        ("1️⃣x", (0, 1), (0, 3)),
        ("\r\n", (0, 1), (0, 2)),
        ("\u1112\u1161\u11ab\u1100", (1, 2), (0, 3)),
        ("🏴\U000e0067\U000e007fx", (0, 1), (0, 3)),
        ("a\u0301", (0, 2), (0, 2)),
        ("ab", (0, 1), (0, 1)),
    ],
)
def test_no_character_is_cut_in_two(text: str, span: tuple[int, int], whole: tuple[int, int]) -> None:
    assert widen(text, *span) == whole


@given(TEXTS)
def test_what_is_plain_stays_plain(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    assert not set(once) & set("\r\x00\x1b\x85\u2028\u202e\u2066\u2069\x7f")


def test_signs_that_words_are_written_with_stay() -> None:
    for text in ("می\u200cخواهم", "👩\u200d⚕️", "\u200fשלום\u200e", "שָׁלוֹם\tالسَّلام\n", "क्‍ष"):
        assert plain(text) == text
    assert plain("a\r\nb\rc\u2028d\x0be") == "a\nb\nc\nd\ne"
    assert plain("x\u202ecod.exe\u202c\x1b[2J") == "xcod.exe[2J"


def test_a_text_of_twenty_thousand_characters_with_a_thousand_marks_is_quick() -> None:
    text = "e\u0301" * 10_000
    marks = [mark(start, start + 9, name=f"{start:05}") for start in range(0, 20_000, 20)]
    assert len(redact(text, marks)) == 20_000 - 1000 * 10 + 1000 * 3
