"""Has a page drawn by a process that is locked in, and makes the picture from the pixels that it gives back."""

import contextlib
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import intake
from intake.desk.errors import DeskError
from intake.desk.viewing.protocol import CHANNELS, HEADER, MOST_PIXELS, Answer

SECONDS = 30
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RGB = 2
_QUICKLY = 1  # it goes no further than the browser on this machine
_REASONS = {
    Answer.DAMAGED: "it is damaged, or not what its first bytes say",
    Answer.TOO_LARGE: "looking at it would take too much memory",
    Answer.LOCKED: "it is protected by a password",
    Answer.NO_SUCH_PAGE: "it has no such page",
    Answer.UNCONFINED: "this machine has neither seccomp nor Landlock, which would keep a hostile file in bounds",
}


class ViewingError(DeskError):
    """A file cannot be looked at. The message says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"This file cannot be shown: {reason}.")


@dataclass(frozen=True)
class Picture:
    """One page as PNG, and how many pages the file has."""

    png: bytes
    pages: int
    width: int
    height: int


def draw(format_: str, pieces: Iterable[bytes], page: int, widest: int) -> Picture:
    """Draw one page, counted from 1, of a file given in pieces. Raises ViewingError."""
    root = str(Path(intake.__file__).parent.parent)
    command = [sys.executable, "-P", "-S", "-B", "-m", "intake.desk.viewing.renderer", format_, str(page), str(widest)]
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join([root, *sys.path])},
        cwd="/",
    ) as process:
        alarm = threading.Timer(SECONDS, process.kill)
        alarm.start()
        try:
            return _answer(process, pieces, widest)
        finally:
            alarm.cancel()
            process.kill()


def _answer(process: subprocess.Popen[bytes], pieces: Iterable[bytes], widest: int) -> Picture:
    """Give the process its file and read no more from it than a picture can have: it may be in hostile hands."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process has no pipes")
    with contextlib.suppress(BrokenPipeError), process.stdin:  # then the answer says why
        for piece in pieces:
            process.stdin.write(piece)
    header = process.stdout.read(HEADER.size)
    if len(header) < HEADER.size:
        raise ViewingError("drawing it took too long, too much memory, or was stopped because it tried what it may not")
    answer, pages, width, height = HEADER.unpack(header)
    if answer in _REASONS:
        raise ViewingError(_REASONS[answer])
    sound = answer == Answer.DRAWN and pages and 0 < width <= widest and 0 < width * height <= MOST_PIXELS
    rgb = process.stdout.read(width * height * CHANNELS) if sound else b""
    if not sound or len(rgb) != width * height * CHANNELS:
        raise ViewingError("what was drawn is no picture")
    return Picture(_png(width, height, rgb), pages, width, height)


def _png(width: int, height: int, rgb: bytes) -> bytes:
    """Return the pixels as PNG: made here, so that nothing in it but the colours comes from the file."""
    row = width * CHANNELS
    rows = b"".join(b"\0" + rgb[start : start + row] for start in range(0, len(rgb), row))
    head = struct.pack("!IIBBBBB", width, height, 8, _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, _QUICKLY)) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))
