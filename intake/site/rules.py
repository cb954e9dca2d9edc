"""A call as the person's own browser needs it to check answers: ids, limits and conditions, without a word of text."""

from functools import lru_cache
from typing import Any

from intake.calls.countries import country_codes
from intake.calls.edition import Edition
from intake.calls.model import Condition, Kind, Option, Question, Section


@lru_cache(maxsize=16)
def rules(edition: Edition) -> dict[str, Any]:
    """Return the rules of an edition as plain data; `Rules` in browser/src/answers.js describes them.

    What is usual is left out, since every form carries them.
    """
    call = edition.call
    countries = country_codes() if any(question.kind is Kind.COUNTRY for question in call.questions.values()) else ()
    return {
        "sections": [_section(section) for section in call.sections],
        "one_of": list(call.one_of),
        "deciding": sorted(call.deciding_consents),
        "countries": "".join(sorted(countries)),
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        **_condition(section.condition),
        **({"stop": True} if section.stop else {}),
        "questions": [_question(question) for question in section.questions],
    }


def _question(question: Question) -> dict[str, Any]:
    usual_left_out = {
        "required": question.required,
        "must": question.must,
        "limit": question.limit,
        "passing": not question.stored,
        "consent": question.consent,
        "options": [_option(option) for option in question.options],
    }
    return {
        "id": question.id,
        "kind": question.kind.value,
        **_condition(question.condition),
        **{name: value for name, value in usual_left_out.items() if value},
    }


def _option(option: Option) -> dict[str, Any]:
    return {"code": option.code, **_condition(option.condition)}


def _condition(condition: Condition) -> dict[str, Any]:
    parts = {"when": condition.when, "unless": condition.unless}
    return {name: {key: list(codes) for key, codes in part.items()} for name, part in parts.items() if part}
