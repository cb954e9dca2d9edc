"""The addresses for those who come back: look, write, delete a reply, change consents, withdraw."""

from collections.abc import Callable

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from intake import code
from intake.calls.answers import check
from intake.envelope import LONGEST_TEXT
from intake.site import sealed_returning
from intake.site.errors import log_unexpected
from intake.site.form_page import hidden_fields
from intake.site.languages import current_language
from intake.site.mailbox import Visit, visit
from intake.site.pages import language_or_404
from intake.site.return_pages import again_page, given_consents, mailbox_page, return_page, withdraw_page
from intake.site.room import takes_words
from intake.site.sealed import Posting
from intake.site.sealing import Author
from intake.site.service import NotReadyError, Ready, service
from intake.site.tokens import RETURN, SignedForm
from intake.store import erasing, mailboxes
from intake.store.records import AlreadySentError, WithdrawnError

returning = Blueprint("returning", __name__)
Act = Callable[[Ready, Visit, Author | None], Response]


@returning.get("/<language>/return")
def ask(language: str) -> Response:
    """Ask for the code."""
    language_or_404(language)
    return return_page(service().ready())


@returning.post("/<language>/return")
def look(language: str) -> Response:
    """Show what waits."""
    return _act(language, _look, sealed_returning.look)


@returning.post("/<language>/reply")
def write(language: str) -> Response:
    """Take words to add."""
    return _act(language, _write, sealed_returning.write)


@returning.post("/<language>/reply/delete")
def delete(language: str) -> Response:
    """Delete a reply."""
    return _act(language, _delete, sealed_returning.delete)


@returning.post("/<language>/consent")
def choose(language: str) -> Response:
    """Take new consents."""
    return _act(language, _choose, sealed_returning.choose)


@returning.post("/<language>/withdraw")
def withdraw(language: str) -> Response:
    """Ask once more, or take everything back."""
    return _act(language, _withdraw, sealed_returning.withdraw)


def _act(language: str, act: Act, sealed_act: sealed_returning.Act) -> Response:
    """Do something in the name of whoever holds the code. Whatever fails, what they wrote is still there."""
    language_or_404(language)
    posting = Posting.received()
    if posting is not None:
        return sealed_returning.act(posting, sealed_act)
    try:
        return _with_code(act)
    except HTTPException:
        raise
    except (NotReadyError, SQLAlchemyError):
        return _again()
    except Exception as error:  # noqa: BLE001 - a fault of ours is logged, and costs nobody their words
        log_unexpected(error)
        return _again()


def _with_code(act: Act) -> Response:
    ready = service().ready()
    typed, text = request.form.get("code", ""), request.form.get("text", "")
    try:
        found = visit(code.read(typed), ready)
    except code.CodeError as error:
        return return_page(ready, 422, problem=error.rule, typed=typed, text=text)
    if found is None:
        return return_page(ready, 404, unknown=True, typed=typed, text=text)
    signed = SignedForm(request.form, meta={"csrf_context": ready.tokens})
    if not signed.validate() or signed.token.call != RETURN:
        notices = [_("This page was open for too long. Please do it once more; what you wrote is still here.")]
        return mailbox_page(ready, found, notices, 422, text=text, chosen=request.form)
    author = None
    if found.testimony is not None:
        language = found.edition.shown_in(current_language())
        author = Author(signed.token, found.keys, found.testimony, found.edition, language, ready.recipients)
    try:
        return act(ready, found, author)
    except WithdrawnError:
        return mailbox_page(ready, visit(found.return_code, ready) or found, status=409, text=text)
    except AlreadySentError:
        notices = [_("You have already sent this page once. Please do it once more if it is something else.")]
        return mailbox_page(ready, found, notices, 409, text=text, chosen=request.form)


def _look(ready: Ready, found: Visit, _author: Author | None) -> Response:
    return mailbox_page(ready, found, text=request.form.get("text", ""))


def _write(ready: Ready, found: Visit, author: Author | None) -> Response:
    text = request.form.get("text", "").replace("\r\n", "\n").replace("\r", "\n")
    if author is None:
        return mailbox_page(ready, found, status=409, text=text)
    if not text.strip():
        return mailbox_page(ready, found, status=422, problem=_("Please write something first."))
    if len(text) > LONGEST_TEXT:
        problem = _("This text is too long. Please send it in two parts.")
        return mailbox_page(ready, found, status=422, text=text, problem=problem)
    if not takes_words(ready.records, found.keys.mailbox_id):
        problem = _("You have sent as much as we can keep for one testimony.")
        return mailbox_page(ready, found, status=422, text=text, problem=problem)
    kept = ready.records.keep(author.text(text))
    notices = [_("We have stored what you wrote. Reviewers will read it with your testimony.")]
    return mailbox_page(ready, found, notices, digest=kept.sha256)


def _delete(ready: Ready, found: Visit, author: Author | None) -> Response:
    gone = mailboxes.delete_message(ready.records.engine, found.keys.mailbox_id, request.form.get("reply", ""))
    notices = [_("The reply is deleted.") if gone else _("This reply is no longer here.")]
    return mailbox_page(ready, visit(found.return_code, ready) or found, notices, text=request.form.get("text", ""))


def _choose(ready: Ready, found: Visit, author: Author | None) -> Response:
    if author is None or found.choices is None:
        return mailbox_page(ready, found, status=409)
    given = given_consents(found, found.choices, request.form)
    consent = check(found.edition.call, {**found.choices.answers, **given}).consent
    record, copy = author.consents(consent, found.choices)
    kept = ready.records.keep(record, consents=(found.sealed_choices, copy))
    notices = [_("We have stored your choices. They count from the moment they reach our reviewers.")]
    return mailbox_page(ready, visit(found.return_code, ready) or found, notices, digest=kept.sha256, choosing=True)


def _withdraw(ready: Ready, found: Visit, author: Author | None) -> Response:
    if author is None:
        return mailbox_page(ready, found)
    if request.form.get("confirm") != "yes":
        return withdraw_page(ready, found)
    erasing.withdraw(ready.records.engine, author.withdrawal())
    return mailbox_page(ready, visit(found.return_code, ready) or found)


def _again() -> Response:
    try:
        return_code = code.read(request.form.get("code", ""))
    except code.CodeError:
        return_code = ""
    kept = [(name, value) for name, value in request.form.items(multi=True) if name not in ("form_token", "code")]
    return again_page(request.path, hidden_fields(request.form.get("form_token", ""), return_code), kept)
