"""What lists, filters and searches read, made from the filed testimonies: rows, bitmaps of the answers, words.

`workspace.save` names in the table `stale` what is to be indexed again; `refresh` does that. When it is killed, the
next one goes on.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from intake.calls.edition import Edition
from intake.calls.model import COUNTRY_UNKNOWN, Kind
from intake.desk import consents, passages
from intake.desk.finding import bitmaps, excerpts, search_words
from intake.desk.finding.bitmaps import NO, YES
from intake.desk.workspace import QUARANTINED, WITHDRAWN, Workspace
from intake.envelope import Addition, Attachment, Consent, Testimony

_SERIOUS = {"care.worst": frozenset({"LASTING", "DEATH"})}
"""The answers that make a testimony hard to read: after these the form itself asks no more, and says sorry."""
_AT_RISK = {"safe.retaliate": frozenset({"Y"})}
_WHERE, _WHEN = "inc.country", "inc.when"
_MONTH = len("2026-11")
_BATCH = 2000  # so many that the index of words is not written in too small pieces
_BETWEEN = " ¶ "  # no query holds it, so no phrase goes from one text into the next
_TIDY = ""  # is in `stale` as long as the index may hold words of what was deleted

_COLUMNS = (
    "number, record, sequence, state, day, call, language, country, risk, hard, test, additions, files, length, opening"
)
_Envelope = Mapping[str, Any]


@dataclass(frozen=True)
class _Summary:
    """What a testimony comes to: the columns of its row, its answers and consents, and its words."""

    columns: tuple[object, ...]
    terms: list[tuple[str, str]]
    texts: list[str]
    length: int


@dataclass(frozen=True)
class _Plan:
    """The questions of an edition, by what is read of their answers."""

    free: tuple[str, ...]
    closed: Mapping[str, Kind]
    countries: tuple[str, ...]


def refresh(workspace: Workspace, tell: Callable[[int, int], None] | None = None) -> int:
    """Index what has changed since the last time, and return how many records that were.

    In batches, each a transaction of its own: not to be called inside one. `tell` gets how many are done, of how many.
    """
    query = "SELECT record FROM stale LEFT JOIN records ON id = record ORDER BY sequence, record"
    waiting = [str(row[0]) for row in workspace.execute(query).fetchall()]
    records = [record for record in waiting if record != _TIDY]
    indexer = search_words.Indexer()
    for start in range(0, len(records), _BATCH):
        batch = records[start : start + _BATCH]
        with workspace.transaction():
            _index(workspace, batch, indexer)
            workspace.execute(f"DELETE FROM stale WHERE record IN ({_marks(batch)})", batch)  # noqa: S608
        if tell:
            tell(start + len(batch), len(records))
    if waiting:
        _tidy(workspace)
    return len(records)


def forget(workspace: Workspace, record: str) -> None:
    """Take a testimony out of the index, in the caller's transaction."""
    row = workspace.execute("SELECT number FROM testimonies WHERE record = ?", (record,)).fetchone()
    if row:
        bitmaps.clear(workspace, row)
        workspace.execute("DELETE FROM words WHERE rowid = ?", row)
        workspace.execute("DELETE FROM testimonies WHERE number = ?", row)
        workspace.execute("INSERT OR IGNORE INTO stale VALUES (?)", (_TIDY,))


def _tidy(workspace: Workspace) -> None:
    """Rewrite the index of words if some were deleted: until then it only notes that they are gone, and holds them."""
    with workspace.transaction():
        if workspace.execute("DELETE FROM stale WHERE record = ? RETURNING 1", (_TIDY,)).fetchall():
            workspace.execute("INSERT INTO words (words) VALUES ('optimize')")


def _index(workspace: Workspace, batch: Sequence[str], indexer: search_words.Indexer) -> None:
    marks = _marks(batch)
    query = f"SELECT id, sequence, state, day, content FROM records WHERE id IN ({marks}) AND kind = ?"  # noqa: S608
    query += " AND state NOT IN (?, ?) ORDER BY sequence, id"
    filed = workspace.execute(query, (*batch, Testimony.kind, QUARANTINED, WITHDRAWN)).fetchall()
    query = f"SELECT record, number, length FROM testimonies WHERE record IN ({marks})"  # noqa: S608
    known = {record: (number, length) for record, number, length in workspace.execute(query, batch)}
    for gone in known.keys() - {row[0] for row in filed}:
        forget(workspace, gone)
    belonging = _belonging(workspace, batch)
    (last,) = workspace.execute("SELECT coalesce(max(number), 0) FROM testimonies").fetchone()
    rows, words = [], []
    members: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for record, *filed_as, content in filed:
        if record not in known:
            last += 1
        number, length = known.get(record, (last, None))
        summary = _summarise(workspace, record, content, belonging.get(record, {}))
        rows.append((number, record, *filed_as, *summary.columns))
        for term in (*summary.terms, (bitmaps.STATE, filed_as[1]), (bitmaps.MONTH, filed_as[2][:_MONTH])):
            members[term].append(number)
        if summary.length != length:  # what is filed does not change: there can only be more of it
            words.append((number, _BETWEEN.join(map(indexer.text, summary.texts))))
    # Deleted first: INSERT OR REPLACE takes four times as long, also where there is nothing to replace.
    workspace.execute(f"DELETE FROM testimonies WHERE record IN ({marks})", batch)  # noqa: S608
    workspace.execute_many(f"INSERT INTO testimonies ({_COLUMNS}) VALUES ({_marks(_COLUMNS.split())})", rows)  # noqa: S608
    numbers = {number for number, _ in known.values()}
    workspace.execute_many("DELETE FROM words WHERE rowid = ?", [row[:1] for row in words if row[0] in numbers])
    workspace.execute_many("INSERT INTO words (rowid, text) VALUES (?, ?)", words)
    bitmaps.clear(workspace, numbers)
    bitmaps.add(workspace, members)


