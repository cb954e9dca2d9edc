"""Shows what is filed: as lines for a person, in the reviewer's language, and as JSON."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from babel import UnknownLocaleError
from rich.console import Console
from rich.text import Text

from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE, Edition
from intake.calls.model import COUNTRY_UNKNOWN, UNKNOWN_LABEL, Kind, Question
from intake.desk import consents, evidence, messages
from intake.desk.errors import DeskError, harmless, one_line
from intake.desk.leaving import exports
from intake.desk.workspace import CONTENT, WITHDRAWN, Record, Workspace
from intake.encoding import FORMAT
from intake.envelope import Addition, Answer, Attachment, Consent, Testimony, Withdrawal, parse

TEST = "TEST: sent to try the service, not a real testimony"

_COUNTED = {"additions": Addition.kind, "attachments": Attachment.kind}
_DESCRIBES = ("name", "media_type", "size", "sha256")
_NAMES = {
    Attachment.kind: "an attachment",
    CONTENT: "the bytes of an attachment",
    Consent.kind: "a change of the consents",
    Withdrawal.kind: "the withdrawal",
}
_NARROWEST = 20  # a line has at least this many columns for its text


def listed(record: Record, workspace: Workspace) -> dict[str, Any]:
    """Return what `list --json` says of a record."""
    fields: dict[str, Any] = {"id": record.id, "kind": None, "state": record.state, "call": None, "language": None}
    fields |= {"day": record.day, "test": False, "sequence": record.sequence}
    if not record.filed:
        return {**fields, "reason": record.reason}
    envelope = _shown(record)
    fields |= {"kind": envelope.kind, "call": envelope.call, "language": envelope.language, "test": envelope.test}
    if isinstance(envelope, Addition):
        return {**fields, "parent": envelope.parent}
    counts = {name: workspace.count(record.id, kind) for name, kind in _COUNTED.items()}
    return {**fields, **counts}


def records(workspace: Workspace) -> Iterator[Record]:
    """Yield what `list` shows: what belongs to a testimony and is in order is shown with it."""
    for record in workspace.records():
        if not record.filed or record.kind in (Testimony.kind, Addition.kind):
            yield record


def list_line(record: Record, workspace: Workspace) -> str:
    """Return the one line of `list` for a record."""
    fields = listed(record, workspace)
    line = f"{record.id}  {record.day}  {record.state:11}"
    if not record.filed:
        return f"{line}  {record.reason}{_taken_out(record, workspace)}{_not_covered(record, workspace)}"
    line += f"  {fields['kind']:9}  {fields['call']}  {fields['language']}"
    if "parent" in fields:
        line += f"  to {fields['parent']}"
    for name in _COUNTED:
        if fields.get(name):
            line += f"  {name}: {fields[name]}"
    line += "  TEST" if fields["test"] else ""
    return f"{line}{_not_covered(record, workspace)}"


def find(workspace: Workspace, identifier: str) -> Record:
    """Return the record that may be shown under an id. Raises DeskError."""
    record = workspace.found(identifier)
    if record.kind not in (Testimony.kind, Addition.kind):
        belongs = "which is no longer here" if record.kind == Withdrawal.kind else "which is shown with it"
        raise DeskError(f"Record {record.id} is {_NAMES[record.kind]} of testimony {record.parent}, {belongs}.")
    return record


def as_json(record: Record, workspace: Workspace) -> dict[str, Any]:
    """Return what `show --json` says: the envelope, with the id and the day that the log has.

    `consent` holds the consents in force, `consent_given` those that came in the envelope.
    """
    envelope = _shown(record)
    fields = {"format": FORMAT, **asdict(envelope), "id": record.id, "day": record.day, "state": record.state}
    fields |= {"consent": dict(consents.in_force(workspace, record)), "consent_given": dict(envelope.consent)}
    fields["attachments"] = []
    if isinstance(envelope, Testimony):
        fields["consent_changes"] = [asdict(change) for change in consents.changes(workspace, record.id)]
        fields["attachments"] = [
            {"id": found.id, **{name: getattr(attachment, name) for name in _DESCRIBES}}
            for found, attachment in evidence.attachments(workspace, record.id)
        ]
        fields["additions"] = [addition.id for addition, _ in _additions(record, workspace)]
        fields["messages"] = [asdict(message) for message in messages.sent(workspace, record.id)]
    return fields


def as_text(record: Record, workspace: Workspace, language: str, preferred: str, width: int) -> Iterator[str]:
    """Yield the lines of `show`. `language` must be one of the edition's; `preferred` is taken if it is.

    Raises DeskError.
    """
    envelope = _shown(record)
    yield from _envelope(record, envelope, workspace, (language, preferred), width)
    if isinstance(envelope, Addition):
        yield ""
        yield f"It adds to the testimony {envelope.parent}."
        return
    yield from _attachments(record, workspace)
    for added, addition in _additions(record, workspace):
        yield ""
        yield from _envelope(added, addition, workspace, ("", language or preferred), width)
    yield from _messages(record, workspace, width)


def _envelope(
    record: Record, envelope: Testimony | Addition, workspace: Workspace, languages: tuple[str, str], width: int
) -> Iterator[str]:
    edition = edition_of(envelope, workspace)
    language = language_of(edition, *languages)
    yield f"{envelope.kind.capitalize()} {record.id}"
    if envelope.test:
        yield TEST
    title = edition.translate(edition.call.title, language)
    yield f"Received {record.day}, entry {record.sequence} of the log. Written in: {envelope.language}. Call: {title}"
    if isinstance(envelope, Addition) and envelope.text:
        yield ""
        yield from _wrapped(envelope.text, 4, width)
        return
    in_force = consents.in_force(workspace, record)
    days = changed_days(record, envelope, in_force, workspace)
    given = {**envelope.answers, **in_force}
    for section in edition.call.sections:
        questions = [question for question in section.questions if question.id in given]
        if questions:
            yield ""
            yield from _wrapped(f"── {edition.translate(section.title, language)}", 0, width)
        for question in questions:
            yield from _wrapped(edition.translate(question.label, language), 0, width)
            mark = "- " if isinstance(given[question.id], list) else ""
            for text in words_of(question, given[question.id], edition, language):
                yield from _wrapped(f"{mark}{text}", 4, width)
            if question.consent and question.id in days:
                yield f"    (changed by the source on {days[question.id]})"


def changed_days(
    record: Record, envelope: Testimony | Addition, in_force: Mapping[str, str], workspace: Workspace
) -> Mapping[str, str]:
    """Return the day on which each consent that is shown changed, of those that did."""
    testimony = envelope.parent if isinstance(envelope, Addition) else record.id
    changed = consents.changes(workspace, testimony)
    days = consents.changed_days(envelope.consent, changed)
    if isinstance(envelope, Testimony):
        return days
    differs = {name for name in in_force if in_force[name] != envelope.consent.get(name)}
    return {name: day for name, day in days.items() if name in differs}


def _attachments(testimony: Record, workspace: Workspace) -> Iterator[str]:
    found = list(evidence.attachments(workspace, testimony.id))
    if found:
        yield ""
        yield "── Files"
    for record, attachment in found:
        missing = "" if evidence.has_arrived(workspace, attachment) else "  (the file itself has not arrived)"
        yield f"{record.id}  {attachment.size} bytes  {attachment.media_type}  {one_line(attachment.name)}{missing}"


def _messages(testimony: Record, workspace: Workspace, width: int) -> Iterator[str]:
    for message in messages.sent(workspace, testimony.id):
        yield ""
        yield f"── Written to the source on {message.day}" + (f": {message.state}" if message.state else "")
        yield from _wrapped(message.text, 4, width)


def _taken_out(record: Record, workspace: Workspace) -> str:
    """Return the files that something of a withdrawn testimony is still in."""
    if record.state != WITHDRAWN or record.parent:
        return ""
    return "".join(f"; taken out on {day}: {one_line(path)}" for day, path in evidence.taken_out(workspace, record.id))


def _not_covered(record: Record, workspace: Workspace) -> str:
    """Return the exports that a record is still in, and should no longer be."""
    return "".join(f"; still in the {export.named}" for export in exports.not_covered(workspace, record))


def _shown(record: Record) -> Testimony | Addition:
    """Return the envelope of a record that `find` gave."""
    envelope = parse(record.content)
    if not isinstance(envelope, Testimony | Addition):
        raise TypeError(f"a record of the kind {envelope.kind} is shown with its testimony")
    return envelope


def words_of(question: Question, answer: Answer, edition: Edition, language: str) -> list[str]:
    """Return an answer as a person reads it, each choice by itself: by its label, or else as it was given."""
    if question.kind is Kind.COUNTRY and answer == COUNTRY_UNKNOWN:
        return [edition.translate(UNKNOWN_LABEL, language)]
    labels = {option.code: edition.translate(option.label, language) for option in question.options}
    if question.kind is Kind.COUNTRY:
        labels = _countries(language)
    if isinstance(answer, list):
        return [labels[code] for code in answer]
    return [labels.get(answer, answer) if isinstance(answer, str) else str(answer)]


def _countries(language: str) -> dict[str, str]:
    with contextlib.suppress(UnknownLocaleError, ValueError):
        return dict(country_names(language.replace("-", "_")))
    return dict(country_names(SOURCE_LANGUAGE))


def _additions(testimony: Record, workspace: Workspace) -> Iterator[tuple[Record, Addition]]:
    for record in workspace.children(testimony.id, Addition.kind):
        envelope = parse(record.content)
        if isinstance(envelope, Addition):
            yield record, envelope


def edition_of(envelope: Testimony | Addition, workspace: Workspace) -> Edition:
    """Return the edition of the call that was answered. Raises DeskError when it is not in the workspace."""
    edition = workspace.edition(envelope.edition)
    if edition is None:
        raise DeskError("The edition of the call is no longer in the workspace: open its bundle again.")
    return edition


def language_of(edition: Edition, language: str, preferred: str) -> str:
    """Return the language to show the questions in. Raises DeskError for one that was asked for and is not there."""
    names = {name.replace("-", "_").lower(): name for name in edition.languages}
    if language:
        try:
            return names[language.replace("-", "_").lower()]
        except KeyError:
            known = ", ".join(edition.languages)
            raise DeskError(f"The questions are not there in {language}, only in: {known}.") from None
    whole = preferred.partition(".")[0].replace("-", "_").lower()
    return names.get(whole) or names.get(whole.partition("_")[0], SOURCE_LANGUAGE)


def _wrapped(text: str, indent: int, width: int) -> Iterator[str]:
    """Yield the text in lines that fit, in any script. What could command the terminal is escaped first."""
    width = max(width, indent + _NARROWEST)
    console = Console(width=width)
    for line in Text(harmless(text)).wrap(console, width - indent):
        yield " " * indent + line.plain.rstrip()
