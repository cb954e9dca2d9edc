"""What encrypting and decrypting share: sizes, labels and key derivation."""

import hashlib

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from intake.age.errors import KeyFormatError

FILE_KEY_SIZE = 16
PAYLOAD_NONCE_SIZE = 16
CHUNK_SIZE = 64 * 1024
TAG_SIZE = 16
# A wrap key is used once, so its nonce may be fixed.
WRAP_NONCE = bytes(12)

SECRET_SIZE = 32  # of an X25519 secret, and of a hybrid identity's seed
X25519_SIZE = 32  # of a public key, and of a share
MLKEM_SIZE = 1184  # of a public key
SALT_SIZE = 16
HYBRID_ENC_SIZE = 1120
HYBRID_INFO = b"age-encryption.org/mlkem768x25519"
HYBRID_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


def hkdf(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 (RFC 5869) with 32 bytes of output."""
    return HKDF(SHA256(), 32, salt, info).derive(secret)


def payload_key(file_key: bytes, nonce: bytes) -> bytes:
    """The key of all chunks of the payload that begins with this nonce (specification, "Payload")."""
    return hkdf(file_key, nonce, b"payload")


def chunk_nonce(counter: int, *, last: bool) -> bytes:
    """The nonce of the chunk number `counter`, counted from 0 (specification, "Payload")."""
    return counter.to_bytes(11, "big") + bytes([last])


def x25519_wrap_key(shared: bytes, share: bytes, recipient: bytes) -> bytes:
    """The key that wraps the file key (specification, "X25519 recipient stanza")."""
    return hkdf(shared, share + recipient, b"age-encryption.org/v1/X25519")


def scrypt_wrap_key(passphrase: bytes, salt: bytes, work_factor: int) -> bytes:
    """The key that wraps the file key (specification, "scrypt recipient stanza"). Raises MemoryError."""
    salt = b"age-encryption.org/v1/scrypt" + salt
    return Scrypt(salt=salt, length=32, n=1 << work_factor, r=8, p=1).derive(passphrase)


def hybrid_private_keys(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    """The private keys that a hybrid identity's seed stands for (filippo.io/hpke-pq, MLKEM768-X25519).

    Raises KeyFormatError unless the seed has 32 bytes.
    """
    if len(seed) != SECRET_SIZE:
        raise KeyFormatError(f"A hybrid identity has a seed of {SECRET_SIZE} bytes; this one has not.")
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    return mlkem, X25519PrivateKey.from_private_bytes(expanded[64:])


def passphrase_bytes(passphrase: str) -> bytes:
    """The UTF-8 form of a passphrase. Raises KeyFormatError if it is empty or is not text."""
    try:
        encoded = passphrase.encode("utf-8")
    except UnicodeEncodeError:
        raise KeyFormatError("The passphrase contains something that is not a character.") from None
    if not encoded:
        raise KeyFormatError("The passphrase is empty.")
    return encoded
