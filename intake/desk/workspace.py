"""The desk's memory: one SQLCipher database. Beside it is its key, sealed to the reviewers: see `access`.

Every change is one transaction: a desk that is killed at any moment has it whole or not at all.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.bundle import START, Entry, Manifest, SealedTo
from intake.calls.edition import Edition
from intake.desk.errors import DeskError
from intake.desk.schema import upgrade
from intake.envelope import Testimony

NEW = "new"
QUARANTINED = "quarantined"
WITHDRAWN = "withdrawn"
CONTENT = "content"
"""The kind of a record that holds the bytes of an attachment, and no envelope."""

_OUTER = ("BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))
_INNER = ("SAVEPOINT inner_one", "RELEASE inner_one", ("ROLLBACK TO inner_one", "RELEASE inner_one"))
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A filed record. `sequence`, `event`, `sha256` and `day` are the log's; `content` is the decrypted envelope.

    `reason` says why it is quarantined or withdrawn; `stanzas` counts those in its header. `kind` and `parent` are
    what the envelope says: of a quarantined record they are only claims. The bytes of a file are of the kind CONTENT,
    and belong to the testimony, too. What could not be read, and what was withdrawn, has no content.
    """

    id: str
    sequence: int
    event: str
    sha256: str
    day: str
    state: str
    reason: str
    stanzas: int
    content: bytes
    kind: str = ""
    parent: str = ""

    @property
    def filed(self) -> bool:
        """Whether it was found to be what it says, and its source has not taken it back."""
        return self.state not in (QUARANTINED, WITHDRAWN)


@dataclass(frozen=True)
class Known:
    """An entry of the log that this desk accepted: its digest, and the entry itself unless it could not be read."""

    digest: str
    entry: Entry | None


@dataclass(frozen=True)
class Reviewer:
    """Who works at the desk: the name in the workspace, and the key that signs what they do."""

    name: str
    key: Ed25519PrivateKey


