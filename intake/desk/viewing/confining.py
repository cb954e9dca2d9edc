"""Locks a process in before it reads hostile bytes: no file, no network, no other process, bounded memory and time."""

from intake.desk.viewing import landlock, limits, seccomp


def confine() -> bool:
    """Lock this process in for good. Returns False when the kernel has neither seccomp nor Landlock: then read nothing.

    Raises OSError when the kernel has them and they cannot be used.
    """
    has_landlock = landlock.deny_all()  # before the limits: it needs a file descriptor for a moment
    limits.lower()
    return seccomp.allow_only_decoding() or has_landlock
