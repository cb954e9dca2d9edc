"""Reviewers' translations, beside the words they translate: one for each language, and the last one counts."""

from dataclasses import dataclass

from babel import Locale, UnknownLocaleError

from intake.desk import passages, trail
from intake.desk.errors import DeskError
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Workspace
from intake.desk.written import checked
from intake.envelope import LONGEST_TEXT

_TRANSLATED = "translated"
_LONGEST = 4 * LONGEST_TEXT  # what takes one character in Chinese takes several letters elsewhere


@dataclass(frozen=True)
class Translation:
    """What a reviewer made of a text in another language: of the answer to `question` in the record `part`."""

    part: str
    question: str
    language: str
    text: str
    reviewer: str
    at: str


def translate(workspace: Workspace, testimony: str, part: str, question: str, language: str, text: str) -> None:
    """Put a translation beside a text of a testimony, in place of an earlier one, in the caller's transaction.

    An empty one takes it away. Raises DeskError when there is no such testimony or text, it is too long, or nobody
    knows the language.
    """
    record = workspace.testimony(testimony)
    if not any((found.part, found.question) == (part, question) for found in passages.texts(workspace, record)):
        raise DeskError("There is no such text in this testimony.")
    detail = {"part": part, "question": question, "language": _language(language), "text": checked(text, _LONGEST)}
    before = {(found.part, found.question, found.language): found.text for found in of_testimony(workspace, record.id)}
    if before.get((part, question, detail["language"]), "") != detail["text"]:
        _translated(workspace, trail.write(workspace, _TRANSLATED, record.id, detail))


def of_testimony(workspace: Workspace, testimony: str) -> list[Translation]:
    """Return the translations of a testimony's texts, by language."""
    query = (
        "SELECT part, question, language, text, reviewer, at FROM translations WHERE record = ? "
        "ORDER BY part, question, language"
    )
    return [Translation(*row) for row in workspace.execute(query, (testimony,))]


def _language(language: str) -> str:
    """Return the language as it is written in pages. Raises DeskError."""
    try:
        return str(Locale.parse(language.strip(), sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError):
        raise DeskError("There is no such language: choose one of the list.") from None


def _translated(workspace: Workspace, entry: Entry) -> None:
    if not entry.detail:
        return
    names = ("part", "question", "language", "text")
    part, question, language, text = (entry.detail[name] for name in names)
    query = "DELETE FROM translations WHERE record = ? AND part = ? AND question = ? AND language = ?"
    workspace.execute(query, (entry.record, part, question, language))
    if text:
        values = (entry.record, part, question, language, text, entry.reviewer, entry.at)
        workspace.execute("INSERT INTO translations VALUES (?, ?, ?, ?, ?, ?, ?)", values)


EVENTS: dict[str, Handler] = {_TRANSLATED: _translated}
