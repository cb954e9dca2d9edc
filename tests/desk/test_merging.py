"""Two desks that carry their work to each other, until both have the same."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desk.colleagues import joined, key_of
from desk.conftest import DUTY, ESCROW
from desk.stick import Desk, Server, key_file
from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.desk import deciding, trail
from intake.desk.access import open_workspace
from intake.desk.keys import signing_key
from intake.encoding import encode_base64, signing_input


@pytest.fixture
def other(tmp_path: Path) -> Desk:
    """A second machine, with a workspace of its own that the escrow key opens."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Desk(folder, key_file(folder / "escrow.key", ESCROW))


@pytest.fixture
def record(server: Server, desk: Desk, other: Desk, stick: Path) -> str:
    """A testimony that both desks have; and each knows the reviewer of the other."""
    record = server.receive()
    server.export(stick)
    for here, identity, there in ((desk, ESCROW, "escrow"), (other, DUTY, "duty")):
        assert here.open(stick).returncode == 0
        folder = here.folder / "keys"
        folder.mkdir()
        public = encode_base64(signing_key(identity).public_key().public_bytes_raw())
        (folder / f"{there}.pub").write_text(f"{identity.recipient()}\n")
        (folder / f"{there}.sign.pub").write_text(f"{public}\n")
        assert here.at_desk("reviewer", "add", folder / f"{there}.pub").returncode == 0
    return record


def carry(source: Desk, target: Desk) -> Any:
    """Write the work of one desk, and merge it at the other."""
    path = source.folder / "work.age"
    path.unlink(missing_ok=True)
    written = source.at_desk("merge", "--write", path)
    assert (written.returncode, written.stderr) == (0, "")
    return target.at_desk("merge", path)


def accept(desk: Desk, record: str, state: str = "accepted") -> None:
    assert desk.at_desk("acknowledge", record, "--state", state).returncode == 0


def work(desk: Desk, identity: Any) -> list[str]:
    """What is in the trail."""
    with open_workspace(desk.workspace, [identity]) as workspace:
        assert trail.check(workspace) == []
        return [entry.digest for entry in trail.entries(workspace)]


def test_what_one_decided_stands_at_the_other(desk: Desk, other: Desk, record: str) -> None:
    accept(desk, record)
    assert other.listed()[record]["state"] == "new"
    result = carry(desk, other)
    assert (result.returncode, result.stderr) == (0, "")
    assert "entries of work by duty are new here." in result.stdout
    assert other.listed()[record]["state"] == "accepted"
    assert carry(desk, other).stdout == "No work is new here.\n"


def test_both_have_the_same_once_each_was_carried(desk: Desk, other: Desk, record: str) -> None:
    accept(desk, record)
    accept(other, record, "set aside")
    assert carry(desk, other).returncode == 0
    assert carry(other, desk).returncode == 0
    assert work(desk, DUTY) == work(other, ESCROW)
    assert desk.listed()[record]["state"] == other.listed()[record]["state"]
    accept(desk, record)
    assert carry(desk, other).returncode == 0
    assert other.listed()[record]["state"] == "accepted"
    assert work(desk, DUTY) == work(other, ESCROW)


def test_copies_of_one_workspace_are_merged(desk: Desk, record: str, server: Server, stick: Path) -> None:
    """A backup on a second machine, and the same reviewer at work in both: nothing of either is lost."""
    second = server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 0
    copy = Desk(desk.folder / "copy", desk.key)
    shutil.copytree(desk.workspace, copy.workspace)
    accept(desk, record)
    accept(copy, second, "set aside")
    assert carry(copy, desk).returncode == 0
    assert carry(desk, copy).returncode == 0
    assert work(desk, DUTY) == work(copy, DUTY)
    for here in (desk, copy):
        assert {name: found["state"] for name, found in here.listed().items()} == {
            record: "accepted",
            second: "set aside",
        }


def test_a_withdrawal_reaches_the_other_desk(desk: Desk, other: Desk, record: str, server: Server, stick: Path) -> None:
    accept(other, record)
    server.withdraw(record)
    server.export(stick)
    assert desk.open(stick).returncode == 0
    result = carry(desk, other)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"withdrawn: the source of testimony {record} took it back." in result.stdout
    assert other.listed()[record]["state"] == "withdrawn"
    with open_workspace(other.workspace, [ESCROW]) as workspace:
        assert workspace.execute(
            "SELECT count(*) FROM trail WHERE record = ? AND detail IS NOT NULL", (record,)
        ).fetchone() == (0,)


