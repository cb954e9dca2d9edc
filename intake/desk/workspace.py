"""The desk's memory: one SQLCipher database, and its key sealed to the reviewer. Nothing else is on the disk.

Every change is one transaction: a desk that is killed at any moment has it whole or not at all.
"""

import contextlib
import fcntl
import io
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2 as sqlcipher

from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.errors import AgeError, NoMatchError
from intake.age.identities import HybridIdentity
from intake.bundle import START, Entry, Manifest, SealedTo
from intake.calls.edition import Edition
from intake.desk.errors import DeskError

NEW = "new"
QUARANTINED = "quarantined"

_KEY_FILE = "key.age"
_DATABASE = "desk.db"
_VERSION = 1
_SCHEMA = """
CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL);
CREATE TABLE entries (sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL, line BLOB);
CREATE TABLE bundles (sha256 TEXT PRIMARY KEY, day TEXT NOT NULL);
CREATE TABLE recipients (recipient TEXT PRIMARY KEY, comment TEXT NOT NULL, day TEXT NOT NULL);
CREATE TABLE editions (
    sha256 TEXT NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (sha256, name)
);
CREATE TABLE records (
    id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, event TEXT NOT NULL, sha256 TEXT NOT NULL, day TEXT NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL, stanzas INTEGER NOT NULL, content BLOB NOT NULL
);
CREATE TABLE events (id INTEGER PRIMARY KEY, day TEXT NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A filed record. `sequence`, `event`, `sha256` and `day` are the log's; `content` is the decrypted envelope.

    `reason` says why it is quarantined; `stanzas` counts those in its header. What could not be decrypted is empty.
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


@dataclass(frozen=True)
class Known:
    """An entry of the log that this desk accepted: its digest, and the entry itself unless it could not be read."""

    digest: str
    entry: Entry | None


class Workspace:
    """An open workspace. `open_workspace` and `create_workspace` make one."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._database: Any = sqlcipher.connect(str(path), isolation_level=None, timeout=30)
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
        """Check that the key opens the database, and make its tables if it is new."""
        with self.transaction():
            (version,) = self._database.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                raise DeskError("The workspace was made by a newer version of this program: use that one.")

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of what is inside, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

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
        query = "SELECT id FROM records WHERE sha256 = ? AND id != ? AND sequence < ?"
        row = self._database.execute(query, (record.sha256, record.id, record.sequence)).fetchone()
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

    def records(self, event: str = "") -> Iterator[Record]:
        """Yield every filed record, or those of an event, in the order of the log; never more than one in memory."""
        query = "SELECT id FROM records WHERE ? IN ('', event) ORDER BY sequence, id"
        for (identifier,) in self._database.execute(query, (event,)).fetchall():
            record = self.record(identifier)
            if record is not None:
                yield record

    def save(self, record: Record) -> None:
        """File a record, or change what is filed of it."""
        marks = ", ".join(f":{field.name}" for field in fields(Record))
        self._database.execute(f"INSERT OR REPLACE INTO records VALUES ({marks})", asdict(record))  # noqa: S608

    def _load_edition(self, sha256: str) -> Edition | None:
        rows = self._database.execute("SELECT name, content FROM editions WHERE sha256 = ?", (sha256,)).fetchall()
        return Edition(dict(rows)) if rows else None


def head(log: Mapping[int, Known]) -> tuple[int, str]:
    """Return the sequence number and the digest of the last accepted entry."""
    last = max(log, default=0)
    return last, log[last].digest if log else START


def is_workspace(directory: Path) -> bool:
    """Tell whether there is a workspace in the folder. Raises DeskError when its key is gone."""
    if (directory / _KEY_FILE).exists():
        return True
    if (directory / _DATABASE).exists():
        raise DeskError(f"{directory} has lost its {_KEY_FILE}: put it back from a copy, or use another folder.")
    return False


@contextlib.contextmanager
def open_workspace(directory: Path, identities: Sequence[HybridIdentity]) -> Iterator[Workspace]:
    """Open the workspace in a folder. Raises DeskError when there is none, or the key is not its own."""
    if not is_workspace(directory):
        raise DeskError(f"There is no workspace in {directory}: `intake-desk open` makes one.")
    try:
        key = decrypt((directory / _KEY_FILE).read_bytes(), identities)
    except NoMatchError:
        raise DeskError(f"This key does not open the workspace in {directory}: use the one it was made with.") from None
    except AgeError as error:
        raise DeskError(f"{directory / _KEY_FILE} is damaged: {error}") from None
    try:
        workspace = Workspace(directory / _DATABASE, key)
        with contextlib.closing(workspace):
            workspace.prepare()
            yield workspace
    except sqlcipher.DatabaseError as error:
        raise DeskError(
            f"The workspace in {directory} cannot be used ({error}): put it back from a copy, or open the bundles "
            "again in another folder."
        ) from None


def create_workspace(directory: Path, identities: Sequence[HybridIdentity]) -> None:
    """Make an empty workspace whose key is sealed to the identities. Only its owner may read the folder."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    sealed = encrypt(secrets.token_bytes(32), [identity.recipient() for identity in identities])
    folder = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # of two desks that start at once, the first one's key is the one
        if not (directory / _KEY_FILE).exists():
            # Under its name only when it is whole and on the disk: without it, everything filed later would be lost.
            part = directory / f"{_KEY_FILE}.part"
            with io.FileIO(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
                sink.write(sealed)
                os.fsync(sink.fileno())
            part.replace(directory / _KEY_FILE)
            os.fsync(folder)
    finally:
        os.close(folder)
