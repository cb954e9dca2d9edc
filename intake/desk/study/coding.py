"""Codes that reviewers give to passages, and who has finished giving them.

Until they have said so of a testimony, reviewers do not see how others coded it: only then do two of them agree, and
not follow one another.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from intake.desk import passages, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.study import codebook
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Workspace

CODED = "coded"
REMOVED = "coding removed"
FINISHED = "coding finished"
"""The event after which a reviewer sees how others coded a testimony."""

_COLUMNS = "id, record, part, question, first, last, code, reviewer, at"


@dataclass(frozen=True)
class Coding:
    """One code that a reviewer gave to a passage. `code` is the one that stands now, where codes were merged."""

    id: str
    record: str
    passage: Passage
    code: str
    reviewer: str
    at: str


def add(workspace: Workspace, testimony: str, passage: Passage, codes: Sequence[str]) -> list[Entry]:
    """Give codes to a passage of a testimony, in the caller's transaction. Return the entries of those that are new.

    Raises DeskError when there is no such testimony, passage or code, or no code is given.
    """
    record = workspace.testimony(testimony)
    passages.words(workspace, record, passage)
    if not codes:
        raise DeskError("No code is chosen: choose at least one for the passage.")
    mine = [coding for coding in _codings(workspace, record.id) if coding.reviewer == workspace.reviewer.name]
    there = {coding.code for coding in mine if coding.passage == passage}
    wanted = dict.fromkeys(codebook.resolve(workspace, code) for code in codes)
    entries = []
    for code in wanted:
        if code not in there:
            detail = {"id": secrets.token_hex(16), **asdict(passage), "code": code}
            entry = trail.write(workspace, CODED, record.id, detail)
            _coded(workspace, entry)
            entries.append(entry)
    return entries


def remove(workspace: Workspace, identifier: str) -> Coding:
    """Take back a code that this reviewer gave, in the caller's transaction, and return it.

    Raises DeskError when there is none with this id, or another reviewer gave it.
    """
    row = workspace.execute("SELECT record, reviewer FROM codings WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise DeskError("This code is no longer on the passage.")
    if row[1] != workspace.reviewer.name:
        raise DeskError(f"Only {row[1]}, who gave this code, takes it back.")
    record = workspace.testimony(row[0])
    mine = [coding for coding in _codings(workspace, record.id) if coding.reviewer == workspace.reviewer.name]
    (removed,) = (coding for coding in mine if coding.id == identifier)
    for coding in mine:
        # Two codes that were merged since are one on the page, and go as one.
        if (coding.passage, coding.code) == (removed.passage, removed.code):
            _removed(workspace, trail.write(workspace, REMOVED, record.id, {"id": coding.id}))
    return removed


def finish(workspace: Workspace, testimony: str) -> None:
    """Say that this reviewer has coded a testimony, in the caller's transaction. There is no way back: they have seen.

    Raises DeskError when there is no such testimony.
    """
    record = workspace.testimony(testimony)
    if not has_finished(workspace, record.id):
        _finished(workspace, trail.write(workspace, FINISHED, record.id))


def has_finished(workspace: Workspace, testimony: str) -> bool:
    """Tell whether this reviewer has said so, and may see what others made of the testimony."""
    return workspace.reviewer.name in finished(workspace, testimony)


def finished(workspace: Workspace, testimony: str) -> list[str]:
    """Return the reviewers who have finished coding a testimony, in the order in which they did."""
    query = "SELECT reviewer FROM finished WHERE record = ? ORDER BY at, reviewer"
    return [reviewer for (reviewer,) in workspace.execute(query, (testimony,))]


def visible(workspace: Workspace, testimony: str) -> list[Coding]:
    """Return the codings of a testimony that this reviewer may see, in the order of the text.

    The same code by the same reviewer on the same passage comes once, however many codes were merged into it.
    """
    everything = has_finished(workspace, testimony)
    found: dict[tuple[Passage, str, str], Coding] = {}
    for coding in _codings(workspace, testimony):
        if everything or coding.reviewer == workspace.reviewer.name:
            found.setdefault((coding.passage, coding.code, coding.reviewer), coding)
    return list(found.values())


def _codings(workspace: Workspace, testimony: str) -> Iterator[Coding]:
    query = f"SELECT {_COLUMNS} FROM codings WHERE record = ? ORDER BY part, question, first, last DESC, at, rowid"  # noqa: S608
    standing = codebook.standing(workspace)
    for identifier, record, *passage, code, reviewer, at in workspace.execute(query, (testimony,)).fetchall():
        yield Coding(identifier, record, Passage(*passage), standing.get(code, code), reviewer, at)


def _coded(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        detail = [entry.detail[name] for name in ("part", "question", "first", "last", "code")]
        values = [entry.detail["id"], entry.record, *detail, entry.reviewer, entry.at]
        workspace.execute("INSERT OR IGNORE INTO codings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _removed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        workspace.execute("DELETE FROM codings WHERE id = ? AND reviewer = ?", (entry.detail["id"], entry.reviewer))


def _finished(workspace: Workspace, entry: Entry) -> None:
    if entry.text is not None:
        workspace.execute("INSERT OR IGNORE INTO finished VALUES (?, ?, ?)", (entry.record, entry.reviewer, entry.at))


EVENTS: dict[str, Handler] = {CODED: _coded, REMOVED: _removed, FINISHED: _finished}
