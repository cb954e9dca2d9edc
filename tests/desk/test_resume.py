"""A desk that is killed while it opens a bundle: the next run does the rest, and tells what the first could not."""

import contextlib
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from desk.conftest import DUTY, ESCROW
from desk.stick import Desk, Server, key_file
from intake.age.encrypt import encrypt
from intake.desk.access import open_workspace
from intake.envelope import build

MANY = 400
"""More than one process decrypts alone."""
TABLES = ("records", "entries", "bundles", "recipients", "files", "parts", "changes", "expiring", "stale", "events")


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with everything that `open` has to do with."""
    server = Server([DUTY.recipient(), ESCROW.recipient()])
    parents = [server.receive(answers={"story.text": f"It was dark {number} times."}) for number in range(MANY)]
    server.take_json("[")
    server.take("added", build(server.addition("0" * 32)))
    sealed = encrypt(build(server.testimony()), server.recipients)
    server.take_sealed("received", sealed)
    server.take_sealed("received", sealed)
    for parent in parents[::40]:
        server.add(server.addition(parent))
        server.add(server.consent(parent, CPUB="Y"))
        server.attach(parent, parent.encode() * 100)
        server.attach(parent, b"one", b"another".ljust(32768, b"\0"))
    for parent in parents[::80]:
        server.take("withdrawn", build(server.withdrawal(parent)))
    for number in range(MANY // 4):
        server.receive(answers={"story.text": f"It was cold {number} times."})
    (path,) = server.export(tmp_path_factory.mktemp("stick") / "bundle.tar")
    return path


@pytest.fixture(scope="module")
def undisturbed(stick: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[str]]:
    """What a desk holds and tells that nobody killed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    desk = Desk(folder, key_file(folder / "duty.key", DUTY))
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"Testimonies: {MANY + MANY // 4 + 1 - 5} new" in result.stdout
    return held(desk), told(result.stdout)


def told(output: str) -> list[str]:
    """What is told of the records: a desk that was killed has told of the server's keys already."""
    return sorted(line for line in output.splitlines() if "first time" not in line and "Compare it" not in line)


def held(desk: Desk) -> dict[str, Any]:
    """Everything that opening bundles leaves in the workspace."""
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        found = {table: sorted(workspace.execute(f"SELECT * FROM {table}").fetchall()) for table in TABLES}
        query = "SELECT record, state, language, day, additions, files, opening FROM testimonies ORDER BY record"
        return {**found, "testimonies": workspace.execute(query).fetchall()}


def start(desk: Desk, stick: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "intake.desk.commands", "open", str(stick), "--workspace", str(desk.workspace)]
    return subprocess.Popen(
        [*command, "--key", str(desk.key)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def written(desk: Desk) -> int:
    """How many bytes the workspace takes on the disk. Its journals come and go while this looks."""
    size = 0
    for path in desk.workspace.glob("desk.db*"):
        with contextlib.suppress(FileNotFoundError):
            size += path.stat().st_size
    return size


@pytest.mark.parametrize("seed", range(5))
def test_a_desk_that_is_killed_goes_on_where_it_was(
    stick: Path, undisturbed: tuple[dict[str, Any], list[str]], tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    desk = Desk(tmp_path, key_file(tmp_path / "duty.key", DUTY))
    for enough in (draw.randrange(200_000, 3_000_000), draw.randrange(3_000_000, 7_000_000)):
        process = start(desk, stick)
        while process.poll() is None and (not desk.workspace.exists() or written(desk) < enough):
            time.sleep(0.001)
        time.sleep(draw.random() / 10)
        process.send_signal(signal.SIGKILL)
        process.communicate()  # until the last that helped has ended, too: it has the same stdout
    result = desk.open(stick)
    assert (result.returncode, result.stderr) == (0, "")
    assert held(desk) == undisturbed[0]
    if process.returncode == -signal.SIGKILL:
        assert told(result.stdout) == undisturbed[1]
    assert desk.open(stick).stdout.startswith("Nothing new.")


def test_what_was_filed_and_not_told_is_told_by_the_next_run(
    stick: Path, undisturbed: tuple[dict[str, Any], list[str]], tmp_path: Path
) -> None:
    """Killed at the very end: all is filed, and nobody was told which exports are to be deleted."""
    desk = Desk(tmp_path, key_file(tmp_path / "duty.key", DUTY))
    killed = "import os, intake.desk.bundles.opening as o; o.report = lambda *_: os.kill(os.getpid(), 9); "
    killed += f"from intake.desk.commands import main; main(['open', {str(stick)!r}, '--workspace', "
    killed += f"{str(desk.workspace)!r}, '--key', {str(desk.key)!r}])"
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == -signal.SIGKILL
    assert told(desk.open(stick).stdout) == undisturbed[1]
    assert desk.open(stick).stdout.startswith("Nothing new.")


def test_it_was_killed_in_the_midst_of_it(stick: Path, tmp_path: Path) -> None:
    """What the log says is known last: before that, some records are there, and the head is not."""
    desk = Desk(tmp_path, key_file(tmp_path / "duty.key", DUTY))
    process = start(desk, stick)
    while not desk.workspace.exists() or written(desk) < 1_000_000:
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    process.communicate()
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        (count,) = workspace.execute("SELECT count(*) FROM records").fetchone()
        assert 0 < count < MANY
        assert workspace.head() == (0, "0" * 64)
    assert [path.name for path in sorted(desk.workspace.iterdir())] == ["desk.db", "key.age"]


def test_a_copy_of_the_two_files_is_a_backup(
    stick: Path, undisturbed: tuple[dict[str, Any], list[str]], tmp_path: Path
) -> None:
    desk = Desk(tmp_path, key_file(tmp_path / "duty.key", DUTY))
    desk.open(stick)
    copied = replace(desk, folder=tmp_path / "copy")
    copied.workspace.mkdir(parents=True)
    for name in ("desk.db", "key.age"):
        shutil.copy(desk.workspace / name, copied.workspace / name)
    assert held(copied) == undisturbed[0]
