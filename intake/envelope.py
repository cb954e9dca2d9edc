"""What is inside a sealed record: versioned JSON in a few fixed sizes. Both sides use it; docs/format.md describes it.

The server builds what a source sends, and the desk reads it; the desk builds its messages, and the source's own page
reads those. A browser, or anyone with the public key, may have sealed what is read, so `parse` believes nothing: it
either returns an envelope of exactly the right shape, or raises.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.encoding import (
    FORMAT,
    EnvelopeError,
    canonical,
    check_signature,
    decode_base64,
    encode_base64,
    parse_json,
    signing_input,
)

KIBIBYTE = 1024
SOURCE_SIZES = (32 * KIBIBYTE, 128 * KIBIBYTE)
"""What a source sends is padded to one of these (bytes), or to a multiple of the last."""
DESK_SIZES = tuple(8 * KIBIBYTE << doubled for doubled in range(6))
"""What the desk sends is padded to one of these (bytes)."""
CHOICES_SIZES = (2 * KIBIBYTE,)
"""The copy of the consents that waits in the mailbox."""
LEAST_FILE = 32 * KIBIBYTE
"""No attachment's bytes are sealed as fewer than this (bytes)."""
LONGEST_TEXT = 20_000
"""Characters in a text that a source adds, or that the desk writes."""
LONGEST_NAME = 255
"""Characters in the name of a file."""

STATES = ("received", "accepted", "set aside", "used")
"""What the desk can acknowledge of a testimony."""
UNKNOWN = "UNK"
REFUSED = "PNS"

