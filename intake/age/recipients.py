"""Recipients: whom a file is encrypted to. The encrypting half of each key type; the other is `identities`.

`HybridRecipient` is the one to use. Source: age specification, "Native recipient types".
"""

import hashlib
import os
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar, Self, TypeVar

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from intake.age import bech32, primitives
from intake.age.errors import KeyFormatError
from intake.age.header import Stanza, encode_base64
from intake.age.primitives import MLKEM_SIZE, X25519_SIZE

# Every X25519 secret shows a low-order point for what it is, so this one need not be random.
_PROBE = X25519PrivateKey.from_private_bytes(bytes(32))

Parsed = TypeVar("Parsed")


class _PublicKey:
    """What the two recipients that are public keys have in common.

    A file does not tell whom it is for: nobody without the identity can see whether a stanza is theirs.
    """

    prefix: ClassVar[str]

    def __init__(self, public_key: bytes) -> None:
        """Use the bytes of a public key. Raises KeyFormatError."""
        self._raw = public_key

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the string form, without whitespace around it. Raises KeyFormatError."""
        prefix, public_key = bech32.decode(text)
        if prefix != cls.prefix:
            raise KeyFormatError("This is not a recipient of the expected kind.")
        return cls(public_key)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the string form, in lower-case hexadecimal digits."""
        return hashlib.sha256(self._text.encode("ascii")).hexdigest()

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        return bech32.encode(self.prefix, self._raw)


class X25519Recipient(_PublicKey):
    """A classic recipient, `age1…`, for those whose tools know no other. A quantum computer would open the file."""

    prefix = "age"

    def __init__(self, public_key: bytes) -> None:
        """Use the 32 bytes of a public key. Raises KeyFormatError."""
        super().__init__(public_key)
        self._key = _usable_x25519(public_key)

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key (specification, "X25519 recipient stanza")."""
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        key = primitives.x25519_wrap_key(ephemeral.exchange(self._key), share, self._raw)
        body = ChaCha20Poly1305(key).encrypt(primitives.WRAP_NONCE, file_key, None)
        return Stanza("X25519", (encode_base64(share),), body)


class HybridRecipient(_PublicKey):
    """A post-quantum recipient, `age1pq1…`: the file is safe unless both ML-KEM-768 and X25519 are broken."""

    prefix = "age1pq"

    def __init__(self, public_key: bytes) -> None:
        """Use the 1,216 bytes of a public key, ML-KEM first. Raises KeyFormatError."""
        super().__init__(public_key)
        if len(public_key) != MLKEM_SIZE + X25519_SIZE:
            raise KeyFormatError(f"A hybrid recipient has {MLKEM_SIZE + X25519_SIZE} bytes; this one has not.")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(public_key[:MLKEM_SIZE])
        except ValueError:
            raise KeyFormatError("This recipient's public key is not a usable one.") from None
        self._key = hpke.MLKEM768X25519PublicKey(mlkem, _usable_x25519(public_key[MLKEM_SIZE:]))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The recipient of the identity that has this 32-byte seed. Raises KeyFormatError for another size."""
        mlkem, x25519 = primitives.hybrid_private_keys(seed)
        return cls(mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw())

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key (specification, "mlkem768x25519 recipient stanza"; HPKE, RFC 9180 section 6.1)."""
        sealed = primitives.HYBRID_SUITE.encrypt(file_key, self._key, primitives.HYBRID_INFO)
        enc, body = sealed[: primitives.HYBRID_ENC_SIZE], sealed[primitives.HYBRID_ENC_SIZE :]
        return Stanza("mlkem768x25519", (encode_base64(enc),), body)


class ScryptRecipient:
    """A passphrase. Whoever has it can open the file and can make another, so it must be the only recipient."""

    def __init__(self, passphrase: str, work_factor: int = 18) -> None:
        """Use a passphrase exactly as it is given.

        `work_factor` from 1 to 30: each step doubles time and memory, and 18 takes about a second and 256 MiB.
        Raises KeyFormatError if the passphrase is empty, ValueError for another work factor.
        """
        if not 1 <= work_factor <= 30:
            raise ValueError("The work factor must be from 1 to 30.")
        self._passphrase = primitives.passphrase_bytes(passphrase)
        self._work_factor = work_factor

    def wrap(self, file_key: bytes) -> Stanza:
        """Encrypt the file key (specification, "scrypt recipient stanza"). Slow on purpose. Raises MemoryError."""
        salt = os.urandom(primitives.SALT_SIZE)
        key = primitives.scrypt_wrap_key(self._passphrase, salt, self._work_factor)
        body = ChaCha20Poly1305(key).encrypt(primitives.WRAP_NONCE, file_key, None)
        return Stanza("scrypt", (encode_base64(salt), str(self._work_factor)), body)


PublicKeyRecipient = HybridRecipient | X25519Recipient
Recipient = PublicKeyRecipient | ScryptRecipient


def parse_recipient(text: str) -> PublicKeyRecipient:
    """Read one recipient of either kind, without whitespace around it.

    Raises KeyFormatError, whose message holds no part of the text.
    """
    if text.upper().startswith("AGE-"):
        raise KeyFormatError("This is an identity, a private key: keep it secret. A recipient starts with 'age1'.")
    prefix, public_key = bech32.decode(text)
    for kind in (HybridRecipient, X25519Recipient):
        if prefix == kind.prefix:
            return kind(public_key)
    raise KeyFormatError("This is no recipient of a known kind, 'age1pq1…' or the classic 'age1…'.")


def parse_recipients(text: str) -> list[PublicKeyRecipient]:
    """Read a recipients file: one on each line; blank lines and lines that begin with # are skipped.

    Raises KeyFormatError if there is none, or with the number of the line that is wrong and no part of it.
    """
    return parse_lines(text, parse_recipient)


def parse_lines(text: str, parse: Callable[[str], Parsed]) -> list[Parsed]:
    """Read each line of a file of keys with `parse`. Raises as `parse_recipients` does."""
    parsed = []
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            parsed.append(parse(line))
        except KeyFormatError as error:
            raise KeyFormatError(f"Line {number}: {error}") from None
    if not parsed:
        raise KeyFormatError("There is no key here.")
    return parsed


def _usable_x25519(public_key: bytes) -> X25519PublicKey:
    """Refuse a key of another size, and a low-order point, which has the same secret with everyone."""
    try:
        key = X25519PublicKey.from_public_bytes(public_key)
        _PROBE.exchange(key)
    except ValueError:
        raise KeyFormatError("This recipient's public key is not a usable one.") from None
    return key
