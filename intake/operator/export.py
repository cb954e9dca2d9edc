"""Writes the bundle for the desk: links what is new in the log, then copies ciphertext. Nothing is opened."""

from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from intake import bundle
from intake.calls.edition import Edition
from intake.store import log
from intake.store.records import today


def export(engine: Engine, signing_key: Ed25519PrivateKey, path: Path, since: int = 0) -> list[Path]:
    """Write everything complete after the sequence number `since`, and return the files.

    Raises BundleError when there is nothing, and OSError.
    """
    while True:
        try:
            paths = _write(engine, signing_key, path, since)
        except log.GoneError:  # withdrawn meanwhile: the next log says so
            continue
        log.remember_export(engine, today())
        return paths


def _write(engine: Engine, signing_key: Ed25519PrivateKey, path: Path, since: int) -> list[Path]:
    log.link_new(engine, _link)
    entries = [_entry(linked) for linked in log.linked_entries(engine, since)]
    sizes = log.record_sizes(engine, [entry.record for entry in entries])
    records = {
        entry.record: bundle.Sealed(entry.sha256, sizes[entry.record], partial(log.ciphertext, engine, entry.record))
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
