"""What a call keeps for some days only is deleted on the desk when they are over, and the rest stays."""

import datetime
from pathlib import Path

import pytest

from desk.conftest import DUTY
from desk.stick import CALL, Desk, Server
from desk.test_withdrawal import everything
from intake.calls.edition import Edition
from intake.desk.bundles.opening import Opening

MARKER = "planted@example.org"
SECTION = b"""
  - id: contact
    title: How to contact you
    keep_days: 183
    questions:
      - {id: con.value, type: text, limit: 200, label: Your address}
      - {id: con.times, type: textarea, limit: 500, label: When}
"""
ANSWERS = {"story.text": "It was dark.", "con.value": MARKER, "con.times": f"never, {MARKER}"}
KEPT = {"story.text": "It was dark."}


@pytest.fixture
def server(server: Server) -> Server:
    """A server whose call asks how to contact the person."""
    server.edition = Edition({**server.edition.files, "call.yaml": CALL + SECTION.lstrip(b"\n")})
    return server


def open_on(day: str, desk: Desk, stick: Path) -> list[str]:
    """Open the stick as on this day; return what was said of contact data."""
    said: list[str] = []
    opening = Opening([DUTY], day, said.append)
    opening.run([stick], desk.workspace)
    assert opening.troubles == []
    return [line for line in said if "Contact data" in line]


def later(days: int) -> str:
    return (datetime.date(2026, 11, 21) + datetime.timedelta(days=days)).isoformat()


def test_contact_data_are_deleted_when_their_time_is_over(server: Server, desk: Desk, stick: Path) -> None:
    parent = server.receive(answers=ANSWERS, test=True)
    added = server.add(server.addition(parent, answers=ANSWERS))
    text = server.add(server.text(parent, "More."))
    without = server.receive(answers=KEPT)
    server.day = "2026-12-21"
    young = server.receive(answers=ANSWERS)
    server.export(stick)
    assert open_on(later(183), desk, stick) == []
    assert desk.shown(parent)["answers"] == desk.shown(added)["answers"] == ANSWERS
    before = {record: desk.shown(record) for record in (parent, added, text, without, young)}
    assert open_on(later(184), desk, stick) == [
        "Contact data of 2 record(s) were deleted: they are older than the call keeps them."
    ]
    changed = {parent: {**before[parent], "answers": KEPT}, added: {**before[added], "answers": KEPT}}
    assert {record: desk.shown(record) for record in before} == {**before, **changed}
    assert {fields["state"] for fields in desk.listed().values()} == {"new"}
    assert MARKER not in desk.show(parent)
    assert open_on(later(185), desk, stick) == []  # the same stick brings nothing back
    assert desk.shown(young)["answers"] == ANSWERS
    assert len(open_on(later(300), desk, stick)) == 1
    assert MARKER.encode() not in everything(desk)
    desk.at_desk("acknowledge", parent, "--state", "accepted")
    assert desk.shown(parent)["answers"] == KEPT


def test_a_day_that_is_none_does_no_harm(server: Server, desk: Desk, stick: Path) -> None:
    """The day is the log's own, and only its form is sure."""
    server.day = "2026-99-99"
    late = server.receive(answers=ANSWERS)
    server.day = "0000-00-00"
    early = server.receive(answers=ANSWERS)
    server.day = "2026-11-21"
    server.export(stick)
    open_on("2026-11-22", desk, stick)
    assert desk.shown(late)["answers"] == ANSWERS
    assert desk.shown(early)["answers"] == KEPT


def test_a_call_that_keeps_them_for_ever_does_no_harm(server: Server, desk: Desk, stick: Path) -> None:
    call = (CALL + SECTION).replace(b"keep_days: 183", b"keep_days: 999999999")
    server.edition = Edition({"call.yaml": call})
    record = server.receive(answers=ANSWERS, language="en")
    server.export(stick)
    assert open_on("2027-11-22", desk, stick) == []
    assert desk.shown(record)["answers"] == ANSWERS
