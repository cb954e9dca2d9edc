"""A form with files, read as it arrives: each is encrypted at once and stored in parts, never whole in memory."""

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData, State

from intake.age.encrypt import Encryptor
from intake.envelope import padded_size
from intake.site.sealing import Author
from intake.store import segments
from intake.store.records import SEGMENT, Kept, today

_READ = 128 * 1024
_FIRST_READ = 64
_MOST_HEADERS = 16 * 1024
_MOST_PARTS = 200  # small ones cost more than their bytes
_ZEROS = bytes(64 * 1024)


class Stream(Protocol):
    """What a request's body is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""


class BrokenFormError(Exception):
    """The body is not a form, a part of it has no end, or there are far too many."""


class Form:
    """A multipart form (RFC 7578). Until `trusted` is set it is read in small sips, and not far."""

    def __init__(self, stream: Stream, boundary: bytes) -> None:
        self._stream = stream
        self._decoder = MultipartDecoder(boundary, max_parts=_MOST_PARTS)
        self._delimiter = b"--" + boundary
        self.trusted = False
        self.received = 0

    def events(self) -> Iterator[Field | File | Data]:
        """Yield its parts. Raises BrokenFormError, and what the stream raises."""
        while True:
            while self._cuts_a_beginning():
                self._read()
            try:
                event = self._decoder.next_event()
            except (ValueError, AttributeError, RequestEntityTooLarge):
                raise BrokenFormError from None
            if isinstance(event, Epilogue):
                return
            if isinstance(event, NeedData):
                self._read()
            elif isinstance(event, (Field, File, Data)):
                yield event

    def _read(self) -> None:
        limit = _READ + _MOST_HEADERS if self.trusted else _MOST_HEADERS
        while True:
            if len(self._decoder.buffer) > limit or (not self.trusted and self.received > _MOST_HEADERS):
                raise BrokenFormError
            data = self._stream.read(_READ if self.trusted else _FIRST_READ)
            self.received += len(data)
            self._decoder.receive_data(data or None)
            if not data or not self._cuts_a_boundary():
                return

    def _cuts_a_beginning(self) -> bool:
        """Tell whether too little of a part's content is there to see that it has none, and a boundary at once."""
        decoder = self._decoder
        starts = decoder.state is State.DATA_START and not decoder.complete
        return starts and len(decoder.buffer) < len(b"\r\n" + self._delimiter)

    def _cuts_a_boundary(self) -> bool:
        """Tell whether what came so far ends within a line that may be a boundary.

        The decoder would take the start of such a line for content.
        """
        return bytes(self._decoder.buffer).rstrip(b" \t\v\f\r").endswith((self._delimiter, self._delimiter + b"-"))


class Incoming:
    """One file on its way in. Use it in a `with` statement: what is not finished at its end is given up.

    Raises WithdrawnError when the mailbox is closed, and SQLAlchemyError when nothing can be stored.
    """

    def __init__(self, engine: Engine, author: Author, name: str, media_type: str) -> None:
        self.record = secrets.token_hex(16)
        self.name = name
        self.size = 0
        self._engine = engine
        self._author = author
        self._media_type = media_type
        self._sha256 = hashlib.sha256()
        self._finished = False
        segments.begin(
            engine,
            segments.NewContent(
                id=self.record,
                mailbox=author.keys.mailbox_id,
                call=author.testimony.call,
                day=today(),
                recipients=[key.recipient.fingerprint for key in author.recipients],
            ),
        )
        self._parts = _Parts(engine, self.record)
        self._encryptor = Encryptor(self._parts, [key.recipient for key in author.recipients])

    def write(self, data: bytes) -> None:
        """Take in some more. Raises GoneError and SQLAlchemyError."""
        self.size += len(data)
        self._sha256.update(data)
        self._encryptor.write(data)

    def finish(self) -> Kept:
        """Pad it, describe it and keep it; return the record that describes it. Raises as `write` does."""
        left = padded_size(self.size) - self.size
        while left:
            self._encryptor.write(_ZEROS[:left])
            left -= min(left, len(_ZEROS))
        self._encryptor.close()
        self._parts.end()
        digest = self._sha256.hexdigest()
        attachment = self._author.attachment(self.record, self.name, self._media_type, self.size, digest)
        received = segments.Received(
            id=self.record, size=self._parts.size, sha256=self._parts.sha256.hexdigest(), same=attachment.content
        )
        kept = segments.finish(self._engine, received, attachment)
        self._finished = True
        return kept

    def __enter__(self) -> "Incoming":
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()
        if not self._finished:
            with contextlib.suppress(SQLAlchemyError):  # then its lease runs out
                segments.give_up(self._engine, self.record)


class _Parts:
    """Where the encryptor of a file writes: what has come together is stored as soon as it makes a part.

    A thread of its own waits for the disk, while the next part is received and encrypted.
    """

    def __init__(self, engine: Engine, record: str) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0
        self._engine = engine
        self._record = record
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._stored = 0
        self._thread = ThreadPoolExecutor(1)
        self._storing: Future[None] | None = None

    def write(self, data: bytes, /) -> int:
        """Take ciphertext. Raises what the storing of an earlier part raised."""
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting >= SEGMENT:
            self._store()
        return len(data)

    def end(self) -> None:
        """Store what is left, and wait until all is stored. Raises as `write` does."""
        if self._waiting:
            self._store()
        self._wait()

    def close(self) -> None:
        """Let the thread end; nothing is being stored afterwards."""
        self._thread.shutdown()

    def _store(self) -> None:
        part = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        self.size += len(part)
        self.sha256.update(part)
        self._wait()
        self._storing = self._thread.submit(segments.append, self._engine, self._record, self._stored, part)
        self._stored += 1

    def _wait(self) -> None:
        if self._storing is not None:
            self._storing.result()
