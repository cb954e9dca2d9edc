"""Bounds of a process that is about to read hostile bytes. Every kernel has them."""

import ctypes
import os
import resource
import signal

MEMORY = 1024**3
CPU_SECONDS = 20

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def lower() -> None:
    """Bound memory and time, and allow no new file, socket, process or core dump, to the end of this process."""
    # A core dump would put the file on the disk; where dumps are piped to a program, the limit below does not count.
    prctl(_PR_SET_DUMPABLE, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    bounds = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU_SECONDS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,  # those that are open stay so
        resource.RLIMIT_NPROC: 0,
    }
    for name, bound in bounds.items():
        _, highest = resource.getrlimit(name)
        within = bound if highest == resource.RLIM_INFINITY else min(bound, highest)
        resource.setrlimit(name, (within, within))


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(argument) for argument in (value, 0, 0, 0)]
    if library.prctl(option, *arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
