"""Shows what is filed: as lines for a person, in the reviewer's language, and as JSON."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from babel import UnknownLocaleError
from rich.console import Console
from rich.text import Text

from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE, Edition
from intake.calls.model import COUNTRY_UNKNOWN, UNKNOWN_LABEL, Kind, Question
from intake.desk.errors import DeskError, harmless
from intake.desk.workspace import NEW, Record, Workspace
from intake.envelope import FORMAT, Addition, Answer, Testimony, parse

TEST = "TEST: sent to try the service, not a real testimony"

_NARROWEST = 20  # a line has at least this many columns for its text


def listed(record: Record) -> dict[str, Any]:
    """Return what `list --json` says of a record."""
    fields: dict[str, Any] = {"id": record.id, "kind": None, "state": record.state, "call": None, "language": None}
    fields |= {"day": record.day, "test": False, "sequence": record.sequence}
    if record.state != NEW:
        return {**fields, "reason": record.reason}
    envelope = parse(record.content)
    fields |= {"kind": envelope.kind, "call": envelope.call, "language": envelope.language, "test": envelope.test}
    return {**fields, "parent": envelope.parent} if isinstance(envelope, Addition) else fields


def list_line(record: Record) -> str:
    """Return the one line of `list` for a record."""
    fields = listed(record)
    line = f"{record.id}  {record.day}  {record.state:11}"
    if record.state != NEW:
        return f"{line}  {record.reason}"
    line += f"  {fields['kind']:9}  {fields['call']}  {fields['language']}"
    if "parent" in fields:
        line += f"  to {fields['parent']}"
    return f"{line}  TEST" if fields["test"] else line


def find(workspace: Workspace, identifier: str) -> Record:
    """Return the record that may be shown under an id. Raises DeskError."""
    record = workspace.record(identifier)
    if record is None:
        raise DeskError("There is no record with this id: `intake-desk list` shows those there are.")
    if record.state != NEW:
        raise DeskError(f"Record {record.id} is quarantined: {record.reason}.")
    return record


def as_json(record: Record, workspace: Workspace) -> dict[str, Any]:
    """Return what `show --json` says: the envelope, with the id and the day that the log has."""
    envelope = parse(record.content)
    fields = {"format": FORMAT, **asdict(envelope), "id": record.id, "day": record.day, "attachments": []}
    if isinstance(envelope, Testimony):
        fields["additions"] = [addition.id for addition, _ in _additions(record, workspace)]
    return fields


def as_text(record: Record, workspace: Workspace, language: str, preferred: str, width: int) -> Iterator[str]:
    """Yield the lines of `show`. `language` must be one of the edition's; `preferred` is taken if it is.

    Raises DeskError.
    """
    envelope = parse(record.content)
    yield from _envelope(record, envelope, _edition(envelope, workspace), language, preferred, width)
    if isinstance(envelope, Addition):
        yield ""
        yield f"It adds to the testimony {envelope.parent}."
        return
    for added, addition in _additions(record, workspace):
        yield ""
        yield from _envelope(added, addition, _edition(addition, workspace), "", language or preferred, width)


def _envelope(
    record: Record, envelope: Testimony | Addition, edition: Edition, language: str, preferred: str, width: int
) -> Iterator[str]:
    language = _language(edition, language, preferred)
    yield f"{envelope.kind.capitalize()} {record.id}"
    if envelope.test:
        yield TEST
    title = edition.translate(edition.call.title, language)
    yield f"Received {record.day}, entry {record.sequence} of the log. Written in: {envelope.language}. Call: {title}"
    given = {**envelope.answers, **envelope.consent}
    for section in edition.call.sections:
        questions = [question for question in section.questions if question.id in given]
        if questions:
            yield ""
            yield from _wrapped(f"── {edition.translate(section.title, language)}", 0, width)
        for question in questions:
            yield from _wrapped(edition.translate(question.label, language), 0, width)
            for text in _words(question, given[question.id], edition, language):
                yield from _wrapped(text, 4, width)


def _words(question: Question, answer: Answer, edition: Edition, language: str) -> list[str]:
    """Return the answer as a person reads it: options by their labels, everything else as it was given."""
    if question.kind is Kind.COUNTRY and answer == COUNTRY_UNKNOWN:
        return [edition.translate(UNKNOWN_LABEL, language)]
    labels = {option.code: edition.translate(option.label, language) for option in question.options}
    if question.kind is Kind.COUNTRY:
        labels = _countries(language)
    if isinstance(answer, list):
        return [f"- {labels[code]}" for code in answer]
    return [labels.get(answer, answer) if isinstance(answer, str) else str(answer)]


def _countries(language: str) -> dict[str, str]:
    with contextlib.suppress(UnknownLocaleError, ValueError):
        return dict(country_names(language.replace("-", "_")))
    return dict(country_names(SOURCE_LANGUAGE))


def _additions(testimony: Record, workspace: Workspace) -> Iterator[tuple[Record, Addition]]:
    for record in workspace.records("added"):
        if record.state == NEW:
            envelope = parse(record.content)
            if isinstance(envelope, Addition) and envelope.parent == testimony.id:
                yield record, envelope


def _edition(envelope: Testimony | Addition, workspace: Workspace) -> Edition:
    edition = workspace.edition(envelope.edition)
    if edition is None:
        raise DeskError("The edition of the call is no longer in the workspace: open its bundle again.")
    return edition


def _language(edition: Edition, language: str, preferred: str) -> str:
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
