"""What stands beside a testimony about others of the same incident, and the forms that link them."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, request
from werkzeug.wrappers import Response

from intake.desk.errors import DeskError
from intake.desk.review.desk import go_to, notice, own_path, workspace
from intake.desk.study import incidents, links
from intake.desk.workspace import Record, Workspace
from intake.envelope import Testimony

linking = Blueprint("linking", __name__)


@dataclass(frozen=True)
class Other:
    """Another testimony: it is linked with this one, or by way of others, or there are reasons to."""

    record: Record
    linked: bool = False
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Incident:
    """The testimonies of the same incident, and those that may be."""

    linked: list[Other]
    suggested: list[Other]


def incident(open_desk: Workspace, testimony: Record) -> Incident:
    """Return the others of the same incident, for `_links.html`."""
    linked = links.linked(open_desk, testimony.id)
    return Incident(
        [Other(open_desk.testimony(other), direct) for other, direct in linked.items()],
        [
            Other(open_desk.testimony(suggestion.record), reasons=suggestion.reasons)
            for suggestion in incidents.suggestions(open_desk, testimony)
        ],
    )


@linking.post("/testimony/<identifier>/links")
def link(identifier: str) -> Response:
    """Link a testimony with another: its id is in `other`, or the `number` that the desk shows."""
    desk = workspace()
    other = request.form.get("other") or _numbered(desk, request.form.get("number", ""))
    with desk.transaction():
        links.link(desk, identifier, other)
    notice("Linked.")
    return _back(identifier)


@linking.post("/testimony/<identifier>/links/remove")
def unlink(identifier: str) -> Response:
    """Take a link back."""
    desk = workspace()
    with desk.transaction():
        links.unlink(desk, identifier, request.form["other"])
    notice("No longer linked.")
    return _back(identifier)


def _numbered(desk: Workspace, number: str) -> str:
    query = "SELECT id FROM records WHERE sequence = ? AND kind = ?"
    row = (
        desk.execute(query, (int(number), Testimony.kind)).fetchone()
        if number.isdecimal() and len(number) < 16
        else None
    )
    if row is None:
        raise DeskError("There is no testimony with this number.")
    return str(row[0])


def _back(identifier: str) -> Response:
    return go_to(f"{own_path(request.form.get('next', f'/testimony/{identifier}'))}#links")
