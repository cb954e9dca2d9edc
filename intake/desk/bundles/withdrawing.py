"""What a source took back: everything of it is deleted here, and only tombstones stay, so that it never comes again."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from intake.bundle import Entry
from intake.desk import evidence, projections
from intake.desk.leaving import exports
from intake.desk.leaving.exports import Export
from intake.desk.workspace import CONTENT, WITHDRAWN, Record, Workspace
from intake.envelope import Attachment, Testimony, Withdrawal, parse


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
    for record in list(_belonging(workspace, testimony)):
        bury(workspace, record, f"its source took it back on {day}")
    for twin in _twins(workspace, testimony):
        workspace.execute("DELETE FROM messages WHERE record = ?", (twin,))
        projections.forget(workspace, twin)
    return withdrawn(workspace, testimony)


def withdrawn(workspace: Workspace, testimony: str) -> Withdrawn:
    """Return what the withdrawal of a testimony did."""
    twins = _twins(workspace, testimony)
    query = "SELECT id FROM records WHERE (id = ? OR parent = ?) AND state = ?"
    found = (row for twin in twins for row in workspace.execute(query, (twin, twin, WITHDRAWN)).fetchall())
    emptied = frozenset(identifier for (identifier,) in found)
    taken_out = tuple(file for twin in twins for file in evidence.taken_out(workspace, twin))
    return Withdrawn(testimony, emptied, taken_out, tuple(exports.holding(workspace, emptied)))


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


def withdrawn_reason(workspace: Workspace, entry: Entry, *, may_be_file: bool) -> str:
    """Return why nothing of an entry's record may be kept, known without opening it, or nothing.

    It is the same ciphertext as something that was withdrawn, or the file of such an attachment. The tombstone of a
    file proves nothing about another record: a server can log any ciphertext as the file of its own attachment.
    """
    attachment = evidence.naming(workspace, entry.record) if may_be_file else ""
    same = "(sha256 = ? AND kind NOT IN ('', ?))"
    query = f"SELECT reason FROM records WHERE state = ? AND ({same} OR id = ?) LIMIT 1"  # noqa: S608
    row = workspace.execute(query, (WITHDRAWN, entry.sha256, CONTENT, attachment)).fetchone()
    return str(row[0]) if row else ""


def _belonging(workspace: Workspace, testimony: str) -> Iterator[Record]:
    """Yield the testimony, the same ciphertext under other ids, and what names any of these. Withdrawals hold no words,
    and stay."""
    for twin in _twins(workspace, testimony):
        query = "(id = ? OR parent = ?) AND kind != ? AND state != ?"
        yield from workspace.records(query, (twin, twin, Withdrawal.kind, WITHDRAWN))


def _twins(workspace: Workspace, testimony: str) -> list[str]:
    query = "SELECT id FROM records WHERE sha256 = (SELECT sha256 FROM records WHERE id = ?) AND kind IN (?, '')"
    twins = [str(row[0]) for row in workspace.execute(query, (testimony, Testimony.kind)).fetchall()]
    return [testimony, *(twin for twin in twins if twin != testimony)]
