"""How many hard testimonies a reviewer has read today: known to this desk alone, and only to suggest a pause."""

import datetime

from intake.desk.finding import index
from intake.desk.workspace import Workspace

ENOUGH = 8
"""From so many on one day on, the desk suggests a pause."""


def opened(workspace: Workspace, record: str) -> None:
    """Remember that the reviewer opened a testimony."""
    reading = (workspace.reviewer.name, _day(), record)
    workspace.execute("INSERT OR IGNORE INTO readings VALUES (?, ?, ?)", reading)


def covered(workspace: Workspace, record: str) -> bool:
    """Tell whether a testimony is about death or violence, and the reviewer did not ask for it today.

    Brings the index up to date first: not to be called inside a transaction.
    """
    index.refresh(workspace)
    query = (
        "SELECT 1 FROM testimonies WHERE record = ?1 AND hard AND NOT EXISTS "
        "(SELECT 1 FROM readings WHERE reviewer = ?2 AND day = ?3 AND record = ?1)"
    )
    return workspace.execute(query, (record, workspace.reviewer.name, _day())).fetchone() is not None


def today(workspace: Workspace) -> int:
    """Return how many testimonies about death or violence the reviewer opened today."""
    query = (
        "SELECT count(*) FROM readings JOIN testimonies USING (record) WHERE reviewer = ? AND readings.day = ? AND hard"
    )
    return int(workspace.execute(query, (workspace.reviewer.name, _day())).fetchone()[0])


def _day() -> str:
    """Return the day as the reviewer lives it, not that of the log."""
    return datetime.datetime.now().astimezone().date().isoformat()
