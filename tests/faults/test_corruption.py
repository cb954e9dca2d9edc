"""A damaged SQLite file: what is damaged is named and never passed on as whole, and all else is exported."""

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from oracle import read
from person import Person, intake, stored
from service import CALL, ENOUGH, Instance

DAMAGED = "the database is damaged: restore it from a backup"
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """An instance that was exported and served, with some testimonies and two files in it."""
    instance = Instance.create(tmp_path_factory.mktemp("whole"))
    with instance.serve() as server:
        for number in range(20):
            person = Person.who_sent(server, **{"story.text": f"Number {number}."})
        assert person.send(("one.bin", bytes(200_000)), ("two.bin", bytes(300_000))).status == 200
        assert intake(instance, "export", instance.folder / "whole.tar").returncode == 0
    with contextlib.closing(sqlite3.connect(instance.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return instance


@pytest.fixture
def instance(whole: Instance, tmp_path: Path) -> Instance:
    """A copy of it, to be damaged."""
    shutil.copytree(whole.folder, tmp_path, dirs_exist_ok=True)
    return Instance(tmp_path, whole.identity)


def overwrite(instance: Instance, place: int, content: bytes) -> None:
    """Write into the database file."""
    with instance.database.open("r+b") as file:
        file.seek(place)
        file.write(content)


def root(instance: Instance, table: str) -> int:
    """Where the first page of a table is in the file."""
    ((page,),) = instance.rows("SELECT rootpage FROM sqlite_master WHERE name = :table", table=table)
    return (int(page) - 1) * PAGE


def test_a_changed_byte_in_a_record_leaves_out_that_record(instance: Instance) -> None:
    """SQLite cannot know of it. The export compares each record with its digest, names the one, and has the others."""
    records = stored(instance)
    damaged = next(record for record in records.values() if record.kind == "content" and record.size > 250_000)
    content = instance.database.read_bytes()
    parts = (damaged.ciphertext[start : start + 100] for start in (5000, 7000))  # one of them is within a page
    place = max(content.find(part) for part in parts)
    overwrite(instance, place, bytes([content[place] ^ 1]))
    path = instance.folder / "bundle.tar"
    done = intake(instance, "export", path)
    assert (done.returncode, done.stdout) == (1, f"{path}\n")
    assert done.stderr == f"Error: {DAMAGED}; all else was exported, but for the records {damaged.id}\n"
    found = read(instance, path)
    assert found.verified.records.keys() == records.keys() - {damaged.id}
    opened = instance.desk("open", path)
    assert opened.returncode == 1 and f"record {damaged.id}" in opened.stderr
    backup = instance.desk("open", instance.folder / "whole.tar")  # what was sound then brings it
    assert (backup.returncode, "1 record(s) opened, 0 quarantined" in backup.stdout) == (0, True), backup


def test_a_record_that_lost_its_parts_is_named(instance: Instance) -> None:
    """It is not taken for one that was withdrawn."""
    record = next(iter(stored(instance)))
    instance.change("DELETE FROM segment WHERE record = :record", record=record)
    done = intake(instance, "export", instance.folder / "bundle.tar")
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: {DAMAGED}; all else was exported, but for the records {record}\n",
    )


def test_a_damaged_table_of_records_is_never_half_a_bundle(instance: Instance) -> None:
    """A page of the parts of records is gone: what cannot be read is named, what can be read is exported."""
    records = stored(instance)
    overwrite(instance, root(instance, "segment"), bytes(PAGE))
    path = instance.folder / "bundle.tar"
    done = intake(instance, "export", path)
    assert (done.returncode, done.stderr.count("\n"), DAMAGED in done.stderr) == (1, 1, True)
    named = {record for record in records if record in done.stderr}
    assert read(instance, path).verified.records.keys() == records.keys() - named
    assert named


@pytest.mark.parametrize("table", ["log_entry", "record", "mailbox", "segment", "alembic_version"])
def test_a_damaged_page_is_found_and_told(instance: Instance, table: str) -> None:
    """`intake check` says so in one line, no command writes a broken bundle, and nobody gets a receipt for nothing."""
    overwrite(instance, root(instance, table), b"\xff" * 100)
    done = intake(instance, "check")
    assert (done.returncode, done.stderr) == (1, f"{DAMAGED}\n")
    path = instance.folder / "bundle.tar"
    done = intake(instance, "export", path)
    assert done.returncode == 0 or (done.stderr.count("\n"), DAMAGED in done.stderr) == (1, True)
    if path.exists():
        read(instance, path)
    with instance.serve() as server:
        page = server.client.get(CALL)
        if page.status == 200:
            form = {name: page.hidden(name) for name in ("form_token", "code")}
            answer = server.client.post(CALL, {**form, **ENOUGH})
            assert answer.status == 503 and str(ENOUGH["story.text"]) in answer.text
        else:
            assert page.status == 503
            assert server.client.get("/healthz").text == "not ready: database\n"


def test_a_changed_entry_of_the_log_stops_the_export(instance: Instance) -> None:
    """The chain is compared before anything is signed: the entry is named, and no file is written."""
    instance.change("UPDATE log_entry SET day = '2020-01-01' WHERE sequence = 7")
    done = intake(instance, "export", instance.folder / "bundle.tar")
    words = "Error: entry 7 of the log is damaged: restore the database from a backup\n"
    assert (done.returncode, done.stderr) == (1, words)
    assert not (instance.folder / "bundle.tar").exists()


def _make_no_database(path: Path) -> None:
    path.write_bytes(b"This is no database." * 1000)


def _cut_off(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // PAGE * PAGE)


@pytest.mark.parametrize("damage", [_make_no_database, _cut_off])
def test_a_file_that_is_not_whole_is_told(instance: Instance, damage: Callable[[Path], None]) -> None:
    """Another file in its place, or half of it: one line, and no bundle."""
    damage(instance.database)
    for command in (("check",), ("export", instance.folder / "bundle.tar"), ("status",)):
        done = intake(instance, *command)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done
        assert DAMAGED in done.stderr, done
