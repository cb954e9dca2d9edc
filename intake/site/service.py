"""What every view needs, made once a process: settings, keys, records, editions. It knows whether the site is ready.

An instance that is not ready says so before anyone starts typing, and recovers without a restart.
"""

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from functools import cached_property

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from intake.calls.edition import SOURCE_LANGUAGE, Edition, read_editions
from intake.instance import InstanceError, form_key, read_secret
from intake.settings import Settings
from intake.site.catalogue import TRANSLATIONS, exists
from intake.site.keyring import Key, Keyring, KeysError
from intake.site.room import room
from intake.site.tokens import Tokens
from intake.site.uploads import Uploads
from intake.store import recipient_sets
from intake.store.engine import DAMAGED, is_damaged, open_engine
from intake.store.errors import ReplacedError
from intake.store.records import Records, today
from intake.store.schema import SchemaError, instance_id
from intake.store.space import free_inside

_CHECK_SECONDS = 1.0
_LEAST_FREE_BYTES = 16 * 1024 * 1024
_LEAST_DISK_BYTES = 8 * 1024 * 1024  # SQLite's write-ahead log needs some, however much is free inside the database


class NotReadyError(Exception):
    """No testimony can be stored now. The message is for the operator; a source gets a calm page.

    `part` names what is not ready, for those outside: keys, instance, database or disk.
    """

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


@dataclass(frozen=True)
class Ready:
    """What is at hand when the site is ready. The records are those of the instance id."""

    records: Records
    instance_id: bytes
    tokens: Tokens
    recipients: tuple[Key, ...]
    takes_files: bool
    """Whether there was room for files a second ago."""

    @cached_property
    def recipient_set(self) -> str:
        """A short name of the recipients in use, for the form token."""
        names = " ".join(sorted(key.recipient.fingerprint for key in self.recipients))
        return hashlib.sha256(names.encode()).hexdigest()[:16]


class Service:
    """One instance of the service."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.languages = tuple(filter(exists, settings.languages)) or (SOURCE_LANGUAGE,)
        self.editions = read_editions(TRANSLATIONS, self.languages)
        self._editions = {edition.sha256: edition for edition in self.editions.values()}
        self.keyring = Keyring(settings.keys)
        self.records = Records(open_engine(settings.database_url))
        self.uploads = Uploads()
        self._lock = threading.Lock()
        self._checked = 0.0
        self._ready: Ready | None = None
        self._remembered: object = None
        self._reason = NotReadyError("instance", "not looked at yet")

    def ready(self) -> Ready:
        """Return what is needed to take a testimony. Raises NotReadyError when none could be stored now.

        The answer is at most a second old. While one thread looks, which may take long, others have the last answer.
        """
        if self._lock.acquire(blocking=self._checked == 0.0):
            try:
                self._look_again()
            finally:
                self._lock.release()
        ready = self._ready
        if ready is None:
            raise NotReadyError(self._reason.part, str(self._reason))
        return ready

    def _look_again(self) -> None:
        if time.monotonic() - self._checked > _CHECK_SECONDS or self._checked == 0.0:
            try:
                self._ready = self._check()
            except NotReadyError as error:
                self._reason, self._ready = error, None
            self._checked = time.monotonic()

    @property
    def demonstration(self) -> bool:
        """Whether a key in use was made for a demonstration."""
        return self._ready is not None and any(key.demo for key in self._ready.recipients)

    def edition(self, sha256: str) -> Edition | None:
        """Return an edition, current or past."""
        if sha256 not in self._editions:
            files = self.records.edition(sha256)
            if not files:
                return None
            self._editions[sha256] = Edition(files)
        return self._editions[sha256]

    def _check(self) -> Ready:
        try:
            return self._look()
        except KeysError as error:
            raise NotReadyError("keys", str(error)) from None
        except InstanceError as error:
            raise NotReadyError("instance", str(error)) from None
        except SchemaError as error:
            raise NotReadyError("database", str(error)) from None
        except ReplacedError:
            self.records = Records(open_engine(self.settings.database_url))
            self._ready = self._remembered = None
            raise NotReadyError("database", "the database was replaced; the next look opens the new one") from None
        except SQLAlchemyError as error:
            if is_damaged(error):
                raise NotReadyError("database", DAMAGED) from None
            words = "the database cannot be opened and written: run `intake init`, or see INTAKE_DATABASE_URL"
            raise NotReadyError("database", words) from None

    def _look(self) -> Ready:
        keys, revoked = self.keyring.keys(), self.keyring.revoked()
        secret = read_secret(self.settings.instance)
        self._check_space()
        before = self._ready
        identifier = before.instance_id if before else instance_id(self.records.engine)
        ready = Ready(
            self.records,
            identifier,
            Tokens(form_key(secret)),
            keys,
            room(self.settings, self.records.engine).evidence > 0,
        )
        served = (keys, revoked, today())
        if self._remembered != served:
            self._remember(ready, revoked)
            self._remembered = served
        self.records.check_writable()
        return ready

    def _remember(self, ready: Ready, revoked: tuple[Key, ...]) -> None:
        for edition in self.editions.values():
            self.records.remember_edition(edition.sha256, edition.files)
        for key in ready.recipients:
            self.records.remember_recipient(key.recipient.fingerprint, str(key.recipient), "; ".join(key.comments))
        in_use, gone = ([key.recipient.fingerprint for key in keys] for keys in (ready.recipients, revoked))
        recipient_sets.serve(self.records.engine, ready.recipient_set, in_use, gone)

    def _check_space(self) -> None:
        file = self.settings.database_file
        if file and file.parent.is_dir():
            folder = file.parent
            space = os.statvfs(folder)
            free = space.f_bavail * space.f_frsize
            if free < _LEAST_FREE_BYTES and (
                free < _LEAST_DISK_BYTES or free + free_inside(self.records.engine) < _LEAST_FREE_BYTES
            ):
                raise NotReadyError("disk", f"the disk that holds {folder} is full: make room")


def service() -> Service:
    """Return the service of the application that handles this request."""
    found: Service = current_app.extensions["intake"]
    return found
