"""Writes the bundle for the desk: links what is new in the log, then copies ciphertext. Nothing is opened."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from intake import bundle
from intake.calls.edition import Edition
from intake.store import log
from intake.store.engine import DAMAGED, is_damaged
from intake.store.records import today
from intake.tar import BundleError


class DamagedError(Exception):
    """A record is no longer what was received."""


@dataclass(frozen=True)
class Exported:
    """The files that were written, and the ids of records that were left out because the store has damaged them."""

    paths: list[Path]
    damaged: list[str]


def export(engine: Engine, signing_key: Ed25519PrivateKey, path: Path, since: int = 0) -> Exported:
    """Write everything complete after the sequence number `since`. Every record is compared with its digest.

    Raises BundleError when there is nothing or the log is damaged, and OSError.
    """
    damaged: list[str] = []
    while True:
        log.link_new(engine, _link)
        entries = [_entry(linked) for linked in _unbroken(log.linked_entries(engine, since))]
        try:
            paths = _write(engine, signing_key, path, entries, damaged)
        except log.GoneError:  # withdrawn meanwhile: the next log says so
            continue
        except DamagedError:
            brought = (entry for entry in entries if entry.event in bundle.BRINGS)
            found = [entry.record for entry in brought if _is_damaged(engine, entry)]
            if found == damaged:
                raise BundleError(DAMAGED) from None
            damaged = found
            continue
        log.remember_export(engine, today())
        return Exported(paths, damaged)


def _write(
    engine: Engine,
    signing_key: Ed25519PrivateKey,
    path: Path,
    entries: Sequence[bundle.Entry],
    without: Collection[str],
) -> list[Path]:
    sizes = _sizes(engine, [entry.record for entry in entries if entry.record not in without])
    records = {
        entry.record: bundle.Sealed(entry.sha256, sizes[entry.record], partial(_ciphertext, engine, entry))
        for entry in entries
        if entry.record in sizes
    }
    contents = bundle.Contents(
        instance=log.instance_name(engine),
        day=today(),
        entries=entries,
        records=records,
        editions={sha256: _with_notices(files) for sha256, files in log.all_editions(engine).items()},
        recipients=[bundle.SealedTo(*recipient) for recipient in log.all_recipients(engine)],
    )
    return bundle.write_bundle(path, signing_key, contents)


def _sizes(engine: Engine, records: Sequence[str]) -> dict[str, int]:
    try:
        return log.record_sizes(engine, records)
    except SQLAlchemyError as error:
        raise DamagedError if is_damaged(error) else error from None


def _ciphertext(engine: Engine, entry: bundle.Entry) -> Iterator[bytes]:
    """Yield a record's ciphertext in parts. Raises DamagedError, at the end at the latest, and GoneError."""
    digest = hashlib.sha256()
    try:
        for part in log.ciphertext(engine, entry.record):
            digest.update(part)
            yield part
    except SQLAlchemyError as error:
        raise DamagedError if is_damaged(error) else error from None
    if digest.hexdigest() != entry.sha256:
        raise DamagedError


def _is_damaged(engine: Engine, entry: bundle.Entry) -> bool:
    try:
        _sizes(engine, [entry.record])
        for _ in _ciphertext(engine, entry):
            pass
    except DamagedError:
        return True
    except log.GoneError:
        return False
    return False


def _unbroken(linked: Sequence[log.Linked]) -> Sequence[log.Linked]:
    """Return the entries. Raises BundleError when one does not follow from the one before it."""
    previous = linked[0].previous if linked else ""
    for number, entry in enumerate(linked, linked[0].sequence if linked else 0):
        if (entry.sequence, entry.previous, entry.digest) != (number, previous, _entry(entry).digest):
            raise BundleError(f"entry {number} of the log is damaged: restore the database from a backup")
        previous = entry.digest
    return linked


def _link(last: log.Linked | None, new: log.Unlinked) -> log.Linked:
    before = _entry(last) if last else None
    entry = bundle.link(before, event=new.event, record=new.record, sha256=new.sha256, day=new.day)
    return log.Linked(new.event, new.record, new.sha256, new.day, entry.sequence, entry.previous, entry.digest)


def _entry(linked: log.Linked) -> bundle.Entry:
    return bundle.Entry(
        sequence=linked.sequence,
        event=linked.event,
        record=linked.record,
        sha256=linked.sha256,
        day=linked.day,
        previous=linked.previous,
    )


def _with_notices(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return an edition's files with the notices as people saw them, so that their digests can be checked."""
    edition = Edition(files)
    notices = {f"notices/{language}.txt": edition.notice(language).encode() for language in edition.languages}
    return {**files, **notices}
