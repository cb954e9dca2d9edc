"""Files the records of a bundle, each whole or not at all, as new or as quarantined."""

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from intake.age.decrypt import decrypt_stream, decrypt_with_header
from intake.age.errors import AgeError
from intake.age.identities import HybridIdentity
from intake.bundle import Entry
from intake.desk import consents, deciding, evidence
from intake.desk.bundles import contacts
from intake.desk.bundles.judging import Grounds, QuarantineError, WithdrawnError, fault, judge
from intake.desk.bundles.progress import Follow
from intake.desk.bundles.reading import Bundle, Trouble
from intake.desk.bundles.unsealing import MOST_SEALED, Unsealed, Unsealing
from intake.desk.bundles.withdrawing import Withdrawn, bury, purge, withdrawn, withdrawn_reason
from intake.desk.evidence import ContentError
from intake.desk.workspace import CONTENT, NEW, QUARANTINED, WITHDRAWN, Record, Workspace
from intake.envelope import Addition, Attachment, Consent, FromSource, Testimony, Withdrawal, parse

_NOW_AND_THEN = 512
_AHEAD = "received"
"""The event whose records are surely no files, and can be decrypted before their turn."""


@dataclass(frozen=True)
class _Named:
    """The attachment that names a record as its bytes."""

    record: Record
    attachment: Attachment


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a record in this run: see Record, without what is in it."""

    id: str
    sequence: int
    kind: str
    parent: str
    state: str
    reason: str

    @property
    def filed(self) -> bool:
        """Whether it was found to be what it says, and its source has not taken it back."""
        return self.state not in (QUARANTINED, WITHDRAWN)


class Filing:
    """Files records in a workspace.

    `ours` holds the fingerprints of the keys of which a record must list one; without it, the identities' own.
    `changed` holds what this run filed or judged anew, by id; `withdrawn` what each withdrawal deleted.
    """

    def __init__(
        self, workspace: Workspace, identities: Sequence[HybridIdentity], ours: frozenset[str] = frozenset()
    ) -> None:
        self._workspace = workspace
        self._identities = identities
        self._ours = ours or frozenset(identity.recipient().fingerprint for identity in identities)
        self.changed: dict[str, Change] = {}
        self.withdrawn: list[Withdrawn] = []

    def file_all(
        self, bundle: Bundle, entries: Sequence[Entry], after: int, follow: Follow, meanwhile: Callable[[], object]
    ) -> list[Trouble]:
        """File intact records as `file` does, decrypted ahead by other processes; return the troubles.

        What is filed already from the entries after `after` was filed by a run that did not come to its end: it counts
        as what this run did, so that it is told. `meanwhile` is called now and then, outside of transactions, to do
        what can be done beside the decrypting.
        """
        still = self._not_filed(entries, after)
        ahead = [entry for entry in still if entry.event == _AHEAD]
        troubles = []
        # In this order: what shows how far it has come may run beside this, and nothing may when the helpers start.
        with self._unsealing(bundle).many(ahead) as unsealed, follow("Filing", len(still)) as tell:
            for number, entry in enumerate(still, 1):
                trouble = self.file(bundle, entry, next(unsealed) if entry.event == _AHEAD else None)
                troubles += [trouble] if trouble else []
                tell(number)
                if number % _NOW_AND_THEN == 0 and not self.withdrawn:  # after that, all that is left is done at once
                    meanwhile()
        return troubles

    def file(self, bundle: Bundle, entry: Entry, unsealed: Unsealed | None = None) -> Trouble | None:
        """File an intact record, in one transaction. What is filed already, or was withdrawn, stays as it is.

        `unsealed` is what is in it, if that is known already. Returns the trouble when the desk has another record
        under this id.
        """
        try:
            with self._workspace.transaction():
                held = self._workspace.record(entry.record)
                if held and held.sha256 != entry.sha256 and not held.sequence:
                    self._workspace.drop(held.id)  # another desk's word for it: the server's own is signed
                    held = None
                if held and held.sha256 != entry.sha256:
                    what = f"record {entry.record} (entry {entry.sequence})"
                    return Trouble("altered", f"{what} is not the one that this desk opened before, which it keeps")
                if held is None or held.state == QUARANTINED:
                    self._file(bundle, entry, held, unsealed)
        except _SpoiltError as error:  # the transaction, with all bytes in it, is undone
            with self._workspace.transaction():
                self._save(error.record, self._workspace.record(entry.record))
        return None

    def judge_again(self) -> None:
        """Judge what is quarantined once more: what waited for its testimony or its edition may have it now."""
        for waiting in self._workspace.records("state = ?", (QUARANTINED,)):
            with self._workspace.transaction():
                self._settle_held(waiting.id)

    def file_waiting(self, bundle: Bundle, records: Mapping[str, Entry]) -> None:
        """File the bytes in a bundle that came before the attachment that names them was filed.

        `records` are those that are intact in it.
        """
        query = "SELECT id FROM records JOIN files ON files.content = id WHERE state = ? ORDER BY sequence"
        for (content,) in self._workspace.execute(query, (QUARANTINED,)).fetchall():
            if content in records:
                self.file(bundle, records[content])

    def _not_filed(self, entries: Sequence[Entry], after: int) -> list[Entry]:
        """Return the entries whose records are to be filed, and take up what a run that was broken off has filed."""
        query = "SELECT sha256, id, sequence, kind, parent, state, reason FROM records WHERE id = ?"
        still = []
        for entry in entries:
            row = self._workspace.execute(query, (entry.record,)).fetchone()
            change = Change(*row[1:]) if row else None
            if change is None or row[0] != entry.sha256 or change.state == QUARANTINED:
                still.append(entry)
            if change and entry.sequence > after and change.state != WITHDRAWN:
                self.changed[change.id] = change
                if change.kind == Withdrawal.kind and change.filed:
                    self.withdrawn.append(withdrawn(self._workspace, change.parent))
        return still

    def _unsealing(self, bundle: Bundle) -> Unsealing:
        return Unsealing(bundle, self._identities, self._grounds())

    def _grounds(self) -> Grounds:
        return Grounds(self._ours, self._workspace.recipients(), self._workspace.editions())

    def _file(self, bundle: Bundle, entry: Entry, held: Record | None, unsealed: Unsealed | None) -> None:
        # What the log has as something else, or what was read as an envelope before, is nobody's file, whoever says so.
        may_be_file = entry.event == "added" and not (held and held.content)
        reason = withdrawn_reason(self._workspace, entry, may_be_file=may_be_file)
        if reason:
            self._bury(_record(entry, ""), reason)
        elif may_be_file and (named := self._named(entry.record)):
            self._save(self._bytes(bundle, entry, named), held)
        else:
            found = unsealed or self._unsealing(bundle).one(entry)
            record = _record(
                entry,
                found.reason,
                stanzas=found.stanzas,
                content=found.content,
                kind=found.envelope.kind if found.envelope else "",
                parent=getattr(found.envelope, "parent", ""),
            )
            if found.envelope:
                self._settle(record, found.envelope, found.reason, held)
            else:
                self._save(record, held)

    def _named(self, content: str) -> _Named | None:
        record = self._workspace.record(evidence.naming(self._workspace, content))
        attachment = parse(record.content) if record and record.filed else None
        return _Named(record, attachment) if record and isinstance(attachment, Attachment) else None

    def _bytes(self, bundle: Bundle, entry: Entry, named: _Named) -> Record:
        """Keep the bytes of a file and return their record. Raises _SpoiltError when they are not its attachment's."""
        record = replace(_record(entry, ""), kind=CONTENT, parent=named.attachment.parent)
        try:
            header, pieces = decrypt_with_header(bundle.stream(entry.record), self._identities)
            if entry.event != "added" or len(header.stanzas) != len(named.attachment.recipients):
                raise ContentError("it was not sealed to the keys that its attachment lists")
            evidence.keep(self._workspace, entry.record, named.attachment, pieces)
        except (ContentError, AgeError) as error:
            reason = f"it cannot be decrypted: {error}" if isinstance(error, AgeError) else str(error)
            spoilt = f"as the file of attachment {named.record.id}: {reason}"
            raise _SpoiltError(replace(record, reason=spoilt)) from None
        return replace(record, state=NEW, stanzas=len(header.stanzas))

    def _settle(self, record: Record, envelope: FromSource, found: str, held: Record | None) -> None:
        """Judge a record and do what follows from it, inside the caller's transaction.

        `found` is what `fault` says of its envelope, `held` what is here of it already.
        """
        if isinstance(envelope, Testimony | Addition):
            contacts.remember(self._workspace, record, envelope)
        try:
            judge(record, envelope, found, self._workspace)
        except QuarantineError as error:
            self._save(replace(record, state=QUARANTINED, reason=str(error)), held)
            return
        except WithdrawnError as error:
            self._bury(record, str(error))
            return
        self._save(replace(record, state=NEW, reason=""), held)
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
        if held and held.state == QUARANTINED and held.content:
            envelope = parse(held.content)
            self._settle(held, envelope, fault(envelope, held.event, held.stanzas, self._grounds()), held)

    def _purge(self, testimony: str, day: str) -> None:
        done = purge(self._workspace, testimony, day)
        self.withdrawn.append(done)
        for identifier in done.records:
            self.changed.pop(identifier, None)

    def _bury(self, record: Record, reason: str) -> None:
        bury(self._workspace, record, reason)
        self.changed.pop(record.id, None)

    def _save(self, record: Record, held: Record | None) -> None:
        if record != held:
            self._workspace.save(record)
            row = (record.id, record.sequence, record.kind, record.parent, record.state, record.reason)
            self.changed[record.id] = Change(*row)


class _SpoiltError(Exception):
    """The bytes of a file are not what they should be: `record` is what is kept of it, with the reason."""

    def __init__(self, record: Record) -> None:
        super().__init__(record.reason)
        self.record = record


def _record(entry: Entry, reason: str, *, stanzas: int = 0, content: bytes = b"", **named: str) -> Record:
    """Return an entry's record before it was judged."""
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
        **named,
    )


def opens(identities: Sequence[HybridIdentity], bundle: Bundle, record: str) -> bool:
    """Tell whether the identities open an intact record."""
    if bundle.size(record) <= MOST_SEALED:
        with contextlib.suppress(AgeError):
            decrypt_stream(io.BytesIO(bundle.read(record)), identities)
            return True
    return False
