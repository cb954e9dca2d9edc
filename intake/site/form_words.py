"""What the script of the form page says: the same words as the server has for the same things."""

from collections.abc import Callable

from babel import Locale
from babel.support import Translations
from flask_babel import gettext as _

from intake.calls.answers import Problem, Rule
from intake.calls.model import Call
from intake.code import LENGTH
from intake.code import Rule as CodeRule
from intake.site.catalogue import words
from intake.site.languages import current_language
from intake.site.words import problem_text

_LIMITED = (Rule.TOO_LONG, Rule.NUMBER)
_MANY = 200


def form_words(call: Call) -> dict[str, str]:
    """Return the sentences by the names that the script has for them."""
    return {**_sections(), **_sending(), **_drafts(), **_problems(call)}


def _sections() -> dict[str, str]:
    return {
        "part": _("Part %(number)s of %(total)s"),
        "changing": _("We are fetching the page in the other language."),
        "changed": _("You changed the language. Your answers are still here."),
        "notChanged": _("We could not fetch the page in the other language. Your answers are still here."),
        **_counted(
            "lost",
            lambda catalogue, number: catalogue.ngettext(
                "%(num)d answer has no place in this form any more, and is not here.",
                "%(num)d answers have no place in this form any more, and are not here.",
                number,
            ),
        ),
    }


def _sending() -> dict[str, str]:
    return {
        "stored": _("We have your testimony"),
        "yourCode": _("Your return code"),
        "whatFor": _("With it, you can come back to this site to read our replies, change your choices or withdraw."),
        # Translators: at most 28 characters.
        "working": _("Sending …"),
        "sending": _("Your browser locks your answers and sends them. Please wait."),
        "notSent": _("This was not stored"),
        "unsure": _("We do not know if it arrived"),
        "unreachable": _(
            "No answer came back. Your answers are still here. Please try again."
            " If it did arrive, we keep it only once."
        ),
        "ifArrived": _("If you stop here, write down your code. It is good if your testimony did arrive."),
        "strange": _(
            "Another page answered in place of ours. Some networks ask you to log in first."
            " Your answers are still here."
        ),
        "notLocked": _("Your browser could not lock your answers. Nothing was sent. Your answers are still here."),
        "plainly": _(
            "You can send them without this lock. Our server then locks them when they arrive."
            " A network that looks into its traffic, as in some hospitals, could read along on the way."
        ),
        # Translators: at most 32 characters.
        "again": _("Try again"),
        # Translators: at most 32 characters.
        "saveDraft": _("Save a draft"),
        # Translators: at most 52 characters.
        "withoutLock": _("Send it without this lock"),
        "asNew": _("Send as a new testimony"),
        "add": _("Add to the earlier testimony"),
    }


def _drafts() -> dict[str, str]:
    return {
        "draftSaved": _("Your browser has saved the file. You can open it here again with your code."),
        "draftNotMade": _("Your browser could not lock the draft. Nothing was saved."),
        "draftMissing": _("Please choose the file with your draft."),
        "draftOther": _("This file is not a draft of this form. Please choose the file that you saved here."),
        "draftLocked": _("This code does not open this file. Please compare the code with what you wrote down."),
        "draftDamaged": _("This file is damaged. If you have another copy of it, please try that one."),
        "draftLoaded": _("Your answers are back. You can go on."),
        CodeRule.DIGITS.name: _("A code has only digits. Please look for letters or other signs in it."),
        CodeRule.LENGTH.name: _("A code has %(number)s digits. You typed %(typed)s.", number=LENGTH, typed="%(typed)s"),
        CodeRule.CHECK.name: _("One of the digits is not right. Please compare them with what you wrote down."),
    }


def _problems(call: Call) -> dict[str, str]:
    limits = sorted({question.limit for question in call.questions.values() if question.limit})
    return {
        "problem": _("There is a problem"),
        "error": _("Error:"),
        **_counted(
            "problems",
            lambda catalogue, number: catalogue.ngettext(
                "%(num)d answer needs a look. Everything you wrote is still here.",
                "%(num)d answers need a look. Everything you wrote is still here.",
                number,
            ),
        ),
        **{rule.name: problem_text(Problem("", rule)) for rule in Rule if rule not in _LIMITED},
        **{f"{rule.name} {limit}": problem_text(Problem("", rule, limit)) for rule in _LIMITED for limit in limits},
    }


def _counted(name: str, sentence: Callable[[Translations, int], str]) -> dict[str, str]:
    """Return a sentence about a number, once for each plural category that the language has."""
    language = current_language()
    category = Locale.parse(language).plural_form
    samples = {category(number): number for number in reversed(range(_MANY))}
    return {f"{name}.{form}": sentence(words(language), number) for form, number in samples.items()}
