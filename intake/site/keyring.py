"""The recipients in `keys/`: read when they change, refused as a whole when one file is not what it must be."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

from intake.age.errors import AgeError
from intake.age.recipients import HybridRecipient, parse_recipient

_IGNORED = ".gitkeep"
_REVOKED = re.compile(r"revoked\b", re.IGNORECASE)
_PRIVATE = re.compile(r"AGE-SECRET-KEY-|PRIVATE KEY|BEGIN AGE ENCRYPTED FILE", re.IGNORECASE)
_LARGEST = 64 * 1024


class KeysError(Exception):
    """`keys/` cannot be used. The message says why and what to do."""


@dataclass(frozen=True)
class Key:
    """A recipient, with the comments of its file."""

    recipient: HybridRecipient
    comments: tuple[str, ...]

    @property
    def demo(self) -> bool:
        """Whether it was made for a demonstration."""
        return "demo" in self.comments

    @property
    def revoked(self) -> bool:
        """Whether nothing may be sealed to it any more."""
        return any(map(_REVOKED.match, self.comments))


class Keyring:
    """The recipients in a folder of `*.pub` files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: object = None
        self._keys: tuple[Key, ...] = ()

    def keys(self) -> tuple[Key, ...]:
        """Return the recipients to seal to: at least one. Raises KeysError.

        A key that comes or goes is noticed at the next call, without a restart.
        """
        return tuple(key for key in self._all() if not key.revoked)

    def revoked(self) -> tuple[Key, ...]:
        """Return the recipients that are there only to say that nothing may be sealed to them. Raises as `keys`."""
        return tuple(key for key in self._all() if key.revoked)

    def _all(self) -> tuple[Key, ...]:
        with self._lock:
            found = self._look()
            if found != self._seen:
                self._seen = None
                try:
                    self._keys = _read(self._folder)
                except OSError as error:
                    raise KeysError(f"{error.filename} cannot be read: see its owner and mode") from None
                self._seen = found
            return self._keys

    def _look(self) -> object:
        try:
            stats = [(path.name, path.lstat()) for path in self._folder.iterdir()]
        except OSError:
            raise KeysError(f"the folder {self._folder} cannot be read") from None
        return sorted((name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in stats)


def _read(folder: Path) -> tuple[Key, ...]:
    keys = []
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            raise KeysError(f"{path} is not a file: only *.pub files may lie in {folder}")
        if path.stat().st_size > _LARGEST:
            raise KeysError(f"{path} is too large for a recipient file: only *.pub files may lie in {folder}")
        text = path.read_text(errors="replace")
        if _PRIVATE.search(text):
            raise KeysError(f"{path} holds a private key: take it off this server now, and make a new pair")
        if path.name == _IGNORED:
            continue
        if path.name.endswith(".sign.pub"):
            raise KeysError(f"{path} is the desk's signing key, not a recipient: take it out of {folder}")
        if path.suffix != ".pub":
            raise KeysError(f"{path} does not belong here: only *.pub files may lie in {folder}")
        keys += _read_file(path, text)
    if all(key.revoked for key in keys):
        raise KeysError(f"{folder} has no recipient: put the desk's NAME.pub there")
    if len({key.recipient.fingerprint for key in keys}) != len(keys):
        raise KeysError(f"the same recipient is in {folder} twice: remove one")
    return tuple(keys)


def _read_file(path: Path, text: str) -> list[Key]:
    lines = [line.strip() for line in text.splitlines()]
    comments = tuple(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    found = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        try:
            recipient = parse_recipient(line)
        except AgeError as error:
            raise KeysError(f"{path}, line {number}: {error}") from None
        if not isinstance(recipient, HybridRecipient):
            raise KeysError(f"{path}, line {number}: not a post-quantum recipient, which starts with age1pq1")
        found.append(Key(recipient, comments))
    if not found:
        raise KeysError(f"{path} has no recipient in it")
    return found