class Workspace:
    """An open workspace: `access.open_workspace` gives one. `reviewer` is who opened it."""

    reviewer: Reviewer

    def __init__(self, path: Path, key: bytes) -> None:
        self.key = key
        # The review desk answers each request in a thread of its own, one at a time.
        self._database: Any = sqlcipher.connect(str(path), isolation_level=None, timeout=30, check_same_thread=False)
        self._database.execute("PRAGMA cipher_log_level = NONE")  # it would write to the terminal
        self._database.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        for pragma in (
            "cipher_memory_security = ON",
            "temp_store = MEMORY",
            "secure_delete = ON",
            "synchronous = FULL",
        ):
            self._database.execute(f"PRAGMA {pragma}")
        # What was loaded once never changes: an edition is named by its digest.
        self.edition = cache(self._load_edition)

    def prepare(self) -> None:
        """Check that the key opens the database, and make the tables that it lacks."""
        with self.transaction():
            upgrade(self._database)

    def change_key(self, key: bytes) -> None:
        """Encrypt the whole workspace anew, at once or not at all."""
        self._database.execute("PRAGMA journal_mode = DELETE")  # SQLCipher cannot do it in a write-ahead log
        self._database.execute(f"PRAGMA rekey = \"x'{key.hex()}'\"")
        self.key = key

    @property
    def new_key_due(self) -> bool:
        """Whether a reviewer was removed who still has the key of the database."""
        return bool(self._database.execute("SELECT new_key_due FROM desk").fetchone()[0])

    def signing_key(self) -> Ed25519PrivateKey:
        """Return the key that signs what leaves this desk, whoever works here."""
        (seed,) = self._database.execute("SELECT signing FROM desk").fetchone()
        return Ed25519PrivateKey.from_private_bytes(seed)

    def keep_signing_key(self, key: Ed25519PrivateKey) -> None:
        """Sign what leaves this desk with the key of the reviewer who made it."""
        seed = key.private_bytes_raw()
        self._database.execute("UPDATE desk SET signing = ? WHERE signing = x''", (seed,))

    def execute(self, query: str, parameters: Sequence[object] = ()) -> Any:
        """Run one statement and return its cursor."""
        return self._database.execute(query, parameters)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of what is inside, or nothing. Inside another one, it lasts only if that does."""
        begin, commit, undo = _INNER if self._database.in_transaction else _OUTER
        self._database.execute(begin)
        try:
            yield
        except BaseException:
            for statement in undo:
                self._database.execute(statement)
            raise
        self._database.execute(commit)

    def server_key(self) -> bytes | None:
        """Return the server's key (raw Ed25519), or None before the first bundle."""
        row = self._database.execute("SELECT key FROM server").fetchone()
        return bytes(row[0]) if row else None

    def pin(self, server_key: bytes) -> None:
        """Remember the server's key."""
        self._database.execute("INSERT INTO server (id, key) VALUES (1, ?)", (server_key,))

    def log(self) -> dict[int, Known]:
        """Return every entry that was accepted, by sequence number and in its order."""
        rows = self._database.execute("SELECT sequence, digest, line FROM entries ORDER BY sequence")
        return {sequence: Known(digest, Entry.parse(line) if line else None) for sequence, digest, line in rows}

    def twin(self, record: Record) -> str:
        """Return the id of another filed record with the same ciphertext, or nothing."""
        query = "SELECT id FROM records WHERE sha256 = ? AND id != ? AND sequence < ? AND kind = ?"
        row = self._database.execute(query, (record.sha256, record.id, record.sequence, record.kind)).fetchone()
        return str(row[0]) if row else ""

    def forget_log(self, first: int) -> None:
        """Forget the entries from `first` on: the operator restored a backup, and they come no more."""
        self._database.execute("DELETE FROM entries WHERE sequence >= ?", (first,))

    def remember_log(self, manifest: Manifest, entries: Mapping[int, Entry]) -> None:
        """Remember the signed digests of a bundle, its entries as far as they could be read, and the bundle itself."""
        for sequence, digest in enumerate(manifest.log, manifest.since + 1):
            line = entries[sequence].line if sequence in entries else None
            self._database.execute(
                "INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT (sequence) "
                "DO UPDATE SET line = excluded.line WHERE line IS NULL AND excluded.line IS NOT NULL",
                (sequence, digest, line),
            )
        self._database.execute("INSERT OR IGNORE INTO bundles VALUES (?, ?)", (manifest.sha256, manifest.day))

    def has_opened(self, manifest: Manifest) -> bool:
        """Tell whether this very bundle was opened before."""
        query = "SELECT 1 FROM bundles WHERE sha256 = ?"
        return self._database.execute(query, (manifest.sha256,)).fetchone() is not None

    def last_day(self) -> str:
        """Return the day of the newest bundle that was opened, or nothing."""
        return str(self._database.execute("SELECT coalesce(max(day), '') FROM bundles").fetchone()[0])

    def recipients(self) -> frozenset[str]:
        """Return the fingerprint of every recipient that a bundle named."""
        return frozenset(row[0] for row in self._database.execute("SELECT recipient FROM recipients"))

    def add_recipients(self, recipients: Sequence[SealedTo]) -> None:
        """Remember recipients that a bundle names."""
        rows = [(recipient.recipient, recipient.comment, recipient.day) for recipient in recipients]
        self._database.executemany("INSERT OR IGNORE INTO recipients VALUES (?, ?, ?)", rows)

    def add_edition(self, edition: Edition) -> None:
        """Keep an edition whose digest was checked."""
        rows = [(edition.sha256, name, content) for name, content in edition.files.items()]
        self._database.executemany("INSERT OR IGNORE INTO editions VALUES (?, ?, ?)", rows)
        self.edition.cache_clear()

    def note(self, day: str, event: str, detail: str) -> None:
        """Record a decision of the reviewer."""
        self._database.execute("INSERT INTO events (day, event, detail) VALUES (?, ?, ?)", (day, event, detail))

    def record(self, identifier: str) -> Record | None:
        """Return a filed record."""
        names = [field.name for field in fields(Record)]
        query = f"SELECT {', '.join(names)} FROM records WHERE id = ?"  # noqa: S608
        row = self._database.execute(query, (identifier,)).fetchone()
        return Record(**dict(zip(names, row, strict=True))) if row else None

    def records(self, where: str = "TRUE", parameters: Sequence[object] = ()) -> Iterator[Record]:
        """Yield every record of which the condition holds, in the order of the log; never more than one in memory."""
        query = f"SELECT id FROM records WHERE {where} ORDER BY sequence, id"  # noqa: S608
        for (identifier,) in self._database.execute(query, parameters).fetchall():
            record = self.record(identifier)
            if record is not None:
                yield record

    def children(self, testimony: str, kind: str) -> Iterator[Record]:
        """Yield the filed records of a kind that belong to a testimony, in the order of the log."""
        found = self.records("parent = ? AND kind = ?", (testimony, kind))
        return (record for record in found if record.filed)

    def count(self, testimony: str, kind: str) -> int:
        """Return how many filed records of a kind belong to a testimony."""
        query = "SELECT count(*) FROM records WHERE parent = ? AND kind = ? AND state NOT IN (?, ?)"
        row = self._database.execute(query, (testimony, kind, QUARANTINED, WITHDRAWN)).fetchone()
        return int(row[0])

    def found(self, identifier: str) -> Record:
        """Return a record that is filed. Raises DeskError for any other id."""
        record = self.record(identifier) if _ID.fullmatch(identifier) else None
        if record is None:
            raise DeskError("There is no record with this id: `intake-desk list` shows those there are.")
        if record.state == WITHDRAWN:
            raise DeskError(f"Record {record.id} was withdrawn: {record.reason}.")
        if not record.filed:
            raise DeskError(f"Record {record.id} is quarantined: {record.reason}.")
        return record

    def testimony(self, identifier: str) -> Record:
        """Return a testimony that is filed. Raises DeskError for any other id."""
        record = self.found(identifier)
        if record.kind != Testimony.kind:
            raise DeskError(f"Record {record.id} is no testimony: it belongs to testimony {record.parent}.")
        return record

    def save(self, record: Record) -> None:
        """File a record, or change what is filed of it. Its testimony is to be indexed again."""
        marks = ", ".join(f":{field.name}" for field in fields(Record))
        self._database.execute(f"INSERT OR REPLACE INTO records VALUES ({marks})", asdict(record))  # noqa: S608
        self._database.execute("INSERT OR IGNORE INTO stale VALUES (?)", (record.parent or record.id,))

    def set_state(self, identifier: str, state: str) -> None:
        """Change the state of a record that is filed."""
        self._database.execute("UPDATE records SET state = ? WHERE id = ?", (state, identifier))
        self._database.execute("UPDATE testimonies SET state = ? WHERE record = ?", (state, identifier))

    def _load_edition(self, sha256: str) -> Edition | None:
        rows = self._database.execute("SELECT name, content FROM editions WHERE sha256 = ?", (sha256,)).fetchall()
        return Edition(dict(rows)) if rows else None


def head(log: Mapping[int, Known]) -> tuple[int, str]:
    """Return the sequence number and the digest of the last accepted entry."""
    last = max(log, default=0)
    return last, log[last].digest if log else START
