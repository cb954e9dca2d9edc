"""Passages that must not leave the desk: what each is, and the pseudonym that stands for it.

The same words of the same kind have the same pseudonym in a testimony, in what was added to it, and in the testimonies
that are linked to it as one incident. It is kept in the trail with the mark, so it never changes by itself.
"""

import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from intake.desk import passages, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Record, Workspace

KINDS = ("person", "organisation", "place", "date", "role", "contact", "medical", "other")

_ID_BYTES = 16
_MARKED, _CHANGED, _REMOVED = "redaction marked", "redaction changed", "redaction removed"
_VOWEL_SIGNS = (0, 7, 9)  # combining classes of what a letter is not the same without, as in Hindi


@dataclass(frozen=True)
class Redaction:
    """A marked passage. `record` is the testimony; `reviewer` marked it, and another may have changed it since."""

    id: str
    record: str
    part: str
    question: str
    first: int
    last: int
    kind: str
    pseudonym: str
    reviewer: str
    at: str

    @property
    def passage(self) -> Passage:
        """Where it is."""
        return Passage(self.part, self.question, self.first, self.last)


_NAMES = tuple(field.name for field in fields(Redaction))
_SELECT = f"SELECT {', '.join(_NAMES)} FROM redactions"  # noqa: S608


def mark(workspace: Workspace, testimony: Record, passage: Passage, kind: str, same_as: str | None = None) -> Redaction:
    """Mark a passage of a filed testimony, in the caller's transaction. What is marked already is changed.

    It gets the kind, and the pseudonym that its words have, or the kind and pseudonym of the mark `same_as`. Raises
    DeskError when there is no such passage, kind or mark.
    """
    kind, pseudonym = _named(workspace, testimony, passages.words(workspace, testimony, passage), kind, same_as)
    for found in marked(workspace, testimony.id):
        if found.passage == passage:
            return _renamed(workspace, found, kind, pseudonym)
    detail = {
        "id": secrets.token_hex(_ID_BYTES),
        **{name: getattr(passage, name) for name in ("part", "question", "first", "last")},
        "kind": kind,
        "pseudonym": pseudonym,
    }
    _marked(workspace, trail.write(workspace, _MARKED, testimony.id, detail))
    return get(workspace, detail["id"])


def change(workspace: Workspace, identifier: str, kind: str, same_as: str | None = None) -> Redaction:
    """Give a mark another kind, or the kind and pseudonym of the mark `same_as`, in the caller's transaction.

    Raises DeskError when either mark is not there, or there is no such kind.
    """
    found = get(workspace, identifier)
    testimony = workspace.found(found.record)
    words = passages.words(workspace, testimony, found.passage)
    return _renamed(workspace, found, *_named(workspace, testimony, words, kind, same_as))


def remove(workspace: Workspace, identifier: str) -> None:
    """Take a mark away, in the caller's transaction. Raises DeskError when it is not there."""
    found = get(workspace, identifier)
    _removed(workspace, trail.write(workspace, _REMOVED, found.record, {"id": identifier}))


def get(workspace: Workspace, identifier: str) -> Redaction:
    """Return a mark. Raises DeskError when it is not there."""
    row = workspace.execute(f"{_SELECT} WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise _gone()
    return Redaction(*row)


def marked(workspace: Workspace, testimony: str) -> list[Redaction]:
    """Return the marks of a testimony, from its first part to its last word."""
    query = f"{_SELECT} WHERE record = ? ORDER BY part, question, first, last, id"
    return [Redaction(*row) for row in workspace.execute(query, (testimony,)).fetchall()]


def case(workspace: Workspace, testimony: str) -> set[str]:
    """Return the ids of the testimonies that share pseudonyms with one: itself, and those linked to it, and to them."""
    found, new = set[str](), {testimony}
    while new:
        found |= new
        rows: list[tuple[str, str]] = []
        for identifier in new:
            query = "SELECT one, other FROM links WHERE ? IN (one, other)"
            rows += workspace.execute(query, (identifier,)).fetchall()
        new = {identifier for row in rows for identifier in row} - found
    return found


def same_words(words: str) -> str:
    """Return what two ways of writing the same words have in common: case, accents and punctuation do not count."""
    whole = unicodedata.normalize("NFKD", words).casefold()
    letters = "".join(letter for letter in whole if unicodedata.combining(letter) in _VOWEL_SIGNS)
    return " ".join("".join(letter if letter.isalnum() or _is_mark(letter) else " " for letter in letters).split())


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M")


def _pseudonym(workspace: Workspace, testimony: Record, words: str, kind: str) -> str:
    """Return the pseudonym that these words have in the case, or the next free one of the kind."""
    wanted = same_words(words)
    used = set()
    for found, said in _in_case(workspace, testimony):
        if wanted and found.kind == kind and same_words(said) == wanted:
            return found.pseudonym
        used.add(found.pseudonym)
    number = 1
    while (pseudonym := f"{kind.capitalize()} {number}") in used:
        number += 1
    return pseudonym


def _in_case(workspace: Workspace, testimony: Record) -> Iterator[tuple[Redaction, str]]:
    """Yield the marks of all testimonies of a case, those of this one first, with their words."""
    for identifier in sorted(case(workspace, testimony.id), key=lambda found: (found != testimony.id, found)):
        record = testimony if identifier == testimony.id else workspace.record(identifier)
        if record is None or not record.filed:
            continue
        texts = {(text.part, text.question): text.text for text in passages.texts(workspace, record)}
        for found in marked(workspace, identifier):
            yield found, texts.get((found.part, found.question), "")[found.first : found.last]


def _named(workspace: Workspace, testimony: Record, words: str, kind: str, same_as: str | None) -> tuple[str, str]:
    """Return the kind and the pseudonym that words get. Raises DeskError."""
    if same_as is not None:
        other = get(workspace, same_as)
        if other.record not in case(workspace, testimony.id):
            raise _gone()
        return other.kind, other.pseudonym
    if kind not in KINDS:
        raise DeskError(f"There is no kind of passage {kind!r}: it is one of {', '.join(KINDS)}.")
    return kind, _pseudonym(workspace, testimony, words, kind)


def _renamed(workspace: Workspace, found: Redaction, kind: str, pseudonym: str) -> Redaction:
    if (found.kind, found.pseudonym) != (kind, pseudonym):
        detail = {"id": found.id, "kind": kind, "pseudonym": pseudonym}
        _changed(workspace, trail.write(workspace, _CHANGED, found.record, detail))
    return get(workspace, found.id)


def _gone() -> DeskError:
    return DeskError("This mark is no longer there: look at the page again.")


def _marked(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        detail: dict[str, Any] = {**entry.detail, "record": entry.record, "reviewer": entry.reviewer, "at": entry.at}
        values = [detail[name] for name in _NAMES]
        marks = ", ".join("?" * len(values))
        workspace.execute(f"INSERT OR REPLACE INTO redactions VALUES ({marks})", values)  # noqa: S608


def _changed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        values = (entry.detail["kind"], entry.detail["pseudonym"], entry.detail["id"], entry.record)
        workspace.execute("UPDATE redactions SET kind = ?, pseudonym = ? WHERE id = ? AND record = ?", values)


def _removed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        workspace.execute("DELETE FROM redactions WHERE id = ? AND record = ?", (entry.detail["id"], entry.record))


EVENTS: dict[str, Handler] = {_MARKED: _marked, _CHANGED: _changed, _REMOVED: _removed}
