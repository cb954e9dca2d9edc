"""A network with nothing in it but a loopback interface: no packet leaves it, and no port in it is taken."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

# Unprivileged users may do this too, where user namespaces are allowed. It ends when its input does.
_HOLD = """
import fcntl, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))
print("up", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Namespace:
    """The network that one process holds open. Files and unix sockets are shared with everyone else."""

    holder: int

    def line(self, *command: object) -> list[str]:
        """Return the command line that runs a command in it."""
        enter = ("nsenter", f"--target={self.holder}", "--user", "--net", "--preserve-credentials", "--")
        return [str(part) for part in (*enter, *command)]


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Make such a network."""
    line = ["unshare", "--map-root-user", "--net", sys.executable, "-c", _HOLD]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == b"up\n", "no network namespace can be made here"
        yield Namespace(process.pid)
        process.stdin.close()
