"""The tar files that travel on the USB stick: plain files, no times or owners, written whole, read strictly."""

import hashlib
import os
import secrets
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1024 * 1024
_MOST_MEMBERS = 200_000
_CUT_OFF = "The bundle is cut off: it was not copied whole. Copy it again, or ask for a new one."


class BundleError(Exception):
    """A bundle cannot be written, or not be read at all. The message is one sentence for the person who does it."""


@dataclass(frozen=True)
class Member:
    """Where a file of the tar begins, and its size in bytes."""

    start: int
    size: int


class Tar:
    """The regular files of a tar by name. `strange` names everything else in it, which nothing may rely on.

    Raises BundleError when it is cut off or is no tar.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.members, self.strange = _index(source)

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Yield a file in parts. Raises BundleError when the medium gives fewer bytes than it had."""
        at, left = member.start, member.size
        while left:
            # With its own place to read from, so that several processes can share the open file.
            chunk = os.pread(self._source.fileno(), min(left, _CHUNK), at)
            if not chunk:
                raise BundleError(_CUT_OFF)
            at, left = at + len(chunk), left - len(chunk)
            yield chunk

    def read(self, member: Member) -> bytes:
        """Return a file whole."""
        return b"".join(self.chunks(member))

    def sha256(self, member: Member) -> str:
        """Return the digest of a file, in hex."""
        digest = hashlib.sha256()
        for chunk in self.chunks(member):
            digest.update(chunk)
        return digest.hexdigest()


def write_whole(paths: Sequence[Path], writers: Sequence[Callable[[BinaryIO], None]]) -> None:
    """Write each file with its writer. They appear under their names only when all are complete and on the disk.

    A failure leaves none. Raises what a writer raises, and OSError.
    """
    parts = [path.with_name(f".{path.name}.{secrets.token_hex(4)}") for path in paths]
    try:
        for part, write in zip(parts, writers, strict=True):
            with part.open("wb") as sink:
                write(sink)
                sink.flush()
                os.fsync(sink.fileno())
        for part, final in zip(parts, paths, strict=True):
            part.replace(final)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    directory = os.open(paths[0].parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def add(sink: BinaryIO, name: str, content: bytes) -> None:
    """Write one file."""
    add_chunks(sink, name, len(content), [content])


def add_chunks(sink: BinaryIO, name: str, size: int, chunks: Iterable[bytes]) -> None:
    """Write one file of `size` bytes in parts. Raises BundleError when they do not add up to that."""
    header = tarfile.TarInfo(name)
    header.size = size
    sink.write(header.tobuf(tarfile.USTAR_FORMAT))
    written = 0
    for chunk in chunks:
        sink.write(chunk)
        written += len(chunk)
    if written != size:
        raise BundleError(f"{name} has {written} bytes and not {size}: the store is damaged.")
    sink.write(bytes(-size % BLOCK))


def end(sink: BinaryIO) -> None:
    """Write the end mark."""
    sink.write(bytes(2 * BLOCK))


def size_in_tar(size: int) -> int:
    """Return how many bytes a file of this size takes in a tar, with its header."""
    return BLOCK + size + -size % BLOCK


def _index(source: BinaryIO) -> tuple[dict[str, Member], list[str]]:
    """Return the regular files of a tar, and the names of what else there is."""
    size = source.seek(0, os.SEEK_END)
    members: dict[str, Member] = {}
    strange: list[str] = []
    for start, header in _headers(source, size):
        if header.type != tarfile.REGTYPE or header.name in members:
            strange.append(header.name)
        else:
            members[header.name] = Member(start, header.size)
        if len(members) + len(strange) > _MOST_MEMBERS:
            raise BundleError("This is not a bundle: it holds too many files.")
    while chunk := source.read(_CHUNK):
        if any(chunk):
            strange.append("data after its end")
            break
    return members, strange


def _headers(source: BinaryIO, size: int) -> Iterator[tuple[int, tarfile.TarInfo]]:
    """Yield each header of a tar with the place where its data starts, and leave the source after the end mark."""
    at = 0
    while True:
        source.seek(at)
        block = source.read(BLOCK)
        if not any(block):
            if len(block + source.read(BLOCK)) < 2 * BLOCK:
                raise BundleError(_CUT_OFF)
            return
        if at and len(block) < BLOCK:
            raise BundleError(_CUT_OFF)
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError):
            problem = "The bundle is damaged. Copy it again." if at else "This is not a bundle."
            raise BundleError(problem) from None
        data, at = at + BLOCK, at + size_in_tar(max(header.size, 0))
        if header.size < 0 or at > size:
            raise BundleError(_CUT_OFF)
        yield data, header
