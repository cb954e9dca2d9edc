"""Decrypts the records of a bundle one by one and files each, whole or not at all, as new or as quarantined."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace

from intake.age.decrypt import decrypt, decrypt_stream
from intake.age.errors import AgeError, NoMatchError
from intake.age.header import read_header
from intake.age.identities import HybridIdentity
from intake.bundle import Entry
from intake.desk.judging import QuarantineError, judge
from intake.desk.reading import Bundle, Trouble
from intake.desk.workspace import NEW, QUARANTINED, Record, Workspace
from intake.envelope import MOST

_MOST_SEALED = MOST + 1024 * 1024
"""A sealed envelope is not larger than this (bytes): the envelope, and what sealing adds."""


class Filing:
    """Files records in a workspace. `changed` holds what this run filed or judged anew, by id."""

    def __init__(self, workspace: Workspace, identities: Sequence[HybridIdentity]) -> None:
        self._workspace = workspace
        self._identities = identities
        self._ours = frozenset(identity.recipient().fingerprint for identity in identities)
        self.changed: dict[str, Record] = {}

    def file(self, bundle: Bundle, entry: Entry) -> Trouble | None:
        """File an intact record, in one transaction. What is filed already stays as it is.

        Returns the trouble when the desk has another record under this id.
        """
        with self._workspace.transaction():
            held = self._workspace.record(entry.record)
            if held and held.sha256 != entry.sha256:
                what = f"record {entry.record} (entry {entry.sequence})"
                return Trouble("altered", f"{what} is not the one that this desk opened before, which it keeps")
            if held is None or held.state != NEW:
                self._save(self._judged(self._unsealed(bundle, entry)), held)
        return None

    def judge_again(self) -> None:
        """Judge what is quarantined once more: what waited for its testimony or its edition may have it now."""
        for held in self._workspace.records():
            if held.state == QUARANTINED:
                with self._workspace.transaction():
                    self._save(self._judged(held), held)

    def _unsealed(self, bundle: Bundle, entry: Entry) -> Record:
        """Return the record as it is before it is judged: decrypted, or with the reason why not."""
        stanzas, content = 0, b""
        reason = "it is empty"
        if bundle.size(entry.record) > _MOST_SEALED:
            reason = "it is too large to be an envelope"
        else:
            sealed = bundle.read(entry.record)
            try:
                stanzas = len(read_header(io.BytesIO(sealed)).stanzas)
                content = decrypt(sealed, self._identities).rstrip(b" ")
            except NoMatchError:
                reason = "it is not sealed to our key"
            except AgeError as error:
                reason = f"it cannot be decrypted: {error}"
        return Record(
            id=entry.record,
            sequence=entry.sequence,
            event=entry.event,
            sha256=entry.sha256,
            day=entry.day,
            state=QUARANTINED,
            reason=reason,
            stanzas=stanzas,
            content=content,
        )

    def _judged(self, record: Record) -> Record:
        if not record.content:
            return record
        try:
            judge(record, self._ours, self._workspace)
        except QuarantineError as error:
            return replace(record, state=QUARANTINED, reason=str(error))
        return replace(record, state=NEW, reason="")

    def _save(self, record: Record, held: Record | None) -> None:
        if record != held:
            self._workspace.save(record)
            self.changed[record.id] = record


def opens(identities: Sequence[HybridIdentity], bundle: Bundle, record: str) -> bool:
    """Tell whether the identities open an intact record."""
    if bundle.size(record) <= _MOST_SEALED:
        with contextlib.suppress(AgeError):
            decrypt_stream(io.BytesIO(bundle.read(record)), identities)
            return True
    return False
