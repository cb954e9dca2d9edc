"""What a source agrees to now: the consents that came with their words, and the changes they sent later."""

from collections.abc import Mapping
from dataclasses import dataclass

from intake.calls.answers import NO
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Consent, Testimony, parse

NOTICE = "notice_sha256"
"""Beside the consents: the digest of the notice that was shown with them."""


@dataclass(frozen=True)
class Change:
    """New consents of a source in place of all earlier ones: the record that brought them, and its day."""

    id: str
    day: str
    version: int
    consent: Mapping[str, str]


def changes(workspace: Workspace, testimony: str) -> list[Change]:
    """Return the changes of a testimony's consents, in the order in which they were filed here.

    Not in that of the log: a server that was restored gives the numbers of entries a second time.
    """
    query = "SELECT id FROM records JOIN changes ON record = id WHERE parent = ? ORDER BY number"
    found = []
    for (identifier,) in workspace.execute(query, (testimony,)).fetchall():
        record = workspace.record(identifier)
        if record is None or not record.filed:
            continue
        envelope = parse(record.content)
        if isinstance(envelope, Consent):
            found.append(Change(record.id, record.day, envelope.version, envelope.consent))
    return found


def remember(workspace: Workspace, record: Record) -> None:
    """Remember that a change is filed now, after all others. Runs in the caller's transaction."""
    workspace.execute("INSERT OR IGNORE INTO changes (record) VALUES (?)", (record.id,))


def in_force(workspace: Workspace, record: Record) -> Mapping[str, str]:
    """Return the consents that count now for a filed testimony or addition.

    A change counts as a whole if its version is higher than any before it. One that is not (the server was restored
    from a backup, or plays an old one again) can only narrow: where it differs from what was in force, that is a no. An
    addition came with consents of its own: once the source has changed theirs, it counts as a no where the two
    differ, since the server could have delayed either. What is only a text has none of its own.
    """
    envelope = parse(record.content)
    if isinstance(envelope, Testimony):
        return _after(envelope.consent, changes(workspace, record.id))
    if not isinstance(envelope, Addition):
        raise TypeError(f"a record of the kind {envelope.kind} has no consents of its own")
    testimony = workspace.record(envelope.parent)
    now = in_force(workspace, testimony) if testimony and testimony.filed else {}
    if envelope.text:
        return now
    return _both(envelope.consent, now) if changes(workspace, envelope.parent) else envelope.consent


def _after(given: Mapping[str, str], changed: list[Change]) -> Mapping[str, str]:
    version, consent = 0, given
    for change in changed:
        consent = change.consent if change.version > version else _both(consent, change.consent)
        version = max(version, change.version)
    return consent


def _both(consent: Mapping[str, str], other: Mapping[str, str]) -> Mapping[str, str]:
    """Return what two say alike; everything else is a no."""
    both = {name: code if other.get(name) == code else NO for name, code in consent.items() if name != NOTICE}
    return {**both, NOTICE: consent[NOTICE]}


def changed_days(given: Mapping[str, str], changed: list[Change]) -> dict[str, str]:
    """Return the day on which each consent last changed, of those that did."""
    days = {}
    before = given
    for number, change in enumerate(changed, 1):
        after = _after(given, changed[:number])
        days.update(
            dict.fromkeys((name for name in {*before, *after} if before.get(name) != after.get(name)), change.day)
        )
        before = after
    return days
