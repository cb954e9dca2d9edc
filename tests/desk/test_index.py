"""What lists and searches read is what is filed: no more after a withdrawal, no less after a killed run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.conftest import DUTY
from desk.stick import CALL, Desk, Server
from intake.calls.edition import Edition
from intake.desk import deciding
from intake.desk.access import open_workspace
from intake.desk.finding import bitmaps, index
from intake.desk.workspace import Workspace

_MORE = b"""
      - {id: safe.retaliate, type: radio, label: Trouble, options: [{code: "Y", label: "Yes"}]}
      - {id: care.worst, type: radio, label: Worst, options: [{code: WAIT, label: A wait}, {code: DEATH, label: Death}]}
      - {id: you.country, type: country, label: Where do you live}
  - id: contact
    title: Contact
    keep_days: 9000
    questions:
      - {id: con.value, type: text, limit: 100, label: Address}
      - {id: con.via, type: radio, label: How, options: [{code: EMAIL, label: Email}]}
  - id: consents
"""


@pytest.fixture
def server(server: Server) -> Server:
    """A server whose call asks about risk, harm and contact, too."""
    call = CALL.replace(b"  - id: consents\n", _MORE.removeprefix(b"\n")).replace(
        b"one_of: [story.text]", b"one_of: [story.text, inc.kind]"
    )
    server.edition = Edition({**server.edition.files, "call.yaml": call})
    return server


@dataclass
class Indexed:
    """Carries the stick to the desk, and looks at its index."""

    server: Server
    desk: Desk
    stick: Path

    @contextmanager
    def open(self) -> Iterator[Workspace]:
        """Carry everything, index it, and give the workspace."""
        self.server.export(self.stick)
        assert self.desk.open(self.stick).returncode == 0
        with open_workspace(self.desk.workspace, [DUTY]) as workspace:
            index.refresh(workspace)
            yield workspace


@pytest.fixture
def indexed(server: Server, desk: Desk, stick: Path) -> Indexed:
    return Indexed(server, desk, stick)


def row(workspace: Workspace, record: str, columns: str) -> tuple[object, ...] | None:
    found: tuple[object, ...] | None = workspace.execute(
        f"SELECT {columns} FROM testimonies WHERE record = ?", (record,)
    ).fetchone()
    return found


def who(workspace: Workspace, question: str, code: str) -> list[str]:
    """The testimonies with an answer."""
    numbers = bitmaps.numbers(bitmaps.having(workspace, question, code))
    rows = [workspace.execute("SELECT record FROM testimonies WHERE number = ?", (number,)) for number in numbers]
    return [row.fetchone()[0] for row in rows]


def words(workspace: Workspace, word: str) -> int:
    """How many testimonies have a word, as the index writes it."""
    return int(workspace.execute("SELECT count(*) FROM words WHERE words MATCH ?", (f'"{word}"',)).fetchone()[0])


def test_a_row_says_what_the_list_shows(indexed: Indexed) -> None:
    server = indexed.server
    answers = {"story.text": "Night.\n\nThe  lights", "inc.country": "FR", "care.worst": "DEATH", "safe.retaliate": "Y"}
    one = server.receive(answers=answers)
    two = server.receive(answers={"story.text": "Day", "you.country": "CH", "care.worst": "WAIT"}, test=True)
    three = server.receive(answers={"inc.kind": "LEAK", "inc.country": "ZZ", "safe.retaliate": "PNS"})
    server.add(server.text(one, "More words"))
    server.attach(one, b"file")
    with indexed.open() as workspace:
        columns = "state, call, language, day, country, risk, hard, test, additions, files, length, opening"
        filed = ("new", "tiny", "fr", "2026-11-21")
        assert row(workspace, one, columns) == (*filed, "FR", 1, 1, 0, 1, 1, 29, "Night. The lights")
        assert row(workspace, two, columns) == (*filed, "CH", 0, 0, 1, 0, 0, 3, "Day")
        assert row(workspace, three, columns) == (*filed, "", 0, 0, 0, 0, 0, 0, "")


def test_answers_of_a_testimony_and_of_what_was_added_count(indexed: Indexed) -> None:
    server = indexed.server
    one = server.receive(answers={"inc.kind": "RANSOM", "care.effects": ["DELAY", "DIVERT"], "inc.when": "2025-03-09"})
    two = server.receive(answers={"story.text": "Who knows", "inc.kind": "UNK", "inc.when": "2025"})
    server.add(
        server.addition(two, answers={"story.text": "Now I know", "inc.kind": "LEAK", "care.effects": ["DELAY"]})
    )
    with indexed.open() as workspace:
        assert who(workspace, "inc.kind", "RANSOM") == [one]
        assert who(workspace, "inc.kind", "UNK") == who(workspace, "inc.kind", "LEAK") == [two]
        assert who(workspace, "care.effects", "DELAY") == [one, two]
        assert who(workspace, "inc.when", "2025") == [one, two]
        assert who(workspace, bitmaps.INCIDENT, "2025-03") == [one]
        assert who(workspace, bitmaps.MONTH, "2026-11") == [one, two]
        assert who(workspace, "inc.kind", "no such code") == who(workspace, "no.such", "RANSOM") == []
        assert bitmaps.answers(workspace, "inc.kind").keys() == {"RANSOM", "UNK", "LEAK"}
        assert bitmaps.of_records(workspace, {one, two}) == bitmaps.everything(workspace)


def test_consents_are_those_in_force(indexed: Indexed) -> None:
    server = indexed.server
    one, two = server.receive(), server.receive()
    server.add(server.consent(one, CPUB="Y"))
    with indexed.open() as workspace:
        assert who(workspace, "CPUB", "Y") == [one]
        assert who(workspace, "CPUB", "N") == [two]
    server.add(server.consent(one, version=2, CPUB="N"))
    with indexed.open() as workspace:
        assert who(workspace, "CPUB", "Y") == []
        assert who(workspace, "CPUB", "N") == [one, two]


def test_how_to_reach_a_source_is_not_in_the_index(indexed: Indexed) -> None:
    indexed.server.receive(answers={"story.text": "Night", "con.value": "nurse@example.org", "con.via": "EMAIL"})
    with indexed.open() as workspace:
        assert words(workspace, "night") == 1
        assert words(workspace, "nurse") == words(workspace, "example") == 0
        assert bitmaps.answers(workspace, "con.via") == {}


def test_what_is_added_later_is_found(indexed: Indexed) -> None:
    one = indexed.server.receive()
    with indexed.open() as workspace:
        assert words(workspace, "dark") == 1
    indexed.server.add(indexed.server.text(one, "candles"))
    with indexed.open() as workspace:
        assert words(workspace, "dark") == words(workspace, "candles") == 1
        assert row(workspace, one, "additions") == (1,)
        assert workspace.execute("SELECT count(*) FROM words").fetchone() == (1,)


def test_a_phrase_does_not_go_from_one_text_into_the_next(indexed: Indexed) -> None:
    one = indexed.server.receive(answers={"story.text": "the end"})
    indexed.server.add(indexed.server.text(one, "begin here"))
    with indexed.open() as workspace:
        assert words(workspace, "the end") == words(workspace, "begin here") == 1
        assert words(workspace, "end begin") == 0


def test_nothing_stays_of_what_is_withdrawn(indexed: Indexed) -> None:
    one = indexed.server.receive(answers={"story.text": "zanzibar", "inc.kind": "LEAK"})
    two = indexed.server.receive(answers={"story.text": "zebra", "inc.kind": "LEAK"})
    with indexed.open() as workspace:
        assert who(workspace, "inc.kind", "LEAK") == [one, two]
        assert words(workspace, "zanzibar") == 1
    indexed.server.withdraw(one)
    with indexed.open() as workspace:
        assert row(workspace, one, "1") is None
        assert who(workspace, "inc.kind", "LEAK") == who(workspace, bitmaps.STATE, "new") == [two]
        assert bitmaps.everything(workspace).bit_count() == 1
        assert words(workspace, "zanzibar") == 0
        assert words(workspace, "zebra") == 1
        blocks = b"".join(block for (block,) in workspace.execute("SELECT block FROM words_data"))
        assert b"anzibar" not in blocks
        assert workspace.execute("SELECT count(*) FROM stale").fetchone() == (0,)


def test_another_may_get_the_number_of_what_is_gone(indexed: Indexed) -> None:
    one = indexed.server.receive(answers={"story.text": "zanzibar", "inc.kind": "LEAK"})
    with indexed.open() as workspace:
        assert row(workspace, one, "number") == (1,)
    indexed.server.withdraw(one)
    two = indexed.server.receive(answers={"story.text": "zebra", "inc.kind": "RANSOM"})
    with indexed.open() as workspace:
        assert row(workspace, two, "number") == (1,)
        assert words(workspace, "zanzibar") == 0
        assert words(workspace, "zebra") == 1
        assert bitmaps.answers(workspace, "inc.kind") == {"RANSOM": 2}


def test_what_is_forgotten_at_once_is_rewritten_at_the_next_refresh(indexed: Indexed) -> None:
    one = indexed.server.receive(answers={"story.text": "zanzibar"})
    indexed.server.receive()
    with indexed.open() as workspace:
        with workspace.transaction():
            index.forget(workspace, one)
        assert row(workspace, one, "1") is None
        assert words(workspace, "zanzibar") == 0
        index.refresh(workspace)
        blocks = b"".join(block for (block,) in workspace.execute("SELECT block FROM words_data"))
        assert b"anzibar" not in blocks


def test_what_is_set_aside_as_wrong_is_not_indexed(indexed: Indexed) -> None:
    indexed.server.receive(answers={"inc.kind": "NO SUCH CODE"})
    one = indexed.server.receive()
    with indexed.open() as workspace:
        assert [found for (found,) in workspace.execute("SELECT record FROM testimonies")] == [one]


def test_a_decision_moves_it(indexed: Indexed) -> None:
    one, two = indexed.server.receive(), indexed.server.receive()
    with indexed.open() as workspace:
        with workspace.transaction():
            deciding.decide(workspace, one, "accepted")
        index.refresh(workspace)
        assert who(workspace, bitmaps.STATE, "accepted") == [one]
        assert who(workspace, bitmaps.STATE, "new") == [two]


def test_a_killed_run_is_gone_on_with(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(Exception):
        pass

    def die(done: int, total: int) -> None:
        raise KilledError((done, total))

    def everything(workspace: Workspace) -> list[object]:
        tables = ("testimonies", "facets", "terms")
        found = [workspace.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
        return [*found, words(workspace, "dark")]

    records = [indexed.server.receive(language=language) for language in ("fr", "en", "ar", "fr", "en")]
    with indexed.open() as workspace:
        whole = everything(workspace)
        with workspace.transaction():
            for record in records:
                index.forget(workspace, record)
            workspace.execute("DELETE FROM facets")
            workspace.execute("DELETE FROM terms")
            workspace.execute("INSERT OR IGNORE INTO stale SELECT id FROM records WHERE kind = 'testimony'")
        monkeypatch.setattr(index, "_BATCH", 2)
        with pytest.raises(KilledError) as killed:
            index.refresh(workspace, die)
        assert killed.value.args == ((2, 5),)
        told: list[tuple[int, int]] = []
        assert index.refresh(workspace, lambda done, total: told.append((done, total))) == 3
        assert told == [(2, 3), (3, 3)]
        assert everything(workspace) == whole
        assert index.refresh(workspace) == 0


def test_indexing_twice_changes_nothing(indexed: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitmaps, "_BLOCK", 2)
    records = [indexed.server.receive(language=language) for language in ("fr", "en", "ar", "fr", "en")]
    with indexed.open() as workspace:
        before = workspace.execute("SELECT * FROM testimonies ORDER BY number").fetchall()
        assert who(workspace, bitmaps.LANGUAGE, "fr") == [records[0], records[3]]
        with workspace.transaction():
            workspace.execute("INSERT INTO stale SELECT id FROM records WHERE id IN (?, ?)", records[:2])
        assert index.refresh(workspace) == 2
        assert workspace.execute("SELECT * FROM testimonies ORDER BY number").fetchall() == before
        assert who(workspace, bitmaps.LANGUAGE, "fr") == [records[0], records[3]]
        assert workspace.execute("SELECT rowid FROM words ORDER BY rowid").fetchall() == [(n,) for n in range(1, 6)]


@given(st.sets(st.integers(0, 20_000)))
def test_a_bitmap_holds_numbers(numbers: set[int]) -> None:
    bitmap = bitmaps.of_numbers(numbers)
    assert bitmaps.numbers(bitmap) == sorted(numbers)
    assert bitmap.bit_count() == len(numbers)
