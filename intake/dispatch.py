"""What travels from the desk to the server: sealed messages for sources, and which records the desk has opened.

The desk writes it and signs it; `intake deliver` reads it. docs/format.md describes the format.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.encoding import (
    MOST,
    EnvelopeError,
    canonical,
    check_signature,
    decode_base64,
    encode_base64,
    parse_json,
    signing_input,
)
from intake.tar import BundleError, Tar, add, end, write_whole

FORMAT = "intake-dispatch/1"
PURPOSE = "dispatch"
"""What the signature of a dispatch is for."""

_MANIFEST = "manifest.json"
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class SealedMessage:
    """A message to a source, sealed to the mailbox of the testimony `record`."""

    id: str
    record: str
    ciphertext: bytes


def write_dispatch(
    path: Path, key: Ed25519PrivateKey, day: str, messages: list[SealedMessage], opened: Mapping[str, str]
) -> None:
    """Write a dispatch, signed with the desk's key. `opened` gives the digest of each record that the desk opened.

    Raises OSError; then nothing is written.
    """
    manifest = {
        "format": FORMAT,
        "day": day,
        "opened": dict(opened),
        "messages": {
            message.id: {"record": message.record, "sha256": hashlib.sha256(message.ciphertext).hexdigest()}
            for message in messages
        },
    }
    signed = {
        "manifest": manifest,
        "desk_key": encode_base64(key.public_key().public_bytes_raw()),
        "signature": encode_base64(key.sign(signing_input(PURPOSE, manifest))),
    }

    def write(sink: BinaryIO) -> None:
        add(sink, _MANIFEST, canonical(signed))
        for message in messages:
            add(sink, _member(message.id), message.ciphertext)
        end(sink)

    write_whole([path], [write])


def is_dispatch(path: Path) -> bool:
    """Tell whether a file is a dispatch, whoever wrote it. Raises OSError."""
    with path.open("rb") as source:
        try:
            tar = Tar(source)
            signed = parse_json(tar.read(tar.members[_MANIFEST]))
            return bool(signed["manifest"]["format"] == FORMAT)
        except (BundleError, EnvelopeError, LookupError, TypeError):
            return False


class Dispatch:
    """A dispatch whose manifest was signed by `key` (raw Ed25519).

    Raises BundleError when it is cut off, is no dispatch, was changed, or another key signed it.
    """

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        self._tar = Tar(source)
        manifest = self._read_manifest(key)
        self.opened: Mapping[str, str] = manifest["opened"]
        """Record id -> digest of the ciphertext that the desk opened."""
        self._messages: Mapping[str, Mapping[str, str]] = manifest["messages"]

    def messages(self) -> Iterator[SealedMessage]:
        """Yield each message. Raises BundleError for one that is missing or not as the desk signed it."""
        for identifier, described in self._messages.items():
            member = self._tar.members.get(_member(identifier))
            if member is None or member.size > MOST:
                raise BundleError("The dispatch lacks a message that the desk signed: copy it again.")
            ciphertext = self._tar.read(member)
            if hashlib.sha256(ciphertext).hexdigest() != described["sha256"]:
                raise BundleError("A message in the dispatch was changed after the desk signed it: copy it again.")
            yield SealedMessage(identifier, described["record"], ciphertext)

    def _read_manifest(self, key: bytes) -> Mapping[str, Any]:
        member = self._tar.members.get(_MANIFEST)
        if member is None or member.size > MOST:
            raise BundleError("This is not a dispatch of the desk: it has no manifest.")
        try:
            signed = parse_json(self._tar.read(member))
            if not isinstance(signed, dict) or set(signed) != {"manifest", "desk_key", "signature"}:
                raise EnvelopeError("it is malformed")
            signer = decode_base64(str(signed["desk_key"]), 32)
            manifest = signed["manifest"]
            if not _is_manifest(manifest):
                raise EnvelopeError("it is not the manifest of a dispatch")
        except EnvelopeError as error:
            raise BundleError(f"The dispatch cannot be read: {error}. Copy it again.") from None
        if signer != key:
            raise BundleError("Another key than the one that was installed with `intake trust` signed the dispatch.")
        try:
            check_signature(key, str(signed["signature"]), PURPOSE, manifest)
        except EnvelopeError:
            raise BundleError("The dispatch's signature does not fit: it was changed. Nothing was delivered.") from None
        return dict(manifest)


def _member(identifier: str) -> str:
    return f"messages/{identifier}.age"


def _is_manifest(found: object) -> bool:
    return (
        isinstance(found, dict)
        and set(found) == {"format", "day", "opened", "messages"}
        and found["format"] == FORMAT
        and isinstance(found["opened"], dict)
        and all(_fits(_HEX_ID, record) and _fits(_SHA256, digest) for record, digest in found["opened"].items())
        and isinstance(found["messages"], dict)
        and all(_fits(_HEX_ID, name) and _is_message(described) for name, described in found["messages"].items())
    )


def _is_message(found: object) -> bool:
    if not isinstance(found, dict) or set(found) != {"record", "sha256"}:
        return False
    return _fits(_HEX_ID, found["record"]) and _fits(_SHA256, found["sha256"])


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
