"""Reads a bundle from the stick and says what in it is as the server signed it.

Nothing is trusted that the signature does not cover: no name, type, size or order in the tar. Nothing is decrypted.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from intake.age.streams import Source
from intake.bundle import (
    BRINGS,
    LOG,
    MANIFEST,
    PURPOSE,
    Entry,
    Manifest,
    edition_member,
    record_member,
)
from intake.desk.bundles.progress import Follow, unseen
from intake.encoding import MOST, EnvelopeError, check_signature, decode_base64, parse_json
from intake.tar import BundleError, Tar

_MOST_LOG = 64 * 1024 * 1024


@dataclass(frozen=True)
class Trouble:
    """Something that is not as it should be: `kind` is dropped, reordered, altered, added or rolled back."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What of a bundle is as the server signed it, and every trouble with the rest."""

    entries: Mapping[int, Entry]
    records: Mapping[str, Entry]
    """The records that are there unchanged, with the entry that brought each, in the order of the log."""
    editions: Mapping[str, Mapping[str, bytes]]
    troubles: tuple[Trouble, ...]


class Bundle:
    """A bundle whose manifest was found to be signed by `server_key` (raw Ed25519). `open_bundle` makes one."""

    def __init__(self, source: BinaryIO) -> None:
        self._tar = Tar(source)
        self._strange = list(self._tar.strange)
        self.server_key, self.manifest = self._read_manifest()

    def verify(self, follow: Follow = unseen) -> Verified:
        """Compare every byte with what was signed, and the log with itself. `follow` may show how far it has come."""
        manifest = self.manifest
        troubles = [
            Trouble("added", f"the bundle holds {name!r}, which the server did not sign") for name in self._strange
        ]
        entries = self._verify_log(troubles)
        brought = {entry.record: entry for entry in entries.values() if entry.event in BRINGS}
        editions = {edition: self._verify_edition(edition, troubles) for edition in manifest.editions}
        readable = len(entries) == len(manifest.log)
        for record in sorted(set(manifest.records) - set(brought)):
            kind, why = ("added", "no entry in the log") if readable else ("dropped", "no entry that can be read")
            troubles.append(Trouble(kind, f"record {record} has {why}, so it is not opened"))
        intact = set()
        with follow("Checking", len(brought)) as tell:
            for number, (record, entry) in enumerate(brought.items(), 1):
                intact |= {record} if self._verify_record(entry, troubles) else set()
                tell(number)
        return Verified(
            entries=entries,
            records={record: entry for record, entry in brought.items() if record in intact},
            editions={edition: files for edition, files in editions.items() if files},
            troubles=tuple(troubles),
        )

    def size(self, record: str) -> int:
        """Return the size in bytes of an intact record's ciphertext."""
        return int(self.manifest.records[record]["size"])

    def read(self, record: str) -> bytes:
        """Return the ciphertext of an intact record.

        Raises BundleError when it is no longer what `verify` saw, since a stick may change its mind.
        """
        return b"".join(self._checked(record))

    def stream(self, record: str) -> Source:
        """Return the ciphertext of an intact record, to be read in constant memory.

        Reading to its end raises BundleError as `read` does.
        """
        return _Stream(self._checked(record))

    def _checked(self, record: str) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in self._tar.chunks(self._tar.members[record_member(record)]):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != self.manifest.records[record]["sha256"]:
            raise BundleError(f"The stick gave other bytes for record {record} the second time: use another stick.")

    def _read_manifest(self) -> tuple[bytes, Manifest]:
        member = self._tar.members.get(MANIFEST)
        if member is None or member.size > MOST:
            raise BundleError("This is not a bundle: it has no manifest.")
        try:
            signed = parse_json(self._tar.read(member))
            if not isinstance(signed, dict) or set(signed) != {"manifest", "server_key", "signature"}:
                raise EnvelopeError("it is malformed")
            server_key = decode_base64(_text(signed["server_key"]), 32)
            decode_base64(_text(signed["signature"]), 64)
        except EnvelopeError as error:
            raise BundleError(f"The bundle's manifest cannot be read: {error}. Copy the bundle again.") from None
        try:
            check_signature(server_key, signed["signature"], PURPOSE, signed["manifest"])
        except EnvelopeError:
            raise BundleError(
                "The bundle's signature does not fit: it was changed after the export. Ask for a new export."
            ) from None
        manifest = Manifest.parse(signed["manifest"])
        named = {MANIFEST, LOG, *map(record_member, manifest.records)}
        named |= {edition_member(edition, name) for edition, names in manifest.editions.items() for name in names}
        self._strange += sorted(set(self._tar.members) - named)
        return server_key, manifest

    def _verify_log(self, troubles: list[Trouble]) -> dict[int, Entry]:
        """Return the entries that the server signed, by sequence number."""
        member = self._tar.members.get(LOG)
        if member is None or member.size > _MOST_LOG:
            troubles.append(Trouble("dropped", "the log is not in the bundle, so no record of it can be opened"))
            return {}
        *lines, rest = self._tar.read(member).split(b"\n")
        lines += [rest] if rest else []
        manifest = self.manifest
        places = {digest: sequence for sequence, digest in enumerate(manifest.log, manifest.since + 1)}
        found, others = {}, []
        last = manifest.since
        for line in lines:
            sequence = places.get(hashlib.sha256(line).hexdigest())
            if sequence is None or sequence in found:
                others.append(line)
                continue
            if sequence < last:
                troubles.append(Trouble("reordered", f"entry {sequence} of the log stands after entry {last}"))
            last = max(last, sequence)
            found[sequence] = line
        altered = {claimed for claimed in map(_claimed_sequence, others) if claimed not in found}
        missing = [sequence for sequence in places.values() if sequence not in found]
        for sequence in missing:
            kind = "altered" if sequence in altered else "dropped"
            troubles.append(Trouble(kind, f"entry {sequence} of the log is not as the server signed it"))
        extra = len(others) - len(altered.intersection(missing))
        if extra:
            troubles.append(Trouble("added", f"the log holds {extra} line(s) that the server did not sign"))
        return self._verify_chain({sequence: found[sequence] for sequence in sorted(found)}, troubles)

    def _verify_chain(self, lines: Mapping[int, bytes], troubles: list[Trouble]) -> dict[int, Entry]:
        """The signature covers the digests; that each entry says what its place demands is the server's own care."""
        before = dict(enumerate((self.manifest.previous, *self.manifest.log), self.manifest.since + 1))
        entries = {}
        for sequence, line in lines.items():
            with contextlib.suppress(BundleError):
                entry = Entry.parse(line)
                if (entry.sequence, entry.previous) == (sequence, before[sequence]):
                    entries[sequence] = entry
                    continue
            troubles.append(Trouble("altered", f"entry {sequence} of the log does not follow from the one before it"))
        return entries

    def _verify_record(self, entry: Entry, troubles: list[Trouble]) -> bool:
        """Tell whether the record is there unchanged. What the server does not have is for the caller to judge."""
        signed = self.manifest.records.get(entry.record)
        if signed is None:
            return False
        member = self._tar.members.get(record_member(entry.record))
        if member is None:
            troubles.append(Trouble("dropped", f"record {entry.record} (entry {entry.sequence}) is not in the bundle"))
            return False
        intact: bool = member.size == signed["size"] and self._tar.sha256(member) == signed["sha256"] == entry.sha256
        if not intact:
            troubles.append(
                Trouble("altered", f"record {entry.record} (entry {entry.sequence}) is not as it was received")
            )
        return intact

    def _verify_edition(self, edition: str, troubles: list[Trouble]) -> dict[str, bytes]:
        """Return the files of the edition, or nothing when one of them is not as it was signed."""
        files = {}
        for name, sha256 in self.manifest.editions[edition].items():
            member = self._tar.members.get(edition_member(edition, name))
            if member is None:
                troubles.append(Trouble("dropped", f"{name} of the edition {edition} is not in the bundle"))
            elif member.size > MOST or self._tar.sha256(member) != sha256:
                troubles.append(Trouble("altered", f"{name} of the edition {edition} is not as the server signed it"))
            else:
                files[name] = self._tar.read(member)
        return files if len(files) == len(self.manifest.editions[edition]) else {}


class _Stream:
    """Makes a source of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        taken, self._rest = self._rest[:size], self._rest[size:]
        return bytes(taken)


@contextlib.contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle and check its signature.

    Raises BundleError when it is cut off, is no bundle, or its signature does not fit; OSError when it cannot be read.
    """
    with path.open("rb") as source:
        yield Bundle(source)


def _claimed_sequence(line: bytes) -> int | None:
    with contextlib.suppress(EnvelopeError):
        found = parse_json(line)
        if isinstance(found, dict) and isinstance(found.get("sequence"), int):
            return int(found["sequence"])
    return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise EnvelopeError("it is malformed")
    return value
