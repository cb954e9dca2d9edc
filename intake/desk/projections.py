"""What the work of reviewers comes to: every table that is made from the trail, made anew, or rid of one testimony."""

from intake.desk import deciding, trail
from intake.desk.finding import index
from intake.desk.redacting import asking, confirming, marks, quotes, suggesting
from intake.desk.study import codebook, coding, links, memos, translating
from intake.desk.trail import Handler
from intake.desk.workspace import NEW, QUARANTINED, WITHDRAWN, Workspace
from intake.envelope import Testimony

_MODULES = (deciding, codebook, coding, memos, translating, links, marks, confirming, quotes, asking, suggesting)
_HANDLERS: dict[str, Handler] = {event: handler for module in _MODULES for event, handler in module.EVENTS.items()}
_BY_RECORD = (
    "codings",
    "finished",
    "memos",
    "translations",
    "redactions",
    "confirmations",
    "quotes",
    "dismissed",
    "asked",
    "agreed",
)
_MADE = (*_BY_RECORD, "codes", "links")


def rebuild(workspace: Workspace) -> None:
    """Make every table anew from the trail, in the caller's transaction."""
    for table in _MADE:
        workspace.execute(f"DELETE FROM {table}")  # noqa: S608
    query = "SELECT id FROM records WHERE kind = ? AND state NOT IN (?, ?, ?)"
    for (identifier,) in workspace.execute(query, (Testimony.kind, NEW, QUARANTINED, WITHDRAWN)).fetchall():
        workspace.set_state(identifier, NEW)
    for entry in trail.entries(workspace):
        if entry.event in _HANDLERS:
            _HANDLERS[entry.event](workspace, entry)


def forget(workspace: Workspace, testimony: str) -> None:
    """Delete all work on a testimony, in the caller's transaction. That it was done stays in the trail."""
    for table in (*_BY_RECORD, "readings"):
        workspace.execute(f"DELETE FROM {table} WHERE record = ?", (testimony,))  # noqa: S608
    workspace.execute("DELETE FROM links WHERE ? IN (one, other)", (testimony,))
    index.forget(workspace, testimony)
    trail.forget(workspace, testimony)
