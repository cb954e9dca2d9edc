"""Identities: the secret keys that open files. The decrypting half of each key type; the other is `recipients`.

`HybridIdentity` is the one to use. Source: age specification, "Native recipient types".
"""

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from intake.age import bech32, primitives
from intake.age.errors import HeaderError, KeyFormatError
from intake.age.header import Stanza, decode_base64
from intake.age.primitives import FILE_KEY_SIZE, SECRET_SIZE, TAG_SIZE, X25519_SIZE
from intake.age.recipients import HybridRecipient, X25519Recipient, parse_lines


class Identity(ABC):
    """What opens files that were encrypted to its recipient."""

    _stanza_type: ClassVar[str]
    _argument_count: ClassVar[int]

    def unwrap(self, stanzas: Sequence[Stanza]) -> bytes | None:
        """The file key, or None if no stanza is for this identity.

        Raises HeaderError if a stanza of this identity's type is not as the specification wants it.
        """
        for stanza in stanzas:
            if stanza.type != self._stanza_type:
                continue
            if len(stanza.arguments) != self._argument_count:
                raise HeaderError("The header has a stanza with a wrong number of arguments.")
            # Before decrypting, so that no body can be one that several keys open (a partitioning oracle).
            if len(stanza.body) != FILE_KEY_SIZE + TAG_SIZE:
                raise HeaderError("The header has a stanza that does not hold a file key.")
            try:
                return self._open(stanza)
            except InvalidTag:
                continue
        return None

    @abstractmethod
    def _open(self, stanza: Stanza) -> bytes:
        """The file key. Raises InvalidTag if it is for someone else, HeaderError if it is for no one."""


class _SecretKey(Identity):
    """What the two identities that are secret keys have in common. Their `str` is the secret."""

    prefix: ClassVar[str]

    def __init__(self, secret: bytes) -> None:
        """Use 32 bytes that nobody can guess. Raises KeyFormatError for another size."""
        if len(secret) != SECRET_SIZE:
            raise KeyFormatError(f"An identity has {SECRET_SIZE} bytes; this one has not.")
        self._secret = secret

    @classmethod
    def generate(cls) -> Self:
        """Make a new identity from the system's random source."""
        return cls(os.urandom(SECRET_SIZE))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the string form, without whitespace around it. Raises KeyFormatError."""
        prefix, secret = bech32.decode(text)
        if prefix != cls.prefix:
            raise KeyFormatError("This is not an identity of the expected kind.")
        return cls(secret)

    def __str__(self) -> str:
        return bech32.encode(self.prefix.lower(), self._secret).upper()


class X25519Identity(_SecretKey):
    """A classic identity, `AGE-SECRET-KEY-1…`."""

    prefix = "AGE-SECRET-KEY-"
    _stanza_type = "X25519"
    _argument_count = 1

    def __init__(self, secret: bytes) -> None:
        """Use 32 bytes that nobody can guess. Raises KeyFormatError for another size."""
        super().__init__(secret)
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self._public = self._key.public_key().public_bytes_raw()

    def recipient(self) -> X25519Recipient:
        """What to encrypt to, so that this identity opens it."""
        return X25519Recipient(self._public)

    def _open(self, stanza: Stanza) -> bytes:
        share = _sized(stanza.arguments[0], X25519_SIZE)
        key = primitives.x25519_wrap_key(_exchange(self._key, share), share, self._public)
        return ChaCha20Poly1305(key).decrypt(primitives.WRAP_NONCE, stanza.body, None)


class HybridIdentity(_SecretKey):
    """A post-quantum identity, `AGE-SECRET-KEY-PQ-1…`."""

    prefix = "AGE-SECRET-KEY-PQ-"
    _stanza_type = "mlkem768x25519"
    _argument_count = 1

    def __init__(self, secret: bytes) -> None:
        """Use 32 bytes that nobody can guess. Raises KeyFormatError for another size."""
        super().__init__(secret)
        mlkem, self._x25519 = primitives.hybrid_private_keys(secret)
        self._key = hpke.MLKEM768X25519PrivateKey(mlkem, self._x25519)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The identity of a 32-byte seed, such as a key derivation gives. Raises KeyFormatError for another size."""
        return cls(seed)

    @property
    def seed(self) -> bytes:
        """The 32 bytes that are the whole identity. They are the secret."""
        return self._secret

    def recipient(self) -> HybridRecipient:
        """What to encrypt to, so that this identity opens it."""
        return HybridRecipient.from_seed(self._secret)

    def _open(self, stanza: Stanza) -> bytes:
        enc = _sized(stanza.arguments[0], primitives.HYBRID_ENC_SIZE)
        try:
            return primitives.HYBRID_SUITE.decrypt(enc + stanza.body, self._key, primitives.HYBRID_INFO)
        except InvalidTag:
            # HPKE takes a low-order share for one that is for someone else. It is a forgery.
            _exchange(self._x25519, enc[-X25519_SIZE:])
            raise


