"""Passages that are chosen to leave the desk, word for word but for what is redacted."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from intake.desk import passages, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Record, Workspace

_ID_BYTES = 16
_CHOSEN, _DROPPED = "quote chosen", "quote dropped"


@dataclass(frozen=True)
class Quote:
    """A passage of the testimony `record`, and the reviewer who chose it."""

    id: str
    record: str
    part: str
    question: str
    first: int
    last: int
    reviewer: str
    at: str

    @property
    def passage(self) -> Passage:
        """Where it is."""
        return Passage(self.part, self.question, self.first, self.last)


_NAMES = tuple(field.name for field in fields(Quote))
_SELECT = f"SELECT {', '.join(_NAMES)} FROM quotes"  # noqa: S608


def choose(workspace: Workspace, testimony: Record, passage: Passage) -> Quote:
    """Choose a passage of a filed testimony, once, in the caller's transaction. Raises DeskError if it is not there."""
    passages.words(workspace, testimony, passage)
    for found in chosen(workspace, testimony.id):
        if found.passage == passage:
            return found
    detail = {
        "id": secrets.token_hex(_ID_BYTES),
        **{name: getattr(passage, name) for name in ("part", "question", "first", "last")},
    }
    _chosen(workspace, trail.write(workspace, _CHOSEN, testimony.id, detail))
    return get(workspace, detail["id"])


def drop(workspace: Workspace, identifier: str) -> None:
    """Choose a quote no longer, in the caller's transaction. Raises DeskError when it is not there."""
    found = get(workspace, identifier)
    _dropped(workspace, trail.write(workspace, _DROPPED, found.record, {"id": identifier}))


def get(workspace: Workspace, identifier: str) -> Quote:
    """Return a quote. Raises DeskError when it is not there."""
    row = workspace.execute(f"{_SELECT} WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise DeskError("This quote is no longer there: look at the page again.")
    return Quote(*row)


def chosen(workspace: Workspace, testimony: str) -> list[Quote]:
    """Return the quotes of a testimony, from its first part to its last word."""
    query = f"{_SELECT} WHERE record = ? ORDER BY part, question, first, last, id"
    return [Quote(*row) for row in workspace.execute(query, (testimony,)).fetchall()]


def every(workspace: Workspace) -> Iterator[Quote]:
    """Yield the quotes of all testimonies, those of one together."""
    for row in workspace.execute(f"{_SELECT} ORDER BY record, part, question, first, last, id").fetchall():
        yield Quote(*row)


def _chosen(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        detail: dict[str, Any] = {**entry.detail, "record": entry.record, "reviewer": entry.reviewer, "at": entry.at}
        values = [detail[name] for name in _NAMES]
        marks = ", ".join("?" * len(values))
        workspace.execute(f"INSERT OR REPLACE INTO quotes VALUES ({marks})", values)  # noqa: S608


def _dropped(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        workspace.execute("DELETE FROM quotes WHERE id = ? AND record = ?", (entry.detail["id"], entry.record))


EVENTS: dict[str, Handler] = {_CHOSEN: _chosen, _DROPPED: _dropped}
