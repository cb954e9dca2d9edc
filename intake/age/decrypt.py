"""Decrypting: `decrypt` for what fits in memory, `decrypt_stream` for what does not. Both take armor as well."""

import io
import itertools
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from intake.age.armor import unarmored
from intake.age.errors import HeaderError, NoMatchError, PayloadError
from intake.age.header import Header, parse_header
from intake.age.identities import Identity
from intake.age.primitives import CHUNK_SIZE, PAYLOAD_NONCE_SIZE, TAG_SIZE, chunk_nonce, payload_key
from intake.age.streams import Reader, Source


def decrypt(ciphertext: bytes, identities: Sequence[Identity]) -> bytes:
    """Decrypt a whole file. Raises as `decrypt_stream` and its iterator do, and then returns nothing of it."""
    return b"".join(decrypt_stream(io.BytesIO(ciphertext), identities))


def decrypt_stream(source: Source, identities: Sequence[Identity]) -> Iterator[bytes]:
    """Decrypt a file of any size in constant memory, in pieces of up to 64 KiB.

    The identities are tried in order. Each piece is authenticated before it is handed out. That the file is complete
    is known only once the iterator has ended without an error: until then, nothing made from it may count as done.

    Raises at once, before there is an iterator: HeaderError, NoMatchError, HmacError, ArmorError. The iterator raises
    PayloadError and ArmorError. Both raise whatever the source raises.
    """
    return decrypt_with_header(source, identities)[1]


def decrypt_with_header(source: Source, identities: Sequence[Identity]) -> tuple[Header, Iterator[bytes]]:
    """Return the header, whose MAC was checked, and what `decrypt_stream` gives. Raises as that does."""
    reader = unarmored(source)
    header = parse_header(reader)
    file_key = _file_key(header, identities)
    header.verify(file_key)
    nonce = reader.read(PAYLOAD_NONCE_SIZE)
    if len(nonce) < PAYLOAD_NONCE_SIZE:
        raise HeaderError("The file is cut off right after its header.")
    return header, _chunks(reader, payload_key(file_key, nonce))


def _file_key(header: Header, identities: Sequence[Identity]) -> bytes:
    for identity in identities:
        if (file_key := identity.unwrap(header.stanzas)) is not None:
            return file_key
    raise NoMatchError("None of the keys or passphrases given opens this file.")


def _chunks(reader: Reader, key: bytes) -> Iterator[bytes]:
    cipher = ChaCha20Poly1305(key)
    for counter in itertools.count():
        sealed = reader.read(CHUNK_SIZE + TAG_SIZE)
        chunk = None
        # Only a full chunk can have another after it. A full one may still be the last, which only its nonce tells.
        if len(sealed) == CHUNK_SIZE + TAG_SIZE:
            chunk = _open(cipher, chunk_nonce(counter, last=False), sealed)
        if chunk is not None:
            yield chunk
            continue
        chunk = _open(cipher, chunk_nonce(counter, last=True), sealed)
        if chunk is None:
            raise PayloadError("The file is damaged, was altered, or is cut off. Nothing beyond this point is known.")
        if not chunk and counter:
            raise PayloadError("The file has an empty piece at its end, which no program writes.")
        yield chunk
        if reader.read(1):
            raise PayloadError("Something was added after the end of the file.")
        return


def _open(cipher: ChaCha20Poly1305, nonce: bytes, sealed: bytes) -> bytes | None:
    try:
        return cipher.decrypt(nonce, sealed, None)
    except InvalidTag:
        return None