class ScryptIdentity(Identity):
    """A passphrase."""

    _stanza_type = "scrypt"
    _argument_count = 2

    def __init__(self, passphrase: str, max_work_factor: int = 22) -> None:
        """Use a passphrase exactly as it is given.

        A file with a higher work factor than `max_work_factor` is refused with HeaderError: each step doubles time
        and memory, and 22 takes about 12 seconds and 4 GiB. Raises KeyFormatError if the passphrase is empty.
        """
        self._passphrase = primitives.passphrase_bytes(passphrase)
        self._max_work_factor = max_work_factor

    def _open(self, stanza: Stanza) -> bytes:
        salt, work_factor = _sized(stanza.arguments[0], primitives.SALT_SIZE), stanza.arguments[1]
        if not re.fullmatch("[1-9][0-9]*", work_factor):
            raise HeaderError("The header has an scrypt work factor that is not a decimal number.")
        # Its length first: Python refuses to read numbers of thousands of digits.
        if len(work_factor) > 2 or int(work_factor) > self._max_work_factor:
            raise HeaderError("The header has an scrypt work factor that is higher than allowed here.")
        try:
            key = primitives.scrypt_wrap_key(self._passphrase, salt, int(work_factor))
        except MemoryError:
            raise HeaderError("The header has an scrypt work factor that needs more memory than there is.") from None
        return ChaCha20Poly1305(key).decrypt(primitives.WRAP_NONCE, stanza.body, None)


SecretKeyIdentity = HybridIdentity | X25519Identity


def parse_identity(text: str) -> SecretKeyIdentity:
    """Read one identity of either kind, without whitespace around it.

    Raises KeyFormatError, whose message holds no part of the text.
    """
    if text.startswith("age1"):
        raise KeyFormatError("This is a recipient, a public key. An identity starts with 'AGE-SECRET-KEY-'.")
    prefix, secret = bech32.decode(text)
    for kind in (HybridIdentity, X25519Identity):
        if prefix == kind.prefix:
            return kind(secret)
    raise KeyFormatError("This is no identity of a known kind, 'AGE-SECRET-KEY-PQ-1…' or 'AGE-SECRET-KEY-1…'.")


def parse_identities(text: str) -> list[SecretKeyIdentity]:
    """Read an identity file: one on each line; blank lines and lines that begin with # are skipped.

    Raises KeyFormatError if there is none, or with the number of the line that is wrong and no part of it.
    """
    return parse_lines(text, parse_identity)


def _sized(argument: str, size: int) -> bytes:
    data = decode_base64(argument)
    if len(data) != size:
        raise HeaderError("The header has a stanza with an argument of a wrong size.")
    return data


def _exchange(key: X25519PrivateKey, share: bytes) -> bytes:
    """The shared secret. That of a low-order share is the same for everyone; the specification forbids it."""
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:
        raise HeaderError("The header has a forged X25519 share.") from None
