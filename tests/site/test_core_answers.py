"""The browser checks answers exactly as the server and the desk do: forms made at random, the same outcome in both."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from core import core, needs_node
from hypothesis import given, settings
from hypothesis import strategies as st
from visitor import TESTIMONIALS
from werkzeug.datastructures import MultiDict

from intake.calls.answers import Checked, check, from_form
from intake.calls.edition import Edition
from intake.calls.model import Call, Condition, Kind, Option, Question, Section
from intake.site.rules import rules

pytestmark = needs_node
Fields = Mapping[str, list[str]]

CODES = ["Y", "N", "A", "B", "UNK", "PNS", ">10", "1-3"]
SPACES = ["", " ", "\t\r\n", "\x1c", "\x85", "\xa0", "\u2003", "\u3000", "\ufeff", "\u200b"]
# Lone surrogates never arrive in a posted form; what this Python's Unicode does not know yet, a browser's may.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=12)
LONG = st.builds(lambda unit, count: unit * count, st.sampled_from(["x", "é", "👩", "𝄞\r\n"]), st.integers(8, 14))
LIMIT = 30
EDGES = [
    *["Y", "y", "X", "UNK", "PNS", "CH", "ZZ", "EU", ""],
    *["x" * LIMIT, "x" * (LIMIT + 1), "👩" * LIMIT, "👩" * (LIMIT + 1)],
    *[f"{space}5{space}" for space in SPACES],
    *["0", "30", "31", "-1", "+1", "1.5", "1 0", "²", "Ⅷ", "٣٠", "३१", "9" * 12, "9" * 13, "1" + " " * 40],
    *["0" * 38 + "7", "0" * 39 + "7", "0" * 40 + "7", " " * 39 + "7", " " * 40 + "7", "7" + "👩" * 40],
    *["1949", "1950", "2050", "2051", "0205", "02025", "205", "٢٠٢٥-٣-٩"],
    *["2025-3", "2025-03", "2025-003", "2025-0000000003", "2025-0", "2025-13", "2025-999999999"],
    *["2024-2-29", "2025-2-29", "2025-02-30", "2025-4-31", "2025-1-0", "2025-1-32", "2025-1-1-1", "2025 - 1"],
    *["2025--3", "2025-", "2025--", "2025-3-", "-3", "-3-4", "--4", "-", "--", "---", "2025-1-1\n"],
]  # fmt: skip
DIGITS = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५६७८९", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"]


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A number as someone may type it."""
    digits = str(draw(st.one_of(st.integers(0, 32), st.integers(1948, 2052), st.integers(0, 10**14))))
    zeros = "0" * draw(st.sampled_from([0, 0, 0, 1, 3, 40]))
    written = (zeros + digits).translate(str.maketrans(DIGITS[0], draw(st.sampled_from(DIGITS))))
    return draw(st.sampled_from(SPACES)) + draw(st.sampled_from(["", "", "-", "+"])) + written


