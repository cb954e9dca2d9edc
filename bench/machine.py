"""What the kernel says about processor time and disks (Linux), and the yardstick: `gpg --encrypt`."""

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _SESSION, _USER, _SYSTEM = 1, 3, 11, 12  # fields of /proc/PID/stat, counted after the command's name
_ENDED_USER, _ENDED_SYSTEM = 13, 14


def session_cpu(session: int) -> float:
    """Return the processor seconds, user and system, of all processes of a session: a server and its workers."""
    return sum(int(fields[_USER]) + int(fields[_SYSTEM]) for _, fields in _processes(session)) / _TICKS


def family_cpu(parent: int) -> float:
    """Return the processor seconds, user and system, of a process and its children, ended ones included: a database."""
    times = 0
    for process in Path("/proc").iterdir():
        fields = _fields(process)
        if fields and process.name == str(parent):
            times += sum(int(fields[field]) for field in (_USER, _SYSTEM, _ENDED_USER, _ENDED_SYSTEM))
        elif fields and int(fields[_PARENT]) == parent:
            times += int(fields[_USER]) + int(fields[_SYSTEM])
    return times / _TICKS


def session_memory(session: int) -> int:
    """Return the bytes of memory that the processes of a session have to themselves or share."""
    return sum(_number(process / "status", "VmRSS") * 1024 for process, _ in _processes(session))


def session_bytes_written(session: int) -> int:
    """Return the bytes that the processes of a session have written: to files, above all. Needs to be root."""
    return sum(_number(process / "io", "wchar") for process, _ in _processes(session))


def _processes(session: int) -> Iterator[tuple[Path, list[str]]]:
    for process in Path("/proc").iterdir():
        fields = _fields(process)
        if fields and int(fields[_SESSION]) == session:
            yield process, fields


def _fields(process: Path) -> list[str]:
    """Return the fields of a process after its command's name: none where it ended meanwhile, or is no process."""
    if not process.name.isdigit():
        return []
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _number(path: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(f"{name}:"))


def machine_cpu() -> float:
    """Return the processor seconds that the whole machine has spent, the time taken by its host included."""
    user, nice, system, _idle, _waiting, *others = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + sum(others)) / _TICKS


def children_cpu() -> float:
    """Return the processor seconds of the processes that this one started and waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def sync_seconds(folder: Path) -> float:
    """Return how long one small durable write takes in a folder: the median of 50."""
    times = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(50):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


class Gpg:
    """A GnuPG home of its own, with one key of GnuPG's default kind and no passphrase."""

    def __init__(self, folder: Path, text: str) -> None:
        self._environment = {**os.environ, "GNUPGHOME": str(folder)}
        self._file = folder / "text"
        folder.mkdir(mode=0o700)
        self._file.write_text(text)
        self._run("--passphrase", "", "--quick-generate-key", "bench", "default", "default", "never")

    def encrypt_all(self, at_once: int, count: int) -> float:
        """Encrypt the text so many times, each in a process of its own. Return the seconds it took."""
        # Without the file of random seeds: its lock makes gpg wait for gpg, and would flatter us (300 a second or 90).
        quick = ("--no-random-seed-file", "--trust-model", "always")
        command = (*quick, "--recipient", "bench", "--output", "-", "--encrypt", str(self._file))
        began = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(lambda _: self._run(*command), range(count)))
        return time.perf_counter() - began

    def encrypt_file(self, path: Path) -> float:
        """Encrypt a file, keep nothing, and return the seconds it took."""
        command = ("--trust-model", "always", "--recipient", "bench", "--output", "-", "--encrypt", str(path))
        began = time.perf_counter()
        self._run(*command)
        return time.perf_counter() - began

    def close(self) -> None:
        """End the agent that gpg started for this home."""
        subprocess.run(["gpgconf", "--kill", "all"], env=self._environment, check=False)

    def _run(self, *arguments: str) -> None:
        command = ["gpg", "--batch", "--quiet", *arguments]
        quiet = subprocess.DEVNULL
        subprocess.run(command, env=self._environment, stdin=quiet, stdout=quiet, stderr=quiet, check=True)
