"""The ways to break a running server: its processes, its disk, its memory, its clock."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from service import Server

from intake.operator.server import SETTINGS

MIB = 1024 * 1024
AS_ROOT = [] if os.getuid() == 0 else ["sudo", "-n"]
"""What stands before a command that only root may run."""


def workers(server: Server) -> list[int]:
    """The worker processes, when all of them run."""
    end = time.monotonic() + 60
    while len(found := _running(server)) < SETTINGS["workers"]:
        assert time.monotonic() < end, f"there are too few workers: {server.log[-2000:]}"
        time.sleep(0.002)
    return found


def kill_worker(server: Server, worker: int) -> None:
    """Kill a worker as the kernel does when memory is short, and wait until another has taken its place."""
    os.kill(worker, signal.SIGKILL)
    while worker in workers(server):
        time.sleep(0.002)


def _running(server: Server) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return [int(child) for child in children if _is_alive(int(child))]


def _is_alive(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Put a disk of so many bytes at a folder."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700,uid={os.getuid()}", "none", str(folder)]
    if subprocess.run([*AS_ROOT, *mount], check=False).returncode != 0:
        pytest.skip("A disk of its own size can be made by root only: run this as root, or where sudo asks nothing.")
    try:
        yield folder
    finally:
        subprocess.run([*AS_ROOT, "umount", "--lazy", folder], check=True)


def remount(folder: Path, how: str) -> None:
    """Make a disk read-only (`ro`) or writable (`rw`), or change its size (`size=…`)."""
    subprocess.run([*AS_ROOT, "mount", "-o", f"remount,{how}", folder], check=True)


def fill(folder: Path, leave: int = 0) -> None:
    """Fill a disk but for so many bytes, with a file that is called `full`."""
    with (folder / "full").open("ab", buffering=0) as file:
        for size in (MIB, 4096, 1):
            with contextlib.suppress(OSError):
                while _free(folder) > leave:
                    os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def failing(processes: list[int], calls: str, error: str, when: str) -> Iterator["Failing"]:
    """Have the system refuse calls of processes. `when` is "3" for each thread's third, "3+" for all from it on."""
    if shutil.which("strace") is None or os.getuid() != 0:
        pytest.skip("This needs root, and strace. To install it: sudo apt-get install strace")
    injected = ("-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}")
    command = ["strace", "-f", "-o", "/dev/stdout", *injected]
    for process in processes:
        command += ["-p", str(process)]
    tracer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    found = Failing()
    try:
        for _ in processes:
            line = tracer.stderr.readline()
            assert " attached" in line, line
        yield found
    finally:
        tracer.send_signal(signal.SIGINT)
        output, _ = tracer.communicate(timeout=60)
        found.times = output.count("(INJECTED)")


class Failing:
    """How often a call was refused, when it is over."""

    times = 0


def hold_files_to(server: Server, size: int) -> None:
    """Have the system refuse to make any file of the workers larger than this: what a full disk looks like to them."""
    for worker in workers(server):
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def limit_memory(worker: int, more: int) -> None:
    """Let a process have so many bytes more than it has; a negative number takes the limit away."""
    with contextlib.suppress(OSError):  # it has ended for want of memory
        pages = int(Path(f"/proc/{worker}/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + more if more >= 0 else resource.RLIM_INFINITY
        resource.prlimit(worker, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
