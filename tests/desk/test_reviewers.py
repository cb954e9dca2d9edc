"""Several reviewers at one workspace: who may open it, and what becomes of it when one leaves."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlcipher3.dbapi2 as sqlcipher

from desk.colleagues import colleague, identity_of, joined
from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.age.decrypt import decrypt
from intake.age.errors import NoMatchError
from intake.desk.access import open_workspace


@pytest.fixture
def record(server: Server, desk: Desk, stick: Path) -> str:
    record = server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 0
    return record


def test_a_second_reviewer_opens_it_with_a_key_of_their_own(desk: Desk, record: str) -> None:
    brava = colleague(desk, "brava")
    refused = brava.at_desk("list")
    assert refused.returncode == 1
    assert "This key does not open the workspace" in refused.stderr
    result = desk.at_desk("reviewer", "add", brava.key.with_suffix(".pub"))
    assert (result.returncode, result.stdout) == (0, "brava can open this workspace now, with their own key.\n")
    assert list(brava.listed()) == [record]
    assert list(desk.listed()) == [record]
    assert desk.at_desk("reviewer", "list").stdout == "brava\nduty (you)\n"
    assert brava.at_desk("reviewer", "list").stdout == "brava (you)\nduty\n"


def test_what_each_does_has_their_name(desk: Desk, record: str) -> None:
    brava = joined(desk, "brava")
    assert desk.at_desk("acknowledge", record, "--state", "accepted").returncode == 0
    assert brava.at_desk("acknowledge", record, "--state", "set aside").returncode == 0
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        query = "SELECT reviewer FROM trail WHERE event = 'decided' ORDER BY number"
        assert workspace.execute(query).fetchall() == [("duty",), ("brava",)]


def test_who_writes_to_the_source_is_the_desk_whoever_works_there(
    desk: Desk, server: Server, record: str, tmp_path: Path
) -> None:
    """The server trusts one key; a second reviewer's answers must be as good."""
    brava = joined(desk, "brava")
    (tmp_path / "text").write_text("Thank you.")
    assert brava.at_desk("reply", record, "--text-file", tmp_path / "text").returncode == 0
    assert brava.at_desk("dispatch", tmp_path / "dispatch.tar").returncode == 0
    messages, _ = desk.dispatched(tmp_path / "again.tar")  # which checks the signature with the key of `duty`
    assert len(messages) == 2


def test_one_who_is_removed_has_no_key_to_it_any_more(desk: Desk, record: str) -> None:
    brava = joined(desk, "brava")
    joined(desk, "chandra")
    assert brava.at_desk("list").returncode == 0
    sealed_before = (desk.workspace / "key.age").read_bytes()
    old_key = decrypt(sealed_before, [identity_of("brava")])
    result = desk.at_desk("reviewer", "remove", "brava")
    assert (result.returncode, result.stderr) == (0, "")
    assert brava.at_desk("list").returncode == 1
    with pytest.raises(NoMatchError):
        decrypt((desk.workspace / "key.age").read_bytes(), [identity_of("brava")])
    # Nor does the key of the database help that they may have kept.
    database = sqlcipher.connect(str(desk.workspace / "desk.db"))
    database.execute(f"PRAGMA key = \"x'{old_key.hex()}'\"")
    with pytest.raises(sqlcipher.DatabaseError):
        database.execute("SELECT count(*) FROM records").fetchone()
    database.close()
    assert list(desk.listed()) == [record]
    assert colleague(desk, "chandra").at_desk("list").returncode == 0
    assert sorted(path.name for path in desk.workspace.iterdir()) == ["desk.db", "key.age"]
    assert "brava  removed on " in desk.at_desk("reviewer", "list").stdout


def test_the_old_key_did_open_it(desk: Desk, record: str) -> None:
    """The proof that the test above would fail."""
    key = decrypt((desk.workspace / "key.age").read_bytes(), [DUTY])
    database = sqlcipher.connect(str(desk.workspace / "desk.db"))
    database.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    assert database.execute("SELECT id FROM records").fetchall() == [(record,)]
    database.close()


