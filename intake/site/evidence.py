"""The address that evidence is sent to. The words are safe by then; a file that fails costs nobody anything else."""

import re
import sys
from collections.abc import Iterator

from flask import Blueprint, Response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Field, File

from intake import code
from intake.envelope import LONGEST_NAME
from intake.site.errors import files_not_taken, log_unexpected
from intake.site.incoming import BrokenFormError, Form, Incoming
from intake.site.languages import current_language
from intake.site.mailbox import visit
from intake.site.outcomes import Fate, Outcome
from intake.site.pages import language_or_404
from intake.site.return_pages import evidence_page, return_page
from intake.site.room import room, takes_files
from intake.site.sealed import ACCESS
from intake.site.sealed_evidence import take_sealed
from intake.site.sealing import Author
from intake.site.service import NotReadyError, Ready, service
from intake.site.tokens import FIELD, RETURN, TokenError
from intake.site.uploads import FullError, Upload
from intake.store.records import WithdrawnError
from intake.store.segments import GoneError

evidence = Blueprint("evidence", __name__)

MOST_PARTS = 100
"""A form is read no further than this many files."""
_LOOK_EVERY = 16 * 1024 * 1024
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


class _RefusedError(Exception):
    """A file is not kept."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self.fate = fate


@evidence.post("/<language>/evidence")
def take(language: str) -> Response:
    """Take files, as soon as a good token and a known code stand before them; nothing more is read otherwise."""
    language_or_404(language)
    try:
        ready = service().ready()
    except NotReadyError:
        return files_not_taken()
    kind, options = parse_options_header(request.headers.get("Content-Type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        return return_page(ready, 400)
    request.max_content_length = sys.maxsize  # each file is counted as it arrives
    form = Form(request.stream, options["boundary"].encode())
    events = form.events()
    try:
        fields = first_fields(events)
        if ACCESS in fields:
            return take_sealed(form, events, fields, ready)
        token = ready.tokens.read(fields[FIELD])
        if token.call != RETURN:
            raise TokenError
        found = visit(code.read(fields["code"]), ready)
    except (TokenError, BrokenFormError):
        return return_page(ready, 400)
    except code.CodeError as error:
        return return_page(ready, 422, problem=error.rule)
    if found is None:
        return return_page(ready, 404, unknown=True)
    if found.testimony is None:
        return evidence_page(ready, found, [Outcome("", 0, Fate.CLOSED)])
    form.trusted = True
    author = Author(
        token,
        found.keys,
        found.testimony,
        found.edition,
        found.edition.shown_in(current_language()),
        ready.recipients,
    )
    try:
        with service().uploads.place(request.environ.get("gunicorn.socket")) as upload:
            outcomes = _Files(form, events, author, ready, upload).take()
    except FullError:
        outcomes = [Outcome("", 0, Fate.DROPPED)]
    return evidence_page(ready, found, outcomes)


def first_fields(events: Iterator[Field | File | Data]) -> dict[str, str]:
    """Return the token, and the code or the access token. Raises BrokenFormError where these do not come first."""
    fields: dict[str, bytes] = {}
    name = ""
    for event in events:
        if isinstance(event, Field):
            name = event.name
        elif isinstance(event, Data) and name:
            fields[name] = fields.get(name, b"") + event.data
            if not event.more_data and FIELD in fields and fields.keys() & {"code", ACCESS}:
                return {name: value.decode("utf-8", "replace") for name, value in fields.items()}
        else:
            break
    raise BrokenFormError


class _Files:
    """The files of one form."""

    def __init__(
        self, form: Form, events: Iterator[Field | File | Data], author: Author, ready: Ready, upload: Upload
    ) -> None:
        self._form = form
        self._events = events
        self._author = author
        self._ready = ready
        self._upload = upload

    def take(self) -> list[Outcome]:
        """Take every file, and return what became of each. One that is not kept is read to its end all the same: a
        browser shows no answer before it has sent everything."""
        outcomes: list[Outcome] = []
        try:
            for event in self._events:
                if isinstance(event, Field) and event.name == ACCESS:
                    raise BrokenFormError
                if isinstance(event, File) and event.filename:
                    if len(outcomes) == MOST_PARTS:
                        outcomes.append(Outcome("", 0, Fate.MAILBOX_FULL))
                        break
                    outcomes.append(self._file(event))
        except BrokenFormError:
            outcomes.append(Outcome("", 0, Fate.UNREADABLE))
        except ClientDisconnected:  # or fell silent: then they may still see the answer
            outcomes.append(Outcome("", 0, Fate.DROPPED if self._upload.dropped else Fate.UNREADABLE))
        return outcomes

    def _file(self, part: File) -> Outcome:
        name = re.split(r"[/\\]", part.filename)[-1][:LONGEST_NAME]
        given = parse_options_header(part.headers.get("Content-Type", ""))[0].lower()
        media_type = given if _MEDIA_TYPE.fullmatch(given) else "application/octet-stream"
        chunks = self._chunks()
        size = 0
        try:
            self._check_room(0)
            with Incoming(self._ready.records.engine, self._author, name, media_type) as incoming:
                self._upload.record = incoming.record
                for chunk in chunks:
                    incoming.write(chunk)
                    if incoming.size // _LOOK_EVERY > size // _LOOK_EVERY:
                        self._check_room(incoming.size)
                    size = incoming.size
                    if size > service().settings.max_upload:
                        raise _RefusedError(Fate.TOO_LARGE)
                incoming.finish()
            return Outcome(name, size, Fate.KEPT)
        except _RefusedError as error:
            fate = error.fate
        except WithdrawnError:
            fate = Fate.CLOSED
        except (GoneError, SQLAlchemyError) as error:
            log_unexpected(error)
            gone = isinstance(error, GoneError) and self._ready.records.testimony(self._author.keys.mailbox_id) is None
            fate = Fate.CLOSED if gone else Fate.NOT_STORED
        finally:
            self._upload.record = ""
        for chunk in chunks:
            size += len(chunk)
        return Outcome(name, size, fate)

    def _chunks(self) -> Iterator[bytes]:
        for event in self._events:
            if not isinstance(event, Data):
                raise BrokenFormError
            self._upload.received = self._form.received
            yield event.data
            if not event.more_data:
                return

    def _check_room(self, size: int) -> None:
        """Raise _RefusedError unless there is room for more after `size` bytes of a file."""
        settings = service().settings
        if not takes_files(self._ready.records, self._author.keys.mailbox_id, settings):
            raise _RefusedError(Fate.MAILBOX_FULL)
        if room(settings, self._ready.records.engine).evidence <= 0:
            raise _RefusedError(Fate.NO_ROOM)
