"""Writes what leaves the encrypted workspace: a new file that only its owner may read, whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from intake.desk.errors import DeskError


def check_new(out: Path) -> None:
    """Raise DeskError when there is anything under the name: nothing is ever overwritten."""
    if os.path.lexists(out):
        raise DeskError(f"{out} is there already: choose another name, or delete it first.")


def write_new(out: Path, pieces: Iterable[bytes]) -> None:
    """Write the pieces to a new file, on the disk before it has its name.

    Raises DeskError when it is there already, OSError, and what the pieces raise; then nothing is left behind.
    """
    check_new(out)
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            for piece in pieces:
                sink.write(piece)
            sink.flush()
            os.fsync(sink.fileno())
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)


def full_path(out: Path) -> str:
    """Return the path as the workspace remembers it: whole, and text whatever bytes are in it."""
    return os.fsencode(out.resolve()).decode("utf-8", "backslashreplace")
