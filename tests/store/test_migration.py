"""An instance that an earlier version made goes on, with all that people sent to it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from person import DAY, Person, exported, intake, stored
from postgres import shared_cluster
from sealing_browser import SealingBrowser
from service import ENOUGH, Instance
from sqlalchemy import create_engine, inspect, text

from intake import code
from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity
from intake.age.recipients import HybridRecipient
from intake.calls.answers import check
from intake.calls.edition import Edition, read_editions
from intake.encoding import canonical
from intake.instance import create_secret
from intake.site.catalogue import TRANSLATIONS
from intake.site.keyring import Keyring
from intake.site.sealing import Sending, seal_testimony
from intake.site.tokens import Form
from intake.store.models import Base
from intake.store.records import SEGMENT
from intake.store.schema import _config, create_file

INSTANCE_ID = "5a" * 16
RELEASED = ("0001", "0002", "0003")
"""Every revision of the tables that instances have been made with, but for today's."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; nothing for SQLite, which lies in the instance folder."""
    return shared_cluster().empty_database() if request.param == "postgresql" else ""


def old_version(folder: Path, url: str, revision: str) -> Instance:
    """Make an instance as an earlier version did: its folder, its secret, its tables."""
    instance = Instance(folder, HybridIdentity.generate(), url)
    (folder / "keys").mkdir()
    instance.add_recipient("duty", instance.identity)
    create_secret(folder / "instance")
    if not url:
        create_file(instance.database)
    with create_engine(instance.url).begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return instance


def put(instance: Instance, table: str, row: Mapping[str, object]) -> None:
    """Write a row."""
    instance.change(f"INSERT INTO {table} ({', '.join(row)}) VALUES (:{', :'.join(row)})", **row)


def receive(instance: Instance, edition: Edition, *, said_less: bool) -> tuple[str, str]:
    """Store a testimony as an earlier version did; return its code and digest. The first one's copy of the consents
    said less."""
    return_code = code.make()
    keys = code.derive(return_code, bytes.fromhex(INSTANCE_ID))
    recipients = Keyring(instance.folder / "keys").keys()
    form = Form(code.make(), "testimonials", edition.sha256, "x", "2026-11-21")
    checked = check(edition.call, {name: str(value) for name, value in ENOUGH.items()})
    record, mailbox = seal_testimony(Sending(form, edition, "en", checked), keys, recipients)
    consents = canonical({"format": "intake/1", "kind": "consent", "consent": dict(checked.consent)}).ljust(2048)
    sealed = encrypt(consents, [HybridRecipient.from_seed(keys.mailbox)])
    old_copy = {"consents": sealed} if said_less else {}
    put(instance, "mailbox", {**vars(mailbox), "id": record.mailbox, **old_copy})
    names = ("id", "mailbox", "kind", "call", "day", "sha256", "form", "content")
    row = {name: getattr(record, name) for name in names}
    put(instance, "record", {**row, "size": len(record.ciphertext), "recipients": " ".join(record.recipients)})
    assert len(record.ciphertext) < SEGMENT
    put(instance, "segment", {"record": record.id, "number": 0, "data": record.ciphertext})
    entry = {"event": "received", "record": record.id, "sha256": record.sha256, "day": record.day}
    put(instance, "log_entry", entry)
    return return_code, record.sha256


