"""A thread of each server process: it renews the leases of the uploads there, and takes away what is to go.

Of several processes, on one machine or on many, the one that is on duty does the taking away.
"""

import datetime
import hmac
import logging
import threading
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from intake.instance import SECRET_FILE, InstanceError, read_secret
from intake.settings import Settings
from intake.site.errors import log_unexpected
from intake.site.service import Service
from intake.store import erasing, segments
from intake.store.duty import Duty
from intake.store.records import today

_SECONDS = 5.0
_REPLY_DAYS = 183
_JITTER_DAYS = 8
_DAY_SECONDS = 86_400
_log = logging.getLogger("intake")


class Sweeper:
    """Sweeps every few seconds, from `start` until the process ends."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._duty = Duty(service.settings.instance / SECRET_FILE)
        self._day = ""
        self._started = (datetime.date.fromisoformat(today()), time.monotonic())

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
        if not self._duty.is_ours(engine):
            return False
        segments.count_leases(engine)
        more = erasing.erase(engine)
        erasing.empty_log(engine)
        if self._day != today():
            self._day = today()
            if self._jumped():
                _log.error("the clock jumped ahead: nothing goes for its age until it is right or the service restarts")
            else:
                self._expire(engine)
        return more

    def _jumped(self) -> bool:
        """Tell whether more days have passed on the clock than this process has lived through."""
        day, moment = self._started
        passed = datetime.date.fromisoformat(today()) - day
        return passed.days > (time.monotonic() - moment) / _DAY_SECONDS + 1

    def _expire(self, engine: Engine) -> None:
        """Once a day: old replies, and what the policy of the operator says."""
        now = datetime.date.fromisoformat(today())
        erasing.expire_replies(engine, (now - datetime.timedelta(days=_REPLY_DAYS)).isoformat())
        purge_by_age(engine, self._service.settings)


def purge_by_age(engine: Engine, settings: Settings) -> int:
    """Delete what INTAKE_RETENTION_DAYS says and the desk has opened; return how many records. Raises InstanceError."""
    keep_days = settings.retention_days
    if not keep_days:
        return 0
    now, secret = datetime.date.fromisoformat(today()), read_secret(settings.instance)
    return erasing.purge(engine, today(), lambda record, day: now >= _expiry(record, day, keep_days, secret))


def _expiry(record: str, day: str, keep_days: int, secret: bytes) -> datetime.date:
    """Return the day on which a record goes: up to a week before its time, so that it does not tell when it came."""
    earlier = hmac.digest(secret, f"intake/1 expiry {record}".encode(), "sha256")[0] % _JITTER_DAYS
    return datetime.date.fromisoformat(day) + datetime.timedelta(days=max(1, keep_days - earlier))
