"""Links between testimonies of the same incident. A link has no direction; what is linked with one is in its group."""

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Workspace

_LINKED = "linked"
_UNLINKED = "unlinked"


def link(workspace: Workspace, one: str, other: str) -> None:
    """Say that two testimonies are of the same incident, in the caller's transaction.

    Raises DeskError when one of them is no testimony that is filed here, or they are the same one.
    """
    one, other = workspace.testimony(one).id, workspace.testimony(other).id
    if one == other:
        raise DeskError("A testimony is not linked with itself.")
    if not linked(workspace, one).get(other):
        _linked(workspace, trail.write(workspace, _LINKED, one, {"other": other}))


def unlink(workspace: Workspace, one: str, other: str) -> None:
    """Take the link between two testimonies back, in the caller's transaction.

    Raises DeskError when there is none.
    """
    if not linked(workspace, one).get(other):
        raise DeskError("These two testimonies are not linked with each other.")
    _unlinked(workspace, trail.write(workspace, _UNLINKED, one, {"other": other}))


def linked(workspace: Workspace, testimony: str) -> dict[str, bool]:
    """Return the ids of the others in the group of a testimony, in the order of the log.

    True stands for a link with this very one, False for one by way of others.
    """
    query = """
        WITH RECURSIVE incident (id) AS (
            VALUES (?1)
            UNION SELECT other FROM incident JOIN links ON one = id
            UNION SELECT one FROM incident JOIN links ON other = id
        )
        SELECT id, EXISTS (SELECT 1 FROM links WHERE (one, other) IN (VALUES (id, ?1), (?1, id)))
        FROM incident JOIN records USING (id) WHERE id != ?1 ORDER BY sequence
    """
    found = {}
    for identifier, direct in workspace.execute(query, (testimony,)).fetchall():
        record = workspace.record(identifier)
        if record and record.filed:
            found[identifier] = bool(direct)
    return found


def _pair(entry: Entry) -> tuple[str, ...]:
    return tuple(sorted((entry.record, entry.detail["other"])))


def _linked(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        values = (*_pair(entry), entry.reviewer, entry.at)
        workspace.execute("INSERT OR IGNORE INTO links VALUES (?, ?, ?, ?)", values)


def _unlinked(workspace: Workspace, entry: Entry) -> None:
    if entry.detail:
        workspace.execute("DELETE FROM links WHERE (one, other) = (?, ?)", _pair(entry))


EVENTS: dict[str, Handler] = {_LINKED: _linked, _UNLINKED: _unlinked}