def _summarise(workspace: Workspace, record: str, content: bytes, belonging: Mapping[str, Sequence[str]]) -> _Summary:
    # Judged when it was filed. To be as strict again, like `envelope.parse`, takes longer than all the rest here.
    whole: _Envelope = json.loads(content)
    parts = [whole, *(json.loads(_content(workspace, child)) for child in belonging.get(Addition.kind, ()))]
    texts = [text for part in parts for text in _texts(part, workspace)]
    country = next((found for part in parts for found in _countries(part, workspace)), "")
    risk, hard = (any(_says(part, needed) for part in parts) for needed in (_AT_RISK, _SERIOUS))
    test = bool(whole.get("test"))
    terms = [term for part in parts for term in _closed(part, workspace)]
    terms += _consents(workspace, record, whole, changed=Consent.kind in belonging)
    terms += [(bitmaps.CALL, whole["call"]), (bitmaps.LANGUAGE, whole["language"])]
    terms += [(bitmaps.COUNTRY, country)] * bool(country)
    flags = ((bitmaps.RISK, risk), (bitmaps.HARD, hard), (bitmaps.TEST, test))
    terms += [(name, YES if flag else NO) for name, flag in flags]
    length = sum(map(len, texts))
    counts = (len(parts) - 1, len(belonging.get(Attachment.kind, ())), length)
    opening = excerpts.opening(texts[0]) if texts else ""
    columns = (whole["call"], whole["language"], country, int(risk), int(hard), int(test), *counts, opening)
    return _Summary(columns, terms, texts, length)


def _belonging(workspace: Workspace, testimonies: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Return the ids of what is filed with each testimony, by its kind and in the order of the log."""
    query = f"SELECT parent, kind, id FROM records WHERE parent IN ({_marks(testimonies)})"  # noqa: S608
    query += " AND state NOT IN (?, ?) ORDER BY sequence, id"
    found: dict[str, dict[str, list[str]]] = {}
    for parent, kind, record in workspace.execute(query, (*testimonies, QUARANTINED, WITHDRAWN)):
        found.setdefault(parent, {}).setdefault(kind, []).append(record)
    return found


def _content(workspace: Workspace, record: str) -> bytes:
    (content,) = workspace.execute("SELECT content FROM records WHERE id = ?", (record,)).fetchone()
    return bytes(content)


def _consents(workspace: Workspace, testimony: str, whole: _Envelope, *, changed: bool) -> Iterator[tuple[str, str]]:
    """Yield the consents in force."""
    given: Mapping[str, str] = whole["consent"]
    record = workspace.record(testimony) if changed else None
    if record:
        given = consents.in_force(workspace, record)
    return ((name, code) for name, code in given.items() if name != consents.NOTICE)


def _texts(part: _Envelope, workspace: Workspace) -> Iterator[str]:
    if part.get("text"):
        yield part["text"]
        return
    answers = part["answers"]
    yield from (answers[question] for question in _plan(part, workspace).free if question in answers)


def _countries(part: _Envelope, workspace: Workspace) -> Iterator[str]:
    answers = part["answers"]
    found = (answers.get(question, COUNTRY_UNKNOWN) for question in _plan(part, workspace).countries)
    return (country for country in found if country != COUNTRY_UNKNOWN)


def _closed(part: _Envelope, workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield the answers that were chosen, and of a date its year."""
    closed = _plan(part, workspace).closed
    for question, answer in part["answers"].items():
        kind = closed.get(question)
        if kind is Kind.CHECKBOXES:
            yield from ((question, code) for code in answer)
        elif kind is Kind.DATE:
            yield question, answer[: len("2026")]
            if question == _WHEN and len(answer) >= _MONTH:
                yield bitmaps.INCIDENT, answer[:_MONTH]
        elif kind:
            yield question, answer


def _says(part: _Envelope, needed: Mapping[str, frozenset[str]]) -> bool:
    return any(part["answers"].get(question) in codes for question, codes in needed.items())


def _plan(part: _Envelope, workspace: Workspace) -> _Plan:
    edition = workspace.edition(part["edition"])
    return _planned(edition) if edition else _Plan((), {}, ())


@lru_cache
def _planned(edition: Edition) -> _Plan:
    kept = [section for section in edition.call.sections if not (section.keep_days or section.consent)]
    questions = [question for section in kept for question in section.questions]
    chosen = (Kind.RADIO, Kind.CHECKBOXES, Kind.COUNTRY, Kind.DATE)
    countries = [question.id for question in questions if question.kind is Kind.COUNTRY]
    # The story first: a row of the list shows how it begins, and not what the organisation is called.
    free = sorted(passages.free_questions(edition.call), key=lambda question: question.kind is not Kind.TEXTAREA)
    return _Plan(
        free=tuple(question.id for question in free),
        closed={question.id: question.kind for question in questions if question.kind in chosen},
        countries=tuple(sorted(countries, key=lambda question: question != _WHERE)),
    )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
