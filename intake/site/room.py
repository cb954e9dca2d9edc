"""How much room there is for evidence. Text has a reserve of its own: it is still taken when files are not.

The disk of a PostgreSQL server cannot be seen from here: there, a quota alone says what files may take.
"""

import os
from dataclasses import dataclass

from sqlalchemy import Engine

from intake.settings import MEGABYTE, Settings
from intake.store.records import Records
from intake.store.space import evidence_size, free_inside

_MEBIBYTE = 1024 * 1024
_LEAST_RESERVE = 48 * _MEBIBYTE
_MOST_RESERVE = 1024 * _MEBIBYTE
_LEAST_FREE = 24 * _MEBIBYTE

UNSEEN_DISK_QUOTA = 10_000 * MEGABYTE
"""What the files of sources may take on PostgreSQL where INTAKE_STORAGE_QUOTA_MB does not say (bytes)."""
MOST_RECORDS = 200
"""A mailbox takes no more files when it has this many records; of texts, twice as many."""
MOST_FILES = 8
"""A mailbox takes as many bytes as this many files of the largest size."""


@dataclass(frozen=True)
class Room:
    """Bytes: free on the disk, what of it and of the database file is left to texts, and what files may still take.

    The first two are None where the disk is not this machine's. `quota` is 0 where there is none.
    """

    disk_free: int | None
    reserve: int | None
    quota: int
    evidence: int


def room(settings: Settings, engine: Engine) -> Room:
    """Return the room there is now. A twentieth of the disk, at least 48 MiB and at most 1 GiB, is left to texts."""
    file = settings.database_file
    if file is None:
        quota = settings.storage_quota or UNSEEN_DISK_QUOTA
        return Room(None, None, quota, max(quota - evidence_size(engine), 0))
    disk = os.statvfs(file.parent)
    free = disk.f_bavail * disk.f_frsize
    reserve = min(_MOST_RESERVE, max(_LEAST_RESERVE, disk.f_blocks * disk.f_frsize // 20))
    evidence = free + free_inside(engine) - reserve
    if free < _LEAST_FREE:  # SQLite's write-ahead log needs some, wherever the data ends up
        evidence = 0
    if settings.storage_quota:
        evidence = min(evidence, settings.storage_quota - evidence_size(engine))
    return Room(free, reserve, settings.storage_quota, max(evidence, 0))


def takes_files(records: Records, mailbox: str, settings: Settings) -> bool:
    """Tell whether a mailbox may have another file, or more of one."""
    count, size = records.used(mailbox)
    return count < MOST_RECORDS and size < MOST_FILES * settings.max_upload


def takes_words(records: Records, mailbox: str) -> bool:
    """Tell whether a mailbox may have another text."""
    return records.used(mailbox)[0] < 2 * MOST_RECORDS
