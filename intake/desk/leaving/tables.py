"""Tables as files: CSV for spreadsheets, JSON Lines for programs."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from intake.desk.errors import DeskError
from intake.envelope import Answer

Row = Mapping[str, Answer]

FORMATS = ("csv", "jsonl", "veris", "qdpx", "html")
"""Those that the command knows, also those that do not exist yet."""

# After OWASP, "CSV Injection": what runs at the beginning of a cell. Wherever a comma stands in numbers, spreadsheets
# take a semicolon for the end of a cell, so what follows one counts as a beginning, too, and so does a new line.
_SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
_BETWEEN = re.compile('[\\s;"\u200b-\u200f\u2060\ufeff]+')
_ENDS_CELL = re.compile("[;\t\r\n]")
_CUT = ("\t", "\r", "\n")


def csv_lines(columns: Sequence[str], rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield RFC 4180 with a byte order mark, without which some spreadsheets do not read it as UTF-8."""
    yield "\ufeff".encode()
    for cells in (columns, *([cell(row.get(name, "")) for name in columns] for row in rows)):
        line = io.StringIO()
        csv.writer(line).writerow(cells)
        yield line.getvalue().encode()


def cell(answer: Answer) -> str:
    """Return the text of a cell: an apostrophe is put before whatever a spreadsheet would run."""
    text = " ".join(answer) if isinstance(answer, list) else str(answer)
    text = _BETWEEN.sub(_with_apostrophe, text)
    return f"'{text}" if text.startswith((*_CUT, *_SIGNS)) else text


def json_lines(columns: Sequence[str], rows: Sequence[Row]) -> Iterator[bytes]:
    """Yield one object a row: what was not answered is not in it."""
    for row in rows:
        yield json.dumps({name: row[name] for name in columns if name in row}).encode() + b"\n"


_WRITERS: Mapping[str, Callable[[Sequence[str], Sequence[Row]], Iterator[bytes]]] = {
    "csv": csv_lines,
    "jsonl": json_lines,
}


def writer(name: str) -> Callable[[Sequence[str], Sequence[Row]], Iterator[bytes]]:
    """Return what writes a format. Raises DeskError for one that does not exist yet."""
    try:
        return _WRITERS[name]
    except KeyError:
        raise DeskError(f"There is no export as {name} yet: only {' and '.join(_WRITERS)}.") from None


def _with_apostrophe(between: re.Match[str]) -> str:
    """Return what stands between two words, with an apostrophe if the second one would begin a cell and run."""
    found, text, end = between[0], between.string, between.end()
    begins = between.start() == 0 or _ENDS_CELL.search(found) is not None
    return f"{found}'" if begins and text[end : end + 1] and text[end] in _SIGNS else found