def test_work_on_what_was_withdrawn_here_does_not_come_back(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path
) -> None:
    accept(other, record)
    server.withdraw(record)
    server.export(stick)
    assert desk.open(stick).returncode == 0
    result = carry(other, desk)
    assert (result.returncode, result.stderr) == (0, "")
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        (entry,) = trail.entries(workspace, "record = ? AND event = 'decided'", (record,))
        assert (entry.reviewer, entry.text) == ("escrow", None)
        assert trail.check(workspace) == []
    assert desk.listed()[record]["state"] == "withdrawn"


def test_a_withdrawal_that_comes_before_its_testimony_waits_for_it(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path, tmp_path: Path
) -> None:
    late = server.receive()
    server.export(stick)
    old = tmp_path / "old.tar"
    shutil.copy(stick, old)
    server.withdraw(late)
    server.export(stick)
    assert desk.open(old).returncode == 0
    assert desk.open(stick).returncode == 0
    assert carry(desk, other).returncode == 0
    assert other.open(old).returncode == 0
    assert other.listed()[late]["state"] == "withdrawn"


def test_a_narrowed_consent_reaches_the_other_desk(
    desk: Desk, other: Desk, server: Server, stick: Path, record: str
) -> None:
    open_one = server.receive(consent={**server.testimony().consent, "CPUB": "Y"})
    server.export(stick)
    for here in (desk, other):
        assert here.open(stick).returncode == 0
    server.add(server.consent(open_one, CPUB="N"))
    server.export(stick)
    assert desk.open(stick).returncode == 0
    assert carry(desk, other).returncode == 0
    assert other.shown(open_one)["consent"]["CPUB"] == "N"


def test_work_on_a_testimony_that_comes_later_counts_then(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path
) -> None:
    late = server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 0
    accept(desk, late)
    assert carry(desk, other).returncode == 0
    assert late not in other.listed()
    assert other.open(stick).returncode == 0
    assert other.listed()[late]["state"] == "accepted"


def test_work_of_a_stranger_is_refused_whole(desk: Desk, other: Desk, record: str, tmp_path: Path) -> None:
    stranger = key_of(other.folder / "keys", "stranger")
    assert other.at_desk("reviewer", "add", stranger.with_suffix(".pub")).returncode == 0
    accept(other, record)
    accept(Desk(other.folder, stranger), record, "set aside")
    before = work(desk, DUTY)
    result = carry(other, desk)
    assert result.returncode == 1
    assert "stranger, who is no reviewer here" in result.stderr
    assert work(desk, DUTY) == before
    assert desk.listed()[record]["state"] == "new"


def rewritten(desk: Desk, change: Any, identity: Any = ESCROW, reader: Any = DUTY) -> Path:
    """The file that a desk would write, with its lines changed by someone who can read it."""
    path = desk.folder / "changed.age"
    path.unlink(missing_ok=True)
    assert desk.at_desk("merge", "--write", path).returncode == 0
    lines = decrypt(path.read_bytes(), [identity]).splitlines()
    path.write_bytes(encrypt(b"\n".join(change(lines)) + b"\n", [reader.recipient()]))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines[:-2], lines[-1]],
        lambda lines: [*lines[:1], *lines[2:]],
        lambda lines: [*lines, lines[1]],
        lambda lines: [line.replace(b'"reviewer":"escrow"', b'"reviewer":"duty"') for line in lines],
        lambda lines: [line.replace(b"accepted", b"set aside") for line in lines],
        lambda lines: [lines[0].replace(b"intake-work/1", b"intake-work/9"), *lines[1:]],
        lambda lines: [b"{}", *lines],
        lambda lines: [b"not json"],
        lambda lines: [b'{"entry": 7}'],
        lambda lines: [lines[0], b'{"record": {"id": "x"}}', lines[-1]],
        lambda lines: [],
    ],
)
def test_a_file_that_was_changed_changes_nothing(desk: Desk, other: Desk, record: str, change: Any) -> None:
    accept(other, record)
    before = work(desk, DUTY)
    result = desk.at_desk("merge", rewritten(other, change))
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert work(desk, DUTY) == before
    assert desk.listed()[record]["state"] == "new"


def test_the_file_unchanged_is_taken(desk: Desk, other: Desk, record: str) -> None:
    """The proof that the test above would fail."""
    accept(other, record)
    assert desk.at_desk("merge", rewritten(other, lambda lines: lines)).returncode == 0
    assert desk.listed()[record]["state"] == "accepted"


def test_only_reviewers_can_read_the_file(desk: Desk, record: str, tmp_path: Path) -> None:
    accept(desk, record)
    path = tmp_path / "work.age"
    assert desk.at_desk("merge", "--write", path).returncode == 0
    assert record.encode() not in path.read_bytes()
    stranger = Desk(tmp_path / "third", key_of(tmp_path / "third", "stranger"))
    again = desk.at_desk("merge", "--write", path)
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    assert stranger.at_desk("decrypt", path).returncode != 0


