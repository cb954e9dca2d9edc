"""Promise 7: tampering shows. Here the server's own database is changed; bundles are in tests/desk."""

import shutil

import pytest
from person import changed_program
from postgres import shared_cluster
from service import Instance, Server

pytestmark = pytest.mark.both_engines

DISHONEST = {
    "intake/operator/export.py": [
        ("_unbroken(log.linked_entries(engine, since))", "log.linked_entries(engine, since)"),
        ("if digest.hexdigest() != entry.sha256:", "if False:"),
    ]
}
"""What someone who has taken over the server changes in the program: it no longer compares what it exports."""


def reopened(instance: Instance, **environment: str) -> tuple[int, str]:
    """Export everything again, open it on the desk, and return the exit code and what it said."""
    stick = instance.folder / "again.tar"
    exported = instance.intake("export", stick, **environment)
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
        "UPDATE segment SET data = substr(data, 2) WHERE record = (SELECT record FROM log_entry WHERE sequence = 2)",
        "DELETE FROM segment WHERE record = (SELECT record FROM log_entry WHERE sequence = 2)",
    ],
)
def test_a_change_on_the_server_is_named(carried: Instance, change: str) -> None:
    """A log entry or a record that was altered or dropped after its first export is named with its record."""
    ((record,),) = carried.rows("SELECT record FROM log_entry WHERE sequence = 2")
    carried.change(change)
    code, said = reopened(carried, **changed_program(carried.folder, DISHONEST))
    assert code == 1
    assert record in said or "2" in said


def backup(instance: Instance) -> str:
    """Copy the database of an instance that is not running; return where the copy is."""
    if instance.database_url:
        return shared_cluster().copy(instance.database_url)
    return str(shutil.copy(instance.database, instance.folder / "older.db"))


def restore(instance: Instance, older: str) -> None:
    """Put the copy in its place."""
    if instance.database_url:
        shared_cluster().replace(instance.database_url, older)
    else:
        for leftover in instance.database.parent.glob("intake.db-*"):
            leftover.unlink()
        shutil.copy(older, instance.database)


def test_a_server_that_was_rolled_back_is_named(server: Server) -> None:
    """A database put back to an older state, and used again, does not pass for the same log."""
    instance = server.instance
    server.client.send()
    server.stop()
    older = backup(instance)
    with instance.serve() as running:
        running.client.send()
        assert len(instance.open_on_desk()) == 2
    restore(instance, older)
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
