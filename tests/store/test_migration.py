"""An instance that an earlier version made goes on, with all that people sent to it."""

import contextlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from person import Person, exported, intake, stored
from sealing_browser import SealingBrowser
from service import ENOUGH, Instance
from sqlalchemy import create_engine

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


def first_version(folder: Path) -> Instance:
    """Make an instance as the first version did: its folder, its secret, its tables."""
    instance = Instance(folder, HybridIdentity.generate())
    (folder / "keys").mkdir()
    instance.add_recipient("duty", instance.identity)
    create_secret(folder / "instance")
    create_file(instance.database)
    with create_engine(f"sqlite:///{instance.database}").begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    put(instance, "instance", {"id": INSTANCE_ID})
    return instance


def put(instance: Instance, table: str, row: Mapping[str, object]) -> None:
    """Write a row."""
    with contextlib.closing(sqlite3.connect(instance.database)) as database:
        places = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values()))
        database.commit()


def receive(instance: Instance, edition: Edition) -> tuple[str, str]:
    """Store a testimony as the first version did; return its code and digest. Its copy of the consents said less."""
    return_code = code.make()
    keys = code.derive(return_code, bytes.fromhex(INSTANCE_ID))
    recipients = Keyring(instance.folder / "keys").keys()
    form = Form(code.make(), "testimonials", edition.sha256, "x", "2026-11-21")
    checked = check(edition.call, {name: str(value) for name, value in ENOUGH.items()})
    record, mailbox = seal_testimony(Sending(form, edition, "en", checked), keys, recipients)
    consents = canonical({"format": "intake/1", "kind": "consent", "consent": dict(checked.consent)}).ljust(2048)
    sealed = encrypt(consents, [HybridRecipient.from_seed(keys.mailbox)])
    put(instance, "mailbox", {**vars(mailbox), "id": record.mailbox, "consents": sealed})
    names = ("id", "mailbox", "kind", "call", "day", "sha256", "form", "content")
    row = {name: getattr(record, name) for name in names}
    put(instance, "record", {**row, "size": len(record.ciphertext), "recipients": " ".join(record.recipients)})
    assert len(record.ciphertext) < SEGMENT
    put(instance, "segment", {"record": record.id, "number": 0, "data": record.ciphertext})
    entry = {"event": "received", "record": record.id, "sha256": record.sha256, "day": record.day}
    put(instance, "log_entry", entry)
    return return_code, record.sha256


def test_an_instance_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """`intake check` says what to do, `intake init` brings it up to date, and every code still opens."""
    instance = first_version(tmp_path)
    edition = read_editions(TRANSLATIONS, ("en",))["testimonials"]
    for name, content in edition.files.items():
        put(instance, "edition", {"sha256": edition.sha256, "file": name, "content": content})
    (first, first_digest), (second, second_digest) = (receive(instance, edition) for _ in range(2))

    done = intake(instance, "export", tmp_path / "early.tar")
    assert done.returncode == 1 and "run `intake init`" in done.stderr
    checked = intake(instance, "check")
    assert checked.returncode == 1 and "version 0001" in checked.stderr
    for _ in range(2):
        assert intake(instance, "init").returncode == 0
    with contextlib.closing(sqlite3.connect(instance.database)) as database:
        assert database.execute("SELECT id FROM instance").fetchall() == [(INSTANCE_ID,)]

    with instance.serve() as server:
        stays, leaves = Person(server, first, first_digest), Person(server, second, second_digest)
        page = stays.come_back()
        assert (page.status, first_digest in page.text) == (200, True)
        assert 'name="CSTAT"' not in page.text  # the copy does not say what was offered
        assert stays.act("consent", CSTAT="Y").status == 409
        assert stays.act("reply", text="More.").status == 200
        assert stays.send(("a", b"1" * 70_000)).status == 200
        assert stays.files()["a"].content == b"1" * 70_000
        assert "Your testimony is withdrawn" in leaves.act("withdraw", confirm="yes").text
        assert SealingBrowser(server).send().status == 200
    bundled, log = exported(instance)
    assert [event for event, _ in log] == ["received", "received", *["added"] * 3, "withdrawn", "purged", "received"]
    assert bundled == {record.id for record in stored(instance).values() if record.state == "kept"}
    assert (
        instance.testimony(stored(instance)[stays.testimony].ciphertext).answers["story.text"] == ENOUGH["story.text"]
    )


def test_the_migrations_make_the_tables_that_the_program_expects(tmp_path: Path) -> None:
    """An upgraded instance and a new one have the same tables, and they are those of the models."""
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old, new = first_version(tmp_path / "old"), Instance.create(tmp_path / "new")
    assert intake(old, "init").returncode == 0
    schemas = []
    for instance in (old, new):
        with contextlib.closing(sqlite3.connect(instance.database)) as database:
            schemas.append(database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall())
        with create_engine(f"sqlite:///{instance.database}").connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert schemas[0] == schemas[1]