Answer = str | int | list[str]

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")
_QUESTION = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")
_MAILBOX = re.compile(r"age1pq1[02-9ac-hj-np-z]{1,2100}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_MOST_RECIPIENTS = 64


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What every kind that a source sends has in common. Field names are the JSON's own."""

    id: str
    call: str
    edition: str
    language: str
    day: str
    recipients: tuple[str, ...]
    client: str
    test: bool = False


@dataclass(frozen=True, kw_only=True)
class Testimony(Envelope):
    """A testimony, and the public keys of the person who gave it."""

    answers: Mapping[str, Answer]
    consent: Mapping[str, str]
    mailbox: str
    authority: str
    kind: str = "testimony"


@dataclass(frozen=True, kw_only=True)
class _Signed:
    """What names a testimony and is signed by one key."""

    parent: str
    signature: str = ""

    def signed(self, key: Ed25519PrivateKey) -> Self:
        """Return this envelope with the key's signature."""
        fields = _unsigned(self)
        return replace(self, signature=encode_base64(key.sign(signing_input(fields["kind"], fields))))

    def verify(self, key: str) -> None:
        """Raise EnvelopeError unless the key (Ed25519, base64) signed this envelope."""
        fields = _unsigned(self)
        check_signature(decode_base64(key, 32), self.signature, fields["kind"], fields)


@dataclass(frozen=True, kw_only=True)
class Addition(_Signed, Envelope):
    """More from the same person: a whole form again, or a `text`. Signed by the key that the testimony names."""

    answers: Mapping[str, Answer]
    consent: Mapping[str, str]
    text: str = ""
    kind: str = "addition"


@dataclass(frozen=True, kw_only=True)
class Attachment(_Signed, Envelope):
    """Says what a file is. Its bytes are the record `content`: zero-padded, `size` of them, with this digest."""

    content: str
    name: str
    media_type: str
    size: int
    sha256: str
    kind: str = "attachment"


@dataclass(frozen=True, kw_only=True)
class Consent(_Signed, Envelope):
    """New consents in place of all earlier ones. The highest `version` counts: the testimony's own is 0."""

    consent: Mapping[str, str]
    version: int
    kind: str = "consent"


@dataclass(frozen=True, kw_only=True)
class Withdrawal(_Signed, Envelope):
    """The person takes everything back."""

    kind: str = "withdrawal"


@dataclass(frozen=True, kw_only=True)
class Message(_Signed):
    """What the desk sends to a source: signed by the desk's key, sealed to the testimony's mailbox."""

    id: str
    day: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Reply(Message):
    """Words of a reviewer to the source."""

    kind: str = "reply"


@dataclass(frozen=True, kw_only=True)
class Acknowledgement(Message):
    """What became of a testimony (one of STATES). `sha256` is the digest of the record that the desk opened."""

    state: str
    sha256: str
    kind: str = "acknowledgement"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The copy of the consents that is sealed to the mailbox, so that the source can see and change them.

    `answers` are those that decide which choices are open; `version` counts the changes.
    """

    consent: Mapping[str, str]
    answers: Mapping[str, Answer]
    edition: str
    version: int = 0
    kind: str = "choices"


FromSource = Testimony | Addition | Attachment | Consent | Withdrawal
FromDesk = Reply | Acknowledgement
_Any = TypeVar("_Any", bound=FromSource | FromDesk | Choices)

_FROM_SOURCE: dict[str, type[FromSource]] = {
    shape.kind: shape for shape in (Testimony, Addition, Attachment, Consent, Withdrawal)
}
_FROM_DESK: dict[str, type[FromDesk]] = {shape.kind: shape for shape in (Reply, Acknowledgement)}
_OPTIONAL: dict[str, Any] = {"test": False, "text": ""}
"""Fields that are left out of an Envelope when they have this value."""


def pad(data: bytes, sizes: tuple[int, ...] = SOURCE_SIZES) -> bytes:
    """Return the JSON followed by spaces, up to the first size (bytes) that holds it, so that it still parses.

    What is longer than every size is padded to a multiple of the last.
    """
    size = next((size for size in sizes if len(data) <= size), -(-len(data) // sizes[-1]) * sizes[-1])
    return data.ljust(size)


def padded_size(size: int) -> int:
    """Return how many bytes a file of `size` bytes is sealed as.

    Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", 2019) with a floor: it adds at most 6 %,
    and only the size's first few bits remain.
    """
    if size <= LEAST_FILE:
        return LEAST_FILE
    exponent = size.bit_length() - 1
    dropped = (1 << (exponent - exponent.bit_length())) - 1
    return (size + dropped) & ~dropped


def build(envelope: FromSource) -> bytes:
    """Return the padded bytes to seal, of what a source sends."""
    return pad(canonical(_fields(envelope)))


def build_message(message: FromDesk) -> bytes:
    """Return the padded bytes to seal, of what the desk sends."""
    return pad(canonical(_fields(message)), DESK_SIZES)


def build_choices(choices: Choices) -> bytes:
    """Return the padded copy of the consents that is sealed to the mailbox key."""
    return pad(canonical(_fields(choices)), CHOICES_SIZES)


def parse(data: bytes) -> FromSource:
    """Return the envelope of a source in decrypted bytes.

    Raises EnvelopeError for anything but UTF-8 JSON of exactly the right fields, types and forms. Whether the
    answers fit the call is for `intake.calls.answers` to say.
    """
    return _parse(data, _FROM_SOURCE)


def parse_message(data: bytes) -> FromDesk:
    """Return the message of the desk in decrypted bytes. Raises EnvelopeError as `parse` does."""
    return _parse(data, _FROM_DESK)


def parse_choices(data: bytes) -> Choices:
    """Return the copy of the consents in decrypted bytes. Raises EnvelopeError as `parse` does."""
    return _parse(data, {Choices.kind: Choices})


def _parse(data: bytes, shapes: Mapping[str, type[_Any]]) -> _Any:
    fields = parse_json(data)
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise EnvelopeError(f"it is not in the format {FORMAT}")
    shape = shapes.get(str(fields.get("kind")))
    if shape is None:
        raise EnvelopeError("its kind is not known")
    del fields["format"]
    fields = {**_omitted(shape), **fields}
    if set(fields) != set(shape.__dataclass_fields__):
        raise EnvelopeError("its fields are not those of its kind")
    for name, value in fields.items():
        if not _FITS[name](value):
            raise EnvelopeError(f"its {name} is malformed")
    if "recipients" in fields:
        fields["recipients"] = tuple(fields["recipients"])
    return shape(**fields)


def _omitted(shape: type[Any]) -> dict[str, Any]:
    """Return the fields of a shape that may be left out, with what they are then."""
    found = shape.__dataclass_fields__
    return {name: value for name, value in _OPTIONAL.items() if name in found and issubclass(shape, Envelope)}


def _fields(envelope: FromSource | FromDesk | Choices | _Signed) -> dict[str, Any]:
    fields = {"format": FORMAT, **vars(envelope)}
    for name, value in _omitted(type(envelope)).items():
        if fields[name] == value:
            del fields[name]
    return fields


def _unsigned(envelope: _Signed) -> dict[str, Any]:
    fields = _fields(envelope)
    del fields["signature"]
    return fields


def _matches(pattern: re.Pattern[str]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _has_bytes(length: int) -> Callable[[object], bool]:
    def fits(value: object) -> bool:
        try:
            return isinstance(value, str) and len(decode_base64(value, length)) == length
        except EnvelopeError:
            return False

    return fits


def _text_up_to(length: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and len(value) <= length


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_date(value: object) -> bool:
    if not (isinstance(value, str) and _DAY.fullmatch(value)):
        return False
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _are_recipients(value: object) -> bool:
    return _is_strings(value, _SHA256) and isinstance(value, list) and 0 < len(value) <= _MOST_RECIPIENTS


def _are_answers(value: object) -> bool:
    return isinstance(value, dict) and all(map(_QUESTION.fullmatch, value)) and all(map(_is_answer, value.values()))


def _are_consents(value: object) -> bool:
    return _are_answers(value) and isinstance(value, dict) and _all_strings(value.values())


def _is_answer(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)) or _is_strings(value)


def _is_strings(value: object, pattern: re.Pattern[str] | None = None) -> bool:
    return (
        isinstance(value, list)
        and _all_strings(value)
        and (pattern is None or all(pattern.fullmatch(item) for item in value))
    )


def _all_strings(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


_FITS: dict[str, Callable[[object], bool]] = {
    "kind": lambda value: isinstance(value, str),
    "id": _matches(_HEX_ID),
    "parent": _matches(_HEX_ID),
    "content": _matches(_HEX_ID),
    "call": _matches(_NAME),
    "edition": _matches(_SHA256),
    "sha256": _matches(_SHA256),
    "language": _matches(_LANGUAGE),
    "media_type": _matches(_MEDIA_TYPE),
    "mailbox": _matches(_MAILBOX),
    "day": _is_date,
    "authority": _has_bytes(32),
    "signature": _has_bytes(64),
    "client": lambda value: value in ("browser", "server"),
    "state": lambda value: value in STATES,
    "test": lambda value: isinstance(value, bool),
    "text": _text_up_to(LONGEST_TEXT),
    "name": _text_up_to(LONGEST_NAME),
    "size": _is_number,
    "version": _is_number,
    "recipients": _are_recipients,
    "answers": _are_answers,
    "consent": _are_consents,
}
