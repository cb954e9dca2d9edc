"""Links between testimonies of the same incident, and what the desk suggests, with its reasons."""

import time
from pathlib import Path
from typing import Any

import pytest

from desk.conftest import DUTY
from desk.stick import CALL, Desk, Server
from intake.calls.edition import Edition
from intake.desk import deciding, projections, trail
from intake.desk.access import open_workspace
from intake.desk.errors import DeskError
from intake.desk.finding import index
from intake.desk.study import incidents, links
from intake.desk.workspace import Workspace

MORE = b"""      - {id: inc.name, type: text, limit: 100, label: Which one}
      - id: inc.org
        type: radio
        label: What kind of place
        options: [{code: HOSP, label: A hospital}, {code: LAB, label: A laboratory}, {code: OTHER, label: Another}]
      - {id: inc.beds, type: number"""
EDITION = Edition({"call.yaml": CALL.replace(b"      - {id: inc.beds, type: number", MORE)})
BASE = {"inc.country": "FR", "inc.when": "2026-03-09", "inc.kind": "RANSOM", "inc.org": "HOSP"}


@pytest.fixture
def server(server: Server) -> Server:
    server.edition = EDITION
    return server


def received(server: Server, **answers: str) -> str:
    """A testimony like the others, but for some answers. An empty one is left out."""
    given = {**BASE, **{name.replace("_", "."): answer for name, answer in answers.items()}}
    return server.receive(
        language="en", answers={"story.text": "x", **{name: answer for name, answer in given.items() if answer}}
    )


def opened(server: Server, desk: Desk, stick: Path) -> Any:
    server.export(stick)
    result = desk.open(stick)
    assert result.returncode == 0, result.stderr
    return open_workspace(desk.workspace, [DUTY], "anna")


def suggested(workspace: Workspace, testimony: str) -> dict[str, tuple[str, ...]]:
    found = incidents.suggestions(workspace, workspace.testimony(testimony))
    return {suggestion.record: suggestion.reasons for suggestion in found}


def join(workspace: Workspace, *pairs: tuple[str, str]) -> None:
    for one, other in pairs:
        with workspace.transaction():
            links.link(workspace, one, other)


def test_whatever_is_linked_is_one_group(server: Server, desk: Desk, stick: Path) -> None:
    a, b, c, d = (received(server) for _ in range(4))
    with opened(server, desk, stick) as workspace:
        join(workspace, (a, b), (c, b), (b, a))
        assert links.linked(workspace, a) == {b: True, c: False}
        assert links.linked(workspace, b) == {a: True, c: True}
        assert links.linked(workspace, d) == {}
        with workspace.transaction():
            links.unlink(workspace, b, c)
        assert links.linked(workspace, a) == {b: True}
        events = [(entry.event, entry.record) for entry in trail.entries(workspace, "event LIKE '%linked'")]
        assert events == [("linked", a), ("linked", c), ("unlinked", b)]
        before = workspace.execute("SELECT * FROM links").fetchall()
        with workspace.transaction():
            projections.rebuild(workspace)
        assert workspace.execute("SELECT * FROM links").fetchall() == before
        for refused in ((a, a), (a, "0" * 32), (a, "x")):
            with pytest.raises(DeskError), workspace.transaction():
                links.link(workspace, *refused)
        with pytest.raises(DeskError), workspace.transaction():
            links.unlink(workspace, a, c)


def test_what_was_withdrawn_vanishes(server: Server, desk: Desk, stick: Path) -> None:
    a, b, c = (received(server) for _ in range(3))
    with opened(server, desk, stick) as workspace:
        join(workspace, (a, b), (b, c))
    server.withdraw(b)
    stick.unlink()
    with opened(server, desk, stick) as workspace:
        assert links.linked(workspace, a) == links.linked(workspace, c) == {}
        assert list(suggested(workspace, a)) == [c]
        assert not workspace.execute("SELECT * FROM links").fetchall()
        assert not [entry for entry in trail.entries(workspace, "record = ?", (b,)) if entry.detail]


def test_the_nearest_comes_first_with_its_reasons(server: Server, desk: Desk, stick: Path) -> None:
    one = received(server, inc_name="Hôpital St-Luc")
    same_day = received(server)
    named = received(server, inc_when="2026-03-30", inc_name="HOPITAL ST. LUC", inc_kind="", inc_org="LAB")
    near = received(server, inc_when="2026-03-11", inc_kind="LEAK")
    month = received(server, inc_when="2026-03", inc_org="")
    next_month = received(server, inc_when="2026-04-06")
    nothing = [
        received(server, inc_country="DE", inc_when="2026-03-09"),  # another country
        received(server, inc_when="2026-04-30"),  # too long after
        received(server, inc_when="2027-03-09"),  # the same day of another year
        received(server, inc_when="2026", inc_name=""),  # nobody knows when
        received(server, inc_when="2026-03", inc_kind="LEAK", inc_org="OTHER"),  # too little speaks for it
    ]
    with opened(server, desk, stick) as workspace:
        found = suggested(workspace, one)
        same = ("same country", "same kind of organisation (A hospital)")
        assert list(found) == [same_day, named, near, month, next_month]
        assert found[same_day] == ("the same day", "both: Ransomware", *same)
        assert found[near] == ("2 days apart", *same)
        assert found[named] == ("the same name of the organisation", "21 days apart", "same country")
        assert found[month] == ("the same month", "both: Ransomware", "same country")
        assert found[next_month] == ("both: Ransomware", "28 days apart", *same)
        assert not set(nothing) & set(found)
        join(workspace, (same_day, near), (near, one))
        assert list(suggested(workspace, one)) == [named, month, next_month]
        with workspace.transaction():
            deciding.decide(workspace, month, deciding.SPAM)
        index.refresh(workspace)
        assert list(suggested(workspace, one)) == [named, next_month]


@pytest.mark.parametrize("answer", ["UNK", "PNS", "ZZ"])
def test_what_nobody_knows_is_nothing_in_common(server: Server, desk: Desk, stick: Path, answer: str) -> None:
    one = received(server, inc_country=answer if answer == "ZZ" else "", inc_kind=answer if answer != "ZZ" else "")
    received(server, inc_country=answer if answer == "ZZ" else "", inc_kind=answer if answer != "ZZ" else "")
    with opened(server, desk, stick) as workspace:
        ((_, reasons),) = suggested(workspace, one).items()
        assert reasons == ("the same day", "same kind of organisation (A hospital)")


def test_with_no_answers_there_is_nothing_to_suggest(server: Server, desk: Desk, stick: Path) -> None:
    none = dict.fromkeys(("inc_country", "inc_when", "inc_kind", "inc_org"), "")
    one, _ = received(server, **none), received(server, **none)
    with opened(server, desk, stick) as workspace:
        assert not suggested(workspace, one)


def test_a_bounded_number_is_read(server: Server, desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many came from the same month and country, a few are compared, and those most alike."""
    monkeypatch.setattr(incidents, "_MOST_READ", 3)
    others = [received(server, inc_kind="LEAK", inc_org="LAB") for _ in range(6)]
    alike = received(server)
    one = received(server)
    with opened(server, desk, stick) as workspace:
        started = time.process_time()
        found = suggested(workspace, one)
        assert time.process_time() - started < 1
        assert next(iter(found)) == alike
        assert set(found) == {alike, *others[-2:]}
