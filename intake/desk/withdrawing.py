"""What a source took back: everything of it is deleted here, and only tombstones stay, so that it never comes again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from intake.bundle import Entry
from intake.desk import evidence, exports
from intake.desk.exports import Export
from intake.desk.workspace import WITHDRAWN, Record, Workspace
from intake.envelope import Attachment, Withdrawal, parse


@dataclass(frozen=True)
class Withdrawn:
    """What a withdrawal did: the testimony, the ids of all records that were emptied, and what left the desk before:
    the day and the path of each file that was taken out, and the exports that it is in."""

    testimony: str
    records: frozenset[str]
    taken_out: tuple[tuple[str, str], ...]
    exports: tuple[Export, ...]


def purge(workspace: Workspace, testimony: str, day: str) -> Withdrawn:
    """Delete a testimony and all that belongs to it, inside the caller's transaction. `day` is that of the withdrawal.

    Of each record the id, the digest and the day stay. What is only said to belong to it goes as well, and so does the
    same ciphertext under another id. The lists of files that were taken out and of exports stay: somebody has to delete
    them.
    """
    emptied = set()
    for record in list(_belonging(workspace, testimony)):
        bury(workspace, record, f"its source took it back on {day}")
        emptied.add(record.id)
    workspace.execute("DELETE FROM messages WHERE record = ?", (testimony,))
    taken_out = tuple(evidence.taken_out(workspace, testimony))
    return Withdrawn(testimony, frozenset(emptied), taken_out, tuple(exports.holding(workspace, emptied)))


def bury(workspace: Workspace, record: Record, reason: str) -> Record:
    """Keep only the tombstone of a record, and return it. Runs in the caller's transaction."""
    if record.kind == Attachment.kind and record.content:
        envelope = parse(record.content)
        if isinstance(envelope, Attachment):
            evidence.expect(workspace, record.id, envelope)  # so that its bytes are known when they come later
    tombstone = replace(record, state=WITHDRAWN, reason=reason, content=b"")
    workspace.save(tombstone)
    workspace.execute("DELETE FROM parts WHERE record = ?", (record.id,))
    workspace.execute("DELETE FROM spam WHERE record = ?", (record.id,))
    return tombstone


def withdrawn_reason(workspace: Workspace, entry: Entry) -> str:
    """Return why nothing of an entry's record may be kept, known without opening it, or nothing."""
    query = "SELECT reason FROM records WHERE state = ? AND (sha256 = ? OR id = ?) LIMIT 1"
    attachment = evidence.naming(workspace, entry.record)
    row = workspace.execute(query, (WITHDRAWN, entry.sha256, attachment)).fetchone()
    return str(row[0]) if row else ""


def _belonging(workspace: Workspace, testimony: str) -> Iterator[Record]:
    """Yield the testimony, what names it, and the twins of all these. Withdrawals hold no words, and stay."""
    query = "sha256 IN (SELECT sha256 FROM records WHERE id = ? OR parent = ?) AND kind != ? AND state != ?"
    return workspace.records(query, (testimony, testimony, Withdrawal.kind, WITHDRAWN))