def test_a_desk_of_another_server_is_refused(desk: Desk, record: str, tmp_path: Path) -> None:
    elsewhere = Desk(tmp_path / "far", key_file(tmp_path / "far.key", DUTY))
    elsewhere.folder.mkdir()
    foreign = Server([DUTY.recipient()])
    foreign.receive(answers={"story.text": "Another house."})
    foreign.export(tmp_path / "foreign.tar")
    assert elsewhere.open(tmp_path / "foreign.tar").returncode == 0
    result = carry(elsewhere, desk)
    assert (result.returncode, "of another server" in result.stderr) == (1, True)


def test_every_state_survives_being_made_anew(desk: Desk, other: Desk, record: str) -> None:
    for state in deciding.STATES[1:4]:
        with open_workspace(desk.workspace, [DUTY]) as workspace, workspace.transaction():
            deciding.decide(workspace, record, state)
        assert carry(other, desk).returncode == 0
        assert desk.listed()[record]["state"] == state


def test_a_reviewer_whom_nothing_was_sealed_to_merges_as_well(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path
) -> None:
    server.withdraw(record)
    server.export(stick)
    assert desk.open(stick).returncode == 0
    path = desk.folder / "work.age"
    brava = joined(other, "brava")
    shutil.copytree(other.folder / "keys", desk.folder / "more")
    assert desk.at_desk("reviewer", "add", desk.folder / "more" / "brava.pub").returncode == 0
    assert desk.at_desk("merge", "--write", path).returncode == 0
    assert brava.at_desk("merge", path).returncode == 0
    assert other.listed()[record]["state"] == "withdrawn"


def test_what_one_wrote_to_a_source_goes_out_from_the_other(
    desk: Desk, other: Desk, record: str, tmp_path: Path
) -> None:
    """The server trusts one desk: what the other wrote is sealed and signed by this one."""
    (tmp_path / "text").write_text("Thank you.")
    assert other.at_desk("reply", record, "--text-file", tmp_path / "text").returncode == 0
    accept(other, record)
    for _ in range(2):
        assert carry(other, desk).returncode == 0
    shown = desk.shown(record)["messages"]
    assert [(message["kind"], message["text"], message["state"]) for message in shown] == [
        ("reply", "Thank you.", ""),
        ("acknowledgement", "", "received"),
        ("acknowledgement", "", "accepted"),
    ]
    messages, _ = desk.dispatched(tmp_path / "dispatch.tar")
    assert len(messages) == 3
    assert carry(desk, other).returncode == 0
    assert len(other.shown(record)["messages"]) == 3


def test_a_request_from_another_desk_does_not_take_the_place_of_a_record(
    desk: Desk, other: Desk, record: str, server: Server, stick: Path
) -> None:
    """A colleague who names the id of something that this desk has not opened yet keeps nothing from being filed."""
    late = server.receive(answers={"story.text": "It comes later."})
    server.withdraw(record)

    def renamed(lines: list[bytes]) -> list[bytes]:
        found = [line for line in lines if line.startswith(b'{"record"')]
        assert len(found) == 1
        identifier = json.loads(found[0])["record"]["id"]
        *rest, last = [line.replace(identifier.encode(), late.encode()) for line in lines]
        key = signing_key(DUTY)
        digest = hashlib.sha256(b"".join(line + b"\n" for line in rest)).hexdigest()
        signature = encode_base64(key.sign(signing_input("work", {"sha256": digest})))
        return [*rest, json.dumps({**json.loads(last), "signature": signature}).encode()]

    server.export(stick)
    assert desk.open(stick).returncode == 0
    path = rewritten(desk, renamed, DUTY, ESCROW)
    assert other.at_desk("merge", path).returncode == 0
    assert other.listed()[record]["state"] == "withdrawn"
    result = other.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert other.listed()[late]["state"] == "new"


def test_work_of_a_day_that_has_not_come_is_refused(desk: Desk, other: Desk, record: str) -> None:
    """Or every later entry of every desk would have its date."""
    with open_workspace(other.workspace, [ESCROW]) as workspace, workspace.transaction():
        workspace.execute("UPDATE trail SET at = '2099-01-01T00:00:00Z' WHERE number = 1")
        workspace.execute("DELETE FROM tips")
        entry = next(trail.entries(workspace, "number = 1"))
        key = workspace.reviewer.key
        signed = {name: getattr(entry, name) for name in ("number", "previous", "reviewer", "at", "event", "record")}
        signed["detail_sha256"] = entry.detail_sha256
        signature = encode_base64(key.sign(signing_input("trail", signed)))
        workspace.execute("DELETE FROM trail")
        trail.insert(workspace, replace(entry, signature=signature))
    result = carry(other, desk)
    assert (result.returncode, "work of 2099-01-01, a day that has not come" in result.stderr) == (1, True)
