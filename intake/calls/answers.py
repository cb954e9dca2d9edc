"""Checks answers against a call: the same rules for what a form posts and for what an envelope holds.

The site asks what to keep and what to show as an error. The desk asks whether an envelope is what the site would
have kept (`same_as_sent`), since a browser may have sealed anything.
"""

import datetime
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from intake.calls.countries import country_codes
from intake.calls.model import Call, Kind, Question
from intake.envelope import REFUSED, UNKNOWN, Answer

FIRST_YEAR, LAST_YEAR = 1950, 2050
NO = "N"
_MOST_CHOICES = 200
_LONGEST_NUMBER = 40  # characters, as typed: what is longer is no number or date
_DATE = re.compile(r"(\d{0,9})(?:-(\d{0,9}))?(?:-(\d{0,9}))?", re.ASCII)


class Rule(Enum):
    """What a given answer breaks. The site has words for each."""

    REQUIRED = auto()
    MUST = auto()
    ONE_OF = auto()
    CHOICE = auto()
    TOO_LONG = auto()
    NUMBER = auto()
    YEAR = auto()
    YEAR_MISSING = auto()
    MONTH_MISSING = auto()
    DATE = auto()


@dataclass(frozen=True)
class Problem:
    """One thing to mend: the question's id, the rule, and the limit where the rule has one."""

    question: str
    rule: Rule
    limit: int = 0


@dataclass
class Checked:
    """What may be kept, what is wrong, and the id of the section that stops the person: then nothing is kept."""

    answers: dict[str, Answer] = field(default_factory=dict)
    consent: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    stopped: str = ""


class Form(Protocol):
    """Posted fields: werkzeug's MultiDict, or anything that lists the values of a name."""

    def getlist(self, key: str) -> list[str]:
        """Return every value of the field, or an empty list."""


def from_form(call: Call, form: Form) -> dict[str, Answer]:
    """Return what a form gives for each question, unchecked; what is empty is left out.

    A date comes as three fields, `<id>.year`, `<id>.month` and `<id>.day`, or as one that is named like the question.
    """
    given: dict[str, Answer] = {}
    for question in call.questions.values():
        values = [value for value in form.getlist(question.id) if value.strip()]
        if question.kind is Kind.CHECKBOXES:
            if values:
                given[question.id] = values
        elif question.kind is Kind.DATE:
            parts = [_ascii_digits("".join(form.getlist(f"{question.id}.{part}"))) for part in ("year", "month", "day")]
            joined = _ascii_digits(values[0]) if values else "-".join(parts).rstrip("-")
            if joined:
                given[question.id] = "-".join(_two_digits(part) for part in joined.split("-"))
        elif values:
            given[question.id] = _from_field(question, values[0])
    return given


def check(call: Call, given: Mapping[str, Answer]) -> Checked:
    """Return what of the given answers may be kept, and every problem, in the order of the call.

    Answers of a closed branch are dropped. A consent that is not given counts as no.
    """
    checked = Checked()
    seen: dict[str, Answer] = {}
    for section in call.sections:
        if not section.condition.holds(seen):
            continue
        if section.stop:
            checked.stopped = section.id
        for question in section.questions:
            if question.condition.holds(seen):
                _check_question(question, given.get(question.id), seen, checked)
    if call.one_of and not any(_says_something(checked.answers.get(name)) for name in call.one_of):
        checked.problems.append(Problem(call.one_of[0], Rule.ONE_OF))
    return checked


def same_as_sent(call: Call, answers: Mapping[str, Answer], consent: Mapping[str, str]) -> bool:
    """Tell whether the answers and consents are exactly what the site would have kept of them."""
    checked = check(call, {**answers, **consent})
    complete = not checked.problems and not checked.stopped
    return complete and checked.answers == dict(answers) and checked.consent == dict(consent)


