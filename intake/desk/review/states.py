"""Deciding about testimonies, from the list or from one of them, and taking back what was decided last."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from intake.desk import deciding, spam
from intake.desk.deciding import SPAM
from intake.desk.review.desk import go_to, notice, own_path, session, workspace
from intake.desk.review.session import Done
from intake.desk.workspace import Workspace

states = Blueprint("states", __name__)


@states.post("/decide")
def decide() -> Response:
    """Give the testimonies `record` (repeated) the state `state`, and go on to `next`."""
    desk = workspace()
    wanted, state = request.form.getlist("record"), request.form.get("state", "")
    if not wanted:
        notice("No testimony is marked: mark some first.")
    elif state == SPAM:
        _as_spam(wanted)
    else:
        with desk.transaction():
            entries = [entry for name in wanted if (entry := deciding.decide(desk, name, state))]
        _remember(Done(decided=tuple(entry.digest for entry in entries)))
        notice(f"{_count(len(entries))} now: {state}." if entries else f"Already {state}.", undo=bool(entries))
    return go_to(own_path(request.form.get("next", "/")))


@states.post("/undo")
def undo() -> Response:
    """Take back what was decided last."""
    if not session().done:
        notice("There is nothing to undo.")
    else:
        desk, done = workspace(), session().done.pop()
        changed = [name for marked in done.spam for name in _unmarked(desk, marked)]
        with desk.transaction():
            changed += deciding.take_back(desk, done.decided)
        notice(f"Undone: {_count(len(changed))} as before.")
    return go_to(own_path(request.form.get("next", "/")))


def _as_spam(wanted: list[str]) -> None:
    desk, marked, looked_alike = workspace(), [], 0
    for name in wanted:
        if desk.testimony(name).state != SPAM:  # the one before may have looked like it
            looked_alike += len(spam.mark(desk, name)) - 1
            marked.append(name)
    _remember(Done(spam=tuple(marked)))
    alike = f", and {_count(looked_alike)} that looked like it" if looked_alike else ""
    notice(f"{_count(len(marked))} now: spam{alike}." if marked else "Already spam.", undo=bool(marked))


def _remember(done: Done) -> None:
    if done != Done():
        session().done.append(done)


def _unmarked(desk: Workspace, marked: str) -> list[str]:
    """Take a marking back, unless somebody did already."""
    return spam.unmark(desk, marked) if desk.testimony(marked).state == SPAM else []


def _count(number: int) -> str:
    return f"{number} testimony" if number == 1 else f"{number} testimonies"