def fill(instance: Instance, edition: Edition, revision: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Put something into every table of a revision; return code and digest of two testimonies."""
    for name, content in edition.files.items():
        put(instance, "edition", {"sha256": edition.sha256, "file": name, "content": content})
    recipient = instance.identity.recipient()
    row = {"fingerprint": recipient.fingerprint, "recipient": str(recipient), "comment": "duty", "first_day": DAY}
    put(instance, "recipient", row)
    first, second = (receive(instance, edition, said_less=revision == "0001") for _ in range(2))
    if revision >= "0002":
        ((record, mailbox),) = instance.rows("SELECT id, mailbox FROM record WHERE sha256 = :sha256", sha256=first[1])
        instance.change("UPDATE record SET opened = :day WHERE id = :id", day=DAY, id=record)
        instance.change("UPDATE instance SET last_export = :day", day=DAY)
        put(instance, "reply", {"id": "1" * 32, "mailbox": mailbox, "day": DAY, "sealed": b""})
        put(instance, "desk_key", {"key": "A" * 43 + "="})
    if revision >= "0003":
        put(instance, "recipient_set", {"name": "x", "fingerprints": recipient.fingerprint, "last_day": DAY})
    return first, second


def dump(instance: Instance) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by the names of the columns."""
    with instance.connected() as connection:
        found = {
            table: [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {table}"))]
            for table in inspect(connection).get_table_names()
        }
    del found["alembic_version"]
    return found


@pytest.mark.parametrize("revision", RELEASED)
def test_an_instance_of_an_earlier_version_goes_on(tmp_path: Path, empty: str, revision: str) -> None:
    """`intake check` says what to do, `intake init` brings it up to date, all stays, and every code still opens."""
    instance = old_version(tmp_path, empty, revision)
    put(instance, "instance", {"id": INSTANCE_ID})
    edition = read_editions(TRANSLATIONS, ("en",))["testimonials"]
    (first, first_digest), (second, second_digest) = fill(instance, edition, revision)
    before = dump(instance)
    assert all(before.values())

    done = intake(instance, "export", tmp_path / "early.tar")
    assert done.returncode == 1 and "run `intake init`" in done.stderr
    checked = intake(instance, "check")
    assert checked.returncode == 1 and f"version {revision}" in checked.stderr
    for _ in range(2):
        assert intake(instance, "init").returncode == 0
    after = dump(instance)
    for table, rows in before.items():
        old_columns = [{name: row[name] for name in rows[0]} for row in after[table]]
        assert sorted(old_columns, key=repr) == sorted(rows, key=repr), table

    with instance.serve() as server:
        stays, leaves = Person(server, first, first_digest), Person(server, second, second_digest)
        page = stays.come_back()
        assert (page.status, first_digest in page.text) == (200, True)
        if revision == "0001":
            assert 'name="CSTAT"' not in page.text  # the copy does not say what was offered
            assert stays.act("consent", CSTAT="Y").status == 409
        else:
            assert stays.act("consent", CSTAT="Y").status == 200
        assert stays.act("reply", text="More.").status == 200
        assert stays.send(("a", b"1" * 70_000)).status == 200
        assert stays.files()["a"].content == b"1" * 70_000
        assert "Your testimony is withdrawn" in leaves.act("withdraw", confirm="yes").text
        assert SealingBrowser(server).send().status == 200
    bundled, log = exported(instance)
    added = 3 if revision == "0001" else 4
    expected = ["received", "received", *["added"] * added, "withdrawn", "purged", "received"]
    assert [event for event, _ in log] == expected
    assert bundled == {record.id for record in stored(instance).values() if record.state == "kept"}
    assert (
        instance.testimony(stored(instance)[stays.testimony].ciphertext).answers["story.text"] == ENOUGH["story.text"]
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_migrations_make_the_tables_that_the_program_expects(tmp_path: Path, engine: str) -> None:
    """An upgraded instance and a new one have the same tables, and they are those of the models."""
    schemas = []
    for revision in (*RELEASED, "head"):
        folder = tmp_path / revision
        folder.mkdir()
        instance = old_version(folder, shared_cluster().empty_database() if engine == "postgresql" else "", revision)
        assert intake(instance, "init").returncode == 0
        with instance.connected() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
            found = inspect(connection)
            schemas.append(
                {
                    table: (
                        [{**column, "type": str(column["type"])} for column in found.get_columns(table)],
                        found.get_indexes(table),
                        found.get_unique_constraints(table),
                        found.get_foreign_keys(table),
                        found.get_pk_constraint(table),
                    )
                    for table in found.get_table_names()
                }
            )
    assert all(schema == schemas[0] for schema in schemas)
    assert schemas[0].keys() == {*Base.metadata.tables, "alembic_version"}