def _check_question(question: Question, answer: Answer | None, seen: dict[str, Answer], checked: Checked) -> None:
    problem = None
    if answer is None:
        if question.required:
            problem = Problem(question.id, Rule.MUST if question.must else Rule.REQUIRED)
        elif question.consent:
            answer = NO
    else:
        answer, problem = _CHECKS[question.kind](question, answer, seen)
        if question.must and answer != question.must:
            problem = Problem(question.id, Rule.MUST)
    if problem:
        checked.problems.append(problem)
    if answer is None:
        return
    seen[question.id] = answer
    if question.consent:
        checked.consent[question.id] = str(answer)
    elif question.stored:
        checked.answers[question.id] = answer


_Result = tuple[Answer | None, Problem | None]


def _check_radio(question: Question, answer: Answer, seen: Mapping[str, Answer]) -> _Result:
    known = question.coded
    if not isinstance(answer, str) or answer not in known:
        return None, Problem(question.id, Rule.CHOICE)
    if not known[answer].condition.holds(seen):
        return (NO if question.consent else None), None
    return answer, None


def _check_checkboxes(question: Question, answer: Answer, seen: Mapping[str, Answer]) -> _Result:
    known = question.coded
    if not isinstance(answer, list) or len(answer) > _MOST_CHOICES or not known.keys() >= set(answer):
        return None, Problem(question.id, Rule.CHOICE)
    chosen = [code for code, option in known.items() if code in answer and option.condition.holds(seen)]
    return chosen or None, None


def _check_country(question: Question, answer: Answer, _: Mapping[str, Answer]) -> _Result:
    if not isinstance(answer, str) or answer not in country_codes():
        return None, Problem(question.id, Rule.CHOICE)
    return answer, None


def _check_text(question: Question, answer: Answer, _: Mapping[str, Answer]) -> _Result:
    if not isinstance(answer, str) or not answer.strip():
        return None, Problem(question.id, Rule.CHOICE)
    if len(answer) > question.limit:
        return answer, Problem(question.id, Rule.TOO_LONG, question.limit)
    return answer, None


def _check_number(question: Question, answer: Answer, _: Mapping[str, Answer]) -> _Result:
    if not isinstance(answer, int) or not 0 <= answer <= question.limit:
        return None, Problem(question.id, Rule.NUMBER, question.limit)
    return answer, None


def _check_date(question: Question, answer: Answer, _: Mapping[str, Answer]) -> _Result:
    match = _DATE.fullmatch(answer) if isinstance(answer, str) else None
    if not match:
        return None, Problem(question.id, Rule.DATE)
    year, month, day = match.groups()
    if not year:
        return None, Problem(question.id, Rule.YEAR_MISSING)
    if len(year) != 4 or not FIRST_YEAR <= int(year) <= LAST_YEAR:
        return None, Problem(question.id, Rule.YEAR)
    if day and not month:
        return None, Problem(question.id, Rule.MONTH_MISSING)
    try:
        date = datetime.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None, Problem(question.id, Rule.DATE)
    return date.isoformat()[: 10 if day else 7 if month else 4], None


_CHECKS = {
    Kind.RADIO: _check_radio,
    Kind.CHECKBOXES: _check_checkboxes,
    Kind.COUNTRY: _check_country,
    Kind.TEXT: _check_text,
    Kind.TEXTAREA: _check_text,
    Kind.NUMBER: _check_number,
    Kind.DATE: _check_date,
}


def _from_field(question: Question, value: str) -> Answer:
    if question.kind is Kind.TEXTAREA:
        return value.replace("\r\n", "\n").replace("\r", "\n")
    if question.kind is Kind.NUMBER:
        digits = "".join(_ascii_digits(value).split())
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 12 else value
    return value.strip()


def _ascii_digits(text: str) -> str:
    """Return the text with the decimal digits of any script written as 0 to 9."""
    return "".join(str(unicodedata.decimal(character, character)) for character in text[:_LONGEST_NUMBER]).strip()


def _two_digits(part: str) -> str:
    return part.zfill(2) if part.isascii() and part.isdigit() and len(part) == 1 else part


def _says_something(answer: Answer | None) -> bool:
    if isinstance(answer, list):
        return any(code not in (UNKNOWN, REFUSED) for code in answer)
    return answer is not None and answer not in (UNKNOWN, REFUSED)
