"""Files that sources attached: filed whole or not at all, in constant memory, and taken out again."""

import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.age.encrypt import Encryptor, encrypt
from intake.age.identities import HybridIdentity
from intake.desk import plaintext
from intake.desk.access import open_workspace
from intake.envelope import build, padded_size

KIB, MIB = 1024, 1024 * 1024


def opened(server: Server, desk: Desk, stick: Path) -> str:
    server.export(stick)
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def take_out(desk: Desk, record: str, out: Path) -> bytes:
    result = desk.at_desk("attachment", record, "--out", out)
    assert (result.returncode, result.stderr) == (0, "")
    return out.read_bytes()


def tables(desk: Desk) -> dict[str, list[Any]]:
    """Everything in the workspace."""
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        names = [row[0] for row in workspace.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: workspace.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def refused(desk: Desk, content: str, reason: str) -> None:
    """Nothing is kept of the bytes, and the reason is said."""
    listed = desk.listed()[content]
    assert (listed["state"], listed["reason"]) == ("quarantined", reason)
    assert tables(desk)["parts"] == []


@pytest.mark.parametrize(
    "size", [0, 1, 32 * KIB - 1, 32 * KIB, 32 * KIB + 1, 64 * KIB, MIB - 1, MIB, MIB + 1, 2 * MIB, 5_000_000]
)
def test_a_file_comes_out_as_it_was_sent(server: Server, desk: Desk, stick: Path, size: int) -> None:
    data = os.urandom(size)
    parent = server.receive()
    record, _ = server.attach(parent, data, name="rapport \u202egpj.exe\n")
    said = opened(server, desk, stick)
    assert "1 added to" in said
    assert "waiting" not in said
    digest = hashlib.sha256(data).hexdigest()
    (described,) = desk.shown(parent)["attachments"]
    expected = {"name": "rapport \u202egpj.exe\n", "media_type": "image/jpeg", "size": size, "sha256": digest}
    assert described == {"id": record, **expected}
    assert f"{record}  {size} bytes  image/jpeg  rapport \\u202egpj.exe" in desk.show(parent)
    assert list(desk.listed()) == [parent]
    assert desk.listed()[parent]["attachments"] == 1
    out = desk.folder / "out"
    assert take_out(desk, record, out) == data
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [row[1:2] + row[3:] for row in tables(desk)["taken_out"]] == [(record, str(out))]
    assert all(len(part) <= MIB for _, _, part in tables(desk)["parts"])
    before = (desk.workspace / "desk.db").read_bytes()
    assert opened(server, desk, stick).startswith("Nothing new.")
    assert (desk.workspace / "desk.db").read_bytes() == before


def test_a_file_that_is_there_is_not_overwritten_and_a_failure_leaves_none(
    server: Server, desk: Desk, stick: Path
) -> None:
    parent = server.receive()
    record, content = server.attach(parent, b"evidence")
    opened(server, desk, stick)
    out = desk.folder / "out"
    out.write_bytes(b"mine")
    link = desk.folder / "link"
    link.symlink_to(desk.folder / "nowhere")
    before = sorted(desk.folder.iterdir())
    for taken in (out, link):
        result = desk.at_desk("attachment", record, "--out", taken)
        assert (result.returncode, "is there already" in result.stderr) == (1, True)
    for identifier, words in (
        (parent, "There is no attachment with this id"),
        (content, "There is no attachment with this id"),
        ("0" * 32, "There is no record with this id"),
    ):
        result = desk.at_desk("attachment", identifier, "--out", desk.folder / "new")
        assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
        assert words in result.stderr
    result = desk.at_desk("attachment", record, "--out", desk.folder / "nowhere" / "new")
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)
    assert sorted(desk.folder.iterdir()) == before
    assert out.read_bytes() == b"mine"
    assert tables(desk)["taken_out"] == []
    for command in (["show", record], ["show", content]):
        assert f"testimony {parent}, which is shown with it" in desk.at_desk(*command).stderr


