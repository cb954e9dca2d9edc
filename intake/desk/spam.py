"""Marks a testimony as spam together with all that look like it, and takes one such marking back."""

import secrets
import unicodedata
from dataclasses import dataclass

from intake.calls.model import Kind
from intake.desk import deciding
from intake.desk.deciding import SPAM
from intake.desk.errors import DeskError
from intake.desk.workspace import NEW, Record, Workspace
from intake.envelope import Testimony, parse

_GRAM = 5
"""Characters in a piece of text that is compared. Pieces of characters, not of words, fit scripts without spaces."""
_ALIKE = 0.8
"""Two texts look alike if they share this part of all pieces in either (Jaccard)."""
_FREE = (Kind.TEXT, Kind.TEXTAREA)


@dataclass(frozen=True)
class _Text:
    """What is compared of a testimony's free answers: letters and digits only, and the pieces of it."""

    plain: str
    pieces: frozenset[str]

    def looks_like(self, other: "_Text") -> bool:
        """Tell whether two texts are nearly the same. Of nothing, nothing can be told."""
        if not self.plain or not other.plain:
            return False
        both = len(self.pieces & other.pieces)
        return self.plain == other.plain or both >= _ALIKE * len(self.pieces | other.pieces)


def mark(workspace: Workspace, identifier: str) -> list[Record]:
    """Mark a testimony, and every new one that looks like it. Return what was marked; it first.

    Raises DeskError when it is no testimony, or is marked already.
    """
    with workspace.transaction():
        record = workspace.found(identifier)
        if record.kind != Testimony.kind:
            raise DeskError(f"Record {record.id} is no testimony: only testimonies are marked as spam.")
        if record.state == SPAM:
            raise DeskError(f"Record {record.id} is marked as spam already.")
        text = _text(record, workspace)
        marked = [record]
        for other in workspace.records("kind = ? AND state = ? AND id != ?", (Testimony.kind, NEW, record.id)):
            if _text(other, workspace).looks_like(text):
                marked.append(other)
        marking = secrets.token_hex(16)
        for found in marked:
            workspace.execute("INSERT INTO spam VALUES (?, ?, ?)", (found.id, marking, found.state))
            deciding.decide(workspace, found.id, SPAM)
    return marked


def unmark(workspace: Workspace, identifier: str) -> list[str]:
    """Take back the marking that a testimony was marked in, and return the ids of all that it had marked.

    Each has the state again that it had before. Raises DeskError when it is not marked.
    """
    with workspace.transaction():
        record = workspace.found(identifier)
        query = "SELECT record, before FROM spam WHERE marking IN (SELECT marking FROM spam WHERE record = ?)"
        group: list[tuple[str, str]] = workspace.execute(f"{query} ORDER BY record", (record.id,)).fetchall()
        if not group and record.state == SPAM:  # another desk marked it, or the review desk did
            group = [(record.id, NEW)]
        if not group:
            raise DeskError(f"Record {record.id} is not marked as spam.")
        for name, before in group:
            deciding.decide(workspace, name, before)
            workspace.execute("DELETE FROM spam WHERE record = ?", (name,))
    return [name for name, _ in group]


def _text(record: Record, workspace: Workspace) -> _Text:
    """Return the free answers of a testimony as they are compared."""
    envelope = parse(record.content)
    edition = workspace.edition(envelope.edition)
    if not isinstance(envelope, Testimony) or edition is None:
        return _Text("", frozenset())
    free = (question.id for question in edition.call.questions.values() if question.kind in _FREE)
    joined = " ".join(str(envelope.answers[name]) for name in free if name in envelope.answers)
    folded = unicodedata.normalize("NFKC", joined).casefold()
    plain = "".join(character for character in folded if character.isalnum())
    return _Text(plain, frozenset(plain[start : start + _GRAM] for start in range(max(1, len(plain) - _GRAM + 1))))
