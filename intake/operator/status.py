"""`intake status`: counts, storage, ages of keys, and a word before space runs out. Nothing is finer than a day."""

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine

from intake.settings import MEGABYTE, Settings
from intake.site.keyring import Keyring, KeysError
from intake.site.room import room
from intake.store import log, mailboxes
from intake.store.records import today
from intake.store.space import count, database_size, evidence_size

_ENOUGH_FILES = 4
_ENOUGH_FREE = 512 * MEGABYTE
_OLD_KEY_DAYS = 730
_OLD_EXPORT_DAYS = 14


def status(settings: Settings, engine: Engine) -> dict[str, Any]:
    """Return everything that `intake status` says. Sizes are in bytes."""
    space = room(settings, engine)
    counts = asdict(count(engine))
    found: dict[str, Any] = {
        "day": today(),
        **counts,
        "storage": {
            "database": database_size(engine),
            "evidence": evidence_size(engine),
            "evidence_quota": space.quota,
            "room_for_evidence": space.evidence,
            "disk_free": space.disk_free,
            "reserve_for_texts": space.reserve,
        },
        "keys": list(_keys(settings, engine)),
        "revoked_keys": list(_revoked(settings)),
        "desk_key": bool(mailboxes.trusted_key(engine)),
    }
    return {**found, "warnings": list(_warnings(found, settings))}


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of `intake status` for a person."""
    kinds, storage = found["kinds"], found["storage"]
    names = {"testimony": "testimonies", "addition": "additions", "attachment": "files"}
    yield ", ".join(f"{kinds.get(kind, 0)} {name}" for kind, name in names.items()) + " are stored here."
    yield f"{found['opened']} records were opened by the desk, {found['purged']} are purged."
    yield f"{found['withdrawn']} sources have withdrawn. {found['replies']} messages wait for theirs."
    yield f"Last export: {found['last_export'] or 'never'}. {found['not_exported']} events wait for the next."
    yield f"Database: {_megabytes(storage['database'])}, of it files of sources {_megabytes(storage['evidence'])}."
    room_for_files = f"Files may still take {_megabytes(storage['room_for_evidence'])}"
    if storage["disk_free"] is None:
        yield f"{room_for_files}, so that they are not more than {_megabytes(storage['evidence_quota'])} together."
    else:
        left = _megabytes(storage["reserve_for_texts"])
        yield f"Free on the disk: {_megabytes(storage['disk_free'])}. {room_for_files}; {left} are left to texts."
    for key in found["keys"]:
        yield f"Key {key['fingerprint'][:16]}, in use for {key['age_days']} days ({key['comment']})"
    for key in found["revoked_keys"]:
        yield f"Key {key['fingerprint'][:16]} is revoked ({key['comment']})"
    yield "The desk's signing key is installed." if found["desk_key"] else "No signing key of the desk is installed."
    for warning in found["warnings"]:
        yield f"WARNING: {warning}"


def _keys(settings: Settings, engine: Engine) -> Iterator[dict[str, Any]]:
    try:
        keys = Keyring(settings.keys).keys()
        in_use = {key.recipient.fingerprint for key in keys}
    except KeysError:
        in_use = set()
    for fingerprint, comment, day in log.all_recipients(engine):
        if fingerprint in in_use:
            yield {"fingerprint": fingerprint, "comment": comment, "since": day, "age_days": _days_since(day)}


def _revoked(settings: Settings) -> Iterator[dict[str, str]]:
    with contextlib.suppress(KeysError):
        for key in Keyring(settings.keys).revoked():
            yield {"fingerprint": key.recipient.fingerprint, "comment": "; ".join(key.comments)}


def _warnings(found: dict[str, Any], settings: Settings) -> Iterator[str]:
    storage = found["storage"]
    if storage["room_for_evidence"] == 0:
        yield "there is no room for files: sources are told so. Make room, or run `intake purge`"
    elif storage["room_for_evidence"] < _ENOUGH_FILES * settings.max_upload:
        yield "there is little room left for files: make room, or run `intake purge`"
    if storage["disk_free"] is not None and storage["disk_free"] < _ENOUGH_FREE:
        yield "the disk is nearly full: soon not even texts can be stored"
    if not found["keys"]:
        yield "the keys cannot be read: run `intake check`"
    for key in found["keys"]:
        if key["age_days"] > _OLD_KEY_DAYS:
            yield f"key {key['fingerprint'][:16]} is old: ask the reviewers for a new one"
    if found["not_exported"] and (not found["last_export"] or _days_since(found["last_export"]) > _OLD_EXPORT_DAYS):
        yield f"{found['not_exported']} events were not exported for long: run `intake export`"


def _days_since(day: str) -> int:
    return (datetime.date.fromisoformat(today()) - datetime.date.fromisoformat(day)).days


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.0f} MB"
