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
# What reviewers do is in `trail` alone; the tables from `codes` on are what it comes to, and can be made from it anew.
# Places in texts are code points: `part` is the record that holds the words, `question` the answer, or "" for the text
# of an addition, `first` and `last` bound the passage as in Python's slices.
_THIRD = """
CREATE TABLE desk (
    id INTEGER PRIMARY KEY CHECK (id = 1), signing BLOB NOT NULL DEFAULT x'',
    new_key_due INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL
);
CREATE TABLE reviewers (
    name TEXT PRIMARY KEY, recipient TEXT NOT NULL UNIQUE, signing TEXT NOT NULL, removed TEXT NOT NULL DEFAULT ''
);
CREATE TABLE trail (
    digest TEXT PRIMARY KEY, number INTEGER NOT NULL, previous TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL,
    event TEXT NOT NULL, record TEXT NOT NULL, detail_sha256 TEXT NOT NULL, signature TEXT NOT NULL, detail TEXT
);
CREATE INDEX trail_by_record ON trail (record);
CREATE INDEX trail_by_time ON trail (at, number, digest);
CREATE TABLE tips (digest TEXT PRIMARY KEY);
CREATE TABLE testimonies (
    number INTEGER PRIMARY KEY, record TEXT NOT NULL UNIQUE, sequence INTEGER NOT NULL, state TEXT NOT NULL,
    call TEXT NOT NULL, language TEXT NOT NULL, day TEXT NOT NULL, country TEXT NOT NULL, risk INTEGER NOT NULL,
    hard INTEGER NOT NULL, test INTEGER NOT NULL, additions INTEGER NOT NULL, files INTEGER NOT NULL,
    length INTEGER NOT NULL, opening TEXT NOT NULL
);
CREATE INDEX testimonies_by_length ON testimonies (length, number);
CREATE TABLE expiring (
    days INTEGER NOT NULL, day TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (days, day, record)
) WITHOUT ROWID;
CREATE TABLE terms (id INTEGER PRIMARY KEY, question TEXT NOT NULL, code TEXT NOT NULL, UNIQUE (question, code));
CREATE TABLE facets (
    term INTEGER NOT NULL, block INTEGER NOT NULL, bits BLOB NOT NULL, PRIMARY KEY (term, block)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text, content='', contentless_delete=1, tokenize='ascii', prefix='1');
INSERT INTO words (words, rank) VALUES ('hashsize', 16777216);
CREATE TABLE stale (record TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE searches (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE readings (
    reviewer TEXT NOT NULL, day TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (reviewer, day, record)
);
CREATE TABLE refused (
    export INTEGER NOT NULL, reason TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (export, record, reason)
);
CREATE TABLE worked (record TEXT NOT NULL, reviewer TEXT NOT NULL, PRIMARY KEY (record, reviewer));
CREATE TABLE codes (
    id TEXT PRIMARY KEY, parent TEXT NOT NULL, name TEXT NOT NULL, colour TEXT NOT NULL, memo TEXT NOT NULL,
    position INTEGER NOT NULL, merged TEXT NOT NULL, retired INTEGER NOT NULL
);
CREATE TABLE codings (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, part TEXT NOT NULL, question TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, code TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX codings_by_record ON codings (record);
CREATE INDEX codings_by_code ON codings (code, record);
CREATE TABLE finished (
    record TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (record, reviewer)
);
CREATE TABLE memos (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, part TEXT NOT NULL, question TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX memos_by_record ON memos (record);
CREATE TABLE translations (
    record TEXT NOT NULL, part TEXT NOT NULL, question TEXT NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL,
    reviewer TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (record, part, question, language)
);
CREATE TABLE links (
    one TEXT NOT NULL, other TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (one, other)
);
CREATE INDEX links_by_other ON links (other);
CREATE TABLE redactions (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, part TEXT NOT NULL, question TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, kind TEXT NOT NULL, pseudonym TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX redactions_by_record ON redactions (record);
CREATE TABLE confirmations (
    record TEXT NOT NULL, sha256 TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (record, sha256, reviewer)
);
CREATE TABLE quotes (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, part TEXT NOT NULL, question TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX quotes_by_record ON quotes (record);
CREATE TABLE dismissed (
    record TEXT NOT NULL, part TEXT NOT NULL, question TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (record, part, question, first, last)
);
CREATE TABLE asked (
    id TEXT PRIMARY KEY, record TEXT NOT NULL, quote TEXT NOT NULL, use TEXT NOT NULL, name TEXT NOT NULL,
    text TEXT NOT NULL, before TEXT NOT NULL, reviewer TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX asked_by_record ON asked (record);
CREATE TABLE agreed (
    asked TEXT NOT NULL, reviewer TEXT NOT NULL, record TEXT NOT NULL, answer TEXT NOT NULL, sha256 TEXT NOT NULL,
    at TEXT NOT NULL, PRIMARY KEY (asked, reviewer)
);
ALTER TABLE exports ADD COLUMN what TEXT NOT NULL DEFAULT 'answers';
"""
_STEPS = (_FIRST, _SECOND, _THIRD)
VERSION = len(_STEPS)


def upgrade(database: Any) -> bool:
    """Make the tables that are missing, inside the caller's transaction. Return whether there were any.

    Raises DeskError when a newer program made the workspace.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise DeskError("The workspace was made by a newer version of this program: use that one.")
    if version == VERSION:
        return False
    for step in _STEPS[version:]:
        for statement in filter(str.strip, step.split(";\n")):
            database.execute(statement)
    if version == 1:
        _name_kinds(database)
    if version:
        database.execute("INSERT INTO stale SELECT id FROM records WHERE kind = 'testimony'")
        held = "SELECT 0, day, id FROM records WHERE kind IN ('testimony', 'addition') AND content != x''"
        database.execute(f"INSERT INTO expiring {held}")  # 0 days: not looked at yet
    database.execute("INSERT INTO desk (id, told) SELECT 1, coalesce(max(sequence), 0) FROM entries")
    database.execute(f"PRAGMA user_version = {VERSION}")
    return True


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
