"""The audit trail: everything that reviewers do, each entry linked to those before and signed by who did it.

What they do is kept here and nowhere else: the tables that pages read are made from it, and can be made again. So two
workspaces, or two copies of one, are merged by putting their trails together: where they went apart, two entries follow
the same one, and the next entry after that follows both. The digest of an entry covers that of its detail and
not the detail itself, which is deleted when its testimony is withdrawn: the chain still holds.
"""

import datetime
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
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
_SALT_BYTES = 16
_COLUMNS = "number, previous, reviewer, at, event, record, detail_sha256, signature, detail"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that a reviewer did.

    `previous` holds the digests of the entries it follows, sorted, with spaces between: none for the first, and several
    after a merge. `number` is one more than the highest of theirs. `at` is the desk's own clock, in UTC to the second.
    `record` is the testimony it is about, or nothing. `text` is the detail as JSON, or None when it was deleted.
    """

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

    @cached_property
    def digest(self) -> str:
        """What names the entry, and what the next is linked to: SHA-256 of everything but the detail, in hex."""
        return hashlib.sha256(canonical([*self._signed.values(), self.signature])).hexdigest()

    def verify(self, key: bytes) -> None:
        """Raise EnvelopeError unless the key (raw Ed25519) signed this, and the detail is the one that was signed."""
        check_signature(key, self.signature, PURPOSE, self._signed)
        if self.text is not None and _sha256(self.text) != self.detail_sha256:
            raise EnvelopeError("its detail is not the one that was signed")

    @property
    def _signed(self) -> dict[str, Any]:
        names = ("number", "previous", "reviewer", "at", "event", "record", "detail_sha256")
        return {name: getattr(self, name) for name in names}


Handler = Callable[[Workspace, Entry], None]
"""Brings the tables up to date with one entry, in the caller's transaction."""


def write(workspace: Workspace, event: str, record: str = "", detail: Mapping[str, Any] | None = None) -> Entry:
    """Add what the reviewer at the desk does now, in the caller's transaction, and return its entry.

    `record` is the testimony it is about. `detail` is JSON without fractions; nothing else of the entry holds an answer
    or a text.
    """
    query = f"SELECT {_COLUMNS} FROM trail JOIN tips USING (digest) ORDER BY digest"  # noqa: S608
    tips = [_entry(row) for row in workspace.execute(query).fetchall()]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = canonical({**(detail or {}), "salt": secrets.token_hex(_SALT_BYTES)}).decode()
    signed: dict[str, Any] = {
        "number": max((tip.number for tip in tips), default=0) + 1,
        "previous": " ".join(tip.digest for tip in tips),
        "reviewer": workspace.reviewer.name,
        "at": max([now, *(tip.at for tip in tips)]),  # a clock that was set back does not turn the order around
        "event": event,
        "record": record,
        "detail_sha256": _sha256(text),
    }
    signature = encode_base64(workspace.reviewer.key.sign(signing_input(PURPOSE, signed)))
    entry = Entry(**signed, signature=signature, text=text)
    insert(workspace, entry)
    return entry


def insert(workspace: Workspace, entry: Entry) -> None:
    """Keep an entry that follows entries which are here, in the caller's transaction."""
    values = [entry.digest, *(getattr(entry, name) for name in (*_COLUMNS.split(", ")[:-1], "text"))]
    marks = ", ".join("?" * len(values))
    workspace.execute(f"INSERT INTO trail (digest, {_COLUMNS}) VALUES ({marks})", values)  # noqa: S608
    for digest in entry.previous.split():
        workspace.execute("DELETE FROM tips WHERE digest = ?", (digest,))
    workspace.execute("INSERT INTO tips VALUES (?)", (entry.digest,))
    if entry.record:
        workspace.execute("INSERT OR IGNORE INTO worked VALUES (?, ?)", (entry.record, entry.reviewer))


def complete(workspace: Workspace, entry: Entry) -> None:
    """Keep the detail of an entry that came here without it, in the caller's transaction."""
    workspace.execute("UPDATE trail SET detail = ? WHERE digest = ? AND detail IS NULL", (entry.text, entry.digest))


def entries(workspace: Workspace, where: str = "TRUE", parameters: Sequence[object] = ()) -> Iterator[Entry]:
    """Yield the entries of which the condition holds, in the order in which they count: each after those it follows."""
    query = f"SELECT {_COLUMNS} FROM trail WHERE {where} ORDER BY at, number, digest"  # noqa: S608
    for row in workspace.execute(query, parameters):
        yield _entry(row)


def forget(workspace: Workspace, record: str) -> None:
    """Delete the details of what was done about a testimony, in the caller's transaction. The entries stay."""
    workspace.execute("UPDATE trail SET detail = NULL WHERE record = ?", (record,))


def check(workspace: Workspace) -> list[str]:
    """Return every break in the trail, each as a sentence; none when all is as it was written."""
    keys = dict(workspace.execute("SELECT name, signing FROM reviewers").fetchall())
    broken = []
    numbers: dict[str, int] = {}
    last: set[str] = set()
    for entry in entries(workspace):
        numbers[entry.digest] = entry.number
        last = last.difference(entry.previous.split()) | {entry.digest}
        followed = [numbers.get(digest, -1) for digest in entry.previous.split()]
        if -1 in followed or entry.number != max(followed, default=0) + 1:
            broken.append(f"What entry {entry.number} by {entry.reviewer} follows is not here, or was changed.")
        try:
            entry.verify(public_key(keys.get(entry.reviewer, "")))
        except EnvelopeError as error:
            broken.append(f"Entry {entry.number} is not what {entry.reviewer} signed: {error}.")
    if last != {digest for (digest,) in workspace.execute("SELECT digest FROM tips")}:
        broken.append("The last entries are not those that were written last.")
    return broken


def public_key(text: str) -> bytes:
    """Return a reviewer's raw Ed25519 key from base64. Raises EnvelopeError."""
    return decode_base64(text, 32)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(row: tuple[Any, ...]) -> Entry:
    names = (*_COLUMNS.split(", ")[:-1], "text")
    return Entry(**dict(zip(names, row, strict=True)))
