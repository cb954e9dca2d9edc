"""What the process that draws can do once locked in: tried from inside, with what this kernel has and with less."""

import ctypes
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.viewing.files import quarters, saved
from intake.desk.viewing import limits
from intake.desk.viewing.protocol import HEADER, Answer

FREE, LOCKED, LANDLOCK_ONLY, SECCOMP_ONLY, NEITHER = "free", "locked", "landlock only", "seccomp only", "neither"
LANDLOCK_VERSION = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1)
DONE, REFUSED, KILLED, UNCONFINED = "done", "refused", "killed", "unconfined"
UNKNOWN_CALLS: dict[str, list[int]] = {LANDLOCK_ONLY: [317], SECCOMP_ONLY: [444], NEITHER: [317, 444]}
NOBODY = 65534

# A filter of our own makes system calls unknown, as they are to a kernel that lacks them.
LACK = """
import errno, os, sys
from intake.desk.viewing import seccomp
def lack(numbers):
    steps = [step for number in numbers for step in seccomp.on_call(number, 0x00050000 | errno.ENOSYS)]
    seccomp.install([*seccomp.BEGINNING, *steps, (0x06, 0, 0, seccomp.ALLOW)])
"""
BEGIN = f"""
import ctypes, mmap, os, resource, signal, socket, subprocess, sys
from intake.desk.viewing.confining import confine
library = ctypes.CDLL(None, use_errno=True)
if os.getuid() == 0:
    os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
other = subprocess.Popen(["sleep", "2"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
if sys.argv[1] != "{FREE}" and not confine():
    print("{UNCONFINED}", flush=True)
    os._exit(0)
try:
"""
END = f"""
except BaseException as error:
    print("{REFUSED}", type(error).__name__, flush=True)
else:
    print("{DONE}", flush=True)
os._exit(0)
"""


def attempt(action: str, mode: str, folder: Path) -> str:
    """What comes of an action of nobody's process in this mode."""
    code = (
        f"{LACK}\nlack({UNKNOWN_CALLS.get(mode, [])})\n{BEGIN}{textwrap.indent(textwrap.dedent(action), '    ')}{END}"
    )
    command = [sys.executable, "-B", "-c", code, mode, str(folder)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120)
    if result.returncode == -signal.SIGSYS:
        return KILLED
    assert result.returncode == 0, (result.returncode, result.stdout)
    return result.stdout.split()[0] if result.stdout else DONE  # a program that took its place says nothing


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in which nobody may do everything."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        (made / "victim").write_text("here")
        made.chmod(0o777)
        yield made


OPENS = {
    "read a file": 'open("/etc/passwd").read()',
    "write a file": 'open(sys.argv[2] + "/made", "w").write("x")',
    "list a folder": 'os.listdir("/")',
}
REACHES_OUT = {
    "delete a file": 'os.unlink(sys.argv[2] + "/victim")',
    "rename a file": 'os.rename(sys.argv[2] + "/victim", sys.argv[2] + "/other")',
    "make a folder": 'os.mkdir(sys.argv[2] + "/folder")',
    "tcp": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "unix socket": "socket.socket(socket.AF_UNIX)",
    "pair of sockets": "socket.socketpair()",
    "pipe": "os.pipe()",
    "fork": "os.fork() or os._exit(0)",
    "run a program": 'os.execv("/bin/true", ["true"])',
    "signal another process": "os.kill(other.pid, 0)",
}
FILTERED = {
    "be traced": "assert library.ptrace(0, 0, 0, 0) == 0",
    "memory to run": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "new namespace": "assert library.unshare(0) == 0",
    "other attributes": "assert library.prctl(15, b'name', 0, 0, 0) == 0",
}
BOUNDED = {
    "too much memory": f"bytearray({limits.MEMORY})",
    "a higher limit": "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))",
}
EVERY = {**OPENS, **REACHES_OUT, **FILTERED, **BOUNDED}


@pytest.mark.parametrize("name", EVERY)
def test_all_of_it_could_be_done_before(name: str, folder: Path) -> None:
    """So that the refusals below say something."""
    assert attempt(EVERY[name], FREE, folder) == DONE


