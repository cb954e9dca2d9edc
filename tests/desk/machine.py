"""A reviewer's machine as the one file finds it: no network, no disk that can be written, nobody's settings."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

_NAMESPACE = ("unshare", "--map-root-user", "--net", "--mount")
# A machine that can write to $0 and to memory only. It has no network but the loopback, and no environment. What is
# left behind in memory or at home is an error.
_MACHINE = """
mount -t tmpfs none /dev/shm && mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd / || exit 98
"$PYTHON" -c 'import fcntl, socket, struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))'
eval "$BEFORE"
env -i HOME="$0/home" "$@"
result=$?
left=$(ls -A /dev/shm "$0/home" | grep -v ":$")
[ -z "$left" ] || { echo "left behind: $left"; exit 99; }
exit $result
"""
_WHICH = "import os, sys; print(sys.version_info[1], os.path.realpath('/proc/self/exe'))"


def pythons() -> list[str]:
    """Each Python on this machine that the file is for: the system's, that of the tests, and what a developer has."""
    others = map(str, Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    found = set()
    for name in filter(shutil.which, ("/usr/bin/python3", sys.executable, "python3.12", "python3.13", *others)):
        asked = subprocess.run([name, "-c", _WHICH], capture_output=True, text=True)
        minor, _, path = asked.stdout.strip().partition(" ")
        if asked.returncode == 0 and minor in ("11", "12", "13"):
            found.add(path)
    return sorted(found)


def can_go_offline() -> bool:
    """Tell whether such a machine can be made here."""
    trial = [*_NAMESPACE, "mount", "-t", "tmpfs", "none", "/dev/shm"]
    return shutil.which("unshare") is not None and subprocess.run(trial, capture_output=True).returncode == 0


def offline(folder: Path, *command: object, before: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command there, after `before`. It can write to the folder, and to memory."""
    (folder / "home").mkdir(exist_ok=True)
    line = [*_NAMESPACE, "sh", "-c", _MACHINE, folder, *command]
    environment = {**os.environ, "PYTHON": sys.executable, "BEFORE": before}
    return subprocess.run(list(map(str, line)), capture_output=True, text=True, env=environment, **options)


def worked(result: subprocess.CompletedProcess[str]) -> str:
    """What a command said, that had nothing to complain about."""
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    return result.stdout


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """Why the file did not start: one line, and nothing else."""
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"intake-desk: [^\n]+\.\n", result.stderr), result.stderr
    return result.stderr
