"""The instance secret: one file, from which the server's own keys are derived. None of them opens a testimony."""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_FILE = "secret"  # noqa: S105 - a file name
_BYTES = 32


class InstanceError(Exception):
    """The instance folder is not ready. The message says what to do."""


def create_secret(instance: Path) -> None:
    """Make the instance folder and its secret, readable by their owner alone. Keeps what is there."""
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = instance / SECRET_FILE
    if path.exists():
        return
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)


def read_secret(instance: Path) -> bytes:
    """Return the secret: 32 bytes. Raises InstanceError."""
    path = instance / SECRET_FILE
    try:
        if path.stat().st_mode & 0o077:
            raise InstanceError(f"{path} can be read by others: run `chmod 600 {path}`")
        secret = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise InstanceError(
            f"{path} is missing: restore it from a backup, or run `intake init` for a new instance"
        ) from None
    except (OSError, ValueError):
        raise InstanceError(f"{path} cannot be read: restore it from a backup") from None
    if len(secret) != _BYTES:
        raise InstanceError(f"{path} is damaged: restore it from a backup")
    return secret


def form_key(secret: bytes) -> bytes:
    """Return the key that signs form tokens: 32 bytes."""
    return _derive(secret, b"intake/1 form token")


def signing_key(secret: bytes) -> Ed25519PrivateKey:
    """Return the server's key, which signs bundles."""
    return Ed25519PrivateKey.from_private_bytes(_derive(secret, b"intake/1 server key"))


def fingerprint(key: Ed25519PrivateKey) -> str:
    """Return the SHA-256 of the raw public key, in hex: what the desk pins."""
    return hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()


def _derive(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, purpose).derive(secret)