DATA = b"not an envelope " * 3_210  # its padding is 2 % more
SPOILT = {
    "other bytes": (DATA[:-1] + b"!", "it is not the file its attachment describes"),
    "too short": (DATA, "its length is not that of the file its attachment describes"),
    "too long": (DATA.ljust(padded_size(len(DATA)) + 1, b"\0"), "its length is not that of the file its attachment"),
    "padded with more": (DATA.ljust(padded_size(len(DATA)) * 2, b"\0"), "its length is not that of the file its"),
    "words in the padding": (DATA.ljust(padded_size(len(DATA)) - 1, b"\0") + b"x", "its padding is not zeros"),
    "nothing": (b"", "its length is not that of the file its attachment describes"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_other_bytes_than_described_are_refused(server: Server, desk: Desk, stick: Path, name: str) -> None:
    assert len(DATA) < padded_size(len(DATA))
    sealed_as, reason = SPOILT[name]
    if name == "other bytes":
        sealed_as = sealed_as.ljust(padded_size(len(DATA)), b"\0")
    parent = server.receive()
    record, content = server.attach(parent, DATA, sealed_as)
    said = opened(server, desk, stick)
    assert f"quarantined: record {content}" in said
    listed = desk.listed()[content]
    assert listed["reason"].startswith(f"as the file of attachment {record}: {reason}")
    refused(desk, content, listed["reason"])
    result = desk.at_desk("attachment", record, "--out", desk.folder / "out")
    assert (result.returncode, "has not arrived" in result.stderr) == (1, True)
    assert not (desk.folder / "out").exists()
    assert "has not arrived" in desk.show(parent)
    before = (desk.workspace / "desk.db").read_bytes()
    assert opened(server, desk, stick).startswith("Nothing new.")  # tried again, and still not what it should be
    assert (desk.workspace / "desk.db").read_bytes() == before


def test_a_file_that_is_sealed_to_one_more_is_refused(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    record, content = server.attach(parent, DATA)
    stranger = HybridIdentity.generate().recipient()
    server.replace(content, encrypt(DATA.ljust(padded_size(len(DATA)), b"\0"), [*server.recipients, stranger]))
    opened(server, desk, stick)
    reason = "it was not sealed to the keys that its attachment lists"
    refused(desk, content, f"as the file of attachment {record}: {reason}")


def test_a_file_that_is_cut_off_is_refused(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    record, content = server.attach(parent, os.urandom(3 * MIB))
    sealed = server.records[content]
    assert isinstance(sealed, bytes)
    server.replace(content, sealed[:-1])
    opened(server, desk, stick)
    assert desk.listed()[content]["reason"].startswith(f"as the file of attachment {record}: it cannot be decrypted")
    assert tables(desk)["parts"] == []


def test_an_attachment_must_be_the_sources_own(server: Server, desk: Desk, stick: Path) -> None:
    """Forged, or claiming the file of another or what is no file: set aside, and its bytes are not kept."""
    parent = server.receive()
    first, content = server.attach(parent, b"evidence")
    forged = server.take(
        "added", build(server.attachment(parent, b"x").signed(Ed25519PrivateKey.from_private_bytes(bytes(32))))
    )
    its_bytes = server.take("added", b"x".ljust(32 * KIB, b"\0"))
    second = server.take("added", build(server.attachment(parent, b"evidence", content=content)))
    itself = server.take("added", build(server.attachment(parent, b"", content=server.identifier(server.made + 1))))
    another = server.take("added", build(server.attachment(parent, b"", content=parent)))
    received = server.take("received", build(server.attachment(parent, b"")))
    opened(server, desk, stick)
    listed = desk.listed()
    assert listed[forged]["reason"] == "its signature is not that of the person who sent the testimony"
    assert listed[its_bytes]["reason"] == "it is not JSON, and no filed attachment names it as its file"
    assert listed[second]["reason"] == f"it names the file of another attachment, {first}"
    assert listed[itself]["reason"] == listed[another]["reason"] == "it names as its file a record that is none"
    assert listed[received]["reason"].startswith("the log has it as 'received'")
    assert [found["id"] for found in desk.shown(parent)["attachments"]] == [first]
    assert take_out(desk, first, desk.folder / "out") == b"evidence"
    assert [row[0] for row in tables(desk)["parts"]] == [content]


def test_a_file_whose_testimony_comes_later(server: Server, desk: Desk, stick: Path) -> None:
    """Both records wait, and nothing of the bytes is kept meanwhile."""
    parent = server.receive()
    record, content = server.attach(parent, DATA)
    sealed = server.records.pop(parent)
    server.export(stick)
    assert desk.open(stick).returncode == 1
    assert desk.listed()[record]["reason"].startswith("it waits for its testimony")
    refused(desk, content, "it is not JSON, and no filed attachment names it as its file")
    server.records[parent] = sealed
    opened(server, desk, stick)
    assert take_out(desk, record, desk.folder / "out") == DATA


def test_the_bytes_before_what_they_are(server: Server, desk: Desk, stick: Path) -> None:
    """The server's own order is the other one; this one must not cost the file either."""
    parent = server.receive()
    content = server.take("added", DATA.ljust(padded_size(len(DATA)), b"\0"))
    described = server.attachment(parent, DATA, content=content)
    opened(server, desk, stick)
    record = server.take("added", build(described))
    server.export(stick, since=2)
    said = desk.open(stick).stdout
    assert f"waiting: the file of attachment {record} is not here yet" in said
    assert "has not arrived" in desk.at_desk("attachment", record, "--out", desk.folder / "out").stderr
    assert "waiting" not in opened(server, desk, stick)
    assert take_out(desk, record, desk.folder / "out") == DATA


def test_the_bytes_before_what_they_are_in_one_bundle(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    content = server.take("added", DATA.ljust(padded_size(len(DATA)), b"\0"))
    record = server.take("added", build(server.attachment(parent, DATA, content=content)))
    assert "waiting" not in opened(server, desk, stick)
    assert take_out(desk, record, desk.folder / "out") == DATA


@pytest.mark.parametrize("together", [True, False])
def test_a_file_in_another_volume_than_its_description(server: Server, desk: Desk, stick: Path, together: bool) -> None:
    parent = server.receive()
    data = os.urandom(100_000)
    record, content = server.attach(parent, data)
    volumes = server.export(stick, limit=130_000)
    assert len(volumes) == 2
    if together:
        assert "waiting" not in desk.open(*reversed(volumes)).stdout
    else:
        assert "waiting: the file" in desk.open(volumes[0]).stdout
        assert desk.open(volumes[1]).returncode == 0
    assert content not in desk.listed()
    assert take_out(desk, record, desk.folder / "out") == data


def test_a_file_that_was_spoilt_on_the_stick_is_filed_from_a_good_one(server: Server, desk: Desk, stick: Path) -> None:
    """A quarantined file is tried again."""
    parent = server.receive()
    record, content = server.attach(parent, DATA)
    good = server.records[content]
    opened(server, desk, stick)
    with open_workspace(desk.workspace, [DUTY]) as workspace, workspace.transaction():
        workspace.execute("DELETE FROM parts")
        workspace.execute("UPDATE records SET state = 'quarantined', reason = 'x' WHERE id = ?", (content,))
    assert server.records[content] == good
    opened(server, desk, stick)
    assert take_out(desk, record, desk.folder / "out") == DATA


def big_file(server: Server, parent: str, folder: Path, size: int) -> tuple[str, str]:
    """Attach a file of this size, without holding it in memory. Return both ids."""
    piece = os.urandom(MIB)
    digest, sealed_digest = hashlib.sha256(), hashlib.sha256()
    path = folder / "big.age"
    with path.open("wb") as sink, Encryptor(sink, server.recipients) as encryptor:
        for _ in range(size // MIB):
            digest.update(piece)
            encryptor.write(piece)
        encryptor.write(bytes(padded_size(size) - size))
    with path.open("rb") as source:
        sealed_digest = hashlib.file_digest(source, "sha256")
    described = server.attachment(parent, b"", size=size, sha256=digest.hexdigest())
    return server.take("added", build(described)), server.take_file(path, sealed_digest.hexdigest())


def memory_of(desk: Desk, *arguments: object) -> int:
    """Run a command and return how much memory (bytes) it had at most."""
    line = [*map(str, arguments), "--workspace", str(desk.workspace), "--key", str(desk.key)]
    process = subprocess.Popen([sys.executable, "-m", "intake.desk.commands", *line], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss * KIB


def test_memory_stays_the_same_for_a_large_file(server: Server, desk: Desk, stick: Path) -> None:
    """200 MB in, 200 MB out, and 200 MB deleted again: each with no more memory than a small one, but for 24 MB."""
    parent = server.receive()
    small, _ = server.attach(parent, b"small")
    server.export(stick)
    opening = memory_of(desk, "open", stick)
    taking = memory_of(desk, "attachment", small, "--out", desk.folder / "small")
    record, _ = big_file(server, parent, desk.folder, 200 * MIB)
    server.export(stick)
    assert memory_of(desk, "open", stick) < opening + 24 * MIB
    assert memory_of(desk, "attachment", record, "--out", desk.folder / "big") < taking + 24 * MIB
    assert (desk.folder / "big").stat().st_size == 200 * MIB
    server.withdraw(parent)
    server.export(stick)
    assert memory_of(desk, "open", stick) < opening + 24 * MIB


def test_a_desk_that_is_killed_while_it_files_has_it_whole_or_not_at_all(
    server: Server, desk: Desk, stick: Path
) -> None:
    parent = server.receive()
    opened(server, desk, stick)
    record, content = big_file(server, parent, desk.folder, 48 * MIB)
    server.export(stick)
    line = [sys.executable, "-m", "intake.desk.commands", "open", str(stick), "--key", str(desk.key)]
    before = desk.folder / "before"
    shutil.copytree(desk.workspace, before)
    began = time.monotonic()
    subprocess.run([*line, "--workspace", desk.workspace], check=True, stdout=subprocess.DEVNULL)
    whole = time.monotonic() - began
    moments = random.Random(3)
    killed = 0
    for step in range(6):
        shutil.rmtree(desk.workspace)
        shutil.copytree(before, desk.workspace)
        process = subprocess.Popen([*line, "--workspace", desk.workspace], stdout=subprocess.DEVNULL)
        began = time.monotonic()
        try:
            process.wait(whole * (0.3 + 0.6 * (step + moments.random()) / 6))
            whole = time.monotonic() - began  # nothing slows it down any more
        except subprocess.TimeoutExpired:
            killed += 1
            process.kill()
            process.wait()
        parts = tables(desk)["parts"]
        held = desk.at_desk("attachment", record, "--out", desk.folder / f"out-{step}")
        if parts:
            assert (len(parts), held.returncode) == (48, 0)
        else:
            assert held.returncode == 1
    assert killed > 2
    assert desk.open(stick).returncode == 0
    assert len(take_out(desk, record, desk.folder / "out")) == 48 * MIB
    assert content not in desk.listed()


def test_a_file_that_could_not_be_written_is_not_on_the_list(
    server: Server, desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = server.receive()
    record, _ = server.attach(parent, b"evidence")
    opened(server, desk, stick)
    before = sorted(desk.folder.iterdir())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "out")

    with monkeypatch.context() as patched:
        patched.setattr(plaintext, "_name", fail)
        result = desk.at_desk("attachment", record, "--out", desk.folder / "out")
    assert (result.returncode, result.stderr) == (1, "Error: out: No space left on device\n")
    assert sorted(desk.folder.iterdir()) == before
    assert tables(desk)["taken_out"] == []


def test_several_files_are_listed_in_their_order(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive()
    server.attach(parent, b"one", name="ünï.txt", media_type="text/plain")
    server.attach(parent, b"two")
    opened(server, desk, stick)
    shown = json.loads(desk.at_desk("show", parent, "--json").stdout)
    assert [found["name"] for found in shown["attachments"]] == ["ünï.txt", "photo.jpg"]
    assert desk.listed()[parent]["attachments"] == 2
