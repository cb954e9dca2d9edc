"""The desk's key files: making them, reading them, and opening one age file by hand."""

import io
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from intake.age.armor import ArmorWriter
from intake.age.decrypt import decrypt, decrypt_stream
from intake.age.encrypt import Encryptor
from intake.age.errors import AgeError, NoMatchError
from intake.age.identities import HybridIdentity, Identity, ScryptIdentity, SecretKeyIdentity, parse_identities
from intake.age.recipients import ScryptRecipient
from intake.desk.errors import DeskError
from intake.desk.plaintext import write_new
from intake.encoding import encode_base64

Ask = Callable[[], str]
"""Gives the passphrase, when one turns out to be needed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_AGE_BEGINNINGS = (b"age-encryption.org/", b"-----BEGIN AGE")
_MOST_KEY_FILE = 1024 * 1024


def keygen(directory: Path, name: str, day: str, ask: Ask, *, demo: bool) -> tuple[HybridIdentity, list[Path]]:
    """Write a new identity (NAME.key), its recipient (NAME.pub) and the desk's signing key (NAME.sign.pub).

    Makes the folder if need be. Raises DeskError when a file is there already or the passphrase is empty; then nothing
    is written.
    """
    if not _NAME.fullmatch(name):
        raise DeskError("A name for keys has letters, digits, dots, hyphens and underscores only.")
    paths = [directory / f"{name}{suffix}" for suffix in (".key", ".pub", ".sign.pub")]
    for path in paths:
        if path.exists():
            raise DeskError(f"{path} is there already: choose another name, keys are never overwritten.")
    identity = HybridIdentity.generate()
    mark = "# demo\n" * demo
    header = f"# role: reviewer\n# made: {day}\n"
    signing = encode_base64(signing_key(identity).public_key().public_bytes_raw())
    contents = [
        _protect(f"# created: {day}\n{mark}{identity}\n", ask()),
        f"{header}# purpose: testimonies\n{mark}{identity.recipient()}\n".encode(),
        f"{header}# purpose: the desk's signatures (Ed25519), for `intake trust`\n{mark}{signing}\n".encode(),
    ]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, content, mode in zip(paths, contents, (0o600, 0o644, 0o644), strict=True):
        _write_new(path, content, mode)
    return identity, paths


def signing_key(identity: HybridIdentity) -> Ed25519PrivateKey:
    """Return the key that the desk signs with: its seed is HKDF-SHA256 of the identity's."""
    derivation = HKDF(SHA256(), 32, None, b"intake/1 desk signing")
    return Ed25519PrivateKey.from_private_bytes(derivation.derive(identity.seed))


def read_key(path: Path, ask: Ask) -> list[SecretKeyIdentity]:
    """Return the identities in a key file, asking for the passphrase if it has one. Raises DeskError."""
    with path.open("rb") as source:
        content = source.read(_MOST_KEY_FILE)
    try:
        if content.lstrip().startswith(_AGE_BEGINNINGS):
            content = decrypt(content, [ScryptIdentity(ask())])
        return parse_identities(content.decode())
    except NoMatchError:
        raise DeskError(f"The passphrase does not open {path}.") from None
    except UnicodeDecodeError:
        raise DeskError(f"{path} is not a key file.") from None
    except AgeError as error:
        raise DeskError(f"{path} is not a key file that can be used: {error}") from None


def read_reviewer_key(path: Path, ask: Ask) -> list[HybridIdentity]:
    """Return the identities that testimonies can be sealed to. Raises DeskError when there is none."""
    identities = [identity for identity in read_key(path, ask) if isinstance(identity, HybridIdentity)]
    if not identities:
        raise DeskError(f"{path} holds no key of the kind that `intake-desk keygen` makes.")
    return identities


def decrypt_file(source: Path, identities: Sequence[Identity], out: Path) -> None:
    """Decrypt one age file, plain or armored, to a new file that only its owner may read.

    Raises DeskError when `out` is there already or the file cannot be opened; then nothing is written.
    """
    with source.open("rb") as sealed:
        try:
            write_new(out, decrypt_stream(sealed, identities))
        except NoMatchError:
            raise DeskError(f"This key does not open {source}.") from None
        except AgeError as error:
            raise DeskError(f"{source} cannot be opened: {error}") from None


def _protect(text: str, passphrase: str) -> bytes:
    if not passphrase:
        raise DeskError("The passphrase is empty: choose one that nobody can guess.")
    sink = io.BytesIO()
    with ArmorWriter(sink) as armor, Encryptor(armor, [ScryptRecipient(passphrase)]) as encryptor:
        encryptor.write(text.encode())
    return sink.getvalue()


def _write_new(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as sink:
        os.fchmod(descriptor, mode)
        sink.write(content)
        sink.flush()
        os.fsync(descriptor)