@pytest.mark.parametrize("mode", [LOCKED, SECCOMP_ONLY])
@pytest.mark.parametrize("name", EVERY)
def test_the_filter_kills_what_reaches_out(name: str, mode: str, folder: Path) -> None:
    kills = name in REACHES_OUT or name in FILTERED
    assert attempt(EVERY[name], mode, folder) == (KILLED if kills else REFUSED)
    assert [path.name for path in folder.iterdir()] == ["victim"]


@pytest.mark.parametrize("name", [*OPENS, *REACHES_OUT, *BOUNDED])
def test_landlock_and_limits_refuse_it_without_the_filter(name: str, folder: Path) -> None:
    """Where the kernel has no Landlock either, nothing is read at all."""
    wanted = REFUSED
    if LANDLOCK_VERSION < 1:
        wanted = UNCONFINED
    elif LANDLOCK_VERSION < 6 and name == "signal another process":
        wanted = DONE
    assert attempt(EVERY[name], LANDLOCK_ONLY, folder) == wanted
    assert [path.name for path in folder.iterdir()] == ["victim"]


def test_without_both_it_says_that_it_is_not_confined(folder: Path) -> None:
    assert attempt("pass", NEITHER, folder) == UNCONFINED


@pytest.mark.parametrize("mode", [LOCKED, LANDLOCK_ONLY, SECCOMP_ONLY])
def test_what_decoding_needs_still_works(mode: str, folder: Path) -> None:
    landlock = mode != LANDLOCK_ONLY or LANDLOCK_VERSION > 0
    assert attempt("bytearray(100_000_000)", mode, folder) == (DONE if landlock else UNCONFINED)


@pytest.mark.parametrize("mode", [LOCKED, LANDLOCK_ONLY, SECCOMP_ONLY, NEITHER])
@pytest.mark.parametrize("format_", ["JPEG", "PDF"])
def test_what_draws_reads_nothing_unless_it_is_confined(mode: str, format_: str) -> None:
    command = ["sys.executable", "'-B'", "'-m'", "'intake.desk.viewing.renderer'", f"'{format_}'", "'1'", "'1600'"]
    code = f"{LACK}\nlack({UNKNOWN_CALLS.get(mode, [])})\nos.execv(sys.executable, [{', '.join(command)}])"
    data = saved(quarters(), format_)
    result = subprocess.run([sys.executable, "-c", code], input=data, stdout=subprocess.PIPE, timeout=120, check=True)
    confined = mode != NEITHER and (mode != LANDLOCK_ONLY or LANDLOCK_VERSION > 0)
    assert result.stdout[0] == (Answer.DRAWN if confined else Answer.UNCONFINED)
    assert (len(result.stdout) > HEADER.size) == confined


def test_it_is_locked_in_before_it_reads_the_first_byte() -> None:
    command = [sys.executable, "-B", "-m", "intake.desk.viewing.renderer", "PNG", "1", "1600"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        place = Path(f"/proc/{process.pid}")
        deadline = time.monotonic() + 60
        status: dict[str, str] = {}
        while status.get("Seccomp") != "2":
            assert time.monotonic() < deadline
            time.sleep(0.05)
            status = dict(line.split(":\t", 1) for line in (place / "status").read_text().splitlines())
        bounds = (place / "limits").read_text()
        process.kill()
    assert status["NoNewPrivs"] == "1"
    assert status["Threads"] == "1"
    found = {line[:25].strip(): line[25:].split()[:2] for line in bounds.splitlines()[1:]}
    assert found["Max address space"] == [str(limits.MEMORY)] * 2
    assert found["Max cpu time"] == [str(limits.CPU_SECONDS)] * 2
    for name in ("Max file size", "Max core file size", "Max open files", "Max processes"):
        assert found[name] == ["0", "0"]


def test_it_leaves_no_core_dump_and_does_not_outlive_the_desk() -> None:
    code = """
        import ctypes
        from intake.desk.viewing import limits
        limits.lower()
        dies_with = ctypes.c_int()
        library = ctypes.CDLL(None)
        library.prctl(2, ctypes.byref(dies_with))
        print(library.prctl(3), dies_with.value)
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, check=True
    )
    assert result.stdout.split() == ["0", str(int(signal.SIGKILL))]


def test_the_desk_itself_never_loads_what_decodes() -> None:
    code = "import sys, intake.desk.review.app, intake.desk.commands; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert "flask" in loaded
    assert not loaded & {"PIL", "pypdfium2", "pypdfium2_raw"}
    assert "intake.desk.viewing.looking" in result.stdout.split()
