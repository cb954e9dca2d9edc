"""The form's address: show it, take what is sent, and never lose what was typed."""

from flask import Blueprint, Response, abort, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from intake import code
from intake.calls.answers import check, from_form
from intake.calls.edition import Edition
from intake.site import notices
from intake.site.errors import log_unexpected, receipt_not_shown
from intake.site.form_page import EARLIER, SWITCH, TRAP, Filled, blank_form, filled_form
from intake.site.languages import current_language
from intake.site.pages import language_or_404, receipt, stop_page
from intake.site.refusals import refusal
from intake.site.room import takes_words
from intake.site.sealed import Posting
from intake.site.sealed_form import STORED, take_sealed
from intake.site.sealing import Author, Sending, seal_testimony
from intake.site.service import NotReadyError, Ready, service
from intake.site.tokens import SignedForm
from intake.store.records import AlreadySentError, Kept, WithdrawnError

form = Blueprint("form", __name__)


@form.get("/<language>/<call>")
def show(language: str, call: str) -> Response:
    """Show the empty form."""
    return blank_form(_current_edition(language, call), service().ready())


@form.post("/<language>/<call>")
def submit(language: str, call: str) -> Response:
    """Take the form: answer with the receipt, or with the form again and everything that was typed.

    A browser that sealed it still holds what was typed, and gets a page that says what is wrong.
    """
    edition = _current_edition(language, call)
    posting = Posting.received()
    if posting is None and request.files:
        abort(400)
    try:
        ready = service().ready()
        return _take(edition, ready) if posting is None else take_sealed(edition, posting, ready)
    except HTTPException:
        raise
    except (NotReadyError, SQLAlchemyError):
        return _not_stored(edition, 503, posting)
    except Exception as error:  # noqa: BLE001 - a fault of ours is logged, and costs nobody their words
        log_unexpected(error)
        return _not_stored(edition, 500, posting)


def _take(edition: Edition, ready: Ready) -> Response:
    signed = SignedForm(request.form, meta={"csrf_context": ready.tokens})
    if not signed.validate():
        earlier = request.form.get("earlier_code", "")
        return _new_form(edition, ready, notices.open_too_long(), 422, earlier=earlier)
    if signed.token.call != edition.call.name:
        abort(404)
    edition = service().edition(signed.token.edition) or edition
    return_code = _return_code("code")
    filled = Filled(fields=request.form, earlier=request.form.get("earlier_code", ""))

    def again(status: int) -> Response:
        return filled_form(edition, signed.form_token.data, return_code, filled, status)

    if SWITCH in request.form:
        filled.notices = [_("You changed the language. Your answers are still here.")]
        return again(200)
    if request.form.get(TRAP):
        filled.notices = notices.filled_trap()
        filled.resend = True
        return again(422)
    checked = check(edition.call, from_form(edition.call, request.form))
    if checked.stopped:
        return stop_page(edition, checked)
    if checked.problems:
        filled.problems = checked.problems
        return again(422)
    sending = Sending(signed.token, edition, edition.shown_in(current_language()), checked)
    try:
        if EARLIER in request.form:
            earlier_code = _return_code("earlier_code")
            if not takes_words(ready.records, code.derive(earlier_code, ready.instance_id).mailbox_id):
                return _new_form(edition, ready, notices.too_much(), 422)
            added = _keep_addition(sending, ready, earlier_code)
            if added is None:
                return _new_form(edition, ready, notices.no_earlier(), 422)
            return receipt(added, ready)
        return receipt(_keep_testimony(sending, ready, return_code), ready, return_code)
    except AlreadySentError:
        return _new_form(edition, ready, notices.already_sent(), 409, earlier=_earlier(ready, return_code))
    except WithdrawnError:
        return _new_form(edition, ready, notices.withdrawn_before(), 409)


def _keep_testimony(sending: Sending, ready: Ready, return_code: str) -> Kept:
    keys = code.derive(return_code, ready.instance_id)
    record, mailbox = seal_testimony(sending, keys, ready.recipients)
    return ready.records.keep(record, mailbox)


def _keep_addition(sending: Sending, ready: Ready, earlier_code: str) -> Kept | None:
    keys = code.derive(earlier_code, ready.instance_id)
    testimony = ready.records.testimony(keys.mailbox_id)
    if testimony is None:
        return None
    author = Author(sending.form, keys, testimony, sending.edition, sending.language, ready.recipients)
    return ready.records.keep(author.form(sending.checked))


def _earlier(ready: Ready, return_code: str) -> str:
    """Return the code of the testimony that this form made, or that it was to be added to."""
    mailbox = code.derive(return_code, ready.instance_id).mailbox_id
    return return_code if ready.records.testimony(mailbox) else request.form.get("earlier_code", "")


def _not_stored(edition: Edition, status: int, posting: Posting | None) -> Response:
    """Return the typed answers in the same form, to be sent again. If it was stored after all, that makes no second."""
    if posting is not None:
        return receipt_not_shown() if STORED in posting.fields else refusal(status, notices.fault_of_ours(), "ours")
    filled = Filled(
        request.form, notices=notices.fault_of_ours(), resend=True, earlier=request.form.get("earlier_code", "")
    )
    return filled_form(edition, request.form.get("form_token", ""), _return_code("code"), filled, status)


def _new_form(edition: Edition, ready: Ready, words: list[str], status: int, earlier: str = "") -> Response:
    """Return the typed answers in a new form, with a token and a return code of its own."""
    token = ready.tokens.issue(edition.call.name, edition.sha256, ready.recipient_set)
    filled = Filled(request.form, notices=words, resend=True, earlier=earlier)
    return filled_form(edition, token, code.make(), filled, status)


def _return_code(name: str) -> str:
    """Return the code that came with the form, or a new one where it is damaged: the testimony counts more."""
    try:
        return code.read(request.form.get(name, ""))
    except code.CodeError:
        return code.make()


def _current_edition(language: str, call: str) -> Edition:
    language_or_404(language)
    return service().editions.get(call) or abort(404)
