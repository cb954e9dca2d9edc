"""The form's address, for a browser that sealed the answers itself: the server sees only that they are sealed."""

from flask import Response, abort

from intake.calls.edition import Edition
from intake.site import notices, refusals
from intake.site.form_page import EARLIER, TRAP
from intake.site.pages import receipt
from intake.site.refusals import refusal
from intake.site.room import takes_words
from intake.site.sealed import ACCESS, Posting, SealedError, StaleError
from intake.site.service import Ready
from intake.site.tokens import FIELD, Form, TokenError
from intake.store.records import AlreadySentError, Kept, WithdrawnError

STORED = "stored"
"""The digest of what the browser has sent: it asks for the receipt once more, as a page to go to."""


def take_sealed(edition: Edition, posting: Posting, ready: Ready) -> Response:
    """Keep what a browser sealed, or say why not. Either way it still holds what was typed."""
    try:
        if STORED in posting.fields:
            return _receipt(
                posting, ready.records.find(posting.mailbox_id, posting.fields[STORED]) or abort(404), ready
            )
        token = ready.tokens.read(posting.fields.get(FIELD, ""))
        if token.call != edition.call.name:
            abort(404)
        if posting.fields.get(TRAP):
            return refusal(422, notices.filled_trap(), "trap")
        if EARLIER in posting.fields:
            return _add(edition, posting, token, ready)
        record = posting.record(token, ready, kind="testimony", call=edition.call.name, event="received")
        return _receipt(posting, ready.records.keep(record, posting.new_mailbox()), ready)
    except SealedError:
        return refusals.sealed_wrong()
    except (StaleError, TokenError):
        return refusal(422, notices.open_too_long(), "stale")
    except AlreadySentError:
        there = ready.records.testimony(posting.mailbox_id)
        return refusal(409, notices.already_sent(), "sent", testimony=there.id if there else "")
    except WithdrawnError:
        return refusal(409, notices.withdrawn_before(), "withdrawn")


def _add(edition: Edition, posting: Posting, token: Form, ready: Ready) -> Response:
    """Keep a whole form as an addition to the testimony that the access token opens."""
    if ready.records.testimony(posting.mailbox_id) is None:
        return refusal(422, notices.no_earlier(), "unknown")
    if not takes_words(ready.records, posting.mailbox_id):
        return refusal(422, notices.too_much(), "full")
    record = posting.record(token, ready, kind="addition", call=edition.call.name)
    return _receipt(posting, ready.records.keep(record), ready)


def _receipt(posting: Posting, kept: Kept, ready: Ready) -> Response:
    return receipt(kept, ready, access=posting.fields[ACCESS])
