"""What those who come back do in the browser way. What they write arrives sealed and signed, and nothing else of it.

What a script sends, it sends from the page that the person has before them: it gets a short page as an answer, and then
goes to the mailbox page by itself. Looking and deleting are ordinary forms.
"""

import hashlib
from collections.abc import Callable

from flask import Response, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from intake.site import refusals
from intake.site.errors import log_unexpected
from intake.site.form_page import hidden_fields
from intake.site.return_pages import again_page, return_page
from intake.site.room import takes_words
from intake.site.sealed import ACCESS, Posting, SealedError, StaleError
from intake.site.sealed_mailbox import SealedVisit, sealed_visit
from intake.site.sealed_return_pages import sealed_mailbox_page, sealed_withdraw_page
from intake.site.service import NotReadyError, Ready, service
from intake.site.tokens import FIELD, RETURN, Form, TokenError
from intake.store import erasing, mailboxes
from intake.store.records import AlreadySentError, NewRecord, WithdrawnError

UNSENT = "unsent"
"""The field that takes words along that someone has not sent yet: sealed to their own mailbox, for the next page."""
Act = Callable[[Posting, Ready, Form, SealedVisit], Response]


def act(posting: Posting, doing: Act) -> Response:
    """Do something for whoever holds the access token. A refusal says why; what was written is still in the page."""
    try:
        return _with_access(posting, doing)
    except HTTPException:
        raise
    except SealedError:
        return refusals.sealed_wrong()
    except StaleError:
        return refusals.stale()
    except WithdrawnError:
        return refusals.withdrawn()
    except AlreadySentError:
        words = _("You have already sent this page once. Please do it once more if it is something else.")
        return refusals.refusal(409, [words], "sent")
    except (NotReadyError, SQLAlchemyError):
        return _fault_of_ours(posting)
    except Exception as error:  # noqa: BLE001 - a fault of ours is logged, and costs nobody their words
        log_unexpected(error)
        return _fault_of_ours(posting)


def look(posting: Posting, ready: Ready, _token: Form, found: SealedVisit) -> Response:
    """Show what waits, and what was just stored."""
    stored = ready.records.find(found.id, posting.fields.get("stored", ""))
    return sealed_mailbox_page(ready, found, stored=stored, unsent=posting.fields.get(UNSENT, ""))


def write(posting: Posting, ready: Ready, token: Form, found: SealedVisit) -> Response:
    """Take sealed words to add."""
    record = _record(posting, token, ready, found, kind="addition", action="text")
    if not takes_words(ready.records, found.id):
        return refusals.refusal(422, [_("You have sent as much as we can keep for one testimony.")], "full")
    ready.records.keep(record)
    return _done()


def delete(posting: Posting, ready: Ready, _token: Form, found: SealedVisit) -> Response:
    """Delete a reply."""
    gone = mailboxes.delete_message(ready.records.engine, found.id, posting.identifier("reply"))
    notices = [_("The reply is deleted.") if gone else _("This reply is no longer here.")]
    now = sealed_visit(found.access, found.id, found.asked, ready) or found
    return sealed_mailbox_page(ready, now, notices, unsent=posting.fields.get(UNSENT, ""))


def choose(posting: Posting, ready: Ready, token: Form, found: SealedVisit) -> Response:
    """Take new consents, in place of those that the browser has seen."""
    record = _record(posting, token, ready, found, kind="consent", action="consent")
    seen = hashlib.sha256(found.consents).hexdigest() == posting.fields.get("before")
    ready.records.keep(record, consents=(found.consents if seen else b"", posting.choices()))
    return _done()


def withdraw(posting: Posting, ready: Ready, token: Form, found: SealedVisit) -> Response:
    """Ask once more, or take everything back."""
    if posting.fields.get("confirm") != "yes":
        return sealed_withdraw_page(ready, found)
    record = _record(posting, token, ready, found, kind="withdrawal", action="withdraw", event="withdrawn")
    erasing.withdraw(ready.records.engine, record)
    return _done()


def _with_access(posting: Posting, doing: Act) -> Response:
    ready = service().ready()
    asked = posting.fields.get("edition", "")
    found = sealed_visit(posting.fields[ACCESS], posting.mailbox_id, asked, ready)
    if found is None and posting.files:
        return refusals.unknown()
    if found is None:
        return return_page(ready, 404, unknown=True, access=posting.fields[ACCESS])
    try:
        token = ready.tokens.read(posting.fields.get(FIELD, ""))
        if token.call != RETURN:
            raise TokenError
    except TokenError:
        if posting.files:
            return refusals.stale()
        notices = [_("This page was open for too long. Please do it once more; what you wrote is still here.")]
        return sealed_mailbox_page(ready, found, notices, 422, unsent=posting.fields.get(UNSENT, ""))
    if found.testimony is None and posting.files:
        raise WithdrawnError
    if found.testimony is None:
        return sealed_mailbox_page(ready, found)
    return doing(posting, ready, token, found)


def _record(
    posting: Posting, token: Form, ready: Ready, found: SealedVisit, *, kind: str, action: str, event: str = "added"
) -> NewRecord:
    call = found.testimony.call if found.testimony else ""
    return posting.record(token, ready, kind=kind, call=call, action=action, event=event)


def _done() -> Response:
    return Response("ok\n", mimetype="text/plain")


def _fault_of_ours(posting: Posting) -> Response:
    """Return a refusal to a script; to a form, what it sent, to be sent again."""
    if posting.files:
        return refusals.fault_of_ours()
    fields = [(name, value) for name, value in posting.fields.items() if name not in (FIELD, ACCESS)]
    hidden = hidden_fields(posting.fields.get(FIELD, ""), access=posting.fields[ACCESS])
    return again_page(request.path, hidden, fields)
