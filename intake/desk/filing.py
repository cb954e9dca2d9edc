"""Decrypts the records of a bundle one by one and files each, whole or not at all, as new or as quarantined."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from intake.age.decrypt import decrypt, decrypt_stream
from intake.age.errors import AgeError, NoMatchError
from intake.age.header import read_header
from intake.age.identities import HybridIdentity
from intake.bundle import Entry
from intake.desk import consents, deciding, evidence
from intake.desk.evidence import ContentError
from intake.desk.judging import QuarantineError, WithdrawnError, judge
from intake.desk.reading import Bundle, Trouble
from intake.desk.withdrawing import Withdrawn, bury, purge, withdrawn_reason
from intake.desk.workspace import CONTENT, NEW, QUARANTINED, Record, Workspace
from intake.encoding import MOST, EnvelopeError
from intake.envelope import Attachment, Consent, Testimony, Withdrawal, parse

_MOST_SEALED = MOST + 1024 * 1024
"""A sealed envelope is not larger than this (bytes): the envelope, and what sealing adds."""


@dataclass(frozen=True)
class _Named:
    """The attachment that names a record as its bytes."""

    record: Record
    attachment: Attachment


class Filing:
    """Files records in a workspace.

    `changed` holds what this run filed or judged anew, by id; `withdrawn` what each withdrawal deleted.
    """

    def __init__(self, workspace: Workspace, identities: Sequence[HybridIdentity]) -> None:
        self._workspace = workspace
        self._identities = identities
        self._ours = frozenset(identity.recipient().fingerprint for identity in identities)
        self.changed: dict[str, Record] = {}
        self.withdrawn: list[Withdrawn] = []

    def file(self, bundle: Bundle, entry: Entry) -> Trouble | None:
        """File an intact record, in one transaction. What is filed already, or was withdrawn, stays as it is.

        Returns the trouble when the desk has another record under this id.
        """
        try:
            with self._workspace.transaction():
                held = self._workspace.record(entry.record)
                if held and held.sha256 != entry.sha256:
                    what = f"record {entry.record} (entry {entry.sequence})"
                    return Trouble("altered", f"{what} is not the one that this desk opened before, which it keeps")
                if held is None or held.state == QUARANTINED:
                    self._file(bundle, entry)
        except _SpoiltError as error:  # the transaction, with all bytes in it, is undone
            with self._workspace.transaction():
                self._save(error.record)
        return None

    def file_waiting(self, bundle: Bundle, entries: Sequence[Entry]) -> None:
        """File the bytes in a bundle that came before the attachment that names them was filed."""
        for entry in entries:
            held = self._workspace.record(entry.record)
            if held and held.state == QUARANTINED and evidence.naming(self._workspace, entry.record):
                self.file(bundle, entry)

    def judge_again(self) -> None:
        """Judge what is quarantined once more: what waited for its testimony or its edition may have it now."""
        for waiting in self._workspace.records("state = ?", (QUARANTINED,)):
            with self._workspace.transaction():
                self._settle_held(waiting.id)

    def _file(self, bundle: Bundle, entry: Entry) -> None:
        held = self._workspace.record(entry.record)
        # What the log has as something else, or what was read as an envelope before, is nobody's file, whoever says so.
        may_be_file = entry.event == "added" and not (held and held.content)
        reason = withdrawn_reason(self._workspace, entry, may_be_file=may_be_file)
        if reason:
            self._bury(_record(entry, ""), reason)
        elif may_be_file and (named := self._named(entry.record)):
            self._save(self._bytes(bundle, entry, named))
        else:
            self._settle(self._unsealed(bundle, entry))

    def _named(self, content: str) -> _Named | None:
        record = self._workspace.record(evidence.naming(self._workspace, content))
        attachment = parse(record.content) if record and record.filed else None
        return _Named(record, attachment) if record and isinstance(attachment, Attachment) else None

    def _bytes(self, bundle: Bundle, entry: Entry, named: _Named) -> Record:
        """Keep the bytes of a file and return their record. Raises _SpoiltError when they are not its attachment's."""
        record = replace(_record(entry, ""), kind=CONTENT, parent=named.attachment.parent)
        try:
            stanzas = len(read_header(bundle.stream(entry.record)).stanzas)
            if entry.event != "added" or stanzas != len(named.attachment.recipients):
                raise ContentError("it was not sealed to the keys that its attachment lists")
            pieces = decrypt_stream(bundle.stream(entry.record), self._identities)
            evidence.keep(self._workspace, entry.record, named.attachment, pieces)
        except (ContentError, AgeError) as error:
            reason = f"it cannot be decrypted: {error}" if isinstance(error, AgeError) else str(error)
            spoilt = f"as the file of attachment {named.record.id}: {reason}"
            raise _SpoiltError(replace(record, reason=spoilt)) from None
        return replace(record, state=NEW, stanzas=stanzas)

    def _unsealed(self, bundle: Bundle, entry: Entry) -> Record:
        """Return the record as it is before it is judged: decrypted, or with the reason why not."""
        stanzas, content = 0, b""
        reason = "it is empty"
        if bundle.size(entry.record) > _MOST_SEALED:
            reason = _no_envelope(entry.event, "it is too large to be an envelope")
        else:
            sealed = bundle.read(entry.record)
            try:
                stanzas = len(read_header(io.BytesIO(sealed)).stanzas)
                content = decrypt(sealed, self._identities).rstrip(b" ")
            except NoMatchError:
                reason = "it is not sealed to our key"
            except AgeError as error:
                reason = f"it cannot be decrypted: {error}"
        return replace(_record(entry, reason), stanzas=stanzas, content=content)

    def _settle(self, record: Record) -> None:
        """Judge a record and do what follows from it, inside the caller's transaction."""
        if not record.content:
            self._save(record)
            return
        try:
            envelope = parse(record.content)
        except EnvelopeError as error:  # it will never be one: nothing of it is kept
            self._save(replace(record, reason=_no_envelope(record.event, str(error)), content=b""))
            return
        record = replace(record, kind=envelope.kind, parent=getattr(envelope, "parent", ""))
        try:
            judge(record, self._ours, self._workspace)
        except QuarantineError as error:
            self._save(replace(record, state=QUARANTINED, reason=str(error)))
            return
        except WithdrawnError as error:
            self._bury(record, str(error))
            return
        self._save(replace(record, state=NEW, reason=""))
        if isinstance(envelope, Withdrawal):
            self._purge(envelope.parent, record.day)
        elif isinstance(envelope, Attachment):
            evidence.expect(self._workspace, record.id, envelope)
        elif isinstance(envelope, Consent):
            consents.remember(self._workspace, record)
        elif isinstance(envelope, Testimony):
            deciding.resume(self._workspace, record.id)
            self._settle_waiting(record.id)

    def _settle_waiting(self, testimony: str) -> None:
        """Judge what waited for a testimony at the moment it is filed: a withdrawal must not come a moment later."""
        for waiting in self._workspace.records("parent = ? AND state = ?", (testimony, QUARANTINED)):
            self._settle_held(waiting.id)

    def _settle_held(self, identifier: str) -> None:
        held = self._workspace.record(identifier)  # it may have been settled or deleted with another since
        if held and held.state == QUARANTINED:
            self._settle(held)

    def _purge(self, testimony: str, day: str) -> None:
        done = purge(self._workspace, testimony, day)
        self.withdrawn.append(done)
        for identifier in done.records:
            self.changed.pop(identifier, None)

    def _bury(self, record: Record, reason: str) -> None:
        bury(self._workspace, record, reason)
        self.changed.pop(record.id, None)

    def _save(self, record: Record) -> None:
        if record != self._workspace.record(record.id):
            self._workspace.save(record)
            self.changed[record.id] = record


class _SpoiltError(Exception):
    """The bytes of a file are not what they should be: `record` is what is kept of it, with the reason."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.reason)
        self.record = record


def _no_envelope(event: str, reason: str) -> str:
    return f"{reason}, and no filed attachment names it as its file" if event == "added" else reason


def _record(entry: Entry, reason: str) -> Record:
    """Return an entry's record before anything of it was read."""
    return Record(
        id=entry.record,
        sequence=entry.sequence,
        event=entry.event,
        sha256=entry.sha256,
        day=entry.day,
        state=QUARANTINED,
        reason=reason,
        stanzas=0,
        content=b"",
    )


def opens(identities: Sequence[HybridIdentity], bundle: Bundle, record: str) -> bool:
    """Tell whether the identities open an intact record."""
    if bundle.size(record) <= _MOST_SEALED:
        with contextlib.suppress(AgeError):
            decrypt_stream(io.BytesIO(bundle.read(record)), identities)
            return True
    return False
