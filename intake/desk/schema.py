"""The tables of the workspace, and how a workspace of an earlier version gets them."""

from typing import Any

from intake.desk.errors import DeskError
from intake.encoding import EnvelopeError
from intake.envelope import parse

_FIRST = """
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
_SECOND = """
ALTER TABLE records ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN parent TEXT NOT NULL DEFAULT '';
CREATE INDEX records_by_parent ON records (parent);
CREATE INDEX records_by_sha256 ON records (sha256);
CREATE TABLE files (content TEXT PRIMARY KEY, attachment TEXT NOT NULL UNIQUE);
CREATE TABLE parts (
    record TEXT NOT NULL, number INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (record, number)
);
CREATE TABLE taken_out (id INTEGER PRIMARY KEY, record TEXT NOT NULL, day TEXT NOT NULL, path TEXT NOT NULL);
CREATE TABLE exports (
    number INTEGER PRIMARY KEY, day TEXT NOT NULL, use TEXT NOT NULL, format TEXT NOT NULL, path TEXT NOT NULL,
    size INTEGER NOT NULL
);
CREATE TABLE exported (record TEXT NOT NULL, export INTEGER NOT NULL, PRIMARY KEY (record, export));
CREATE TABLE messages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL, kind TEXT NOT NULL, day TEXT NOT NULL,
    state TEXT NOT NULL, text TEXT NOT NULL, sealed BLOB NOT NULL
);
CREATE INDEX messages_by_record ON messages (record);
CREATE TABLE changes (number INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE);
CREATE TABLE spam (record TEXT PRIMARY KEY, marking TEXT NOT NULL, before TEXT NOT NULL);
"""
_STEPS = (_FIRST, _SECOND)
VERSION = len(_STEPS)


def upgrade(database: Any) -> None:
    """Make the tables that are missing, inside the caller's transaction.

    Raises DeskError when a newer program made the workspace.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise DeskError("The workspace was made by a newer version of this program: use that one.")
    if version == VERSION:
        return
    for step in _STEPS[version:]:
        for statement in filter(str.strip, step.split(";\n")):
            database.execute(statement)
    if version == 1:
        _name_kinds(database)
    database.execute(f"PRAGMA user_version = {VERSION}")


def _name_kinds(database: Any) -> None:
    """Version 2 keeps beside each record what its envelope says of its kind and its parent."""
    for (identifier,) in database.execute("SELECT id FROM records").fetchall():
        (content,) = database.execute("SELECT content FROM records WHERE id = ?", (identifier,)).fetchone()
        try:
            envelope = parse(content)
        except EnvelopeError:
            continue
        named = (envelope.kind, getattr(envelope, "parent", ""), identifier)
        database.execute("UPDATE records SET kind = ?, parent = ? WHERE id = ?", named)
