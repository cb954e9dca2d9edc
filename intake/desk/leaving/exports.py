"""The exports that were written, what is in each and what was refused: a withdrawal has to name them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from intake.desk.errors import one_line
from intake.desk.leaving import gate
from intake.desk.leaving.gate import Refusal, Use
from intake.desk.workspace import Record, Workspace

_COLUMNS = "day, use, format, path, size, what"


@dataclass(frozen=True)
class Export:
    """An export that was written, on a day, to a path."""

    day: str
    use: Use
    format: str
    path: str
    size: int
    """How many rows it has."""
    what: str = "answers"

    @property
    def named(self) -> str:
        """What a reviewer needs to find it again, in one line."""
        return f"export for {self.use.words} of {self.day}: {one_line(self.path)}"


@dataclass(frozen=True)
class Listed:
    """An export on the list: how many were refused by reason, and what is in it that its source no longer agrees to."""

    number: int
    export: Export
    refused: Sequence[tuple[Refusal, int]]
    not_covered: Sequence[str]


def remember(
    workspace: Workspace, export: Export, records: Iterable[str], refused: Iterable[tuple[str, Refusal]] = ()
) -> int:
    """Remember an export with the ids of what is in it and of what was not let in, and why.

    Runs in the caller's transaction. Returns its number here.
    """
    row = (export.day, export.use, export.format, export.path, export.size, export.what)
    query = f"INSERT INTO exports ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)"  # noqa: S608
    number = int(workspace.execute(query, row).lastrowid)
    for record in records:
        workspace.execute("INSERT OR IGNORE INTO exported VALUES (?, ?)", (record, number))
    for record, refusal in refused:
        workspace.execute("INSERT OR IGNORE INTO refused VALUES (?, ?, ?)", (number, refusal.name, record))
    return number


def forget(workspace: Workspace, number: int) -> None:
    """Forget an export that was not written after all, in the caller's transaction."""
    workspace.execute("DELETE FROM exported WHERE export = ?", (number,))
    workspace.execute("DELETE FROM refused WHERE export = ?", (number,))
    workspace.execute("DELETE FROM exports WHERE number = ?", (number,))


def holding(workspace: Workspace, records: Iterable[str]) -> list[Export]:
    """Return every export that any of the records was in, withdrawn or not, in their order."""
    found = {}
    query = f"SELECT number, {_COLUMNS} FROM exports JOIN exported ON export = number WHERE record = ?"  # noqa: S608
    for record in records:
        for number, *row in workspace.execute(query, (record,)):
            found[number] = _export(row)
    return [found[number] for number in sorted(found)]


def not_covered(workspace: Workspace, record: Record) -> list[Export]:
    """Return the exports that a record is in although its source has taken back what covered them."""
    held = holding(workspace, [record.id])
    gone = {use for use in {export.use for export in held} if gate.taken_back(workspace, record, use)}
    return [export for export in held if export.use in gone]


def listed(workspace: Workspace) -> list[Listed]:
    """Return every export, the newest first."""
    found = []
    for number, *row in workspace.execute(f"SELECT number, {_COLUMNS} FROM exports ORDER BY number DESC").fetchall():  # noqa: S608
        export = _export(row)
        query = "SELECT reason, count(*) FROM refused WHERE export = ? GROUP BY reason ORDER BY reason"
        refused = [(Refusal[name], count) for name, count in workspace.execute(query, (number,))]
        gone = [
            record.id
            for record in _changed(workspace, number, export.use)
            if gate.taken_back(workspace, record, export.use)
        ]
        found.append(Listed(number, export, refused, gone))
    return found


def _changed(workspace: Workspace, number: int, use: Use) -> Iterator[Record]:
    """Yield what is in an export and may be covered no longer: of numbers, only what changed, not all of them."""
    query = "id IN (SELECT record FROM exported WHERE export = ?)"
    if use is Use.STATISTICS:
        query += " AND (state = 'withdrawn' OR id IN (SELECT parent FROM records JOIN changes ON record = id))"
    return workspace.records(query, (number,))


def _export(row: Sequence[object]) -> Export:
    day, use, name, path, size, what = row
    return Export(str(day), Use(str(use)), str(name), str(path), int(str(size)), str(what))
