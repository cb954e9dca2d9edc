"""Suggests what else to mark. It is a help, and no reader: it knows a few patterns, and what was marked before."""

from collections.abc import Iterator
from dataclasses import dataclass

from intake.desk import passages, trail
from intake.desk.passages import Passage, Text
from intake.desk.redacting import looks, marks
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Testimony, parse

_DISMISSED = "suggestion dismissed"
_WHOLE = {"inc.name": "organisation"}
"""Questions whose answer as a whole is to be marked."""
_ELSEWHERE = {"inc.name": "organisation", "con.name": "person", "con.value": "contact"}
"""Questions whose answer is to be marked wherever it stands in other words."""
_SHORTEST = 2
_MOST = 200
"""So many of a kind are suggested at once: the next ones when these are marked or dismissed."""


@dataclass(frozen=True)
class Suggestion:
    """A passage that seems to be of a kind, what it says, and why it is suggested."""

    passage: Passage
    kind: str
    words: str
    why: str


def suggest(workspace: Workspace, testimony: Record) -> list[Suggestion]:
    """Return what is suggested in a testimony and its additions, but for what is marked and what was dismissed."""
    marked = marks.marked(workspace, testimony.id)
    texts = list(passages.texts(workspace, testimony))
    query = "SELECT part, question, first, last FROM dismissed WHERE record = ?"
    dismissed = {Passage(*row) for row in workspace.execute(query, (testimony.id,))}
    known = list(_known(workspace, testimony, texts, marked))
    found = []
    for text in texts:
        here = [mark for mark in marked if (mark.part, mark.question) == (text.part, text.question)]
        taken = bytearray(len(text.text))
        for mark in here:
            taken[max(mark.first, 0) : mark.last] = b"\1" * len(taken[max(mark.first, 0) : mark.last])
        for first, last, kind, why in (*_again(text, known), *_looks(text)):
            passage = Passage(text.part, text.question, first, last)
            if not any(taken[first:last]) and passage not in dismissed:
                taken[first:last] = b"\1" * (last - first)
                found.append(Suggestion(passage, kind, text.text[first:last], why))
    found = [one for kind in marks.KINDS for one in [one for one in found if one.kind == kind][:_MOST]]
    order = {(text.part, text.question): number for number, text in enumerate(texts)}
    return sorted(found, key=lambda one: (order[one.passage.part, one.passage.question], one.passage.first))


def dismiss(workspace: Workspace, testimony: Record, passage: Passage) -> None:
    """Never suggest this very passage again, in the caller's transaction. Raises DeskError when it is not there."""
    passages.words(workspace, testimony, passage)
    detail = {name: getattr(passage, name) for name in ("part", "question", "first", "last")}
    _dismissed(workspace, trail.write(workspace, _DISMISSED, testimony.id, detail))


def _known(
    workspace: Workspace, testimony: Record, texts: list[Text], marked: list[marks.Redaction]
) -> Iterator[tuple[str, str, str]]:
    """Yield words that identify somebody in this testimony, with their kind, and why that is known."""
    said = {(text.part, text.question): text.text for text in texts}
    for mark in marked:
        yield said.get((mark.part, mark.question), "")[mark.first : mark.last], mark.kind, f"{mark.pseudonym} again"
    for record in (testimony, *workspace.children(testimony.id, Addition.kind)):
        envelope = parse(record.content)
        for question, kind in _ELSEWHERE.items():
            answer = envelope.answers.get(question) if isinstance(envelope, Testimony | Addition) else None
            if isinstance(answer, str):
                yield answer, kind, "given as an answer"


def _again(text: Text, known: list[tuple[str, str, str]]) -> Iterator[tuple[int, int, str, str]]:
    kind = _WHOLE.get(text.question)
    if kind:
        yield 0, len(text.text), kind, "the whole answer"
    for words, kind, why in known:
        if len(words.strip()) >= _SHORTEST:
            for first, last in looks.occurrences(text.text, words):
                yield first, last, kind, why


def _looks(text: Text) -> Iterator[tuple[int, int, str, str]]:
    for first, last, kind in looks.find(text.text, text.language):
        yield first, last, kind, f"looks like: {kind}"


def _dismissed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        values = (entry.record, *(entry.detail[name] for name in ("part", "question", "first", "last")))
        workspace.execute("INSERT OR IGNORE INTO dismissed VALUES (?, ?, ?, ?, ?)", values)


EVENTS: dict[str, Handler] = {_DISMISSED: _dismissed}
