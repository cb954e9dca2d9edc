"""Files that leave the workspace: whole under the name that a reviewer gave, and nowhere else."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from intake.desk import plaintext
from intake.desk.errors import DeskError

SLOW = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
from intake.desk.plaintext import write_new
def pieces():
    for _ in range(4):
        yield b"secret" * 100_000
    print("half", flush=True)
    time.sleep(60)
write_new(Path(sys.argv[1]), pieces())
"""


def test_killed_halfway_nothing_is_left(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGTERM)
    process.wait()
    process.stdout.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unnamed", [True, False])
def test_it_is_whole_and_only_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool) -> None:
    """Also where the file system has no files without a name."""
    if not unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)
    out = tmp_path / "out"
    plaintext.write_new(out, [b"one", b"two"])
    assert (out.read_bytes(), out.stat().st_mode & 0o777) == (b"onetwo", 0o600)
    with pytest.raises(DeskError):
        plaintext.write_new(out, [b"three"])
    assert out.read_bytes() == b"onetwo"


@pytest.mark.parametrize("unnamed", [True, False])
def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool) -> None:
    if not unnamed:
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY)

    def pieces() -> Iterator[bytes]:
        yield b"one"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        plaintext.write_new(tmp_path / "out", pieces())
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ours"
        (tmp_path / "out").write_bytes(b"theirs")

    with pytest.raises(DeskError):
        plaintext.write_new(tmp_path / "out", pieces())
    assert (tmp_path / "out").read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1
