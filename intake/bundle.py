"""What travels on the USB stick: the log's entries, and the signed tar that holds them with their records.

The server writes bundles, the desk reads them in `intake/desk/bundles`; docs/format.md describes the format.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.encoding import EnvelopeError, canonical, encode_base64, parse_json, signing_input
from intake.tar import BundleError, add, add_chunks, end, size_in_tar, write_whole

FORMAT = "intake-bundle/1"
PURPOSE = "bundle"
"""What the signature of a manifest is for."""
EVENTS = frozenset({"received", "added", "withdrawn", "purged"})
BRINGS = EVENTS - {"purged"}
"""The events whose entry brings a record with it."""
START = "0" * 64
"""What the first entry of a log names as the entry before it."""
FAT32_LIMIT = 4 * 1024**3 - 1
"""The largest file (bytes) that a FAT32 stick holds."""

MANIFEST = "manifest.json"
LOG = "log.jsonl"

_ENTRY_COST = 1024  # more than an entry needs in log and manifest together
_VOLUME_COST = 8192  # more than the rest of a manifest and the tar's own blocks need
_MOST_ENTRIES = 40_000  # keeps every manifest below the size that a reader accepts

_HEX_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EDITION_FILE = re.compile(r"call\.yaml|[A-Za-z0-9_-]{2,35}\.po|notices/[A-Za-z0-9_-]{2,35}\.txt")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event of the log. `sha256` is that of the record's ciphertext, `previous` the digest of the entry before."""

    sequence: int
    event: str
    record: str
    sha256: str
    day: str
    previous: str

    @property
    def line(self) -> bytes:
        """The entry as `log.jsonl` holds it, without the newline."""
        return canonical(vars(self))

    @property
    def digest(self) -> str:
        """SHA-256 of the line, in hex: what the next entry names as `previous`."""
        return hashlib.sha256(self.line).hexdigest()

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """Return the entry in a line. Raises BundleError unless it is exactly what `line` gives."""
        try:
            found = parse_json(line)
        except EnvelopeError as error:
            raise BundleError(f"An entry of the log cannot be read: {error}.") from None
        shaped = isinstance(found, dict) and set(found) == {field.name for field in fields(cls)}
        if not (shaped and _is_entry(found) and canonical(found) == line):
            raise BundleError("An entry of the log is malformed.")
        return cls(**found)


def link(last: Entry | None, *, event: str, record: str, sha256: str, day: str) -> Entry:
    """Return the entry that comes after `last` (None for an empty log)."""
    sequence, previous = (last.sequence + 1, last.digest) if last else (1, START)
    return Entry(sequence=sequence, event=event, record=record, sha256=sha256, day=day, previous=previous)


