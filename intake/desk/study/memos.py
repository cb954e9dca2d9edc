"""Memos: what reviewers think of a testimony, a passage or a code, and the journal of the whole.

What they think of a testimony or a passage is as blind as coding: see `coding`.
"""

import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from intake.desk import passages, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.study import codebook, coding
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Workspace
from intake.desk.written import checked

_WRITTEN = "memo written"
_CHANGED = "memo changed"
_DELETED = "memo deleted"
_COLUMNS = "id, record, part, question, first, last, code, text, reviewer, at"
_NOWHERE = Passage("", "", 0, 0)


@dataclass(frozen=True)
class Memo:
    """A memo as its reviewer left it at `at`: on a `passage` of a `record`, on all of it, on a `code`, or on none."""

    id: str
    record: str
    passage: Passage | None
    code: str
    text: str
    reviewer: str
    at: str


def add(workspace: Workspace, text: str, *, record: str = "", passage: Passage | None = None, code: str = "") -> Entry:
    """Write a memo, in the caller's transaction: on a passage, a testimony or a code, or in the journal.

    Raises DeskError when it is empty or too long, or what it is about is not there.
    """
    text = _checked(text)
    if record:
        testimony = workspace.testimony(record)
        if passage:
            passages.words(workspace, testimony, passage)
    if code:
        code = codebook.resolve(workspace, code)
    about = {**asdict(passage or _NOWHERE), "code": code}
    entry = trail.write(workspace, _WRITTEN, record, {"id": secrets.token_hex(16), **about, "text": text})
    _written(workspace, entry)
    return entry


def change(workspace: Workspace, identifier: str, text: str) -> Memo:
    """Put other words into a memo of this reviewer, in the caller's transaction. Return the memo as it was.

    Raises DeskError when there is no such memo, another reviewer wrote it, or the text is empty or too long.
    """
    text, memo = _checked(text), _own(workspace, identifier)
    if text != memo.text:
        _changed(workspace, trail.write(workspace, _CHANGED, memo.record, {"id": identifier, "text": text}))
    return memo


def delete(workspace: Workspace, identifier: str) -> Memo:
    """Delete a memo of this reviewer, in the caller's transaction, and return it. The trail keeps what it said.

    Raises DeskError when there is no such memo, or another reviewer wrote it.
    """
    memo = _own(workspace, identifier)
    _deleted(workspace, trail.write(workspace, _DELETED, memo.record, {"id": identifier}))
    return memo


def of_testimony(workspace: Workspace, testimony: str) -> list[Memo]:
    """Return the memos on a testimony and its passages that this reviewer may see, in the order they were written."""
    everything = coding.has_finished(workspace, testimony)
    found = _memos(workspace, "record = ?", testimony)
    return [memo for memo in found if everything or memo.reviewer == workspace.reviewer.name]


def of_code(workspace: Workspace, code: str) -> list[Memo]:
    """Return the memos on a code, and on those that were merged into it, in the order they were written."""
    standing = codebook.standing(workspace)
    return [memo for memo in _memos(workspace, "code != ?", "") if standing.get(memo.code) == code]


def journal(workspace: Workspace) -> list[Memo]:
    """Return what is in the journal, in the order it was written."""
    return list(_memos(workspace, "record = ? AND code = ''", ""))


def _memos(workspace: Workspace, where: str, parameter: str) -> Iterator[Memo]:
    query = f"SELECT {_COLUMNS} FROM memos WHERE {where} ORDER BY at, rowid"  # noqa: S608
    for identifier, record, part, question, first, last, *rest in workspace.execute(query, (parameter,)).fetchall():
        yield Memo(identifier, record, Passage(part, question, first, last) if part else None, *rest)


def _own(workspace: Workspace, identifier: str) -> Memo:
    memo = next(_memos(workspace, "id = ?", identifier), None)
    if memo is None:
        raise DeskError("This memo is no longer there.")
    if memo.reviewer != workspace.reviewer.name:
        raise DeskError(f"Only {memo.reviewer}, who wrote this memo, changes it.")
    return memo


def _checked(text: str) -> str:
    text = checked(text)
    if not text:
        raise DeskError("The memo is empty: write something, or delete it.")
    return text


def _written(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        names = ("part", "question", "first", "last", "code", "text")
        values = [entry.detail["id"], entry.record, *(entry.detail[name] for name in names), entry.reviewer, entry.at]
        workspace.execute("INSERT OR IGNORE INTO memos VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _changed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        query = "UPDATE memos SET text = ?, at = ? WHERE id = ? AND reviewer = ?"
        workspace.execute(query, (entry.detail["text"], entry.at, entry.detail["id"], entry.reviewer))


def _deleted(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        workspace.execute("DELETE FROM memos WHERE id = ? AND reviewer = ?", (entry.detail["id"], entry.reviewer))


EVENTS: dict[str, Handler] = {_WRITTEN: _written, _CHANGED: _changed, _DELETED: _deleted}
