"""The exports that were written, and which testimonies are in each: a withdrawal has to name them."""

from collections.abc import Iterable
from dataclasses import dataclass

from intake.desk import gate
from intake.desk.errors import one_line
from intake.desk.gate import Refusal, Use
from intake.desk.workspace import Record, Workspace


@dataclass(frozen=True)
class Export:
    """An export that was written, on a day, to a path."""

    day: str
    use: Use
    format: str
    path: str
    size: int
    """How many rows it has."""

    @property
    def named(self) -> str:
        """What a reviewer needs to find it again, in one line."""
        return f"export for {self.use} of {self.day}: {one_line(self.path)}"


def remember(workspace: Workspace, export: Export, records: Iterable[str]) -> int:
    """Remember an export with the ids of what is in it, in the caller's transaction. Return its number here."""
    row = (export.day, export.use, export.format, export.path, export.size)
    query = "INSERT INTO exports (day, use, format, path, size) VALUES (?, ?, ?, ?, ?)"
    number = int(workspace.execute(query, row).lastrowid)
    for record in records:
        workspace.execute("INSERT INTO exported VALUES (?, ?)", (record, number))
    return number


def forget(workspace: Workspace, number: int) -> None:
    """Forget an export that was not written after all, in the caller's transaction."""
    workspace.execute("DELETE FROM exported WHERE export = ?", (number,))
    workspace.execute("DELETE FROM exports WHERE number = ?", (number,))


def holding(workspace: Workspace, records: Iterable[str]) -> list[Export]:
    """Return every export that any of the records was in, withdrawn or not, in their order."""
    found = {}
    query = "SELECT number, day, use, format, path, size FROM exports JOIN exported ON export = number WHERE record = ?"
    for record in records:
        for number, day, use, *rest in workspace.execute(query, (record,)):
            found[number] = Export(day, Use(use), *rest)
    return [found[number] for number in sorted(found)]


def not_covered(workspace: Workspace, record: Record) -> list[Export]:
    """Return the exports that a record is in although its source has taken back what covered them."""
    taken_back = (Refusal.WITHDRAWN, Refusal.CONSENT)
    held = holding(workspace, [record.id])
    gone = {use for use in {export.use for export in held} if gate.refusal(workspace, record, use) in taken_back}
    return [export for export in held if export.use in gone]
