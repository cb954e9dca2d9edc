"""How JSON and bytes are written so that they can be hashed, signed and read back strictly: one text for one value."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "intake/1"
MOST = 16 * 1024 * 1024
"""No envelope or manifest is larger than this (bytes)."""
_MOST_DIGITS = 15


class EnvelopeError(ValueError):
    """The bytes are not in a format of ours. The message says why and never repeats content."""


def canonical(value: object) -> bytes:
    """Return the one JSON text that is hashed and signed: keys sorted, no white space, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signing_input(purpose: str, fields: Mapping[str, Any]) -> bytes:
    """Return what a signature of this format covers: the purpose, a zero byte, then the canonical JSON."""
    return f"{FORMAT} {purpose}\0".encode() + canonical(fields)


def check_signature(key: bytes, signature: str, purpose: str, fields: Mapping[str, Any]) -> None:
    """Raise EnvelopeError unless the key (raw Ed25519, RFC 8032) made this signature (base64)."""
    try:
        public_key = Ed25519PublicKey.from_public_bytes(key)
        public_key.verify(decode_base64(signature, 64), signing_input(purpose, fields))
    except (InvalidSignature, ValueError, RecursionError):  # what could just be read may be too deep to be written
        raise EnvelopeError("its signature does not fit") from None


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


def parse_json(data: bytes) -> Any:
    """Return strict JSON: UTF-8, no doubled keys, no NaN, whole numbers of a sane length, sane depth.

    Raises EnvelopeError.
    """
    if len(data) > MOST:
        raise EnvelopeError("it is too large")
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_no_doubles,
            parse_int=_whole_number,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
        )
        if "\\u" in text:
            canonical(value)  # refuses lone surrogates, which no UTF-8 text can hold, but an escape can name
    except RecursionError:
        raise EnvelopeError("it is nested too deep") from None
    except UnicodeError:
        raise EnvelopeError("its text is not valid Unicode") from None
    except json.JSONDecodeError:
        raise EnvelopeError("it is not JSON") from None
    return value


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
