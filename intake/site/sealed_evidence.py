"""A file that a browser sealed, in parts: each is a request of its own, to any process, and is stored as it came.

The header is checked with the first part; the size, and that nothing is missing, when the record that describes the
file arrives.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping

from flask import Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import ClientDisconnected
from werkzeug.sansio.multipart import Data, Field, File

from intake.age.header import MAX_HEADER_SIZE
from intake.envelope import LEAST_FILE, padded_size
from intake.site import refusals
from intake.site.errors import log_unexpected, read_on
from intake.site.incoming import BrokenFormError, Form
from intake.site.outcomes import Fate, Outcome, reason, status_of
from intake.site.refusals import refusal
from intake.site.room import room, takes_files
from intake.site.sealed import Posting, SealedError, StaleError, header_size, payload_size, sealed_to
from intake.site.service import Ready, service
from intake.site.tokens import FIELD, RETURN, TokenError
from intake.site.tokens import Form as Token
from intake.site.uploads import FullError, Upload
from intake.site.words import size_in_words
from intake.store import mailboxes, segments
from intake.store.records import AlreadySentError, Kept, NewRecord, WithdrawnError, today

_CONTENT, _NUMBER, _PART, _SEALED = "content", "number", "part", "sealed"
_MOST = segments.PART + 64 * 1024
_COUNTED = re.compile(r"[0-9]{1,6}")


class _RefusedError(Exception):
    """The file, or this part of it, is not kept."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self.fate = fate


def take_sealed(form: Form, events: Iterator[Field | File | Data], fields: Mapping[str, str], ready: Ready) -> Response:
    """Take a part, or the record that makes the parts a file. `fields` are those that stand first in the form."""
    response = _answer(form, events, fields, ready)
    if response.status_code >= 400:
        read_on()
    return response


def _answer(form: Form, events: Iterator[Field | File | Data], fields: Mapping[str, str], ready: Ready) -> Response:
    mailbox = ""
    try:
        token = ready.tokens.read(fields[FIELD])
        if token.call != RETURN:
            return refusals.stale()
        recipients = sealed_to(token, ready)
        mailbox = Posting(fields, {}).mailbox_id
        testimony = ready.records.testimony(mailbox)
        if testimony is None:
            return _closed(ready, mailbox)
        form.trusted = True
        with service().uploads.place(request.environ.get("gunicorn.socket")) as upload:
            posting = read_posting(form, events, fields, upload)
            upload.record = posting.identifier(_CONTENT)
            if _NUMBER in posting.fields:
                _take_part(posting, testimony, recipients, ready)
            else:
                _finish(posting, testimony, token, ready)
        return Response("ok\n", mimetype="text/plain")
    except (TokenError, StaleError):
        return refusals.stale()
    except (SealedError, BrokenFormError):
        return refusals.sealed_wrong()
    except (segments.GoneError, WithdrawnError):
        return _closed(ready, mailbox)
    except AlreadySentError:  # another record has this id
        return refusals.gone()
    except _RefusedError as error:
        return _refused(error.fate)
    except FullError:
        return _refused(Fate.DROPPED)
    except SQLAlchemyError as error:
        log_unexpected(error)
        return _refused(Fate.NOT_STORED)


def read_posting(
    form: Form, events: Iterator[Field | File | Data], first: Mapping[str, str], upload: Upload
) -> Posting:
    """Return the whole form. Raises SealedError when it is larger than a part may be, and _RefusedError."""
    arrived: dict[str, bytearray] = {}
    current = bytearray()
    try:
        for event in events:
            upload.received = form.received
            if form.received > _MOST:  # names count, too
                raise SealedError
            if isinstance(event, Data):
                current += event.data
            else:
                current = arrived[event.name] = bytearray()
    except ClientDisconnected:
        raise _RefusedError(Fate.DROPPED if upload.dropped else Fate.UNREADABLE) from None
    files = {name: bytes(arrived.pop(name)) for name in (_PART, _SEALED) if name in arrived}
    rest = {name: value.decode("utf-8", "replace") for name, value in arrived.items()}
    return Posting({**rest, **first}, files)


def _take_part(posting: Posting, testimony: Kept, recipients: tuple[str, ...], ready: Ready) -> None:
    """Store a part. Raises SealedError, _RefusedError, GoneError and WithdrawnError."""
    data, counted = posting.files.get(_PART, b""), posting.fields[_NUMBER]
    if not 0 < len(data) <= segments.PART or not _COUNTED.fullmatch(counted):
        raise SealedError
    number = int(counted)
    if number == 0:
        header_size(data, len(recipients))
    settings = service().settings
    largest = padded_size(settings.max_upload)
    if number * segments.PART + len(data) > MAX_HEADER_SIZE + largest + largest // 1024:
        raise _RefusedError(Fate.TOO_LARGE)
    if not takes_files(ready.records, posting.mailbox_id, settings):
        raise _RefusedError(Fate.MAILBOX_FULL)
    if room(settings, ready.records.engine).evidence <= 0:
        raise _RefusedError(Fate.NO_ROOM)
    content = segments.NewContent(
        id=posting.identifier(_CONTENT),
        mailbox=posting.mailbox_id,
        call=testimony.call,
        day=today(),
        recipients=recipients,
    )
    segments.take_part(ready.records.engine, content, number, data)


def _finish(posting: Posting, testimony: Kept, token: Token, ready: Ready) -> None:
    """Keep the file, with the record that describes it, unless that was done. Raises as `_take_part` does, and
    AlreadySentError."""
    content = posting.identifier(_CONTENT)
    attachment = posting.record(token, ready, kind="attachment", call=testimony.call, action=f"file {content}")
    try:
        _keep(content, attachment, ready)
    except segments.GoneError:
        if ready.records.sent_before(attachment.form, attachment.content) is None:
            raise
    except AlreadySentError:  # all of it was read for this: whoever asks again has to send it again
        segments.give_up(ready.records.engine, content)
        raise


def _keep(content: str, attachment: NewRecord, ready: Ready) -> None:
    digest = hashlib.sha256()
    size = segments.arrived(ready.records.engine, content, attachment.mailbox)
    if size == 0:
        raise segments.GoneError
    for number, part in enumerate(segments.parts(ready.records.engine, content, attachment.mailbox)):
        if number == 0:
            _check_size(payload_size(size - header_size(part, len(attachment.recipients))))
        digest.update(part)
    received = segments.Received(id=content, size=size, sha256=digest.hexdigest(), same=attachment.content)
    segments.finish(ready.records.engine, received, attachment)


def _check_size(sealed: int) -> None:
    """Refuse a file by how many bytes are sealed in it, before the rest of it is read."""
    if sealed < LEAST_FILE or padded_size(sealed) != sealed:
        raise SealedError
    if sealed > padded_size(service().settings.max_upload):
        raise _RefusedError(Fate.TOO_LARGE)


def _closed(ready: Ready, mailbox: str) -> Response:
    """Return the page that says why nothing more can be added: a withdrawal, or no such mailbox, or no such file."""
    found = mailboxes.look(ready.records.engine, mailbox)
    if found is None:
        return refusals.unknown()
    return refusals.withdrawn() if found.withdrawn else refusals.gone()


def _refused(fate: Fate) -> Response:
    outcome = Outcome("", 0, fate)
    texts = [reason(outcome, size_in_words(service().settings.max_upload))]
    response = refusal(status_of([outcome]), texts, fate.name.lower())
    if response.status_code == 503:
        response.headers["Retry-After"] = "120"
    return response
