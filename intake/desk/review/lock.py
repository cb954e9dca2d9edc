"""The lock: the workspace is open while somebody works, and closed with its key forgotten when nobody does."""

import contextlib
import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

from intake.desk import keys
from intake.desk.access import open_workspace
from intake.desk.errors import DeskError
from intake.desk.workspace import Workspace

IDLE_SECONDS = 600.0
"""The desk locks itself when nothing was asked of it for so long."""

_GLANCE_SECONDS = 0.5


class LockedError(Exception):
    """The desk is locked: it shows nothing, and asks for the passphrase."""


class Lock:
    """Holds the open workspace. `turn` is held by whoever uses it: one request at a time.

    `has_passphrase` tells whether the key file has one, and `end` is called instead of asking for it when it has none.
    `forget` is called whenever it locks: for whoever keeps something that was written.
    """

    def __init__(self, directory: Path, key: Path, idle: float = IDLE_SECONDS) -> None:
        self.idle = idle
        self.turn = threading.RLock()
        self.has_passphrase = False
        self.end: Callable[[], None] = lambda: None
        self.forget: Callable[[], None] = lambda: None
        self._directory = directory
        self._key = key
        self._workspace: Workspace | None = None
        self._open = contextlib.ExitStack()
        self._last = _now()

    @property
    def is_open(self) -> bool:
        """Whether the workspace is open."""
        return self._workspace is not None

    @property
    def workspace(self) -> Workspace:
        """The open workspace. Raises LockedError."""
        if self._workspace is None:
            raise LockedError
        return self._workspace

    def unlock(self, ask: keys.Ask) -> None:
        """Open the workspace; `ask` gives the passphrase if there is one. Raises DeskError."""

        def asked() -> str:
            self.has_passphrase = True
            return ask()

        with self.turn:
            self.lock()
            try:
                identities = keys.read_reviewer_key(self._key, asked)
                opening = open_workspace(self._directory, identities, self._key.stem)
                self._workspace = self._open.enter_context(opening)
            except OSError as error:
                raise DeskError(f"{error.filename or self._key}: {error.strerror}.") from None
            self.touch()

    def lock(self) -> None:
        """Close the workspace and forget its key. What was open is then only in the file, encrypted."""
        with self.turn:
            self._workspace = None
            self._open.close()
            self.forget()
            gc.collect()  # the workspace refers to itself, and would keep its key until some later moment

    def touch(self) -> None:
        """Somebody is at work."""
        self._last = _now()

    def lock_if_idle(self) -> None:
        """Lock if nobody was at work for long enough."""
        with self.turn:
            if self.is_open and _now() - self._last >= self.idle:
                self.lock()
                if not self.has_passphrase:
                    self.end()

    def watch(self) -> None:
        """Lock when it is time, for ever: for a thread of its own."""
        while True:
            time.sleep(_GLANCE_SECONDS)
            self.lock_if_idle()


def _now() -> float:
    """Return a clock that goes on while the machine sleeps, as time.monotonic does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
