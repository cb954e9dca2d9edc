"""Writes exports: a table of the closed answers for statistics, as CSV or as JSON Lines.

Who is in it is not: each row gets an id by chance, made for this file alone, and the rows stand in the order of these.
"""

import csv
import io
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from intake.desk import exports, gate
from intake.desk.errors import DeskError
from intake.desk.exports import Export
from intake.desk.gate import Refusal, Use
from intake.desk.plaintext import check_new, full_path, write_new
from intake.desk.workspace import Record, Workspace
from intake.envelope import Answer, Testimony, parse

FORMATS = ("csv", "jsonl", "veris", "qdpx", "html")
"""Those that the command knows, also those that do not exist yet."""

_FIXED = ("row", "call", "language", "month")
_MONTH = len("2026-11")
_ROW_ID_BYTES = 8
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")

_Row = dict[str, Answer]


@dataclass(frozen=True)
class Exported:
    """What an export holds, and how many testimonies were left out, by reason."""

    rows: int
    left_out: Mapping[Refusal, int]


@dataclass
class _Table:
    """Rows by the ids of their testimonies, and the columns they may have."""

    columns: Sequence[str]
    rows: Mapping[str, _Row]
    left_out: Mapping[Refusal, int]


def export(workspace: Workspace, name: str, out: Path, day: str) -> Exported:
    """Write one row for each testimony that may be counted to a new file, and remember which those are.

    `name` is the format. Raises DeskError when there is no such export or `out` is there already, and OSError; then
    nothing is left behind.
    """
    write = _writer(name)
    check_new(out)
    # What is decided and what is remembered are one: no withdrawal can come between. And all this before the file is
    # there: it may be on the list and not there, but never there and not on the list.
    with workspace.transaction():
        table = _table(workspace, Use.STATISTICS)
        done = Export(day, Use.STATISTICS, name, full_path(out), len(table.rows))
        number = exports.remember(workspace, done, table.rows)
    try:
        write_new(out, write(table.columns, sorted(table.rows.values(), key=lambda row: str(row["row"]))))
    except BaseException:
        if not os.path.lexists(out):
            with workspace.transaction():
                exports.forget(workspace, number)
        raise
    return Exported(len(table.rows), table.left_out)


def check_format(name: str) -> None:
    """Raise DeskError for a format that does not exist yet."""
    _writer(name)


def _table(workspace: Workspace, use: Use) -> _Table:
    columns = dict.fromkeys(_FIXED)
    rows: dict[str, _Row] = {}
    left_out: Counter[Refusal] = Counter()
    for record in workspace.records("event = 'received'"):
        refused = gate.refusal(workspace, record, use)
        if refused:
            left_out[refused] += 1
            continue
        countable, rows[record.id] = _row(record, workspace)
        columns |= dict.fromkeys(countable)
    return _Table(tuple(columns), rows, left_out)


def _row(record: Record, workspace: Workspace) -> tuple[list[str], _Row]:
    """Return the questions that may be counted, and the row of a testimony that may be."""
    envelope = parse(record.content)
    edition = workspace.edition(envelope.edition)
    if not isinstance(envelope, Testimony) or edition is None:
        raise DeskError("The edition of the call is no longer in the workspace: open its bundle again.")
    countable = [question.id for question in gate.countable(edition.call)]
    row = {name: envelope.answers[name] for name in countable if name in envelope.answers}
    fixed = (secrets.token_hex(_ROW_ID_BYTES), envelope.call, envelope.language, record.day[:_MONTH])
    return countable, {**row, **dict(zip(_FIXED, fixed, strict=True))}


def _csv(columns: Sequence[str], rows: Sequence[_Row]) -> Iterator[bytes]:
    """Yield RFC 4180 with a byte order mark, without which some spreadsheets do not read it as UTF-8."""
    yield "\ufeff".encode()
    for cells in (columns, *([_cell(row.get(name, "")) for name in columns] for row in rows)):
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        yield line.getvalue().encode()


def _cell(answer: Answer) -> str:
    text = " ".join(answer) if isinstance(answer, list) else str(answer)
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text


def _jsonl(columns: Sequence[str], rows: Sequence[_Row]) -> Iterator[bytes]:
    """Yield one object a row: what was not answered is not in it."""
    for row in rows:
        yield json.dumps({name: row[name] for name in columns if name in row}).encode() + b"\n"


_WRITERS: Mapping[str, Callable[[Sequence[str], Sequence[_Row]], Iterator[bytes]]] = {"csv": _csv, "jsonl": _jsonl}


def _writer(name: str) -> Callable[[Sequence[str], Sequence[_Row]], Iterator[bytes]]:
    try:
        return _WRITERS[name]
    except KeyError:
        raise DeskError(f"There is no export as {name} yet: only {' and '.join(_WRITERS)}.") from None
