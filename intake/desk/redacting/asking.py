"""Asking the person again: they are shown the very text that would leave, and a reviewer reads their answer as a yes.

The message and the answer are those that the source and the desk exchange anyway. What is agreed to is one text for
one use: change a letter of it, and it has to be asked for again.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields

from intake.desk import messages, trail
from intake.desk.errors import DeskError
from intake.desk.redacting.outcome import plain, redacted
from intake.desk.redacting.quotes import Quote
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Record, Workspace
from intake.desk.written import checked
from intake.encoding import canonical
from intake.envelope import Addition, Reply

LONGEST_NAME = 100

_ASKED, _YES, _NO_YES = "asked again", "answer read as a yes", "answer no longer read as a yes"


@dataclass(frozen=True)
class Asked:
    """A text that the source of `record` was shown: `id` is that of the message, `quote` that of the passage.

    `name` is the one it would be published with, or nothing. `before` holds the ids of what had been added when it was
    asked, as JSON: no answer is among these.
    """

    id: str
    record: str
    quote: str
    use: str
    name: str
    text: str
    before: str
    reviewer: str
    at: str


_NAMES = tuple(field.name for field in fields(Asked))
_SELECT = f"SELECT {', '.join(_NAMES)} FROM asked"  # noqa: S608


def words(workspace: Workspace, testimony: Record, quote: Quote) -> str:
    """Return the words of a quote as they leave the desk. Raises DeskError when its passage is not there."""
    return redacted(workspace, testimony, quote.passage).strip()


def exact(text: str, name: str) -> str:
    """Return what the person is shown: the words, and the name they would be published with, if there is one."""
    return f"{text}\n— {name}" if name else text


def ask(
    workspace: Workspace, testimony: Record, quote: Quote, use: str, message: str, day: str, name: str = ""
) -> Asked:
    """Write to the source, in the caller's transaction, a message that shows the exact text.

    Asked twice in the same words, it is the same question. Raises DeskError when the message does not hold the text,
    and as `messages.reply` does.
    """
    name = plain(checked(name, LONGEST_NAME)).replace("\n", " ")
    text = exact(words(workspace, testimony, quote), name)
    message = checked(message)
    if text not in message:
        raise DeskError("The message must hold the exact text, word for word: the answer counts for that text alone.")
    messages.add_reply(workspace, testimony.id, message, day)
    query = "SELECT id FROM messages WHERE record = ? AND kind = ? ORDER BY number DESC LIMIT 1"
    (identifier,) = workspace.execute(query, (testimony.id, Reply.kind)).fetchone()
    for found in asked(workspace, testimony.id):
        if found.id == identifier and (found.quote, found.use, found.text) == (quote.id, use, text):
            return found
        if found.id == identifier:
            raise DeskError("The last message was the same, about something else: say what you ask for now.")
    before = [addition.id for addition in workspace.children(testimony.id, Addition.kind)]
    detail = {"id": identifier, "quote": quote.id, "use": use, "name": name, "text": text, "before": before}
    _asked(workspace, trail.write(workspace, _ASKED, testimony.id, detail))
    return get(workspace, identifier)


def get(workspace: Workspace, identifier: str) -> Asked:
    """Return what was asked in a message. Raises DeskError when nothing was."""
    row = workspace.execute(f"{_SELECT} WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        raise DeskError("This question is no longer there: look at the page again.")
    return Asked(*row)


def asked(workspace: Workspace, testimony: str) -> list[Asked]:
    """Return what the source of a testimony was asked, in order."""
    query = f"{_SELECT} WHERE record = ? ORDER BY at, id"
    return [Asked(*row) for row in workspace.execute(query, (testimony,)).fetchall()]


def answers(workspace: Workspace, question: Asked) -> Iterator[Record]:
    """Yield what came here from the source since they were asked. Whether it is an answer, a reviewer has to read."""
    before = json.loads(question.before)
    for addition in workspace.children(question.record, Addition.kind):
        if addition.id not in before:
            yield addition


def agree(workspace: Workspace, identifier: str, answer: str) -> None:
    """Sign, in the caller's transaction, that the reviewer read an addition as a yes to what was asked in a message.

    Raises DeskError when it is no answer to that.
    """
    question = get(workspace, identifier)
    if answer not in [addition.id for addition in answers(workspace, question)]:
        raise DeskError("Choose the answer: something that the source added after they were asked.")
    detail = {"asked": question.id, "answer": answer, "sha256": _sha256(question)}
    _agreed(workspace, trail.write(workspace, _YES, question.record, detail))


def disagree(workspace: Workspace, identifier: str) -> None:
    """Take back that an answer was read as a yes, whoever signed it, in the caller's transaction. Raises DeskError."""
    question = get(workspace, identifier)
    _disagreed(workspace, trail.write(workspace, _NO_YES, question.record, {"asked": question.id}))


def signers(workspace: Workspace, question: Asked) -> frozenset[str]:
    """Return the reviewers who read an answer that is still here as a yes to exactly this text, for this use."""
    valid = {addition.id for addition in answers(workspace, question)}
    query = "SELECT reviewer, answer FROM agreed WHERE asked = ? AND record = ? AND sha256 = ?"
    rows = workspace.execute(query, (question.id, question.record, _sha256(question)))
    return frozenset(reviewer for reviewer, answer in rows if answer in valid)


def _sha256(question: Asked) -> str:
    """What a reviewer signs: not the text alone, but what it was asked for."""
    asked_for = [question.quote, question.use, question.name, question.text, question.before]
    return hashlib.sha256(canonical(asked_for)).hexdigest()


def _asked(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        detail = {**entry.detail, "record": entry.record, "reviewer": entry.reviewer, "at": entry.at}
        values = [detail[name] for name in _NAMES if name != "before"]
        values.insert(_NAMES.index("before"), json.dumps(detail["before"]))
        marks = ", ".join("?" * len(values))
        workspace.execute(f"INSERT OR REPLACE INTO asked VALUES ({marks})", values)  # noqa: S608


def _agreed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        values = (entry.detail["asked"], entry.reviewer, entry.record, entry.detail["answer"])
        query = "INSERT OR REPLACE INTO agreed VALUES (?, ?, ?, ?, ?, ?)"
        workspace.execute(query, (*values, entry.detail["sha256"], entry.at))


def _disagreed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        workspace.execute("DELETE FROM agreed WHERE asked = ? AND record = ?", (entry.detail["asked"], entry.record))


EVENTS: dict[str, Handler] = {_ASKED: _asked, _YES: _agreed, _NO_YES: _disagreed}