def test_one_who_is_removed_cannot_use_the_key_that_is_about_to_change(desk: Desk, record: str) -> None:
    """Killed right after a removal was remembered: whoever opens it next changes the key."""
    brava = joined(desk, "brava")
    with open_workspace(desk.workspace, [DUTY]) as workspace, workspace.transaction():
        workspace.execute("UPDATE reviewers SET removed = '2026-11-22' WHERE name = 'brava'")
        workspace.execute("UPDATE desk SET new_key_due = 1")
    refused = brava.at_desk("list")
    assert (refused.returncode, refused.stderr) == (1, "Error: brava was removed from this workspace.\n")
    assert list(desk.listed()) == [record]
    with pytest.raises(NoMatchError):
        decrypt((desk.workspace / "key.age").read_bytes(), [identity_of("brava")])


def test_being_killed_while_the_key_changes_loses_nothing(desk: Desk, record: str) -> None:
    """SIGKILL at fifteen moments of a removal; after each the workspace opens, and a second try finishes."""
    joined(desk, "brava")
    whole = desk.folder / "whole"
    shutil.copytree(desk.workspace, whole)
    moments = random.Random(4)
    outcomes = set()
    longest = 0.06
    for _ in range(15):
        shutil.rmtree(desk.workspace)
        shutil.copytree(whole, desk.workspace)
        command = [sys.executable, "-m", "intake.desk.commands", "reviewer", "remove", "brava"]
        arguments = ["--workspace", str(desk.workspace), "--key", str(desk.key)]
        process = subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while process.poll() is None and not (desk.workspace / "desk.db-journal").exists():
            time.sleep(0.001)
        time.sleep(moments.uniform(0, longest))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        unchanged = (desk.workspace / "key.age").read_bytes() == (whole / "key.age").read_bytes()
        outcomes.add(unchanged)
        longest *= 1.3 if unchanged else 0.8  # the moments keep to both sides of the change, however fast the machine
        assert list(desk.listed()) == [record]
        desk.at_desk("reviewer", "remove", "brava")
        assert "brava  removed on " in desk.at_desk("reviewer", "list").stdout
        with pytest.raises(NoMatchError):
            decrypt((desk.workspace / "key.age").read_bytes(), [identity_of("brava")])
    assert outcomes == {True, False}


def test_what_is_no_public_key_is_refused(desk: Desk, record: str) -> None:
    brava = colleague(desk, "brava")
    for given, says in (
        (brava.key, "This is an identity, a private key: keep it secret."),
        (brava.key.with_name("brava.sign.pub"), "is not the NAME.pub that `intake-desk keygen` wrote"),
        (desk.folder / "none.pub", "No such file"),
        (desk.key, "private key"),
    ):
        result = desk.at_desk("reviewer", "add", given)
        assert result.returncode == 1
        assert says in result.stderr
        assert "AGE-SECRET" not in result.stderr
    assert desk.at_desk("reviewer", "list").stdout == "duty (you)\n"


def test_a_name_or_key_twice_is_refused(desk: Desk, record: str) -> None:
    brava = joined(desk, "brava")
    copy = brava.key.with_name("other.pub")
    shutil.copy(brava.key.with_suffix(".pub"), copy)
    for given in (brava.key.with_suffix(".pub"), copy):
        result = desk.at_desk("reviewer", "add", given)
        assert (result.returncode, result.stderr) == (
            1,
            "Error: There is a reviewer with this name or this key already: brava.\n",
        )
    assert desk.at_desk("reviewer", "remove", "brava").returncode == 0
    again = desk.at_desk("reviewer", "add", brava.key.with_suffix(".pub"))
    assert again.stderr == "Error: brava was removed: let them make a new key, under another name.\n"


def test_nobody_removes_themselves_or_somebody_unknown(desk: Desk, record: str) -> None:
    assert desk.at_desk("reviewer", "remove", "duty").returncode == 1
    assert desk.at_desk("reviewer", "remove", "nobody").returncode == 1
    assert list(desk.listed()) == [record]


def test_a_reviewer_with_another_signing_key_than_was_given_is_refused(desk: Desk, record: str) -> None:
    brava, other = colleague(desk, "brava"), colleague(desk, "other")
    shutil.copy(other.key.with_name("other.sign.pub"), brava.key.with_name("brava.sign.pub"))
    assert desk.at_desk("reviewer", "add", brava.key.with_suffix(".pub")).returncode == 0
    refused = brava.at_desk("list")
    assert refused.returncode == 1
    assert "brava was added with another signing key" in refused.stderr
