"""Deletes what a call keeps for some days only: how to reach a source."""

import datetime
from dataclasses import replace

from intake.calls.edition import Edition
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Testimony, build, parse

_HOLD_ANSWERS = ("testimony", "addition")
_MOST_DAYS = 365_000  # what a hostile call asks beyond this is for ever


def expire(workspace: Workspace, today: str) -> int:
    """Delete the answers that are older than their section keeps them; return how many records had some.

    How old they are, the log says. The records stay as they are, filed or quarantined.
    """
    changed = 0
    for held in workspace.records("kind IN (?, ?) AND day < ?", (*_HOLD_ANSWERS, today)):
        with workspace.transaction():
            record = workspace.record(held.id)
            left = _without_expired(record, workspace, today) if record and record.content else None
            if record and left is not None:
                workspace.save(replace(record, content=left))
                changed += 1
    return changed


def _without_expired(record: Record, workspace: Workspace, today: str) -> bytes | None:
    """Return the envelope without the answers that have expired, or None when there are none."""
    envelope = parse(record.content)
    if not isinstance(envelope, Testimony | Addition):
        return None
    edition = workspace.edition(envelope.edition)
    expired = _expired(edition, record.day, today) & envelope.answers.keys() if edition else frozenset()
    if not expired:
        return None
    answers = {question: answer for question, answer in envelope.answers.items() if question not in expired}
    return build(replace(envelope, answers=answers)).rstrip(b" ")


def _expired(edition: Edition, day: str, today: str) -> frozenset[str]:
    """Return the questions whose answers of a day have expired."""
    now = datetime.date.fromisoformat(today)
    return frozenset(
        question.id
        for section in edition.call.sections
        if section.keep_days and day < (now - datetime.timedelta(days=min(section.keep_days, _MOST_DAYS))).isoformat()
        for question in section.questions
    )
