"""How bytes come in and go out: reading from any source, and writing so that nothing is lost unnoticed."""

import io
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Protocol, Self

from intake.age.errors import ShortWriteError

Data = bytes | bytearray | memoryview

_READ_SIZE = 4096


class Source(Protocol):
    """What can be read from: an open binary file, for example."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, and none only at the end."""


class Sink(Protocol):
    """What can be written to: an open binary file, for example, or an `Encryptor`."""

    def write(self, data: bytes, /) -> int | None:
        """Take all of `data`. Return how many bytes were taken, or None for all of them."""


class Reader:
    """Reads a source to measure, however few bytes at a time that gives. Itself a source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._ahead = bytearray()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end of the source."""
        parts = []
        if self._ahead:
            parts.append(bytes(self._ahead[:size]))
            del self._ahead[:size]
        missing = size - sum(map(len, parts))
        while missing > 0 and (data := self._source.read(missing)):
            parts.append(data)
            missing -= len(data)
        # A single part, the usual case, is not copied.
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """Return what `read` would, without taking it."""
        while len(self._ahead) < size and self._read_ahead():
            pass
        return bytes(self._ahead[:size])

    def line(self, limit: int) -> bytes | None:
        """Return the next line with its line feed, if that is no longer than `limit` bytes.

        The last line may lack the line feed, and is empty at the end of the source. A longer line gives None.
        """
        searched = 0
        while (found := self._ahead.find(b"\n", searched, limit)) < 0:
            searched = len(self._ahead)
            if searched >= limit:
                return None
            if not self._read_ahead():
                break
        # At the end of the source nothing was found, and all that is left is the line.
        size = found + 1 or len(self._ahead)
        line = bytes(self._ahead[:size])
        del self._ahead[:size]
        return line

    def _read_ahead(self) -> bool:
        data = self._source.read(_READ_SIZE)
        self._ahead += data
        return bool(data)


class Writer(ABC):
    """What is written piece by piece to a sink and has an ending. Itself a sink.

    Only `close` writes the ending. Used in a `with` statement, an exception leaves the ending out, so that what was
    written is recognisably incomplete. After any failure to write, every further call is refused. The sink is neither
    flushed nor closed: that stays with the caller, and so does any error it brings.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._usable = True
        self._finished = False

    def write(self, data: Data) -> int:
        """Take all of `data`, of any size, and return its size in bytes.

        Raises ShortWriteError and whatever the sink raises; ValueError once closed or failed.
        """
        view = memoryview(data).cast("B")
        self._begin()
        self._take(view)
        self._usable = True
        return len(view)

    def close(self) -> None:
        """Write the ending. A second call does nothing. Raises as `write` does."""
        if not self._finished:
            self._begin()
            self._finish()
            self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        self._usable = False

    def _begin(self) -> None:
        """Count this writer as broken until what follows has succeeded."""
        if not self._usable:
            raise ValueError("This was closed, or an earlier write to it failed; nothing more can be written.")
        self._usable = False

    def _put(self, data: bytes) -> None:
        """Hand `data` to the sink, or raise."""
        taken = self._sink.write(data)
        # A sink need not count, but None from a raw file says that it took nothing.
        if taken is None and not isinstance(self._sink, io.RawIOBase):
            return
        if taken != len(data):
            raise ShortWriteError(f"Only {taken or 0} of {len(data)} bytes could be written; the rest is lost.")

    @abstractmethod
    def _take(self, data: memoryview) -> None:
        """Write what `data` completes, and keep the rest."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what was kept, and the ending."""
