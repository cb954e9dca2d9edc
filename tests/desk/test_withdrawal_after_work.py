"""A withdrawal that comes when reviewers have worked: not a word of the testimony, or of the work on it, stays."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.conftest import DUTY
from desk.stick import Desk, Server
from intake.desk import deciding, exposure, messages, projections, trail
from intake.desk.access import open_workspace
from intake.desk.finding import index, triage
from intake.desk.finding.filters import Filter
from intake.desk.passages import Passage
from intake.desk.redacting import marks, quotes, suggesting
from intake.desk.study import codebook, coding, links, memos, translating
from intake.desk.workspace import Workspace

MARKER = "zanzibarine"
STORY = f"Nurse {MARKER} Jones wrote it all by hand on 3 March 2026."


def words_in(workspace: Workspace) -> list[str]:
    """Every table and column that holds the marker. A full-text index is asked, since it holds no whole rows."""
    found = []
    for (table,) in workspace.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        columns = [row[1] for row in workspace.execute(f"PRAGMA table_info('{table}')").fetchall()]
        for column in columns if table != "words" else ():
            query = f'SELECT count(*) FROM "{table}" WHERE instr(lower(CAST("{column}" AS TEXT)), ?)'
            found += [f"{table}.{column}"] * bool(workspace.execute(query, (MARKER,)).fetchone()[0])
    query = "SELECT count(*) FROM words WHERE words MATCH ?"
    found += ["words"] * bool(workspace.execute(query, (MARKER,)).fetchone()[0])
    return found


@pytest.fixture
def record(server: Server, desk: Desk, stick: Path) -> str:
    record = server.receive(answers={"story.text": STORY, "inc.kind": "RANSOM"})
    server.add(server.text(record, f"And {MARKER} cried."))
    server.attach(record, MARKER.encode(), name=f"{MARKER}.txt", media_type="text/plain")
    server.receive(answers={"story.text": "Somebody else."})
    server.export(stick)
    assert desk.open(stick).returncode == 0
    return record


@pytest.fixture
def workspace(desk: Desk, record: str) -> Iterator[Workspace]:
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        yield workspace


def work(workspace: Workspace, record: str) -> None:
    """Do everything with a testimony that a reviewer can do."""
    testimony = workspace.testimony(record)
    name = Passage(record, "story.text", 6, 6 + len(MARKER))
    all_of_it = Passage(record, "story.text", 0, len(STORY))
    other = next(found.id for found in workspace.records("kind = 'testimony' AND id != ?", (record,)))
    with workspace.transaction():
        index.refresh(workspace)
        exposure.opened(workspace, record)
        deciding.decide(workspace, record, "reading")
        code = codebook.tree(workspace)[1].id
        given = coding.add(workspace, record, name, [code])
        coding.remove(workspace, given[0].detail["id"])
        coding.add(workspace, record, name, [code])
        memo = memos.add(workspace, f"{MARKER} again", record=record)
        memos.change(workspace, memo.detail["id"], f"{MARKER} and again")
        memos.add(workspace, f"a passage of {MARKER}", record=record, passage=name)
        memos.delete(workspace, memos.add(workspace, f"no {MARKER}", record=record).detail["id"])
        translating.translate(workspace, record, record, "story.text", "fr", f"L'infirmière {MARKER}")
        coding.finish(workspace, record)
        links.link(workspace, record, other)
        marked = marks.mark(workspace, testimony, name, "person")
        marks.change(workspace, marked.id, "role")
        quote = quotes.choose(workspace, testimony, all_of_it)
        suggesting.dismiss(workspace, testimony, Passage(record, "story.text", 0, 5))
        messages.reply(workspace, record, f"Dear {MARKER}", "2026-11-22")
        deciding.decide(workspace, record, "accepted")
    assert quote.record == record


def test_nothing_of_it_stays(desk: Desk, server: Server, stick: Path, workspace: Workspace, record: str) -> None:
    work(workspace, record)
    held = words_in(workspace)
    assert {"records.content", "trail.detail", "memos.text", "translations.text", "messages.text", "words"} <= {*held}
    server.withdraw(record)
    server.export(stick)
    assert desk.open(stick).returncode == 0
    assert words_in(workspace) == []
    for table in ("codings", "finished", "memos", "translations", "redactions", "quotes", "dismissed", "readings"):
        assert workspace.execute(f"SELECT count(*) FROM {table} WHERE record = ?", (record,)).fetchone() == (0,)
    assert workspace.execute("SELECT count(*) FROM links").fetchone() == (0,)
    assert workspace.execute("SELECT count(*) FROM testimonies WHERE record = ?", (record,)).fetchone() == (0,)
    assert triage.find(workspace, Filter()).total == 1


def test_what_was_done_stays_known_without_what_it_was_about(
    desk: Desk, server: Server, stick: Path, workspace: Workspace, record: str
) -> None:
    work(workspace, record)
    before = [(entry.digest, entry.event) for entry in trail.entries(workspace, "record = ?", (record,))]
    server.withdraw(record)
    server.export(stick)
    assert desk.open(stick).returncode == 0
    after = list(trail.entries(workspace, "record = ?", (record,)))
    assert [(entry.digest, entry.event) for entry in after] == before
    assert {entry.text for entry in after} == {None}
    assert trail.check(workspace) == []


def test_the_tables_made_anew_are_those_that_were_there(workspace: Workspace, record: str) -> None:
    made = ["codes", "codings", "finished", "memos", "translations", "links", "redactions", "confirmations"]
    made += ["quotes", "dismissed", "asked", "agreed"]

    def tables() -> dict[str, Any]:
        return {name: sorted(map(repr, workspace.execute(f"SELECT * FROM {name}").fetchall())) for name in made}

    work(workspace, record)
    before, state = tables(), workspace.testimony(record).state
    assert sum(map(len, before.values())) >= 8
    with workspace.transaction():
        projections.rebuild(workspace)
    assert tables() == before
    assert workspace.testimony(record).state == state == "accepted"
