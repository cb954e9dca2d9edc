"""The workspace: nothing readable at rest, and no moment at which being killed does harm."""

import random
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from desk.stick import Desk, Server
from intake.envelope import build

MARKER = "planted-marker-7f3a"


def files_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def holds_marker(path: Path) -> bool:
    content = path.read_bytes()
    return any(MARKER.encode(encoding) in content for encoding in ("utf-8", "utf-16-le", "utf-16-be"))


def test_nothing_is_readable_at_rest(server: Server, desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = server.receive(answers={"story.text": MARKER})
    server.take("added", build(server.addition(record, answers={"story.text": MARKER})))
    server.take("received", MARKER.encode())
    server.export(stick)
    temporary = desk.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    arguments = ["--workspace", desk.workspace, "--key", desk.key]
    assert desk.run("open", stick, *arguments).returncode == 0
    assert MARKER in desk.run("show", record, *arguments).stdout
    assert sorted(path.name for path in desk.workspace.iterdir()) == ["desk.db", "key.age"]
    assert not list(temporary.iterdir())
    assert not [path for path in files_below(desk.folder, Path("/dev/shm")) if holds_marker(path)]
    assert stat.S_IMODE(desk.workspace.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in desk.workspace.iterdir()} == {0o600}


def test_the_search_for_the_marker_finds_one(tmp_path: Path) -> None:
    """The proof that the test above would fail."""
    (tmp_path / "plain").write_text(f"x{MARKER}y")
    assert [path.name for path in files_below(tmp_path) if holds_marker(path)] == ["plain"]


def start_open(desk: Desk, stick: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "intake.desk.commands", "open", str(stick)]
    arguments = ["--workspace", str(desk.workspace), "--key", str(desk.key)]
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_being_killed_at_any_moment_is_harmless(server: Server, desk: Desk, stick: Path) -> None:
    """SIGKILL at twelve moments spread over the run; after each, the workspace opens or is not there yet."""
    parent = server.receive()
    good = [parent, *(server.receive() for _ in range(60))]
    good.append(server.take("added", build(server.addition(parent))))
    bad = server.take_json("[")
    server.export(stick)
    process = start_open(desk, stick)
    began = time.monotonic()
    process.communicate()
    whole = time.monotonic() - began
    expected = desk.listed()
    assert {expected[record]["state"] for record in good} == {"new"}
    assert expected[bad]["state"] == "quarantined"

    again = Desk(desk.folder / "again", desk.key)
    moments = random.Random(7)
    killed = seen = 0
    for step in range(12):
        process = start_open(again, stick)
        began = time.monotonic()
        try:
            process.communicate(timeout=whole * (step + moments.random()) / 12)
            finished = True
            whole = time.monotonic() - began  # nothing slows it down any more
        except subprocess.TimeoutExpired:
            finished = False
            killed += 1
            process.kill()
            process.communicate()
        if (again.workspace / "key.age").exists():
            listed = again.listed()
            if parent in listed:  # what was added to it may come later
                listed[parent]["additions"] = expected[parent]["additions"]
            assert listed.items() <= expected.items()
            assert len(listed) >= seen
            seen = len(listed)
        if finished:  # the runs before had left it little to do: from the start again
            shutil.rmtree(again.workspace)
            seen = 0
    assert killed > 4
    result = again.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert again.listed() == expected
    assert again.open(stick).stdout.startswith("Nothing new.")
    assert [path.name for path in again.workspace.iterdir() if path.suffix == ".part"] == []


def test_two_at_once_are_harmless(server: Server, desk: Desk, stick: Path) -> None:
    server.receive()
    server.export(stick)
    desk.open(stick)
    records = [server.receive() for _ in range(20)]
    server.export(stick)
    processes = [start_open(desk, stick) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    for process in processes:
        process.communicate()
    assert set(records) < set(desk.listed())
