"""What is inside a sealed record: versioned JSON in a few fixed sizes. Both sides use it; docs/format.md describes it.

The server builds envelopes and the desk reads them. A browser, or anyone with the public key, may have sealed
what the desk reads, so `parse` believes nothing: it either returns an envelope of exactly the right shape, or raises.
"""

import base64
import binascii
import datetime
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = "intake/1"
KIBIBYTE = 1024
SOURCE_SIZES = (32 * KIBIBYTE, 128 * KIBIBYTE)
"""What a source sends is padded to one of these (bytes), or to a multiple of the last."""
CONSENT_SIZES = (2 * KIBIBYTE,)
"""The copy of the consents that waits in the mailbox."""
MOST = 16 * 1024 * KIBIBYTE
"""No envelope is larger than this (bytes)."""

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
_MOST_RECIPIENTS = 64
_MOST_DIGITS = 15


class EnvelopeError(ValueError):
    """The bytes are not an envelope of this format. The message says why and never repeats content."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What every kind that a source sends has in common. Field names are the JSON's own."""

    id: str
    call: str
    edition: str
    language: str
    day: str
    answers: Mapping[str, Answer]
    consent: Mapping[str, str]
    recipients: tuple[str, ...]
    client: str
    test: bool = False


@dataclass(frozen=True, kw_only=True)
class Testimony(Envelope):
    """A testimony, and the public keys of the person who gave it."""

    mailbox: str
    authority: str
    kind: str = "testimony"


@dataclass(frozen=True, kw_only=True)
class Addition(Envelope):
    """More from the same person: names its testimony and is signed by the key that the testimony names."""

    parent: str
    signature: str = ""
    kind: str = "addition"

    def signed(self, authority: Ed25519PrivateKey) -> Self:
        """Return this addition with the signature of its source."""
        unsigned = _fields(self)
        del unsigned["signature"]
        return replace(self, signature=encode_base64(authority.sign(signing_input(unsigned))))

    def verify(self, authority: str) -> None:
        """Raise EnvelopeError unless the key `authority` (base64, as a testimony names it) signed this addition."""
        unsigned = _fields(self)
        del unsigned["signature"]
        key = Ed25519PublicKey.from_public_bytes(decode_base64(authority, 32))
        try:
            key.verify(decode_base64(self.signature, 64), signing_input(unsigned))
        except InvalidSignature:
            raise EnvelopeError("its signature is not that of the person who sent the testimony") from None


