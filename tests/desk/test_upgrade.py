"""A workspace that the first version of this program made is used on, with everything in it."""

from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as sqlcipher

from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.age.encrypt import encrypt
from intake.bundle import Manifest
from intake.desk.bundles.reading import open_bundle
from intake.envelope import Addition, build
from intake.envelope import Testimony as SealedTestimony

FIRST = """
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
PRAGMA user_version = 1;
"""
KEY = bytes(range(32))


@pytest.fixture
def database(desk: Desk) -> sqlcipher.Connection:
    """An empty workspace of version 1, as that version made it."""
    desk.workspace.mkdir()
    (desk.workspace / "key.age").write_bytes(encrypt(KEY, [DUTY.recipient()]))
    database = sqlcipher.connect(str(desk.workspace / "desk.db"), isolation_level=None)
    database.execute(f"PRAGMA key = \"x'{KEY.hex()}'\"")
    database.executescript(FIRST)
    return database


def fill(database: sqlcipher.Connection, server: Server, envelopes: dict[str, tuple[str, bytes]], stick: Path) -> None:
    """Put into it what opening the stick left there: `envelopes` gives the state and the content by id."""
    with open_bundle(stick) as bundle:
        manifest: Manifest = bundle.manifest
    database.execute("INSERT INTO server VALUES (1, ?)", (server.key.public_key().public_bytes_raw(),))
    database.execute("INSERT INTO bundles VALUES (?, ?)", (manifest.sha256, manifest.day))
    for entry in server.entries:
        database.execute("INSERT INTO entries VALUES (?, ?, ?)", (entry.sequence, entry.digest, entry.line))
        state, content = envelopes[entry.record]
        row = (entry.record, entry.sequence, entry.event, entry.sha256, entry.day, state, "", 2, content)
        database.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    for recipient in manifest.recipients:
        named = (recipient.recipient, recipient.comment, recipient.day)
        database.execute("INSERT INTO recipients VALUES (?, ?, ?)", named)
    for name, content in server.edition.files.items():
        database.execute("INSERT INTO editions VALUES (?, ?, ?)", (server.edition.sha256, name, content))
    database.close()


def content(envelope: SealedTestimony | Addition) -> bytes:
    return build(envelope).rstrip(b" ")


def test_a_workspace_of_the_first_version_is_used_on(
    server: Server, desk: Desk, stick: Path, database: sqlcipher.Connection
) -> None:
    testimony = server.testimony()
    parent = server.receive()
    addition = server.addition(parent)
    added = server.add(addition)
    waiting = server.take("added", build(server.addition("0" * 32)))
    strange = server.take_json("[")
    server.export(stick)
    envelopes = {
        parent: ("new", content(testimony)),
        added: ("new", content(addition)),
        waiting: ("quarantined", content(server.addition("0" * 32))),
        strange: ("quarantined", b"["),
    }
    fill(database, server, envelopes, stick)
    assert {record: fields["state"] for record, fields in desk.listed().items()} == {
        record: state for record, (state, _) in envelopes.items()
    }
    assert desk.listed()[parent]["additions"] == 1
    assert desk.shown(parent)["additions"] == [added]
    assert desk.open(stick).returncode == 0
    assert desk.shown(parent)["answers"] == testimony.answers
    record, _ = server.attach(parent, b"evidence")
    server.export(stick)
    assert (desk.open(stick).returncode, desk.open(stick).stderr) == (0, "")
    assert [found["id"] for found in desk.shown(parent)["attachments"]] == [record]
    assert len(desk.dispatched(desk.folder / "dispatch.tar")[0]) == 1
    server.withdraw(parent)
    server.export(stick)
    assert "4 record(s) of it were deleted here" in desk.open(stick).stdout
    assert desk.listed()[added]["state"] == "withdrawn"


def test_an_upgrade_that_fails_changes_nothing(desk: Desk, database: sqlcipher.Connection) -> None:
    """What is not there half can be tried again."""
    database.execute("CREATE TABLE spam (mine TEXT)")
    database.close()
    before = (desk.workspace / "desk.db").read_bytes()
    result = desk.at_desk("list")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert (desk.workspace / "desk.db").read_bytes() == before


def test_a_newer_workspace_is_left_alone(desk: Desk, database: sqlcipher.Connection) -> None:
    database.execute("PRAGMA user_version = 4")
    database.close()
    result = desk.at_desk("list")
    assert result.returncode == 1
    assert result.stderr == "Error: The workspace was made by a newer version of this program: use that one.\n"
