"""The desk's memory: one SQLCipher database. Beside it is its key, sealed to the reviewers: see `access`.

Every change is one transaction: a desk that is killed at any moment has it whole or not at all.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
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
_MOST_WAITING = 16 * 1024  # pages in the write-ahead log, which is 64 MiB
_CACHE_KIB = 64 * 1024  # a page that is in memory need not be decrypted again


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


_COLUMNS = tuple(field.name for field in fields(Record))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM records WHERE id = ?"  # noqa: S608
_SAVE = f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_values = attrgetter(*_COLUMNS)


@dataclass(frozen=True)
class Known:
    """An entry of the log that this desk accepted: its digest, and its line unless that could not be read."""

    digest: str
    line: bytes | None

    @property
    def entry(self) -> Entry | None:
        """The entry itself, unless it could not be read."""
        return Entry.parse(self.line) if self.line else None


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
        self._path = path
        self._database = _connect(path, key)
        self._editions: dict[str, Edition] = {}

    def prepare(self) -> None:
        """Check that the key opens the database, and make the tables that it lacks."""
        with self.transaction():
            made = upgrade(self._database)
        if made:  # where a full-text table was made, every statement takes longer as long as it is open
            self._database.close()
            self._database = _connect(self._path, self.key)
        # A desk that is at work in it beside this one keeps it as it is.
        with contextlib.suppress(sqlcipher.OperationalError):
            self._database.execute("PRAGMA journal_mode = WAL")

    @contextlib.contextmanager
    def in_order(self) -> Iterator[None]:
        """Do not wait for the disk after each transaction: a power cut may cost the last ones, but none before them.

        When this ends, all of them are on the disk. Not inside a transaction.
        """
        (mode,) = self._database.execute("PRAGMA journal_mode").fetchone()
        self._database.execute(f"PRAGMA synchronous = {'NORMAL' if mode == 'wal' else 'FULL'}")
        self._database.execute(f"PRAGMA wal_autocheckpoint = {_MOST_WAITING}")
        try:
            yield
        finally:
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA wal_autocheckpoint = 1000")
            self._database.execute("PRAGMA wal_checkpoint")

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

    def execute_many(self, query: str, parameters: Iterable[Sequence[object]]) -> None:
        """Run one statement for each of the parameters."""
        self._database.executemany(query, parameters)

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

    def head(self) -> tuple[int, str]:
        """Return the sequence number and the digest of the last accepted entry."""
        row = self._database.execute("SELECT sequence, digest FROM entries ORDER BY sequence DESC LIMIT 1").fetchone()
        return (int(row[0]), str(row[1])) if row else (0, START)

    @property
    def told(self) -> int:
        """The sequence number of the last entry that a report covered: `open` may be killed before it gives one."""
        return int(self._database.execute("SELECT told FROM desk").fetchone()[0])

    def has_told(self, sequence: int) -> None:
        """Remember that the report up to an entry was given."""
        self._database.execute("UPDATE desk SET told = ?1 WHERE told != ?1", (sequence,))

    def log(self, first: int, last: int) -> dict[int, Known]:
        """Return the accepted entries from one sequence number to another, in their order."""
        query = "SELECT sequence, digest, line FROM entries WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
        rows = self._database.execute(query, (first, last))
        return {sequence: Known(digest, line) for sequence, digest, line in rows}

    def purged(self) -> frozenset[str]:
        """Return the records that the accepted log has as purged."""
        query = 'SELECT line FROM entries WHERE instr(line, CAST(\'"event":"purged"\' AS BLOB))'
        return frozenset(Entry.parse(line).record for (line,) in self._database.execute(query))

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
        self._editions[edition.sha256] = edition

    def edition(self, sha256: str) -> Edition | None:
        """Return an edition that is kept. It is read once, since its digest names it."""
        if sha256 not in self._editions:
            query = "SELECT name, content FROM editions WHERE sha256 = ?"
            rows = self._database.execute(query, (sha256,)).fetchall()
            if not rows:
                return None
            self._editions[sha256] = Edition(dict(rows))
        return self._editions[sha256]

    def editions(self) -> dict[str, Edition]:
        """Return every edition that is kept, by its digest, in the order in which they came."""
        names = self._database.execute("SELECT sha256 FROM editions GROUP BY sha256 ORDER BY min(rowid)").fetchall()
        return {name: edition for (name,) in names if (edition := self.edition(name))}

    def note(self, day: str, event: str, detail: str) -> None:
        """Record a decision of the reviewer."""
        self._database.execute("INSERT INTO events (day, event, detail) VALUES (?, ?, ?)", (day, event, detail))

    def record(self, identifier: str) -> Record | None:
        """Return a filed record."""
        row = self._database.execute(_SELECT, (identifier,)).fetchone()
        return Record(**dict(zip(_COLUMNS, row, strict=True))) if row else None

    def records(self, where: str = "TRUE", parameters: Sequence[object] = ()) -> Iterator[Record]:
        """Yield every record of which the condition holds, in the order of the log; never more than one in memory."""
        # Sorted here: for the few rows that most conditions leave, SQLite takes ten times as long to begin to sort.
        query = f"SELECT sequence, id FROM records WHERE {where}"  # noqa: S608
        for _, identifier in sorted(self._database.execute(query, parameters).fetchall()):
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
        # Deleted first: INSERT OR REPLACE takes twice as long, also where there is nothing to replace.
        self._database.execute("DELETE FROM records WHERE id = ?", (record.id,))
        self._database.execute(_SAVE, _values(record))
        self._database.execute("INSERT OR IGNORE INTO stale VALUES (?)", (record.parent or record.id,))

    def drop(self, identifier: str) -> None:
        """Forget a record that no bundle brought, in the caller's transaction."""
        self.execute("DELETE FROM records WHERE id = ?", (identifier,))
        self.execute("DELETE FROM changes WHERE record = ?", (identifier,))

    def set_state(self, identifier: str, state: str) -> None:
        """Change the state of a record that is filed."""
        self._database.execute("UPDATE records SET state = ? WHERE id = ?", (state, identifier))
        self._database.execute("UPDATE testimonies SET state = ? WHERE record = ?", (state, identifier))
        self._database.execute("INSERT OR IGNORE INTO stale VALUES (?)", (identifier,))


def _connect(path: Path, key: bytes) -> Any:
    # The review desk answers each request in a thread of its own, one at a time.
    database = sqlcipher.connect(str(path), isolation_level=None, timeout=30, check_same_thread=False)
    database.execute("PRAGMA cipher_log_level = NONE")  # it would write to the terminal
    database.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    for pragma in (
        # Wiping and locking SQLite's own buffers costs a third of the time to open a bundle, and the same words are in
        # Python's strings, which nothing wipes: what protects both is a machine without swap.
        "cipher_memory_security = OFF",
        "temp_store = MEMORY",
        "secure_delete = ON",
        "synchronous = FULL",
        f"cache_size = -{_CACHE_KIB}",
    ):
        database.execute(f"PRAGMA {pragma}")
    return database
