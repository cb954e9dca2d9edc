"""The page that holds a whole questionnaire: rendered once for everyone, or again with what one person typed."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from babel.dates import get_month_names
from babel.lists import format_list
from flask import Response, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from intake import code
from intake.calls.answers import Problem, from_form
from intake.calls.countries import country_names
from intake.calls.edition import Edition, rich
from intake.calls.model import Condition
from intake.site.branches import Branches, explain
from intake.site.compression import SplicedPage
from intake.site.form_words import form_words
from intake.site.headers import accepts_gzip, open_policy
from intake.site.languages import current_language
from intake.site.page_data import page_data
from intake.site.rules import rules
from intake.site.service import NotReadyError, Ready, service
from intake.site.words import problem_text

SWITCH = "switch"
EARLIER = "earlier"
TRAP = "website"
"""A field that no person sees. Programs that fill in every field give themselves away."""
_MARKER = "@@hidden fields@@"
_NOT_IN_CSS = str.maketrans("", "", '\\"<\n')


@dataclass
class Filled:
    """What a person typed, and what the page says about it."""

    fields: MultiDict[str, str] = field(default_factory=MultiDict)
    problems: Sequence[Problem] = ()
    notices: Sequence[str] = ()
    """Sentences above the form: what happened, what to do."""
    resend: bool = False
    """Whether all that is left to do is to send it again, one way or another."""
    earlier: str = ""
    """The return code of a testimony that this form has already made."""


def blank_form(edition: Edition, ready: Ready) -> Response:
    """Return the empty form. Only its hidden fields differ from one person to the next."""
    language = current_language()
    page, style_hash = _blank_page(edition, language, _data(edition, language, ready), service().demonstration)
    open_policy(style_hash=style_hash, forms=True, scripts=True)
    token = ready.tokens.issue(edition.call.name, edition.sha256, ready.recipient_set)
    hidden = hidden_fields(token, code.make()).encode()
    if not accepts_gzip(request):
        return Response(page.plain(hidden), mimetype="text/html")
    response = Response(page.compressed(hidden), mimetype="text/html")
    response.headers["Content-Encoding"] = "gzip"
    return response


def filled_form(edition: Edition, token: str, return_code: str, filled: Filled, status: int) -> Response:
    """Return the form with everything that was typed, under the given token and return code."""
    language = current_language()
    style = branch_style(edition, language)
    open_policy(style_hash=style_digest(style), forms=True, scripts=True)
    try:
        data = _data(edition, language, service().ready())
    except NotReadyError:  # then the page cannot tell a script whom to seal to, and goes the plain way
        data = Markup()
    page = _render(edition, language, style, hidden_fields(token, return_code), filled, data)
    return Response(page, status=status, mimetype="text/html")


@lru_cache(maxsize=64)
def _blank_page(edition: Edition, language: str, data: Markup, _demonstration: bool) -> tuple[SplicedPage, str]:
    style = branch_style(edition, language)
    page = _render(edition, language, style, _MARKER, Filled(), data)
    return SplicedPage(page.encode(), _MARKER.encode()), style_digest(style)


@lru_cache(maxsize=64)
def _data(edition: Edition, language: str, ready: Ready) -> Markup:
    """Return the data block: what a script needs to check and seal the answers."""
    shown = edition.shown_in(language)
    return page_data(
        "form",
        ready,
        _words(edition, language),
        call=edition.call.name,
        edition=edition.sha256,
        language=shown,
        notice=edition.notice_sha256(shown),
        rules=rules(edition),
    )


@lru_cache(maxsize=64)
def _words(edition: Edition, _language: str) -> Mapping[str, str]:
    return form_words(edition.call)


def _render(edition: Edition, language: str, style: str, hidden: str, filled: Filled, data: Markup) -> str:
    return render_template(
        "form.html",
        **question_words(edition, language, filled),
        hidden=Markup(hidden),  # noqa: S704 - made by hidden_fields
        style=Markup(style),  # noqa: S704 - made by Branches
        data=data,
        start=_start(edition, filled),
        switch=SWITCH,
        earlier=EARLIER,
        trap=TRAP,
    )


def question_words(edition: Edition, language: str, filled: Filled) -> dict[str, Any]:
    """Return what the templates need to show questions of an edition in a language."""

    def translate(text: str) -> str:
        return edition.translate(text, language)

    def quoted(text: str) -> str:
        return str(_("“%(text)s”", text=translate(text)))

    def only_if(condition: Condition) -> str:
        """Say in words when something is to be answered, for browsers that cannot close a branch."""
        needed = (
            _(
                "Only if you chose %(answers)s at %(question)s",
                answers=format_list([quoted(answer) for answer in answers], "or", locale=language),
                question=quoted(question),
            )
            for question, answers in explain(edition.call, condition).items()
        )
        return " ".join(needed)

    return {
        "call": edition.call,
        "edition": edition,
        "branches": Branches(edition.call),
        "t": translate,
        "rich": lambda text: Markup(rich(translate(text))),  # noqa: S704 - bleach has cleaned it
        "only_if": only_if,
        "countries": country_names(language),
        "months": get_month_names("wide", locale=language),
        "filled": filled,
        "problems": {problem.question: problem_text(problem) for problem in reversed(filled.problems)},
    }


def _start(edition: Edition, filled: Filled) -> str:
    """Return the id of the section to show first: where the first problem is, or where the person had got to."""
    sections = edition.call.sections
    if filled.problems:
        return next(
            section.id
            for section in sections
            if any(question.id == filled.problems[0].question for question in section.questions)
        )
    given = from_form(edition.call, filled.fields)
    answered = [section.id for section in sections if any(question.id in given for question in section.questions)]
    return answered[-1] if answered else sections[0].id


@lru_cache(maxsize=64)
def branch_style(edition: Edition, language: str) -> str:
    """Return the style that opens and closes the branches of an edition."""
    words = _("Not answered").translate(_NOT_IN_CSS)
    return f'form{{--none:"{words}"}}' + Branches(edition.call).css()


def style_digest(style: str) -> str:
    """Return what names an inline style in a policy."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def hidden_fields(token: str, return_code: str = "", *, access: str = "") -> str:
    """Return the two fields that come first in every form: for `access`, that takes the place of the code."""
    fields: Mapping[str, str] = {"form_token": token, **({"access": access} if access else {"code": return_code})}
    return "".join(
        Markup('<input type="hidden" name="{}" value="{}" autocomplete="off">').format(name, value)
        for name, value in fields.items()
    )
