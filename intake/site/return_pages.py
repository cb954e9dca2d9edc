"""The pages for those who come back. The code stands in their forms and travels in the body of a POST, nowhere else."""

import datetime
from collections.abc import Mapping, Sequence

from babel.dates import format_date
from flask import Response, render_template
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from intake.calls.model import Condition, Question
from intake.code import LENGTH, Rule, count_digits, groups
from intake.envelope import Choices
from intake.site.form_page import Filled, branch_style, hidden_fields, question_words, style_digest
from intake.site.headers import open_policy
from intake.site.languages import current_language
from intake.site.mailbox import Visit
from intake.site.outcomes import Fate, Outcome, reason, status_of
from intake.site.page_data import page_data
from intake.site.room import room
from intake.site.service import Ready, service
from intake.site.tokens import RETURN
from intake.site.words import size_in_words


def return_page(
    ready: Ready,
    status: int = 200,
    *,
    problem: Rule | None = None,
    unknown: bool = False,
    typed: str = "",
    text: str = "",
    access: str = "",
) -> Response:
    """Return the page that asks for the code. `typed` is the code as it was typed, to be mended,
    and `text` what someone wrote before it turned out wrong. With `access` the browser alone knows what was typed."""
    words = ""
    if unknown:
        words = _("We do not know this code. Please compare it with what you wrote down.")
    elif problem:
        words = _problems(str(count_digits(typed)))[problem]
    elif status >= 400:
        words = _("We could not take this. Please type your code and try again.")
    data = page_data("return", ready, _script_words(), unknown=unknown, access=access)
    page = render_template("return.html", problem=words, typed=typed, text=text, token=new_token(ready), data=data)
    return answer(page, status)


def _script_words() -> dict[str, str]:
    """Return what the script of the page says."""
    return {
        **{rule.name: words for rule, words in _problems("{typed}").items()},
        "error": _("Error:"),
        "problem": _("There is a problem"),
        "not_opened": _("Your browser could not open this with your code. Nothing was sent."),
        "without": _("You can do it without this lock. Then our server sees your code and your words for a moment."),
        # Translators: at most 52 characters.
        "open_without": _("Open it without this lock"),
    }


def _problems(typed: str) -> dict[Rule, str]:
    """Return what to say about a code that breaks a rule. `typed` is how many digits it has."""
    return {
        Rule.DIGITS: _("A code has only digits. Please look for letters or other signs in it."),
        Rule.LENGTH: _("A code has %(number)s digits. You typed %(typed)s.", number=LENGTH, typed=typed),
        Rule.CHECK: _("One of the digits is not right. Please compare them with what you wrote down."),
    }


def mailbox_page(
    ready: Ready,
    visit: Visit,
    notices: Sequence[str] = (),
    status: int = 200,
    *,
    digest: str = "",
    text: str = "",
    problem: str = "",
    chosen: Mapping[str, str] = {},
    choosing: bool = False,
) -> Response:
    """Return what waits for someone who came back, and what they can do.

    `notices` and `digest` say what was just done; `text` is what they wrote and `problem` what is wrong with it;
    `chosen` are consents that they chose and that are not stored; `choosing` shows the consents at once.
    """
    if visit.withdrawn:
        return withdrawn_page(visit.withdrawn, status, text)
    language = visit.edition.shown_in(current_language())
    choices = visit.choices
    consents = open_consents(visit)
    unsaved = {question.id: chosen[question.id] for question in consents if question.id in chosen}
    filled = Filled(MultiDict({**choices.consent, **unsaved} if choices else {}))
    style = branch_style(visit.edition, language)
    page = render_template(
        "mailbox.html",
        **question_words(visit.edition, language, filled),
        **evidence_form(ready, visit.return_code),
        style=Markup(style),  # noqa: S704 - made by Branches
        visit=visit,
        day=day_in_words,
        notices=notices,
        digest=digest,
        text=text,
        problem=problem,
        consents=consents,
        choosing=choosing or bool(unsaved),
    )
    return answer(page, status, style_digest(style))


