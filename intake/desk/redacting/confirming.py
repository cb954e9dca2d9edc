"""A second reader's word that a redaction is what it should be: two people have then answered for the same outcome."""

from dataclasses import dataclass

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.redacting import marks, outcome, quotes
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Record, Workspace

_CONFIRMED, _TAKEN_BACK = "redaction confirmed", "confirmation taken back"
_MAKING = (*marks.EVENTS, *quotes.EVENTS)


@dataclass(frozen=True)
class Confirmation:
    """Who worked on the redaction and the quotes of a testimony, ever, and who confirmed the outcome as it is now."""

    sha256: str
    makers: frozenset[str]
    signers: frozenset[str]

    @property
    def stands(self) -> bool:
        """Whether somebody confirmed it who had no hand in it, or two reviewers did."""
        return bool(self.makers and self.signers - self.makers) or len(self.signers) > 1


def confirm(workspace: Workspace, testimony: Record, sha256: str) -> None:
    """Confirm the outcome that the reviewer has read, named by its digest, in the caller's transaction.

    Raises DeskError when it is another one by now.
    """
    now = state(workspace, testimony)
    if sha256 != now.sha256:
        raise DeskError("Something was marked or added since you read this: read it again, and confirm then.")
    if workspace.reviewer.name not in now.signers:
        _confirmed(workspace, trail.write(workspace, _CONFIRMED, testimony.id, {"sha256": sha256}))


def take_back(workspace: Workspace, testimony: Record) -> None:
    """Take back the reviewer's own confirmation of the outcome as it is now, in the caller's transaction."""
    now = state(workspace, testimony)
    if workspace.reviewer.name in now.signers:
        _taken_back(workspace, trail.write(workspace, _TAKEN_BACK, testimony.id, {"sha256": now.sha256}))


def state(workspace: Workspace, testimony: Record) -> Confirmation:
    """Return how far the outcome of a filed testimony is confirmed."""
    sha256 = outcome.digest(workspace, testimony)
    query = "SELECT reviewer FROM confirmations WHERE record = ? AND sha256 = ?"
    signers = frozenset(row[0] for row in workspace.execute(query, (testimony.id, sha256)))
    # From the trail: whoever took a mark away has had a hand in it, too, and no table says that.
    events = ", ".join("?" * len(_MAKING))
    query = f"SELECT DISTINCT reviewer FROM trail WHERE record = ? AND event IN ({events})"  # noqa: S608
    makers = frozenset(row[0] for row in workspace.execute(query, (testimony.id, *_MAKING)))
    return Confirmation(sha256, makers, signers)


def _confirmed(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        values = (entry.record, entry.detail["sha256"], entry.reviewer, entry.at)
        workspace.execute("INSERT OR REPLACE INTO confirmations VALUES (?, ?, ?, ?)", values)


def _taken_back(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        query = "DELETE FROM confirmations WHERE record = ? AND sha256 = ? AND reviewer = ?"
        workspace.execute(query, (entry.record, entry.detail["sha256"], entry.reviewer))


EVENTS: dict[str, Handler] = {_CONFIRMED: _confirmed, _TAKEN_BACK: _taken_back}
