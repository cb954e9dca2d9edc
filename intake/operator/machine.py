"""The machine that `intake check --deploy` looks at: its files, its users, and what its commands print."""

import contextlib
import grp
import http.client
import os
import pwd
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

_SECONDS = 30
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Owned:
    """Whose a file is, and who may use it."""

    user: str
    group: str
    mode: int


class Machine:
    """This machine."""

    def path(self, name: str) -> Path:
        """Return where an absolute path lies."""
        return Path(name)

    def text(self, name: str) -> str:
        """Return what is in a file; nothing if it is not there or cannot be read."""
        with contextlib.suppress(OSError):
            return self.path(name).read_text(errors="replace")
        return ""

    def owned(self, name: str) -> Owned | None:
        """Return whose a file is, or nothing if there is none."""
        try:
            found = self.path(name).stat()
        except OSError:
            return None
        user, group = str(found.st_uid), str(found.st_gid)
        with contextlib.suppress(KeyError):
            user = pwd.getpwuid(found.st_uid).pw_name
        with contextlib.suppress(KeyError):
            group = grp.getgrgid(found.st_gid).gr_name
        return Owned(user, group, stat.S_IMODE(found.st_mode))

    def is_loose(self, path: Path) -> bool:
        """Tell whether someone else than root can change what lies here."""
        found = path.lstat()
        return not stat.S_ISLNK(found.st_mode) and (found.st_uid != 0 or bool(found.st_mode & _OTHERS_WRITE))

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a command and return its exit code and all that it printed; 127 if it is not there."""
        try:
            done = subprocess.run(  # noqa: S603 - programs of the system, named by us
                arguments,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return 127, ""
        return done.returncode, done.stdout.decode(errors="replace")

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        """Return properties of a unit, as systemd has them loaded."""
        wanted = ",".join(properties)
        _, printed = self.command("systemctl", "show", "--property", wanted, name)
        return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)

    def answer(self, socket_name: str, path: str, method: str = "GET") -> tuple[int, Message]:
        """Send a request through a unix socket; return the status and the headers. Raises OSError."""
        return _ask(_UnixConnection(str(self.path(socket_name))), path, method)

    def clearnet_answer(self, path: str, *, secret: bool) -> tuple[int, Message]:
        """Send a request to the port for HTTP, or for TLS, of this machine. Raises OSError."""
        if not secret:
            return _ask(http.client.HTTPConnection("127.0.0.1", 80, timeout=_SECONDS), path)
        unverified = ssl._create_unverified_context()  # noqa: S323 - the certificate is for the name, not for 127.0.0.1
        return _ask(http.client.HTTPSConnection("127.0.0.1", 443, timeout=_SECONDS, context=unverified), path)

    def lines(self, name: str, include: str) -> Iterator[str]:
        """Yield the lines of a configuration with what it includes, without comments and space around."""
        for line in self.text(name).splitlines():
            words = line.partition("#")[0].split()
            if len(words) == 2 and words[0] == include:
                pattern = words[1].rstrip(";")
                folder = self.path(pattern if pattern.startswith("/") else os.path.join(os.path.dirname(name), pattern))  # noqa: PTH118, PTH120 - a name on that machine
                for path in sorted(folder.parent.glob(folder.name)):
                    yield from self.lines(self._name(path), include)
            elif words:
                yield " ".join(words)

    def _name(self, path: Path) -> str:
        """Return the absolute path, on that machine, of what lies here."""
        return "/" + str(path.relative_to(self.path("/")))


def _ask(connection: http.client.HTTPConnection, path: str, method: str = "GET") -> tuple[int, Message]:
    with contextlib.closing(connection):
        try:
            connection.request(method, path, headers={"Host": "localhost", "Content-Length": "0"})
            response = connection.getresponse()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from None
        return response.status, response.headers


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
