"""The words for what is wrong with an answer, the same in the summary and at the question; and for sizes."""

from functools import cache

from babel.numbers import format_decimal
from babel.units import format_unit
from flask_babel import gettext as _

from intake.calls.answers import Problem, Rule
from intake.site.languages import current_language


def problem_text(problem: Problem) -> str:
    """Return what a person reads about a problem: what to do, without blame."""
    if problem.rule is Rule.TOO_LONG:
        return str(_("This text is too long. Please use at most %(number)s characters.", number=_number(problem.limit)))
    if problem.rule is Rule.NUMBER:
        return str(_("Please write a number from 0 to %(number)s, with digits only.", number=_number(problem.limit)))
    words: dict[Rule, str] = {
        Rule.REQUIRED: _("Please choose an answer."),
        Rule.MUST: _("We need a yes here. Without it we may not keep your testimony."),
        Rule.ONE_OF: _("Please tell us at least one thing about what happened. A few words are enough."),
        Rule.CHOICE: _("Please choose one of the answers shown."),
        Rule.YEAR: _("Please write the year with four digits, such as 2025."),
        Rule.YEAR_MISSING: _("Please add the year, or leave the whole date empty."),
        Rule.MONTH_MISSING: _("Please add the month, or leave the day empty."),
        Rule.DATE: _("This date does not exist. Please check the day, the month and the year."),
    }
    return words[problem.rule]


def size_in_words(size: int) -> str:
    """Return a size (bytes) as a person reads it, such as 1.5 MB."""
    for unit, bytes_each in (("gigabyte", 1_000_000_000), ("megabyte", 1_000_000)):
        if size >= bytes_each:
            amount = round(size / bytes_each, 1 if size < 10 * bytes_each else None)
            return _in_units(amount, unit)
    return _in_units(round(size / 1_000), "kilobyte") if size >= 1_000 else _in_units(size, "byte")


def digits_pattern(digits: str) -> str:
    """Return a regular expression, as an `input` has it, that matches these digits in any script, and spaces around."""
    return r"\s*" + "".join(f"[{_in_every_script()[int(digit)]}]" for digit in digits) + r"\s*"


@cache
def _in_every_script() -> list[str]:
    """Return the characters for 0, for 1 and so on. Unicode has them in runs of ten, all in its first two planes."""
    characters = filter(str.isdecimal, map(chr, range(0x20000)))
    return ["".join(same) for same in zip(*zip(*[characters] * 10, strict=True), strict=True)]


def _in_units(amount: float, unit: str) -> str:
    return str(format_unit(amount, f"digital-{unit}", "short", locale=current_language()))


def _number(number: int) -> str:
    return format_decimal(number, locale=current_language())