def evidence_page(ready: Ready, visit: Visit, outcomes: list[Outcome]) -> Response:
    """Return what became of the files that someone sent."""
    largest = size_in_words(service().settings.max_upload)
    kept = [(outcome.name, size_in_words(outcome.size)) for outcome in outcomes if status_of([outcome]) == 200]
    lost = [(outcome.name, reason(outcome, largest)) for outcome in outcomes if status_of([outcome]) != 200]
    closed = any(outcome.fate is Fate.CLOSED for outcome in outcomes)
    form = evidence_form(ready, visit.return_code)
    page = render_template(
        "files.html", **form, return_code=groups(visit.return_code), kept=kept, lost=lost, closed=closed
    )
    status = status_of(outcomes)
    response = answer(page, status)
    if status == 503:
        response.headers["Retry-After"] = "120"
    return response


def withdrawn_page(day: str, status: int = 200, text: str = "") -> Response:
    """Return the page that says on which day (ISO) everything was taken back."""
    return answer(render_template("withdrawn.html", day=day_in_words(day), text=text), status)


def withdraw_page(ready: Ready, visit: Visit) -> Response:
    """Return the page that asks once more."""
    return answer(render_template("withdraw.html", **evidence_form(ready, visit.return_code)))


def again_page(action: str, hidden: str, fields: Sequence[tuple[str, str]]) -> Response:
    """Return what someone sent, to be sent again: something went wrong on our side. Needs nothing that could fail.

    `hidden` is what `hidden_fields` made.
    """
    page = render_template("again.html", action=action, hidden=Markup(hidden), fields=fields)  # noqa: S704
    return answer(page, 503)


def evidence_form(ready: Ready, return_code: str) -> dict[str, object]:
    """Return what the templates need to show the form for files."""
    return file_form(ready, hidden_fields(new_token(ready), return_code))


def file_form(ready: Ready, hidden: str) -> dict[str, object]:
    """Return what the templates need to show the form for files. `hidden` is what `hidden_fields` made."""
    return {
        "hidden": Markup(hidden),  # noqa: S704 - made by hidden_fields
        "room": room(service().settings, ready.records.engine).evidence > 0,
        "largest": size_in_words(service().settings.max_upload),
        "largest_bytes": service().settings.max_upload,
    }


def open_consents(visit: Visit) -> list[Question]:
    """Return the consents that someone may change here: those that no other answer of theirs closes.

    What must be a yes is no choice here: to take it back is to withdraw.
    """
    call, choices = visit.edition.call, visit.choices
    if choices is None:
        return []

    def possible(condition: Condition) -> bool:
        fixed = {name for name in (*condition.when, *condition.unless) if not call.questions[name].consent}
        when = {name: codes for name, codes in condition.when.items() if name in fixed}
        unless = {name: codes for name, codes in condition.unless.items() if name in fixed}
        return Condition(when, unless).holds(choices.answers)

    return [
        question
        for section in call.sections
        if section.consent and possible(section.condition)
        for question in section.questions
        if not question.must and possible(question.condition)
    ]


def given_consents(visit: Visit, choices: Choices, form: MultiDict[str, str]) -> dict[str, str]:
    """Return the consents as they are to be checked: what was chosen now, and the rest as it was."""
    open_now = {question.id: {option.code for option in question.options} for question in open_consents(visit)}
    before = {name: value for name, value in choices.consent.items() if name != "notice_sha256"}
    return {**before, **{name: form[name] for name, codes in open_now.items() if form.get(name) in codes}}


def new_token(ready: Ready) -> str:
    """Return a token for a page of those who come back."""
    return ready.tokens.issue(RETURN, "", ready.recipient_set)


def day_in_words(day: str) -> str:
    """Return a day (ISO) as a person reads it."""
    return format_date(datetime.date.fromisoformat(day), "long", locale=current_language())


def answer(page: str, status: int = 200, style_hash: str = "") -> Response:
    """Return a page that has forms of ours."""
    open_policy(style_hash=style_hash, forms=True, scripts=True)
    return Response(page, status=status, mimetype="text/html")
