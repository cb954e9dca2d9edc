"""The header of an age file: one stanza for each recipient, and a MAC over them (age specification, "Header")."""

import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from intake.age.armor import unarmored
from intake.age.errors import HeaderError, HmacError
from intake.age.primitives import hkdf
from intake.age.streams import Reader, Source

# Enough for 160 hybrid recipients, and little enough that a hostile header takes a few MiB and a quarter of a second.
MAX_HEADER_SIZE = 256 * 1024

_VERSION_LINE = b"age-encryption.org/v1\n"
_ARGUMENTS_LINE = re.compile(rb"-> ([ -~]+)\n")
_BODY_LINE = re.compile(rb"([A-Za-z0-9+/]{0,64})\n")
_MAC_LINE = re.compile(rb"--- ([A-Za-z0-9+/]{43})\n")
_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class Stanza:
    """The file key wrapped for one recipient: its type, the arguments after the type, and the body."""

    type: str
    arguments: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it was read. Nothing in it is to be believed before `verify` has returned."""

    stanzas: tuple[Stanza, ...]
    mac: bytes
    authenticated: bytes
    """What the MAC covers, byte for byte as it was read."""

    def verify(self, file_key: bytes) -> None:
        """Check the MAC. Raises HmacError."""
        if not bytes_eq(_mac(file_key, self.authenticated), self.mac):
            raise HmacError("The header of this file was altered after it was made. Do not trust the file.")


def encode_base64(data: bytes) -> str:
    """Unpadded Base64, as everywhere in a header."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").decode("ascii")


def decode_base64(text: str) -> bytes:
    """The inverse of `encode_base64`. Raises HeaderError for anything that does not write."""
    try:
        data = binascii.a2b_base64(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    # Python's decoder is lenient; only what encodes to the very same text is canonical.
    if encode_base64(data) != text:
        raise HeaderError("The header has a value that is not canonical Base64.")
    return data


def encode_header(stanzas: Sequence[Stanza], file_key: bytes) -> bytes:
    """Write a whole header, its MAC included."""
    lines = []
    for stanza in stanzas:
        lines.append(" ".join(("->", stanza.type, *stanza.arguments)))
        body = encode_base64(stanza.body)
        # A body ends with a line shorter than the others, even if that leaves it empty.
        lines += [body[at : at + _COLUMNS] for at in range(0, len(body) + 1, _COLUMNS)]
    authenticated = _VERSION_LINE + "".join(line + "\n" for line in lines).encode("ascii") + b"---"
    return authenticated + f" {encode_base64(_mac(file_key, authenticated))}\n".encode("ascii")


def read_header(source: Source) -> Header:
    """Read the header of a file, armored or not, as to count its stanzas; this needs no key and checks no MAC.

    Reads somewhat further than the header. Raises HeaderError, ArmorError and whatever the source raises.
    """
    return parse_header(unarmored(source))


def parse_header(reader: Reader) -> Header:
    """Read a header strictly, and leave the reader where the payload begins. Raises as `read_header` does."""
    lines = _Lines(reader)
    if lines.next() != _VERSION_LINE:
        raise HeaderError("This is not an age file of version 1.")
    stanzas = []
    line = lines.next()
    while match := _ARGUMENTS_LINE.fullmatch(line):
        kind, *arguments = match[1].decode("ascii").split(" ")
        if not kind or not all(arguments):
            raise HeaderError("The header is damaged: a stanza has an empty argument.")
        stanzas.append(Stanza(kind, tuple(arguments), _body(lines)))
        line = lines.next()
    end = _MAC_LINE.fullmatch(line)
    if not end or not stanzas:
        raise HeaderError("The header is damaged: it is not made of stanzas and one MAC.")
    # A passphrase vouches for who wrote the file, so the specification lets no one else open it.
    if len(stanzas) > 1 and any(stanza.type == "scrypt" for stanza in stanzas):
        raise HeaderError("The header has a passphrase stanza that is not alone.")
    authenticated = b"".join(lines.seen[:-1]) + b"---"
    return Header(tuple(stanzas), decode_base64(end[1].decode("ascii")), authenticated)


class _Lines:
    """The lines of a header, and how many bytes are left for more of them."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._left = MAX_HEADER_SIZE
        self.seen: list[bytes] = []

    def next(self) -> bytes:
        line = self._reader.line(self._left)
        if line is None:
            raise HeaderError(f"The header is larger than {MAX_HEADER_SIZE} bytes.")
        self._left -= len(line)
        self.seen.append(line)
        return line


def _body(lines: _Lines) -> bytes:
    """The body of a stanza: full lines, and one that is shorter."""
    parts = []
    while match := _BODY_LINE.fullmatch(lines.next()):
        parts.append(match[1])
        if len(match[1]) < _COLUMNS:
            return decode_base64(b"".join(parts).decode("ascii"))
    raise HeaderError("The header is damaged: a stanza's body is not strict Base64 lines.")


def _mac(file_key: bytes, authenticated: bytes) -> bytes:
    mac = HMAC(hkdf(file_key, b"", b"header"), SHA256())
    mac.update(authenticated)
    return mac.finalize()