@dataclass(frozen=True)
class Sealed:
    """A record's ciphertext: its digest, its size in bytes, and how to read it, once, in chunks."""

    sha256: str
    size: int
    chunks: Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class SealedTo:
    """A recipient that the server has ever sealed to: SHA-256 of its text, comment of its file, day of first use."""

    recipient: str
    comment: str
    day: str


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an export writes. `entries` follow one another; `records` may lack what the store no longer has."""

    instance: str
    day: str
    entries: Sequence[Entry]
    records: Mapping[str, Sealed]
    editions: Mapping[str, Mapping[str, bytes]]
    """Digest of the edition -> name of the file (`call.yaml`, `fr.po`, `notices/fr.txt`) -> its bytes."""
    recipients: Sequence[SealedTo]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the server signed. `log` holds the digests of the entries `since` + 1 to `until`; `previous` is the one
    before them. `volume` counts from 1 to `volumes`."""

    instance: str
    day: str
    since: int
    until: int
    previous: str
    head: str
    log: tuple[str, ...]
    records: Mapping[str, Mapping[str, Any]]
    editions: Mapping[str, Mapping[str, str]]
    recipients: tuple[SealedTo, ...]
    volume: int
    volumes: int

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the canonical manifest, in hex: the same for every copy of one bundle."""
        return hashlib.sha256(canonical({"format": FORMAT, **asdict(self)})).hexdigest()

    @classmethod
    def parse(cls, found: object) -> Self:
        """Return the manifest in signed JSON. Raises BundleError unless it has exactly the right shape."""
        if isinstance(found, dict) and found.get("format") != FORMAT:
            raise BundleError(f"The bundle is not in the format {FORMAT}: this desk is too old or too new for it.")
        names = {field.name for field in fields(cls)} | {"format"}
        if not (isinstance(found, dict) and set(found) == names and _is_manifest(found)):
            raise BundleError("The bundle's manifest is malformed, though it is signed: tell the operator.")
        return cls(
            **{name: value for name, value in found.items() if name not in ("format", "log", "recipients")},
            log=tuple(found["log"]),
            recipients=tuple(SealedTo(**recipient) for recipient in found["recipients"]),
        )


def write_bundle(
    path: Path, signing_key: Ed25519PrivateKey, contents: Contents, limit: int = FAT32_LIMIT
) -> list[Path]:
    """Write the bundle, in as many volumes as `limit` (bytes a file) asks for, and return their paths.

    The first is `path`, the others `<stem>-2<suffix>` and so on. Each appears under its name only when all are complete
    and on the disk; a failure leaves none. Raises BundleError when there is nothing to write, when a record does not
    fit within the limit or its chunks do not add up to its size; OSError when the disk does.
    """
    volumes = _volumes(contents, limit)
    paths = [path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, len(volumes) + 1))]
    writers = [
        partial(_write_volume, key=signing_key, contents=contents, entries=entries, volume=number, volumes=len(volumes))
        for number, entries in enumerate(volumes, 1)
    ]
    write_whole(paths, writers)
    return paths


def _volumes(contents: Contents, limit: int) -> list[list[Entry]]:
    """Cut the entries so that each volume, with the records its entries bring, stays below the limit."""
    if not contents.entries:
        raise BundleError("There is nothing to export.")
    files = [content for edition in contents.editions.values() for content in edition.values()]
    fixed = _VOLUME_COST + sum(size_in_tar(len(content)) + 256 for content in files)
    fixed += len(canonical([asdict(recipient) for recipient in contents.recipients]))
    volumes: list[list[Entry]] = []
    room = 0
    for entry in contents.entries:
        sealed = contents.records.get(entry.record) if entry.event in BRINGS else None
        cost = _ENTRY_COST + (size_in_tar(sealed.size) if sealed else 0)
        if cost > room or len(volumes[-1]) == _MOST_ENTRIES:
            volumes.append([])
            room = limit - fixed
            if cost > room:
                raise BundleError(f"Record {entry.record} does not fit in a file of {limit} bytes.")
        volumes[-1].append(entry)
        room -= cost
    return volumes


def _write_volume(
    sink: BinaryIO, key: Ed25519PrivateKey, contents: Contents, entries: Sequence[Entry], volume: int, volumes: int
) -> None:
    brought = [entry.record for entry in entries if entry.event in BRINGS and entry.record in contents.records]
    records = {record: contents.records[record] for record in brought}
    manifest = {
        "format": FORMAT,
        "instance": contents.instance,
        "day": contents.day,
        "since": entries[0].sequence - 1,
        "until": entries[-1].sequence,
        "previous": entries[0].previous,
        "head": entries[-1].digest,
        "log": [entry.digest for entry in entries],
        "records": {name: {"sha256": sealed.sha256, "size": sealed.size} for name, sealed in records.items()},
        "editions": {
            edition: {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            for edition, files in contents.editions.items()
        },
        "recipients": [asdict(recipient) for recipient in contents.recipients],
        "volume": volume,
        "volumes": volumes,
    }
    signed = {
        "manifest": manifest,
        "server_key": encode_base64(key.public_key().public_bytes_raw()),
        "signature": encode_base64(key.sign(signing_input(PURPOSE, manifest))),
    }
    add(sink, MANIFEST, canonical(signed))
    add(sink, LOG, b"".join(entry.line + b"\n" for entry in entries))
    for edition, files in sorted(contents.editions.items()):
        for name, content in sorted(files.items()):
            add(sink, edition_member(edition, name), content)
    for record, sealed in records.items():
        add_chunks(sink, record_member(record), sealed.size, sealed.chunks())
    end(sink)


def record_member(record: str) -> str:
    """Return the name in the tar of a record's ciphertext."""
    return f"records/{record}.age"


def edition_member(edition: str, name: str) -> str:
    """Return the name in the tar of an edition's file."""
    return f"editions/{edition}/{name}"


def _is_entry(found: Mapping[str, Any]) -> bool:
    return (
        _is_number(found["sequence"], 1)
        and found["event"] in tuple(EVENTS)
        and _fits(_HEX_ID, found["record"])
        and _fits(_SHA256, found["sha256"])
        and _fits(_DAY, found["day"])
        and _fits(_SHA256, found["previous"])
    )


def _is_manifest(found: Mapping[str, Any]) -> bool:
    log, records, editions, recipients = (found[name] for name in ("log", "records", "editions", "recipients"))
    return (
        isinstance(found["instance"], str)
        and _fits(_DAY, found["day"])
        and _fits(_SHA256, found["previous"])
        and (found["previous"] == START) == (found["since"] == 0)
        and isinstance(log, list)
        and all(_fits(_SHA256, digest) for digest in log)
        and len(set(log)) == len(log) > 0
        and found["head"] == log[-1]
        and _is_number(found["since"], 0)
        and _is_number(found["until"], 1)
        and found["until"] - found["since"] == len(log)
        and _is_number(found["volumes"], 1)
        and _is_number(found["volume"], 1)
        and found["volume"] <= found["volumes"]
        and isinstance(records, dict)
        and all(_fits(_HEX_ID, name) and _is_record(record) for name, record in records.items())
        and isinstance(editions, dict)
        and all(_fits(_SHA256, name) and _is_edition(edition) for name, edition in editions.items())
        and isinstance(recipients, list)
        and all(_is_recipient(recipient) for recipient in recipients)
    )


def _is_record(found: object) -> bool:
    if not isinstance(found, dict) or set(found) != {"sha256", "size"}:
        return False
    return _fits(_SHA256, found["sha256"]) and _is_number(found["size"], 0)


def _is_edition(found: object) -> bool:
    return isinstance(found, dict) and all(
        _fits(_EDITION_FILE, name) and _fits(_SHA256, sha256) for name, sha256 in found.items()
    )


def _is_recipient(found: object) -> bool:
    if not isinstance(found, dict) or set(found) != {field.name for field in fields(SealedTo)}:
        return False
    return _fits(_SHA256, found["recipient"]) and isinstance(found["comment"], str) and _fits(_DAY, found["day"])


def _is_number(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _fits(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
