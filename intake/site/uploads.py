"""The uploads that this process is taking in: how many there may be, and which goes when there are too many."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

MOST = 16
"""A process takes in this many uploads at once."""
_GRACE_SECONDS = 10.0


class FullError(Exception):
    """There are too many uploads, and none has been here long enough to make room."""


@dataclass(eq=False)
class Upload:
    """One upload: the bytes that came, and the records that they go to."""

    connection: socket.socket | None
    started: float = field(default_factory=time.monotonic)
    received: int = 0
    record: str = ""
    dropped: bool = False

    @property
    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.started

    def drop(self) -> None:
        """Take in no more of it: whoever waits for its next bytes finds the end. The answer can still be sent."""
        self.dropped = True
        if self.connection is not None:
            with contextlib.suppress(OSError):  # it has ended by itself
                self.connection.shutdown(socket.SHUT_RD)


class Uploads:
    """The uploads of this process. When there is no place for one more, the slowest is dropped."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._under_way: set[Upload] = set()

    @contextlib.contextmanager
    def place(self, connection: socket.socket | None) -> Iterator[Upload]:
        """Give an upload a place for as long as it lasts. Raises FullError."""
        upload = Upload(connection)
        with self._lock:
            taken = [other for other in self._under_way if not other.dropped]
            if len(taken) >= self._most:
                slow = [other for other in taken if other.age > _GRACE_SECONDS]
                if not slow:
                    raise FullError
                min(slow, key=lambda other: other.received / other.age).drop()
            self._under_way.add(upload)
        try:
            yield upload
        finally:
            with self._lock:
                self._under_way.discard(upload)

    def records(self) -> list[str]:
        """Return the records that files are arriving for."""
        with self._lock:
            return [upload.record for upload in self._under_way if upload.record]
