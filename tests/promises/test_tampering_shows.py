"""Promise 7: tampering shows. Here the server's own database is changed; bundles are in tests/desk."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from service import Instance, Server


def on_the_server(instance: Instance, *statements: str) -> None:
    """Do what an intruder on the server could do."""
    with closing(sqlite3.connect(instance.database)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def reopened(instance: Instance) -> tuple[int, str]:
    """Export everything again, open it on the desk, and return the exit code and what it said."""
    stick = instance.folder / "again.tar"
    exported = instance.intake("export", stick)
    assert exported.returncode == 0, exported.stderr
    opened = instance.desk("open", stick)
    return opened.returncode, opened.stderr


@pytest.fixture
def carried(server: Server) -> Instance:
    """An instance whose three testimonies the desk has seen once."""
    for number in range(3):
        server.client.send(**{"story.text": f"Number {number}"})
    assert len(server.instance.open_on_desk()) == 3
    return server.instance


def test_an_honest_second_export_is_fine(carried: Instance) -> None:
    """Nothing is named where nothing was changed."""
    assert reopened(carried) == (0, "")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log_entry SET sha256 = (SELECT sha256 FROM log_entry WHERE sequence = 3) WHERE sequence = 2",
        "UPDATE log_entry SET day = '2020-01-01' WHERE sequence = 2",
        "UPDATE segment SET data = zeroblob(34427) WHERE record = (SELECT record FROM log_entry WHERE sequence = 2)",
        "DELETE FROM segment WHERE record = (SELECT record FROM log_entry WHERE sequence = 2)",
    ],
)
def test_a_change_on_the_server_is_named(carried: Instance, change: str) -> None:
    """A log entry or a record that was altered or dropped after its first export is named with its record."""
    with closing(sqlite3.connect(carried.database)) as database:
        (record,) = database.execute("SELECT record FROM log_entry WHERE sequence = 2").fetchone()
    on_the_server(carried, change)
    code, said = reopened(carried)
    assert code == 1
    assert record in said or "2" in said


def test_a_server_that_was_rolled_back_is_named(server: Server) -> None:
    """A database put back to an older state, and used again, does not pass for the same log."""
    instance = server.instance
    server.client.send()
    server.stop()
    older = instance.folder / "older.db"
    shutil.copy(instance.database, older)
    with instance.serve() as running:
        running.client.send()
        assert len(instance.open_on_desk()) == 2
    for leftover in instance.database.parent.glob("intake.db-*"):
        leftover.unlink()
    shutil.copy(older, instance.database)
    with instance.serve() as running:
        running.client.send()
    code, said = reopened(instance)
    assert code == 1
    assert "rolled back" in said


def test_the_receipt_names_the_record(server: Server) -> None:
    """Before any export, the digest on the receipt is the one in the signed log: a swap would show."""
    receipt = server.client.send()
    server.instance.open_on_desk()
    listing = server.instance.intake("export", server.instance.folder / "b.tar")
    assert listing.returncode == 0
    assert receipt.digest.encode() in (server.instance.folder / "b.tar").read_bytes()
