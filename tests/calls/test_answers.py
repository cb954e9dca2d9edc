"""Answers against a call: the site keeps exactly what the desk will accept."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_call import GOOD
from werkzeug.datastructures import MultiDict

from intake.calls.answers import Rule, check, from_form, same_as_sent
from intake.calls.edition import CALLS
from intake.calls.load import load_call
from intake.calls.model import Kind, Question
from intake.envelope import Answer

CALL = load_call((CALLS / "testimonials.yaml").read_bytes())
ENOUGH = {"you.adult": "Y", "CINT": "Y", "story.line": "Listen."}


def answer_to(question: Question) -> st.SearchStrategy[list[str]]:
    """What a browser may post for a question: nothing, something right, or something wrong."""
    codes = [option.code for option in question.options]
    right = {
        Kind.RADIO: st.sampled_from(codes or ["-"]).map(lambda code: [code]),
        Kind.CHECKBOXES: st.lists(st.sampled_from(codes or ["-"])),
        Kind.COUNTRY: st.sampled_from(["FR", "ZZ", "XK"]).map(lambda code: [code]),
        Kind.NUMBER: st.integers(0, 5000).map(lambda number: [str(number)]),
    }
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30).map(lambda words: [words])
    return st.one_of(st.just([]), right.get(question.kind, text))


forms = st.fixed_dictionaries({question.id: answer_to(question) for question in CALL.questions.values()})


@given(forms)
@settings(max_examples=200)
def test_what_the_site_keeps_the_desk_accepts(form: dict[str, list[str]]) -> None:
    """Whatever is posted, what passes is the same when it is checked again from the envelope."""
    checked = check(CALL, from_form(CALL, MultiDict(form)))
    if not checked.problems and not checked.stopped:
        assert same_as_sent(CALL, checked.answers, checked.consent)
    assert "safe.device" not in checked.answers


@given(
    forms, st.sampled_from(sorted(CALL.questions)), st.one_of(st.text(max_size=5), st.integers(), st.lists(st.text()))
)
@settings(max_examples=200)
def test_what_was_changed_in_an_envelope_is_checked(form: dict[str, list[str]], name: str, value: Answer) -> None:
    """An envelope with any answer replaced by anything is accepted only if the site would have kept just that."""
    kept = check(CALL, from_form(CALL, MultiDict({**form, **{key: [text] for key, text in ENOUGH.items()}})))
    answers = {**kept.answers, name: value}
    if same_as_sent(CALL, answers, kept.consent):
        assert check(CALL, {**answers, **kept.consent}).answers == answers


def problems(fields: dict[str, str]) -> list[tuple[str, Rule]]:
    """The problems of a form that is otherwise good."""
    checked = check(CALL, from_form(CALL, MultiDict({**ENOUGH, **fields})))
    return [(problem.question, problem.rule) for problem in checked.problems]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"you.adult": ""}, [("you.adult", Rule.REQUIRED)]),
        ({"CINT": "N"}, [("CINT", Rule.MUST)]),
        ({"CINT": ""}, [("CINT", Rule.MUST)]),
        ({"story.line": "  \n "}, [("story.text", Rule.ONE_OF)]),
        ({"story.line": "", "inc.kind": "UNK"}, [("story.text", Rule.ONE_OF)]),
        ({"story.line": "", "inc.kind": "RANSOM"}, []),
        ({"you.role": "KING"}, [("you.role", Rule.CHOICE)]),
        ({"you.country": "Narnia"}, [("you.country", Rule.CHOICE)]),
        ({"story.line": "x" * 501}, [("story.line", Rule.TOO_LONG)]),
        ({"inc.days": "1-3D", "inc.days_number": "two"}, [("inc.days_number", Rule.NUMBER)]),
        ({"inc.days": "1-3D", "inc.days_number": "9" * 5000}, [("inc.days_number", Rule.NUMBER)]),
        ({"inc.days_number": "two"}, []),  # its branch is closed
        ({"inc.when.year": "25"}, [("inc.when", Rule.YEAR)]),
        ({"inc.when.year": "1066"}, [("inc.when", Rule.YEAR)]),
        ({"inc.when.month": "3"}, [("inc.when", Rule.YEAR_MISSING)]),
        ({"inc.when.year": "2025", "inc.when.day": "3"}, [("inc.when", Rule.MONTH_MISSING)]),
        ({"inc.when.year": "2025", "inc.when.month": "2", "inc.when.day": "30"}, [("inc.when", Rule.DATE)]),
        ({"inc.when.year": "soon"}, [("inc.when", Rule.DATE)]),
    ],
)
def test_each_rule_has_its_problem(fields: dict[str, str], expected: list[tuple[str, Rule]]) -> None:
    """Each mistake is named at its question; an unanswered optional one never is."""
    assert problems(fields) == expected


@pytest.mark.parametrize(
    ("parts", "stored"),
    [
        (("2025", "", ""), "2025"),
        (("٢٠٢٥", "3", ""), "2025-03"),
        (("2024", "02", "29"), "2024-02-29"),
        ((" 2025 ", " 12 ", " 1 "), "2025-12-01"),
    ],
)
def test_dates_are_as_exact_as_they_were_given(parts: tuple[str, str, str], stored: str) -> None:
    """A year, a month or a day, in any digits."""
    fields = dict(zip(("inc.when.year", "inc.when.month", "inc.when.day"), parts, strict=True))
    checked = check(CALL, from_form(CALL, MultiDict({**ENOUGH, **fields})))
    assert checked.answers["inc.when"] == stored


def test_unknown_refused_and_not_asked_are_three_answers() -> None:
    """UNK, PNS and absence stay apart."""
    checked = check(CALL, from_form(CALL, MultiDict({**ENOUGH, "inc.size": "UNK", "inc.owner": "PNS"})))
    assert (checked.answers["inc.size"], checked.answers["inc.owner"]) == ("UNK", "PNS")
    assert "inc.org" not in checked.answers


def test_another_call_needs_no_new_code() -> None:
    """A call of one page, from its file alone, checks its own answers."""
    call = load_call(GOOD.encode())
    checked = check(call, from_form(call, MultiDict({"adult": "Y", "what": "This.", "CINT": "Y"})))
    assert (checked.answers, checked.consent) == ({"adult": "Y", "what": "This."}, {"CINT": "Y"})
    assert check(call, from_form(call, MultiDict({"adult": "N"}))).stopped == "young"