PARTS = st.one_of(st.just(""), numbers(), TEXT)
DATES = st.one_of(st.dates().map(str), st.lists(PARTS, min_size=1, max_size=4).map("-".join))
VALUES = st.one_of(
    st.sampled_from(CODES), st.sampled_from(["CH", "XK", "ZZ", "EU", "ch"]), st.sampled_from(SPACES),
    numbers(), DATES, TEXT, LONG,
)  # fmt: skip


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call of any kinds of questions, with conditions on what was asked before."""
    asked: list[Question] = []
    sections: list[Section] = []
    for _ in range(draw(st.integers(1, 4))):
        opens = draw(_conditions(asked))
        questions = []
        for _ in range(draw(st.integers(0, 3))):
            question = draw(_questions(f"q.{len(asked)}", asked))
            questions.append(question)
            asked.append(question)
        stop = draw(st.integers(0, 5)) == 0
        sections.append(Section(f"s{len(sections)}", "", items=tuple(questions), stop=stop, condition=opens))
    one_of = draw(st.lists(st.sampled_from(asked), max_size=3)) if asked else []
    return Call("made", "", "", "", tuple(sections), tuple(question.id for question in one_of))


@st.composite
def _questions(draw: st.DrawFn, identifier: str, asked: list[Question]) -> Question:
    kind = draw(st.sampled_from(Kind))
    coded = kind in (Kind.RADIO, Kind.CHECKBOXES)
    codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=5, unique=True)) if coded else []
    return Question(
        identifier,
        kind,
        "",
        options=tuple(Option(code, "", draw(_conditions(asked))) for code in codes),
        required=draw(st.booleans()),
        must=draw(st.sampled_from(["", "", *codes])) if kind is Kind.RADIO else "",
        limit=draw(st.integers(0, 60)),
        stored=draw(st.booleans()),
        consent=kind is Kind.RADIO and draw(st.booleans()),
        condition=draw(_conditions(asked)),
    )


@st.composite
def _conditions(draw: st.DrawFn, asked: list[Question]) -> Condition:
    coded = [question for question in asked if question.options]
    if not coded or draw(st.booleans()):
        return Condition()
    needed: list[dict[str, tuple[str, ...]]] = [{}, {}]
    for question in draw(st.lists(st.sampled_from(coded), max_size=2)):
        codes = draw(st.lists(st.sampled_from([*question.coded]), min_size=1, max_size=2))
        needed[draw(st.integers(0, 1))][question.id] = tuple(codes)
    return Condition(*needed)


@st.composite
def filled_in(draw: st.DrawFn) -> tuple[Call, Fields]:
    """A call, and what someone posts for it."""
    call = draw(st.one_of(calls(), calls(), calls(), st.just(TESTIMONIALS)))
    fields = {}
    for question in call.questions.values():
        likely = st.sampled_from([*question.coded]) if question.options else VALUES
        values = st.one_of(likely, likely, VALUES)
        if draw(st.booleans()):
            fields[question.id] = draw(st.lists(values, min_size=1, max_size=4))
        if question.kind is Kind.DATE:
            fields |= {f"{question.id}.{part}": [draw(PARTS)] for part in ("year", "month", "day")}
    return call, fields


def in_python(call: Call, fields: Fields) -> dict[str, Any]:
    """Return what the server makes of a form."""
    return _as_data(check(call, from_form(call, MultiDict((name, one) for name in fields for one in fields[name]))))


def in_the_browser(forms: list[tuple[Call, Fields]]) -> list[Any]:
    """Return what the browser makes of each form."""
    return core({"call": "answers", "rules": rules(_edition(call)), "fields": fields} for call, fields in forms)


@settings(max_examples=10)
@given(st.lists(filled_in(), min_size=1, max_size=40))
def test_the_same_answers_consents_and_problems(forms: list[tuple[Call, Fields]]) -> None:
    """Whatever a call asks, and whatever someone types."""
    assert in_the_browser(forms) == [in_python(call, fields) for call, fields in forms]


@pytest.mark.parametrize("kind", Kind)
def test_the_same_at_every_edge(kind: Kind) -> None:
    """What is nearly too long, late, large or odd, alone and twice; a date whole and in its three fields."""
    options = tuple(Option(code, "") for code in ("UNK", "Y", "N"))
    for consent, stored in ((False, True), (kind is Kind.RADIO, False)):
        asked = Question("q", kind, "", options=options, limit=LIMIT, consent=consent, stored=stored)
        call = Call("made", "", "", "", (Section("s", "", items=(asked,)),), ("q",))
        forms: list[tuple[Call, Fields]] = [(call, {"q": [edge]}) for edge in EDGES]
        forms += [(call, {"q": [edge, "Y"]}) for edge in EDGES]
        forms += [(call, {"q": [edge] * many}) for edge in ("Y", "X") for many in (200, 201)]
        if kind is Kind.DATE:
            parts = ["", "0", "2", "29", "٣٠", "-", "2050", "x"]
            forms += [
                (call, {"q.year": [year], "q.month": [month], "q.day": [day]})
                for year, month, day in itertools.product(parts, repeat=3)
            ]
        assert in_the_browser(forms) == [in_python(call, fields) for call, fields in forms]


def test_the_same_for_the_real_call() -> None:
    """A real form that breaks several rules, and one that breaks none."""
    good = {"you.adult": ["Y"], "CINT": ["Y"], "story.text": ["👩" * 20_000], "inc.when.year": ["٢٠٢٥"]}
    bad = {
        "you.adult": ["N"],
        "story.text": ["👩" * 20_001],
        "inc.when.month": ["3"],
        "inc.days": ["1-3D"],
        "inc.days_number": ["4 0"],
    }
    forms: list[tuple[Call, Fields]] = [(TESTIMONIALS, good), (TESTIMONIALS, bad)]
    expected = [in_python(*form) for form in forms]
    assert expected[0]["problems"] == []
    assert expected[0]["answers"]["inc.when"] == "2025"
    assert expected[1]["stopped"]
    assert {"TOO_LONG", "YEAR_MISSING", "MUST"} <= {problem["rule"] for problem in expected[1]["problems"]}
    assert in_the_browser(forms) == expected


def _edition(call: Call) -> Edition:
    """Return an edition of a call that is in no file."""
    edition = Edition({})
    vars(edition)["call"] = call
    return edition


def _as_data(checked: Checked) -> dict[str, Any]:
    return {
        "answers": checked.answers,
        "consent": checked.consent,
        "problems": [
            {"question": problem.question, "rule": problem.rule.name, "limit": problem.limit}
            for problem in checked.problems
        ],
        "stopped": checked.stopped,
    }
