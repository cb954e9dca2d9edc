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
    """Return the changes of a testimony's consents that are filed, from the lowest version to the highest."""
    found = []
    for record in workspace.children(testimony, Consent.kind):
        envelope = parse(record.content)
        if isinstance(envelope, Consent):
            found.append(Change(record.id, record.day, envelope.version, envelope.consent))
    return sorted(found, key=lambda change: change.version)


def in_force(workspace: Workspace, record: Record) -> Mapping[str, str]:
    """Return the consents that count now for a filed testimony or addition.

    For a testimony they are those of the highest version. An addition came with consents of its own: once the source
    has changed theirs, it counts as a no where the two differ, since the server could have delayed either. What is
    only a text has none of its own.
    """
    envelope = parse(record.content)
    if isinstance(envelope, Testimony):
        changed = changes(workspace, record.id)
        return changed[-1].consent if changed else envelope.consent
    if not isinstance(envelope, Addition):
        raise TypeError(f"a record of the kind {envelope.kind} has no consents of its own")
    if envelope.text:
        testimony = workspace.record(envelope.parent)
        return in_force(workspace, testimony) if testimony and testimony.filed else {}
    changed = changes(workspace, envelope.parent)
    if not changed:
        return envelope.consent
    now = changed[-1].consent
    both = {name: code if now.get(name) == code else NO for name, code in envelope.consent.items() if name != NOTICE}
    return {**both, NOTICE: envelope.consent[NOTICE]}


def changed_days(given: Mapping[str, str], changed: list[Change]) -> dict[str, str]:
    """Return the day on which each consent last changed, of those that did."""
    days = {}
    before = given
    for change in changed:
        names = {name for name in {*before, *change.consent} if before.get(name) != change.consent.get(name)}
        days.update(dict.fromkeys(names, change.day))
        before = change.consent
    return days
