"""What a source took back is gone from the workspace, comes back from no stick, and only the source can do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.age.decrypt import decrypt
from intake.desk.access import open_workspace
from intake.desk.bundles.filing import Filing
from intake.desk.bundles.reading import open_bundle
from intake.encoding import encode_base64
from intake.envelope import Withdrawal, build

MARKER = "planted-marker-5d1c"
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def opened(server: Server, desk: Desk, stick: Path) -> str:
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def everything(desk: Desk) -> bytes:
    """The whole database file, decrypted page by page: what is deleted and not overwritten is in it, too."""
    key = decrypt((desk.workspace / "key.age").read_bytes(), [DUTY])
    content = (desk.workspace / "desk.db").read_bytes()
    pages = []
    for start in range(0, len(content), 4096):
        page = content[start : start + 4096]
        cipher = Cipher(algorithms.AES256(key), modes.CBC(page[4016:4032])).decryptor()
        pages.append(cipher.update(page[16 if start == 0 else 0 : 4016]))
    return b"".join(pages)


def states(desk: Desk) -> dict[str, str]:
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        return {record.id: record.state for record in workspace.records()}


def full_testimony(server: Server) -> str:
    """A testimony with everything that can belong to one, a marker in each."""
    parent = server.receive(answers={"story.text": MARKER})
    server.add(server.addition(parent, answers={"story.text": f"form {MARKER}"}))
    server.add(server.text(parent, f"text {MARKER}"))
    server.attach(parent, MARKER.encode() * 100_000, name=f"{MARKER}.jpg")
    server.add(server.consent(parent, CPUB="Y"))
    return parent


def test_everything_of_it_is_gone_and_only_tombstones_stay(server: Server, desk: Desk, stick: Path) -> None:
    other = server.receive(answers={"story.text": "Another one."})
    server.attach(other, b"kept")
    parent = full_testimony(server)
    opened(server, desk, stick)
    old = stick.read_bytes()
    (desk.folder / "text").write_text(MARKER)
    assert desk.at_desk("reply", parent, "--text-file", desk.folder / "text").returncode == 0
    assert desk.at_desk("acknowledge", parent, "--state", "accepted", "--line", MARKER).returncode == 0
    assert desk.at_desk("spam", parent).returncode == 0
    assert everything(desk).count(MARKER.encode()) > 90_000
    before = states(desk)
    belong = {parent, *server.belong[parent]}

    server.day = "2026-12-24"
    request = server.withdraw(parent)
    said = opened(server, desk, stick)
    assert f"withdrawn: the source of testimony {parent} took it back. 6 record(s) of it were deleted here." in said
    assert "1 withdrawn" in said
    assert MARKER.encode() not in everything(desk)
    assert states(desk) == {**before, **dict.fromkeys(belong, "withdrawn"), request: "new"}
    listed = desk.listed()
    for record in belong:
        assert listed[record]["state"] == "withdrawn"
        assert listed[record]["reason"] == "its source took it back on 2026-12-24"
    assert request not in listed
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        tombstone = workspace.record(parent)
        assert tombstone is not None
        assert (tombstone.content, tombstone.day) == (b"", "2026-11-21")
        assert tombstone.sha256 == server.entries[3].sha256
        for table in ("messages", "spam"):
            assert workspace.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert {row[0] for row in workspace.execute("SELECT record FROM parts")} == {server.belong[other][1]}

    for command in (
        ["show", parent],
        ["attachment", server.identifier(7), "--out", desk.folder / "out"],
        ["reply", parent, "--text-file", desk.folder / "text"],
        ["acknowledge", parent, "--state", "used"],
        ["spam", parent],
        ["spam", parent, "--undo"],
    ):
        result = desk.at_desk(*command)
        assert result.returncode == 1
        assert result.stderr.endswith(" was withdrawn: its source took it back on 2026-12-24.\n"), command
    assert not (desk.folder / "out").exists()

    content = (desk.workspace / "desk.db").read_bytes()
    assert opened(server, desk, stick).startswith("Nothing new.")
    stick.write_bytes(old)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Nothing new.")
    assert (desk.workspace / "desk.db").read_bytes() == content
    assert desk.shown(other)["answers"] == {"story.text": "Another one."}


def test_the_page_reader_would_find_a_marker(server: Server, desk: Desk, stick: Path) -> None:
    """What is deleted without being overwritten is found: the proof that the test above can fail."""
    server.receive(answers={"story.text": MARKER})
    opened(server, desk, stick)
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        workspace.execute("PRAGMA secure_delete = OFF")
        workspace.execute("DELETE FROM records")
    assert MARKER.encode() in everything(desk)


def test_every_file_that_was_taken_out_is_named(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    other = server.receive(authority=encode_base64(STRANGER.public_key().public_bytes_raw()))
    record, _ = server.attach(parent, b"evidence")
    opened(server, desk, stick)
    paths = [desk.folder / "one", desk.folder / "two\n\x1b[2J"]
    for path in paths:
        assert desk.at_desk("attachment", record, "--out", path).returncode == 0
    server.withdraw(parent)
    said = opened(server, desk, stick)
    lines = [line for line in said.splitlines() if "taken out" in line]
    assert [str(paths[0]) in lines[0], str(desk.folder / "two") in lines[1], len(lines)] == [True, True, 2]
    assert "\x1b" not in said
    told = desk.at_desk("list").stdout  # as long as the workspace is there: the first telling may have been missed
    assert str(paths[0]) in told
    assert "\x1b" not in told
    assert len([line for line in told.splitlines() if str(paths[0]) in line]) == 1
    assert desk.listed()[other]["state"] == "new"


FORGED: dict[str, tuple[Callable[[Server, str], Withdrawal], str]] = {
    "by another key": (
        lambda server, parent: server.withdrawal(parent, STRANGER),
        "its signature is not that of the person who sent the testimony",
    ),
    "a signed one, for another": (
        lambda server, parent: Withdrawal(**{**vars(server.withdrawal("0" * 32)), "parent": parent}),
        "its signature is not that of the person who sent the testimony",
    ),
    "another's testimony": (
        lambda server, parent: server.withdrawal(
            server.receive(authority=encode_base64(STRANGER.public_key().public_bytes_raw()))
        ),
        "its signature is not that of the person who sent the testimony",
    ),
    "an addition": (
        lambda server, parent: server.withdrawal(server.add(server.addition(parent))),
        "it waits for its testimony, which is not filed here",
    ),
    "unknown": (
        lambda server, parent: server.withdrawal("0" * 32),
        "it waits for its testimony, which is not filed here",
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_withdrawal_changes_nothing(server: Server, desk: Desk, stick: Path, name: str) -> None:
    parent = full_testimony(server)
    make, reason = FORGED[name]
    forged = server.take("withdrawn", build(make(server, parent)))
    said = opened(server, desk, stick)
    assert "0 withdrawn" in said
    found = states(desk)
    assert found.pop(forged) == "quarantined"
    assert set(found.values()) == {"new"}
    assert desk.listed()[forged]["reason"] == f"{reason}; nothing was changed"
    assert desk.shown(parent)["answers"] == {"story.text": MARKER}


def test_a_withdrawal_under_another_event_changes_nothing(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    request = server.take("added", build(server.withdrawal(parent)))
    opened(server, desk, stick)
    assert "the log has it as 'added'" in desk.listed()[request]["reason"]
    assert desk.listed()[parent]["state"] == "new"


def test_a_withdrawal_before_its_testimony_acts_when_that_comes(server: Server, desk: Desk, stick: Path) -> None:
    """The newer stick is opened first, and the older one brings what the source has taken back since."""
    parent = full_testimony(server)
    (old,) = server.export(desk.folder / "old.tar")
    server.day = "2026-12-24"
    request = server.withdraw(parent)
    said = opened(server, desk, stick)
    assert "deleted on the server before this desk saw them" in said
    assert states(desk) == {request: "quarantined"}
    assert "waits for its testimony" in desk.listed()[request]["reason"]
    result = desk.open(old)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"withdrawn: the source of testimony {parent} took it back." in result.stdout
    assert "0 new" in result.stdout
    assert states(desk) == {
        request: "new",
        **dict.fromkeys((parent, *map(server.identifier, range(2, 7))), "withdrawn"),
    }
    assert MARKER.encode() not in everything(desk)


def test_there_is_no_moment_at_which_it_could_be_read(server: Server, desk: Desk, stick: Path) -> None:
    """A withdrawal that waited acts in the transaction that files its testimony, not in a later one."""
    parent = full_testimony(server)
    (old,) = server.export(desk.folder / "old.tar")
    server.day = "2026-12-24"
    server.withdraw(parent)
    opened(server, desk, stick)
    with open_workspace(desk.workspace, [DUTY]) as workspace, open_bundle(old) as bundle:
        Filing(workspace, [DUTY]).file(bundle, bundle.verify().records[parent])
    assert states(desk)[parent] == "withdrawn"


def test_what_comes_later_than_the_withdrawal_is_not_kept(server: Server, desk: Desk, stick: Path) -> None:
    """A desk that missed an addition and a file gets them from an older stick: too late."""
    parent = server.receive(answers={"story.text": MARKER})
    opened(server, desk, stick)
    full = [
        server.add(server.addition(parent, answers={"story.text": f"form {MARKER}"})),
        *server.attach(parent, MARKER.encode() * 10),
        server.add(server.consent(parent, CPUB="Y")),
    ]
    (old,) = server.export(desk.folder / "old.tar")
    server.day = "2026-12-24"
    server.withdraw(parent)
    opened(server, desk, stick)
    assert set(states(desk)) & set(full) == set()
    result = desk.open(old)
    assert (result.returncode, result.stderr) == (0, "")
    assert {states(desk)[record] for record in full} == {"withdrawn"}
    assert MARKER.encode() not in everything(desk)
    assert desk.open(old).stdout.startswith("Nothing new.")


def test_the_same_ciphertext_under_another_name_goes_as_well(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive(answers={"story.text": MARKER})
    sealed = server.records[parent]
    assert isinstance(sealed, bytes)
    twin = server.take_sealed("received", sealed)
    opened(server, desk, stick)
    assert states(desk)[twin] == "quarantined"
    server.withdraw(parent)
    server.export(stick, since=2)  # does not bring the twin again
    assert desk.open(stick).returncode == 0
    assert {states(desk)[record] for record in (parent, twin)} == {"withdrawn"}
    late = server.take_sealed("received", sealed)
    opened(server, desk, stick)
    assert {states(desk)[record] for record in (parent, twin, late)} == {"withdrawn"}
    assert MARKER.encode() not in everything(desk)


def test_what_only_waits_or_is_set_aside_goes_as_well(server: Server, desk: Desk, stick: Path) -> None:
    """A testimony whose questions are missing is set aside, and can be taken back all the same."""
    parent = server.receive(answers={"story.text": MARKER}, edition="0" * 64)
    waiting = server.add(server.text(parent, MARKER))
    opened(server, desk, stick)
    assert set(states(desk).values()) == {"quarantined"}
    server.withdraw(parent)
    said = opened(server, desk, stick)
    assert "1 withdrawn" in said
    assert {states(desk)[record] for record in (parent, waiting)} == {"withdrawn"}
    assert MARKER.encode() not in everything(desk)


def test_nothing_of_it_goes_into_a_dispatch(server: Server, desk: Desk, stick: Path) -> None:
    parent, other = server.receive(), server.receive(authority=encode_base64(bytes(31) + b"\1"))
    opened(server, desk, stick)
    sent: list[Any] = [desk.dispatched(desk.folder / "before.tar")]
    server.withdraw(parent)
    opened(server, desk, stick)
    sent.append(desk.dispatched(desk.folder / "after.tar"))
    assert [{message.record for message in found[0]} for found in sent] == [{parent, other}, {other}]
    assert all(parent in found[1] for found in sent)  # a restored server may have it again, and purge it


def test_a_second_withdrawal_is_harmless(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    server.withdraw(parent)
    again = server.take("withdrawn", build(server.withdrawal(parent)))
    assert "1 withdrawn" in opened(server, desk, stick)
    assert states(desk)[again] == "withdrawn"
    assert opened(server, desk, stick).startswith("Nothing new.")
