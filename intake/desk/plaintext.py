"""Writes what leaves the encrypted workspace: a new file that only its owner may read, whole or not at all."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from intake.desk.errors import DeskError

# What a file system answers that has no files without a name, such as that of a USB stick.
_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL)


def check_new(out: Path) -> None:
    """Raise DeskError when there is anything under the name: nothing is ever overwritten."""
    if os.path.lexists(out):
        raise DeskError(f"{out} is there already: choose another name, or delete it first.")


def write_new(out: Path, pieces: Iterable[bytes]) -> None:
    """Write the pieces to a new file, on the disk before it has its name.

    Raises DeskError when it is there already, OSError, and what the pieces raise; then nothing is left behind. Killed
    halfway, nothing is left either; or, where the file system cannot do that, a part of it under its name.
    """
    check_new(out)
    if not out.parent.is_dir():
        raise DeskError(f"There is no folder {out.parent}.")
    try:
        descriptor = os.open(out.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        _write_named(out, pieces)
        return
    with os.fdopen(descriptor, "wb") as sink:
        _write(sink.fileno(), pieces)
        _name(sink.fileno(), out)


def full_path(out: Path) -> str:
    """Return the path as the workspace remembers it: whole, and text whatever bytes are in it."""
    return os.fsencode(out.resolve()).decode("utf-8", "backslashreplace")


def _name(descriptor: int, out: Path) -> None:
    """Give a file that has no name one: see O_TMPFILE in open(2)."""
    descriptors = os.open("/proc/self/fd", os.O_RDONLY)
    try:
        os.link(str(descriptor), out, src_dir_fd=descriptors, follow_symlinks=True)
    except FileExistsError:
        check_new(out)
        raise
    finally:
        os.close(descriptors)


def _write_named(out: Path, pieces: Iterable[bytes]) -> None:
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            _write(sink.fileno(), pieces)
    except BaseException:
        out.unlink()
        raise


def _write(descriptor: int, pieces: Iterable[bytes]) -> None:
    with os.fdopen(descriptor, "wb", closefd=False) as sink:
        for piece in pieces:
            sink.write(piece)
    os.fsync(descriptor)
