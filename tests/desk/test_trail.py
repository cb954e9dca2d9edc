"""The audit trail: who did what, in order, signed; and any change to it afterwards is seen."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.colleagues import identity_of, joined
from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.desk import deciding, trail
from intake.desk.access import open_workspace
from intake.desk.workspace import Workspace


@pytest.fixture
def record(server: Server, desk: Desk, stick: Path) -> str:
    record = server.receive()
    server.export(stick)
    assert desk.open(stick).returncode == 0
    with open_workspace(desk.workspace, [DUTY]) as workspace, workspace.transaction():
        for state in ("accepted", "set aside", "accepted"):
            deciding.decide(workspace, record, state)
    return record


@pytest.fixture
def workspace(desk: Desk, record: str) -> Iterator[Workspace]:
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        yield workspace


def test_every_entry_says_who_when_and_what(workspace: Workspace, record: str) -> None:
    came, *decided = trail.entries(workspace)
    assert (came.event, came.reviewer, came.number, came.previous) == ("reviewer came", "duty", 1, "")
    assert [entry.detail["state"] for entry in decided] == ["accepted", "set aside", "accepted"]
    assert [entry.detail["before"] for entry in decided] == ["new", "accepted", "set aside"]
    assert [entry.record for entry in decided] == [record] * 3
    assert [entry.previous for entry in decided] == [came.digest, decided[0].digest, decided[1].digest]
    assert [entry.at for entry in decided] == sorted(entry.at for entry in decided)
    assert trail.check(workspace) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trail SET reviewer = 'brava' WHERE number = 3",
        "UPDATE trail SET at = '2020-01-01T00:00:00Z' WHERE number = 3",
        "UPDATE trail SET event = 'spoken' WHERE number = 3",
        "UPDATE trail SET record = '' WHERE number = 3",
        "UPDATE trail SET detail = replace(detail, 'set aside', 'spam') WHERE number = 3",
        "UPDATE trail SET detail_sha256 = (SELECT detail_sha256 FROM trail WHERE number = 2) WHERE number = 3",
        "UPDATE trail SET signature = (SELECT signature FROM trail WHERE number = 2) WHERE number = 3",
        "UPDATE trail SET previous = '' WHERE number = 3",
        "UPDATE trail SET number = 7 WHERE number = 3",
        "DELETE FROM trail WHERE number = 3",
        "DELETE FROM trail WHERE number = 1",
        "DELETE FROM trail WHERE number = (SELECT max(number) FROM trail)",
    ],
)
def test_a_change_to_the_trail_shows(workspace: Workspace, change: str, desk: Desk) -> None:
    joined(desk, "brava").at_desk("list")
    assert trail.check(workspace) == []
    workspace.execute(change)
    assert trail.check(workspace) != []


def test_an_entry_signed_by_someone_else_shows(workspace: Workspace, desk: Desk, record: str) -> None:
    """Whoever opens the workspace could write anything into it, but not in the name of another."""
    brava = joined(desk, "brava")
    assert brava.at_desk("list").returncode == 0
    with open_workspace(desk.workspace, [identity_of("brava")]) as other, other.transaction():
        other.reviewer = type(other.reviewer)("duty", other.reviewer.key)
        trail.write(other, "decided", record, {"state": "spam", "before": "accepted"})
    (broken,) = trail.check(workspace)
    assert broken.startswith("Entry ")
    assert "is not what duty signed" in broken


def test_what_was_done_can_be_deleted_and_the_chain_holds(workspace: Workspace, record: str) -> None:
    with workspace.transaction():
        trail.forget(workspace, record)
    assert [entry.detail for entry in trail.entries(workspace, "record = ?", (record,))] == [{}] * 3
    assert trail.check(workspace) == []
    with workspace.transaction():
        entry = trail.write(workspace, "decided", record, {"state": "spam", "before": "accepted"})
    assert entry.number == 5
    assert trail.check(workspace) == []


def test_the_digest_tells_nothing_of_what_was_done(workspace: Workspace, record: str) -> None:
    """Two entries that say the same have different digests: nobody can try out what a deleted one said."""
    first, _, third = trail.entries(workspace, "event = 'decided'")
    with workspace.transaction():
        again = trail.write(workspace, "decided", record, first.detail)
    assert again.detail_sha256 not in (first.detail_sha256, third.detail_sha256)


def test_a_clock_that_was_set_back_does_not_change_the_order(
    workspace: Workspace, record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace.transaction():
        workspace.execute("UPDATE trail SET at = '2099-01-01T00:00:00Z' WHERE number = 4")
        entry = trail.write(workspace, "decided", record, {"state": "spam", "before": "accepted"})
    assert entry.at == "2099-01-01T00:00:00Z"
    assert [found.number for found in trail.entries(workspace)] == [1, 2, 3, 4, 5]


def test_work_of_an_earlier_version_is_taken_over(desk: Desk, workspace: Workspace, record: str) -> None:
    """States of a workspace from before there was a trail are in it once it was opened."""
    with workspace.transaction():
        for table in ("trail", "tips", "reviewers"):
            workspace.execute(f"DELETE FROM {table}")
    with open_workspace(desk.workspace, [DUTY], "duty") as again:
        (decided,) = trail.entries(again, "event = 'decided'")
        assert (decided.record, decided.detail) == (record, {"state": "accepted", "before": "new"})
        assert trail.check(again) == []


def test_who_wrote_to_a_source_is_in_it_and_not_what(desk: Desk, workspace: Workspace, record: str) -> None:
    brava = joined(desk, "brava")
    (desk.folder / "text").write_text("Thank you.")
    assert brava.at_desk("reply", record, "--text-file", desk.folder / "text").returncode == 0
    assert brava.at_desk("acknowledge", record, "--state", "used", "--line", "It is in our report.").returncode == 0
    replied, acknowledged = trail.entries(workspace, "event IN ('reply written', 'acknowledged')")
    messages = desk.shown(record)["messages"]
    assert [replied.detail["id"], acknowledged.detail["id"]] == [messages[0]["id"], messages[2]["id"]]
    assert {replied.reviewer, acknowledged.reviewer} == {"brava"}
    assert "Thank you" not in str(replied.text)
