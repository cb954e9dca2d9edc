"""Start of the one file `intake-desk`: unpacks what this Python needs into memory, and runs the desk from there.

It is the `__main__.py` of the file. What it unpacked is deleted when the desk ends; what a killed desk left behind, the
next one deletes. Up to where the version is checked, this must run on any Python 3.7 or newer.
"""

from __future__ import annotations

import os
import stat
import sys

_NAME = "intake-desk"


def _start() -> None:
    archive = os.path.dirname(os.path.abspath(__file__))
    _check_machine()
    sys.executable = os.path.realpath("/proc/self/exe")  # without PATH it is empty, and the desk starts others with it
    if not (sys.flags.isolated and sys.flags.no_site and sys.flags.dont_write_bytecode):
        # Nothing from the environment, from the user or from the system's packages may change what runs.
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-B", archive, *sys.argv[1:]])
    _end_in_order()
    sys.path[0] = _unpacked(archive)

    from intake.desk.commands import main

    main(prog_name=_NAME)


def _check_machine() -> None:
    version = sys.version_info
    if sys.implementation.name != "cpython" or not (3, 11) <= version[:2] <= (3, 13) or "t" in sys.abiflags:
        found = f"{sys.implementation.name} {version[0]}.{version[1]}"
        raise _refusal(f"it needs CPython 3.11, 3.12 or 3.13; python3 is {found} here")
    machine = os.uname()
    if machine.sysname != "Linux" or machine.machine != "x86_64" or sys.maxsize < 2**32:
        raise _refusal(f"it needs 64-bit Linux on an x86-64 processor; this is {machine.sysname} on {machine.machine}")
    if "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        raise _refusal("it needs a Linux with the GNU C library, such as Debian, Ubuntu or Tails")


def _unpacked(archive: str) -> str:
    """Unpack into a new folder that goes away with this process, and return its path."""
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(archive) as packed:
            parts = ("all", f"cp3{sys.version_info[1]}")
            members = [info for info in packed.infolist() if info.filename.partition("/")[0] in parts]
            folder = _new_folder(sum(info.file_size for info in members))
            for info in members:
                info.filename = info.filename.partition("/")[2]
                packed.extract(info, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError):  # all that zipfile says of nonsense
        raise _refusal("this file is damaged: copy it again, and check it as the guide for reviewers says") from None
    except OSError as error:
        raise _refusal(f"{error.filename or archive}: {error.strerror or error}") from None
    return folder


def _new_folder(size: int) -> str:
    """Make an empty folder in memory that only this user may enter, locked for as long as this process lives."""
    import atexit
    import fcntl

    place = _place(size)
    while True:
        folder = f"{place}/{_NAME}-{os.urandom(8).hex()}"
        os.mkdir(folder, 0o700)
        try:
            lock = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # another start swept it before it was locked
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink:  # else it was swept just now
            atexit.register(_remove, folder)
            return folder
        os.close(lock)


def _place(size: int) -> str:
    places = _places()
    for place in places:
        _sweep(place)
    for place in places:
        space = os.statvfs(place)
        if not space.f_blocks or space.f_bavail * space.f_frsize > size:  # no blocks: no limit
            return place
    megabytes = size // 2**20 + 1
    raise _refusal(f"it needs {megabytes} MB in a folder in memory that may hold programs, such as /dev/shm")


def _places() -> list[str]:
    """Folders that are in memory and not mounted noexec, where nobody else can exchange what this user makes."""
    with open("/proc/self/mountinfo", errors="surrogateescape") as source:
        lines = [line.split() for line in source]
    in_memory = {line[2] for line in lines if line[line.index("-") + 1] in ("tmpfs", "ramfs")}
    found = []
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{os.geteuid()}", "/dev/shm", "/tmp"):
        if not os.path.isdir(place) or not os.access(place, os.W_OK | os.X_OK):
            continue
        status = os.stat(place)
        own = status.st_uid in (0, os.geteuid()) and (status.st_mode & stat.S_ISVTX or not status.st_mode & 0o022)
        device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
        if own and device in in_memory and not os.statvfs(place).f_flag & os.ST_NOEXEC:
            found.append(os.path.realpath(place))
    return found


def _sweep(place: str) -> None:
    """Delete this user's folders that no process holds locked any more, and none that a start did not make."""
    import fcntl
    import re

    for entry in os.scandir(place):
        if not re.fullmatch(f"{_NAME}-[0-9a-f]{{16}}", entry.name):
            continue
        try:
            lock = os.open(entry.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # another user's, or gone by now
            continue
        try:
            if os.fstat(lock).st_uid == os.geteuid():
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(entry.path)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)


def _end_in_order() -> None:
    """Let a closed terminal and a polite kill end the process the long way, so that the folder is deleted."""
    import signal

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def _refusal(reason: str) -> SystemExit:
    return SystemExit(f"{_NAME}: {reason}.")


if __name__ == "__main__":
    try:
        _start()
    except KeyboardInterrupt:
        sys.exit(130)
