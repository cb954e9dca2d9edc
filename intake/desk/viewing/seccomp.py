"""Seccomp: the kernel lets a process do only what decoding a file needs, and kills it for anything else.

The numbers are those of x86-64: linux/seccomp.h, linux/filter.h, linux/audit.h and asm/unistd_64.h. Elsewhere there is
no filter, and `confining` relies on Landlock.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Sequence

from intake.desk.viewing.limits import prctl

ALLOW = 0x7FFF0000
KILL = 0x80000000  # the whole process
_ERRNO = 0x00050000
REFUSE = _ERRNO | errno.EACCES

_ALLOWED = {
    "read": 0,
    "write": 1,
    "close": 3,
    "fstat": 5,
    "lseek": 8,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "sched_yield": 24,
    "mremap": 25,
    "madvise": 28,
    "getpid": 39,
    "exit": 60,
    "sigaltstack": 131,
    "futex": 202,
    "restart_syscall": 219,
    "clock_gettime": 228,
    "exit_group": 231,
    "getrandom": 318,
    "rseq": 334,
}
# Libraries look for fonts, time zones and the number of processors, and go on without them.
_REFUSED = {
    "open": 2,
    "stat": 4,
    "lstat": 6,
    "ioctl": 16,
    "access": 21,
    "getcwd": 79,
    "readlink": 89,
    "sysinfo": 99,
    "sched_getaffinity": 204,
    "openat": 257,
    "newfstatat": 262,
    "readlinkat": 267,
    "faccessat": 269,
    "prlimit64": 302,
    "statx": 332,
    "faccessat2": 439,
}
# Memory, but none that could be run as a program.
_MEMORY = {"mmap": 9, "mprotect": 10}

_SECCOMP = 317
_SET_MODE_FILTER = 1
_ALL_THREADS = 1
_PR_SET_NO_NEW_PRIVS = 38
_X86_64 = 0xC000003E
_X32 = 0x40000000
_PROT_EXEC = 4
# Where struct seccomp_data has the number of the call, the architecture, and the low half of the third argument.
_NUMBER, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def allow_only_decoding() -> bool:
    """Install the filter, for good. Returns whether this kernel has filters, and this program one for the machine."""
    if platform.machine() != "x86_64":
        return False
    return install(program())


def program() -> list[Instruction]:
    """Return the filter."""
    allowed = [step for number in _ALLOWED.values() for step in on_call(number, ALLOW)]
    refused = [step for number in _REFUSED.values() for step in on_call(number, REFUSE)]
    memory = [step for number in _MEMORY.values() for step in _unless_executable(number)]
    return [*BEGINNING, *allowed, *memory, *refused, (_RETURN, 0, 0, KILL)]


BEGINNING: tuple[Instruction, ...] = (
    (_LOAD, 0, 0, _ARCHITECTURE),
    (_IF_EQUAL, 1, 0, _X86_64),
    (_RETURN, 0, 0, KILL),
    (_LOAD, 0, 0, _NUMBER),
    (_IF_AT_LEAST, 0, 1, _X32),
    (_RETURN, 0, 0, KILL),
)
"""Refuses calls of other architectures, in which the same numbers mean other things, and loads the number."""


def on_call(number: int, action: int) -> tuple[Instruction, ...]:
    """Return the steps that answer a call."""
    return ((_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, action))


def install(instructions: Sequence[Instruction]) -> bool:
    """Install a filter in all threads of this process. Returns whether the kernel has filters. Raises OSError."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
    filter_ = _Program(len(instructions), code)
    library = ctypes.CDLL(None, use_errno=True)
    result = library.syscall(_SECCOMP, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(filter_))
    if result == 0:
        return True
    number = ctypes.get_errno()
    if result < 0 and number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, "seccomp: " + os.strerror(number))


def _unless_executable(number: int) -> tuple[Instruction, ...]:
    return (
        (_IF_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _THIRD_ARGUMENT),
        (_IF_ANY_BIT, 0, 1, _PROT_EXEC),
        (_RETURN, 0, 0, KILL),
        (_RETURN, 0, 0, ALLOW),
    )
