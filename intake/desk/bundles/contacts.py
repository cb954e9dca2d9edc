"""Deletes what a call keeps for some days only: how to reach a source."""

import datetime
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from intake.calls.edition import Edition
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Testimony, build, parse

_MOST_DAYS = 365_000  # what a hostile call asks beyond this is for ever


def remember(workspace: Workspace, record: Record, envelope: Testimony | Addition) -> None:
    """Remember for how many days the answers of a record are kept, in the caller's transaction.

    How old they are, the log says. It is the same for a record that is quarantined.
    """
    edition = workspace.edition(envelope.edition)
    kept = _days(edition) if edition else {}
    for days in {kept[question] for question in envelope.answers if question in kept}:
        workspace.execute("INSERT OR IGNORE INTO expiring VALUES (?, ?, ?)", (days, record.day, record.id))


def expire(workspace: Workspace, today: str) -> int:
    """Delete the answers that are older than their section keeps them; return how many records had some.

    The records stay as they are, filed or quarantined.
    """
    changed = 0
    for (days,) in workspace.execute("SELECT DISTINCT days FROM expiring ORDER BY days").fetchall():
        query = "SELECT day, record FROM expiring WHERE days = ? AND day < ?"
        for day, identifier in workspace.execute(query, (days, _first(days, today))).fetchall():
            with workspace.transaction():
                workspace.execute("DELETE FROM expiring WHERE (days, day, record) = (?, ?, ?)", (days, day, identifier))
                changed += _expire(workspace, identifier, today)
    return changed


def _expire(workspace: Workspace, identifier: str, today: str) -> bool:
    """Delete what has expired of a record. Remember what is still to come of one that was not looked at before."""
    record = workspace.record(identifier)
    envelope = parse(record.content) if record and record.content else None
    edition = workspace.edition(envelope.edition) if envelope else None
    if record is None or edition is None or not isinstance(envelope, Testimony | Addition):
        return False
    kept = _days(edition)
    left = {
        question: answer
        for question, answer in envelope.answers.items()
        if question not in kept or record.day >= _first(kept[question], today)
    }
    now = replace(envelope, answers=left)
    remember(workspace, record, now)
    if len(left) == len(envelope.answers):
        return False
    workspace.save(replace(record, content=build(now).rstrip(b" ")))
    return True


def _first(days: int, today: str) -> str:
    """Return the first day whose answers are still kept for so many days."""
    return (datetime.date.fromisoformat(today) - datetime.timedelta(days=min(days, _MOST_DAYS))).isoformat()


@lru_cache(maxsize=16)
def _days(edition: Edition) -> Mapping[str, int]:
    """Return for how many days the answers to a question are kept, of those that are not kept for ever."""
    return {
        question.id: section.keep_days
        for section in edition.call.sections
        if section.keep_days
        for question in section.questions
    }
