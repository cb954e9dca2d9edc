"""Writes exports: the closed answers for statistics, the charts over them, and quotes.

Who is in it is not: each row of a person gets an id by chance, made for this file alone, and the rows stand in the
order of these.
"""

import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from intake.desk import trail
from intake.desk.counting import chart_tables
from intake.desk.errors import DeskError
from intake.desk.finding import index
from intake.desk.leaving import exports, gate
from intake.desk.leaving.exports import Export
from intake.desk.leaving.gate import Refusal, Use
from intake.desk.leaving.tables import Row, writer
from intake.desk.plaintext import check_new, full_path, write_new
from intake.desk.redacting import quotes
from intake.desk.workspace import Record, Workspace
from intake.envelope import Answer, Testimony, parse

_FIXED = ("row", "call", "language", "month")
_QUOTE = ("row", "call", "language", "quote")
_MONTH = len("2026-11")
_ROW_ID_BYTES = 8

_EXPORTED, _NOT_WRITTEN = "exported", "export not written"


class What(StrEnum):
    """What an export holds."""

    ANSWERS = "answers"
    QUOTES = "quotes"
    CHARTS = "charts"


@dataclass(frozen=True)
class Exported:
    """What an export holds: how many rows, and how many testimonies or quotes were left out, by reason."""

    rows: int
    left_out: Mapping[Refusal, int]


@dataclass(frozen=True)
class _Table:
    """The columns and rows of an export, the records that are in it, and those that are not, with the reason."""

    columns: Sequence[str]
    rows: Sequence[Row]
    records: Iterable[str]
    refused: Sequence[tuple[str, Refusal]]


def export(
    workspace: Workspace,
    name: str,
    out: Path,
    day: str,
    what: What = What.ANSWERS,
    use: Use = Use.STATISTICS,
    chart: str = "",
) -> Exported:
    """Write what the gate lets out for a use to a new file, and remember what that is and what was refused.

    `name` is the format. Quotes leave for one of `gate.QUOTING`, all else for statistics. Of the charts, `chart` is
    the only one, if it is named. Raises DeskError when there is no such export or `out` is there already, and OSError;
    then nothing is left behind.
    """
    write = writer(name)
    if (use in gate.QUOTING) != (what is What.QUOTES):
        raise DeskError(f"There is no export of {what} for {use.words}.")
    check_new(out)
    if what is What.CHARTS:
        index.refresh(workspace)  # has transactions of its own
    # What is decided and what is remembered are one: no withdrawal can come between. And all this before the file is
    # there: it may be on the list and not there, but never there and not on the list.
    with workspace.transaction():
        table = _quotes(workspace, use) if what is What.QUOTES else _counted(workspace, what, chart)
        done = Export(day, use, name, full_path(out), len(table.rows), what)
        number = exports.remember(workspace, done, table.records, table.refused)
        left_out = Counter(refusal for _, refusal in table.refused)
        said = {"what": what, "use": use, "format": name, "path": done.path, "rows": done.size}
        refused = {refusal.name: count for refusal, count in left_out.items()}
        trail.write(workspace, _EXPORTED, detail={**said, "refused": refused})
    try:
        write_new(out, write(table.columns, table.rows))
    except BaseException:
        if not os.path.lexists(out):
            with workspace.transaction():
                exports.forget(workspace, number)
                trail.write(workspace, _NOT_WRITTEN, detail=said)
        raise
    return Exported(len(table.rows), left_out)


def _counted(workspace: Workspace, what: What, chart: str) -> _Table:
    """Return the table of what may be counted."""
    columns = dict.fromkeys(_FIXED)
    rows: list[Row] = []
    counted: list[str] = []
    refused: list[tuple[str, Refusal]] = []
    for record in workspace.records("event = 'received'"):
        reason = gate.refusal(workspace, record, Use.STATISTICS)
        if reason:
            refused.append((record.id, reason))
            continue
        counted.append(record.id)
        if what is What.ANSWERS:
            countable, row = _row(record, workspace)
            rows.append(row)
            columns |= dict.fromkeys(countable)
    if what is What.CHARTS:
        names, cells = chart_tables.table(workspace, counted, chart)
        return _Table(names, cells, counted, refused)
    return _Table(tuple(columns), _shuffled(rows), counted, refused)


def _row(record: Record, workspace: Workspace) -> tuple[list[str], Row]:
    """Return the questions that may be counted, and the row of a testimony that may be."""
    envelope = parse(record.content)
    edition = workspace.edition(envelope.edition)
    if not isinstance(envelope, Testimony) or edition is None:
        raise DeskError("The edition of the call is no longer in the workspace: open its bundle again.")
    countable = [question.id for question in gate.countable(edition.call)]
    row = {name: envelope.answers[name] for name in countable if name in envelope.answers}
    fixed = (_row_id(), envelope.call, envelope.language, record.day[:_MONTH])
    return countable, {**row, **dict(zip(_FIXED, fixed, strict=True))}


def _quotes(workspace: Workspace, use: Use) -> _Table:
    """Return the table of the quotes that may leave, word for word but for what is redacted."""
    columns = (*_QUOTE, "name") if use is Use.NAME else _QUOTE
    rows: list[Row] = []
    records: set[str] = set()
    refused: list[tuple[str, Refusal]] = []
    for quote in quotes.every(workspace):
        judged = gate.judge(workspace, quote, use)
        refused += [(quote.record, reason) for reason in judged.refusals]
        part = workspace.record(quote.part)
        if judged.refusals or part is None:
            continue
        envelope = parse(part.content)
        row: dict[str, Answer] = dict(
            zip(_QUOTE, (_row_id(), envelope.call, envelope.language, judged.text), strict=True)
        )
        rows.append({**row, "name": judged.name} if judged.name else row)
        records |= {quote.record, quote.part}  # a withdrawal, or a narrower consent, names either
    return _Table(columns, _shuffled(rows), records, refused)


def _row_id() -> str:
    return secrets.token_hex(_ROW_ID_BYTES)


def _shuffled(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["row"]))
