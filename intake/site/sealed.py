"""What a browser sealed itself: read strictly, and refused unless it is sealed to a recipient set that was served.

The server cannot tell what is inside. It looks at what anyone can see: the header, the number and type of its stanzas,
and the exact size. A request that has an `access` token came in this way.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO

from flask import request

from intake.age.errors import AgeError
from intake.age.header import Stanza, decode_base64, parse_header
from intake.age.primitives import CHUNK_SIZE, HYBRID_ENC_SIZE, PAYLOAD_NONCE_SIZE, TAG_SIZE
from intake.age.recipients import HybridRecipient
from intake.age.streams import Reader
from intake.encoding import EnvelopeError
from intake.encoding import decode_base64 as decode_key
from intake.envelope import CHOICES_SIZES, SOURCE_SIZES
from intake.site.sealing import form_digest
from intake.site.service import Ready
from intake.site.tokens import Form
from intake.store import recipient_sets
from intake.store.records import NewMailbox, NewRecord, today

ACCESS = "access"
"""The field that tells the browser way from the plain one."""
_WRAPPED_SIZE = 32
_MAC_SIZE = len(" ") + 43 + len("\n")
_ACCESS = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[0-9a-f]{32}")


class SealedError(Exception):
    """What came is not sealed as it must be. Nothing was stored."""


class StaleError(Exception):
    """It is sealed to recipients that are no longer served. A new page has a new token and those of today."""


@dataclass(frozen=True)
class Posting:
    """What a browser sent: the fields, and the ciphertexts by the names of their fields."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes]

    @classmethod
    def received(cls) -> "Posting | None":
        """Return what this request brought, or None where it came in the plain way."""
        if ACCESS not in request.form:
            return None
        return cls(request.form, {name: file.stream.read() for name, file in request.files.items()})

    @property
    def mailbox_id(self) -> str:
        """The id of the mailbox that the access token opens. Raises SealedError without one, or with a code beside it:
        in this way the code stays in the browser."""
        access = self.fields.get(ACCESS, "")
        if "code" in self.fields or not _ACCESS.fullmatch(access):
            raise SealedError
        return hashlib.sha256(bytes.fromhex(access)).hexdigest()

    def identifier(self, name: str = "id") -> str:
        """Return the id of a record, as the browser chose it. Raises SealedError."""
        given = self.fields.get(name, "")
        if not _ID.fullmatch(given):
            raise SealedError
        return given

    def record(
        self, token: Form, ready: Ready, *, kind: str, call: str, action: str = "", event: str = "added"
    ) -> NewRecord:
        """Return the record to keep. `action` tells the forms of one page apart, as in `form_digest`.

        Raises SealedError and StaleError.
        """
        ciphertext = self.files.get("sealed", b"")
        recipients = sealed_to(token, ready)
        size = _sealed_size(ciphertext, len(recipients))
        if size not in SOURCE_SIZES and size % SOURCE_SIZES[-1]:
            raise SealedError
        digest = hashlib.sha256(ciphertext).hexdigest()
        return NewRecord(
            id=self.identifier(),
            mailbox=self.mailbox_id,
            kind=kind,
            call=call,
            day=today(),
            sha256=digest,
            ciphertext=ciphertext,
            recipients=recipients,
            form=form_digest(token, action),
            content=digest,
            event=event,
        )

    def choices(self) -> bytes:
        """Return the copy of the consents, which is sealed to the mailbox alone. Raises SealedError."""
        ciphertext = self.files.get("choices", b"")
        if _sealed_size(ciphertext, 1) not in CHOICES_SIZES:
            raise SealedError
        return ciphertext

    def new_mailbox(self) -> NewMailbox:
        """Return the mailbox that comes with a testimony. Raises SealedError."""
        recipient, authority = self.fields.get("mailbox", ""), self.fields.get("authority", "")
        try:
            same = str(HybridRecipient.parse(recipient)) == recipient
            decode_key(authority, 32)
        except (AgeError, EnvelopeError):
            raise SealedError from None
        if not same:
            raise SealedError
        return NewMailbox(recipient=recipient, authority=authority, consents=self.choices())


def sealed_to(token: Form, ready: Ready) -> tuple[str, ...]:
    """Return the fingerprints of the recipients that a form was served with, within the last 30 days.

    Raises StaleError when they are not known, or one of them was revoked.
    """
    found = recipient_sets.find(ready.records.engine, token.recipients)
    if not found:
        raise StaleError
    return found


def header_size(start: bytes, recipients: int) -> int:
    """Return the size of the header of an age file that begins so, with the whole header at least.

    Raises SealedError unless it is strict and has one post-quantum stanza for each of so many recipients.
    """
    try:
        header = parse_header(Reader(BytesIO(start)))
        if len(header.stanzas) != recipients or not all(map(_is_hybrid, header.stanzas)):
            raise SealedError
    except AgeError:
        raise SealedError from None
    return len(header.authenticated) + _MAC_SIZE


def payload_size(size: int) -> int:
    """Return how many bytes are sealed in a payload of this size. Raises SealedError where no payload has it."""
    chunks = -(-(size - PAYLOAD_NONCE_SIZE) // (CHUNK_SIZE + TAG_SIZE))
    sealed = size - PAYLOAD_NONCE_SIZE - chunks * TAG_SIZE
    if sealed <= max(chunks - 1, 0) * CHUNK_SIZE:
        raise SealedError
    return sealed


def _sealed_size(ciphertext: bytes, recipients: int) -> int:
    return payload_size(len(ciphertext) - header_size(ciphertext, recipients))


def _is_hybrid(stanza: Stanza) -> bool:
    """Tell whether a stanza has the type and the sizes of a post-quantum one. Raises HeaderError."""
    if stanza.type != "mlkem768x25519" or len(stanza.arguments) != 1:
        return False
    return (len(decode_base64(stanza.arguments[0])), len(stanza.body)) == (HYBRID_ENC_SIZE, _WRAPPED_SIZE)