def canonical(value: object) -> bytes:
    """Return the one JSON text that is hashed and signed: keys sorted, no white space, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signing_input(fields: Mapping[str, Any]) -> bytes:
    """Return what a signature of this format covers: the kind, a zero byte, then the canonical JSON."""
    return f"{FORMAT} {fields['kind']}\0".encode() + canonical(fields)


def encode_base64(data: bytes) -> str:
    """Return standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def decode_base64(text: str, length: int) -> bytes:
    """Return exactly `length` bytes from standard base64. Raises EnvelopeError otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("a key or signature in it is not base64") from None
    if len(data) != length:
        raise EnvelopeError("a key or signature in it has the wrong length")
    return data


def pad(data: bytes, sizes: tuple[int, ...] = SOURCE_SIZES) -> bytes:
    """Return the JSON followed by spaces, up to the first size (bytes) that holds it, so that it still parses.

    What is longer than every size is padded to a multiple of the last.
    """
    size = next((size for size in sizes if len(data) <= size), -(-len(data) // sizes[-1]) * sizes[-1])
    return data.ljust(size)


def build(envelope: Testimony | Addition) -> bytes:
    """Return the padded bytes to seal."""
    return pad(canonical(_fields(envelope)))


def build_consents(consent: Mapping[str, str]) -> bytes:
    """Return the padded copy of the consents that is sealed to the mailbox key."""
    return pad(canonical({"format": FORMAT, "kind": "consent", "consent": consent}), CONSENT_SIZES)


def parse(data: bytes) -> Testimony | Addition:
    """Return the envelope in decrypted bytes.

    Raises EnvelopeError for anything but UTF-8 JSON of exactly the right fields, types and forms. Whether the
    answers fit the call is for `intake.calls.answers` to say.
    """
    fields = parse_json(data)
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise EnvelopeError(f"it is not in the format {FORMAT}")
    shapes: dict[str, type[Testimony] | type[Addition]] = {"testimony": Testimony, "addition": Addition}
    shape = shapes.get(str(fields.get("kind")))
    if shape is None:
        raise EnvelopeError("its kind is not known")
    del fields["format"]
    fields.setdefault("test", False)
    if set(fields) != set(shape.__dataclass_fields__):
        raise EnvelopeError("its fields are not those of its kind")
    _check_fields(fields)
    return shape(**{**fields, "recipients": tuple(fields["recipients"])})


def parse_json(data: bytes) -> Any:
    """Return strict JSON: UTF-8, no doubled keys, no NaN, whole numbers of a sane length, sane depth.

    Raises EnvelopeError.
    """
    if len(data) > MOST:
        raise EnvelopeError("it is too large")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_doubles,
            parse_int=_whole_number,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
        canonical(value)  # refuses lone surrogates, which no UTF-8 text can hold
    except RecursionError:
        raise EnvelopeError("it is nested too deep") from None
    except UnicodeError:
        raise EnvelopeError("its text is not valid Unicode") from None
    except json.JSONDecodeError:
        raise EnvelopeError("it is not JSON") from None
    return value


def _fields(envelope: Testimony | Addition) -> dict[str, Any]:
    fields = {"format": FORMAT, **asdict(envelope)}
    if not envelope.test:
        del fields["test"]
    return fields


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise EnvelopeError("it has the same field twice")
    return result


def _whole_number(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise EnvelopeError("a number in it is too long")
    return int(digits)


def _no_fraction(_: str) -> Any:
    raise EnvelopeError("a number in it is not a whole number")


def _check_fields(fields: dict[str, Any]) -> None:
    patterns = {
        "id": _HEX_ID,
        "parent": _HEX_ID,
        "call": _NAME,
        "edition": _SHA256,
        "language": _LANGUAGE,
        "day": _DAY,
        "mailbox": _MAILBOX,
    }
    for name, pattern in patterns.items():
        if name in fields and not (isinstance(fields[name], str) and pattern.fullmatch(fields[name])):
            raise EnvelopeError(f"its {name} is malformed")
    for name, length in (("authority", 32), ("signature", 64)):
        if name in fields:
            _expect(isinstance(fields[name], str), name)
            decode_base64(fields[name], length)
    _expect(_is_date(fields["day"]), "day")
    _expect(fields["client"] in ("browser", "server"), "client")
    _expect(isinstance(fields["test"], bool), "test")
    recipients = fields["recipients"]
    _expect(_is_strings(recipients) and 0 < len(recipients) <= _MOST_RECIPIENTS, "recipients")
    _expect(all(_SHA256.fullmatch(recipient) for recipient in recipients), "recipients")
    answers, consent = fields["answers"], fields["consent"]
    _expect(isinstance(answers, dict) and all(map(_QUESTION.fullmatch, answers)), "answers")
    _expect(all(_is_answer(answer) for answer in answers.values()), "answers")
    _expect(isinstance(consent, dict) and all(map(_QUESTION.fullmatch, consent)), "consent")
    _expect(all(isinstance(answer, str) for answer in consent.values()), "consent")


def _expect(fits: bool, name: str) -> None:
    if not fits:
        raise EnvelopeError(f"its {name} is malformed")


def _is_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_answer(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)) or _is_strings(value)


def _is_strings(value: object) -> bool:
    return isinstance(value, list) and _all_strings(value)


def _all_strings(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
