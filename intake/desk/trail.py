"""The audit trail: everything that reviewers do, each entry linked to the one before and signed by who did it.

What they do is kept here and nowhere else: the tables that pages read are made from it, and can be made again. So two
workspaces are merged by putting their trails together. The digest of an entry covers that of its detail and not the
detail itself, which is deleted when its testimony is withdrawn: the chain still holds.
"""

import datetime
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from intake.desk.workspace import Workspace
from intake.encoding import (
    EnvelopeError,
    canonical,
    check_signature,
    decode_base64,
    encode_base64,
    parse_json,
    signing_input,
)

PURPOSE = "trail"
START = "0" * 64
"""What the first entry of a desk is linked to."""

_SALT_BYTES = 16
_COLUMNS = "desk, number, previous, reviewer, at, event, record, detail_sha256, signature, detail"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that a reviewer did: `desk` names the workspace where, `number` counts there from 1.

    `at` is the desk's own clock, in UTC to the second. `record` is the testimony it is about, or nothing. `text` is
    the detail as JSON, or None when it was deleted.
    """

    desk: str
    number: int
    previous: str
    reviewer: str
    at: str
    event: str
    record: str
    detail_sha256: str
    signature: str
    text: str | None

    @cached_property
    def detail(self) -> Mapping[str, Any]:
        """What was done, without the salt; empty when it was deleted."""
        found: dict[str, Any] = parse_json(self.text.encode()) if self.text is not None else {}
        found.pop("salt", None)
        return found

    @property
    def day(self) -> str:
        """The day on which it was done."""
        return self.at[: len("2026-11-22")]

    @property
    def digest(self) -> str:
        """What the next entry is linked to: SHA-256 of everything but the detail, in hex."""
        return hashlib.sha256(canonical([*self._signed.values(), self.signature])).hexdigest()

    def verify(self, key: bytes) -> None:
        """Raise EnvelopeError unless the key (raw Ed25519) signed this, and the detail is the one that was signed."""
        check_signature(key, self.signature, PURPOSE, self._signed)
        if self.text is not None and _sha256(self.text) != self.detail_sha256:
            raise EnvelopeError("its detail is not the one that was signed")

    @property
    def _signed(self) -> dict[str, Any]:
        names = ("desk", "number", "previous", "reviewer", "at", "event", "record", "detail_sha256")
        return {name: getattr(self, name) for name in names}


Handler = Callable[[Workspace, Entry], None]
"""Brings the tables up to date with one entry, in the caller's transaction."""


def write(workspace: Workspace, event: str, record: str = "", detail: Mapping[str, Any] | None = None) -> Entry:
    """Add what the reviewer at the desk does now, in the caller's transaction, and return its entry.

    `record` is the testimony it is about. `detail` is JSON without fractions; nothing else of the entry holds an answer
    or a text.
    """
    desk = workspace.name
    query = f"SELECT {_COLUMNS} FROM trail WHERE desk = ? ORDER BY number DESC LIMIT 1"  # noqa: S608
    row = workspace.execute(query, (desk,)).fetchone()
    last = _entry(row) if row else None
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = canonical({**(detail or {}), "salt": secrets.token_hex(_SALT_BYTES)}).decode()
    signed: dict[str, Any] = {
        "desk": desk,
        "number": last.number + 1 if last else 1,
        "previous": last.digest if last else START,
        "reviewer": workspace.reviewer.name,
        "at": max(now, last.at) if last else now,  # a clock that was set back does not turn the order around
        "event": event,
        "record": record,
        "detail_sha256": _sha256(text),
    }
    signature = encode_base64(workspace.reviewer.key.sign(signing_input(PURPOSE, signed)))
    entry = Entry(**signed, signature=signature, text=text)
    insert(workspace, entry)
    return entry


def insert(workspace: Workspace, entry: Entry) -> None:
    """Keep an entry, in the caller's transaction."""
    values = [getattr(entry, name) for name in (*_COLUMNS.split(", ")[:-1], "text")]
    workspace.execute(f"INSERT INTO trail ({_COLUMNS}) VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608
    if entry.record:
        workspace.execute("INSERT OR IGNORE INTO worked VALUES (?, ?)", (entry.record, entry.reviewer))


def entries(workspace: Workspace, where: str = "TRUE", parameters: tuple[object, ...] = ()) -> Iterator[Entry]:
    """Yield the entries of which the condition holds, of all desks, in the order in which they count."""
    query = f"SELECT {_COLUMNS} FROM trail WHERE {where} ORDER BY at, desk, number"  # noqa: S608
    for row in workspace.execute(query, parameters):
        yield _entry(row)


def forget(workspace: Workspace, record: str) -> None:
    """Delete the details of what was done about a testimony, in the caller's transaction. The entries stay."""
    workspace.execute("UPDATE trail SET detail = NULL WHERE record = ?", (record,))


def check(workspace: Workspace) -> list[str]:
    """Return every break in the chains, each as a sentence; none when all is as it was written."""
    keys = dict(workspace.execute("SELECT name, signing FROM reviewers").fetchall())
    broken = []
    for (desk,) in workspace.execute("SELECT DISTINCT desk FROM trail ORDER BY desk").fetchall():
        number, previous = 0, START
        query = f"SELECT {_COLUMNS} FROM trail WHERE desk = ? ORDER BY number"  # noqa: S608
        for row in workspace.execute(query, (desk,)):
            entry = _entry(row)
            if (entry.number, entry.previous) != (number + 1, previous):
                broken.append(f"Entry {entry.number} of desk {desk} does not follow from entry {number}.")
            try:
                entry.verify(public_key(keys.get(entry.reviewer, "")))
            except EnvelopeError as error:
                broken.append(f"Entry {entry.number} of desk {desk} is not what {entry.reviewer} signed: {error}.")
            number, previous = entry.number, entry.digest
    return broken


def public_key(text: str) -> bytes:
    """Return a reviewer's raw Ed25519 key from base64. Raises EnvelopeError."""
    return decode_base64(text, 32)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(row: tuple[Any, ...]) -> Entry:
    names = (*_COLUMNS.split(", ")[:-1], "text")
    return Entry(**dict(zip(names, row, strict=True)))
