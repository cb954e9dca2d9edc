"""A thread of each server process: it renews the leases of the uploads there, and takes away what is to go.

Of several processes on one machine one does the taking away: the one that holds the lock.
"""

import datetime
import fcntl
import hmac
import threading
from pathlib import Path
from typing import IO

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from intake.instance import SECRET_FILE, InstanceError, read_secret
from intake.site.errors import log_unexpected
from intake.site.service import Service
from intake.store import erasing, segments
from intake.store.records import today

_SECONDS = 5.0
_REPLY_DAYS = 183
_JITTER_DAYS = 8


class Sweeper:
    """Sweeps every few seconds, from `start` until the process ends."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock: IO[bytes] | None = None
        self._day = ""

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="sweeper", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        more = False
        while not pause.wait(0 if more else _SECONDS):
            more = False
            try:
                more = self._sweep(self._service.records.engine)
            except (SQLAlchemyError, InstanceError, OSError):
                continue  # the site says so to those who ask, and the next sweep is near
            except Exception as error:  # noqa: BLE001 - whatever it is, what was withdrawn must still be erased
                log_unexpected(error)

    def _sweep(self, engine: Engine) -> bool:
        """Do one round, and return whether there is more to erase at once."""
        segments.renew(engine, self._service.uploads.records())
        if not self._is_ours(self._service.settings.instance / SECRET_FILE):
            return False
        segments.count_leases(engine)
        more = erasing.erase(engine)
        erasing.empty_log(engine)
        if self._day != today():
            self._day = today()
            self._expire(engine)
        return more

    def _is_ours(self, path: Path) -> bool:
        """Tell whether this process holds the lock, which ends with the process that has it."""
        if self._lock is None:
            file = path.open("rb")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            self._lock = file
        return True

    def _expire(self, engine: Engine) -> None:
        """Once a day: old replies, and what the policy of the operator says."""
        now = datetime.date.fromisoformat(today())
        erasing.expire_replies(engine, (now - datetime.timedelta(days=_REPLY_DAYS)).isoformat())
        keep_days = self._service.settings.retention_days
        if keep_days:
            secret = read_secret(self._service.settings.instance)
            erasing.purge(engine, today(), lambda record, day: now >= _expiry(record, day, keep_days, secret))


def _expiry(record: str, day: str, keep_days: int, secret: bytes) -> datetime.date:
    """Return the day on which a record goes: up to a week before its time, so that it does not tell when it came."""
    earlier = hmac.digest(secret, f"intake/1 expiry {record}".encode(), "sha256")[0] % _JITTER_DAYS
    return datetime.date.fromisoformat(day) + datetime.timedelta(days=max(1, keep_days - earlier))
