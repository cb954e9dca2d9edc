"""What becomes of a testimony: new, being read, accepted, set aside or spam; who said so and when is in the trail."""

from collections.abc import Iterable

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import NEW, Workspace
from intake.envelope import Testimony

READING = "reading"
ACCEPTED = "accepted"
SET_ASIDE = "set aside"
SPAM = "spam"
STATES = (NEW, READING, ACCEPTED, SET_ASIDE, SPAM)

_DECIDED = "decided"


def decide(workspace: Workspace, identifier: str, state: str) -> Entry | None:
    """Give a filed testimony a state, in the caller's transaction. Return None if it has it already.

    Raises DeskError when it is no testimony that is filed here, or there is no such state.
    """
    if state not in STATES:
        raise DeskError(f"There is no state {state!r}: it is one of {', '.join(STATES)}.")
    record = workspace.found(identifier)
    if record.kind != Testimony.kind:
        raise DeskError(f"Record {record.id} is no testimony: decide about its testimony {record.parent}.")
    if record.state == state:
        return None
    entry = trail.write(workspace, _DECIDED, record.id, {"state": state, "before": record.state})
    _decided(workspace, entry)
    return entry


def take_back(workspace: Workspace, digests: Iterable[str]) -> list[str]:
    """Undo decisions, named by the digests of their entries, in the caller's transaction.

    What was decided again since then stays as it is. Returns the ids of the testimonies that have their state again.
    """
    changed = []
    for digest in digests:
        for entry in list(trail.entries(workspace, "digest = ? AND event = ?", (digest, _DECIDED))):
            record = workspace.record(entry.record)
            if record and record.filed and entry.detail and record.state == entry.detail["state"]:
                decide(workspace, record.id, entry.detail["before"])
                changed.append(record.id)
    return changed


def resume(workspace: Workspace, identifier: str) -> None:
    """Give a testimony that is filed only now the state it got at another desk, in the caller's transaction."""
    query = "SELECT 1 FROM trail WHERE record = ? LIMIT 1"  # to sort nothing takes longer than to file the rest
    if workspace.execute(query, (identifier,)).fetchone():
        for entry in list(trail.entries(workspace, "record = ? AND event = ?", (identifier, _DECIDED))):
            _decided(workspace, entry)


def _decided(workspace: Workspace, entry: Entry) -> None:
    record = workspace.record(entry.record)
    if record and record.filed and entry.detail:
        workspace.set_state(record.id, entry.detail["state"])


EVENTS: dict[str, Handler] = {_DECIDED: _decided}
