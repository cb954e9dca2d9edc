"""Landlock: a process gives up the file system, TCP, and reaching other processes, for good.

The numbers are those of linux/landlock.h; the system calls have the same ones on every architecture.
"""

import ctypes
import os

from intake.desk.viewing.limits import prctl

_CREATE_RULESET = 444
_RESTRICT_SELF = 446
_VERSION = 1
_PR_SET_NO_NEW_PRIVS = 38
# How many rights to files each version of the interface knows; a kernel refuses those that it does not know.
_FILE_RIGHTS = (0, 13, 14, 15, 15, 16)
_NET_SINCE, _NET_RIGHTS = 4, 0b11  # bind and connect
_SCOPES_SINCE, _SCOPES = 6, 0b11  # abstract sockets, and signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


def deny_all() -> bool:
    """Take away everything that this kernel's Landlock can. Returns whether it has Landlock."""
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return False
    ruleset = _Ruleset(
        files=(1 << _FILE_RIGHTS[min(version, len(_FILE_RIGHTS) - 1)]) - 1,
        net=_NET_RIGHTS if version >= _NET_SINCE else 0,
        scoped=_SCOPES if version >= _SCOPES_SINCE else 0,
    )
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    descriptor = library.syscall(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(ctypes.sizeof(ruleset)), 0)
    if descriptor < 0 or library.syscall(_RESTRICT_SELF, descriptor, 0):
        raise OSError(ctypes.get_errno(), "Landlock: " + os.strerror(ctypes.get_errno()))
    os.close(descriptor)
    return True
