"""What the testimonies come to as a whole: everything on the screen, and in a file nothing about fewer than ten."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desk.colleagues import joined
from desk.conftest import DUTY, ESCROW
from desk.stick import FRENCH, Desk, catalogue
from desk.test_export import EDITION as COUNTED
from desk.test_export import MARKER, Counting
from intake.age.identities import parse_identities
from intake.calls.edition import Edition
from intake.desk.access import open_workspace
from intake.desk.counting import chart_tables, charts
from intake.desk.counting.chart_tables import WITHHELD
from intake.desk.counting.withholding import LEAST, shown, shown_together
from intake.desk.finding import bitmaps
from intake.desk.passages import Passage
from intake.desk.study import codebook, coding
from intake.desk.workspace import Workspace

EDITION = Edition({**COUNTED.files, "fr.po": catalogue(FRENCH)})
PEOPLE = 40


def bits(count: int, first: int = 0) -> int:
    """A group of so many people, who follow one another."""
    return ((1 << count) - 1) << first


# ------------------------------------------------------------------------------------------- what may be shown


@settings(max_examples=500, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8))
def test_nothing_that_is_withheld_follows_from_the_number_of_all(sizes: Sequence[int]) -> None:
    """Where everybody is in one group, what the shown ones leave over is enough people."""
    everyone = sum(sizes)
    visible = shown(sizes, everyone)
    hidden = [size for size, seen in zip(sizes, visible, strict=True) if not seen]
    assert all(LEAST <= size <= everyone - LEAST for size, seen in zip(sizes, visible, strict=True) if seen)
    assert sum(hidden) >= LEAST or not any(visible)


def test_where_people_are_in_several_groups_nothing_can_be_subtracted() -> None:
    assert shown([70, 50, 9], 100) == [True, True, False]
    assert shown([95, 50, 45], 100) == [False, True, False]  # 5 are not in the first, and 5 perhaps in none


def test_those_who_gave_both_answers_are_enough_people() -> None:
    """Who gave one answer, who gave the other and who gave none are together all, and those who gave both twice."""
    assert shown([25, 50, 30], 100, rest=0) == [False, True, True]  # else 5 gave both
    assert shown([25, 50, 35], 100, rest=0) == [True, True, True]


def test_those_who_gave_only_the_other_answer_are_enough_people() -> None:
    """Nobody who gave no answer is among those who gave one: how many are neither can be told."""
    assert shown([10, 85, 50], 100, rest=0) == [False, True, True]  # else 5 gave only the last one
    assert shown([10, 80, 50], 100, rest=0) == [True, True, True]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((30, 20, 15, 14), (True, True, True, False)),  # nothing is left over: the smallest is withheld, too
        ((30, 20, 9), (True, False, False)),  # one is withheld: another hides it
        ((30, 20, 0), (True, False, False)),  # none is a group of fewer than ten
        ((30, 20, 9, 8), (True, True, False, False)),  # two that are withheld hide each other
        ((30, 9), (False, False)),
        ((30,), (False,)),
        ((10, 10), (False, True)),
        ((9, 9, 9), (False, False, False)),
        ((), ()),
    ],
)
def test_the_smallest_is_withheld_with_what_it_would_give_away(sizes: Sequence[int], expected: Sequence[bool]) -> None:
    assert tuple(shown(sizes, sum(sizes))) == expected


def test_of_two_codes_none_of_the_four_groups_that_they_make_is_small() -> None:
    everyone = bits(60)
    assert shown_together(bits(30), bits(30, 15), everyone)
    assert not shown_together(bits(30), bits(30, 21), everyone)  # 9 have both
    assert not shown_together(bits(30), bits(30, 9), everyone)  # 9 have one only
    assert not shown_together(bits(30), bits(39), everyone)  # 9 have the other only
    assert not shown_together(bits(30), bits(31, 20), everyone)  # 9 have neither


# ---------------------------------------------------------------------------------------------------- counting


@pytest.fixture
def server() -> Counting:
    """Forty who agree to be counted, and others who are not to be seen in any number that leaves."""
    server = Counting([DUTY.recipient(), ESCROW.recipient()], edition=EDITION)
    for number in range(PEOPLE):
        server.day = f"2026-0{1 + number % 2}-11"
        answers: dict[str, Any] = {"story.text": f"It was dark. {MARKER}"}
        answers |= {"inc.kind": "RANSOM"} if number < 15 else {"inc.kind": "LEAK"} if number < 27 else {}
        answers |= {"care.effects": ["DELAY", *(["DIVERT"] if number < 3 else [])]} if number < 25 else {}
        answers |= {"inc.country": "FR"} if number < 20 else {"inc.country": "CH"} if number < 23 else {}
        answers |= {"inc.when": "2025-03" if number < 18 else "2024"} if number < 30 else {}
        server.receive(answers=answers, language="fr" if number < 28 else "en")
    for _ in range(20):
        server.receive(CSTAT="N", answers={"story.text": MARKER, "inc.kind": "LEAK", "inc.country": "CH"})
    server.receive(test=True, answers={"story.text": MARKER, "inc.kind": "LEAK"})
    server.receive(answers={"story.text": "Buy this now and pay later.", "inc.kind": "LEAK"})
    return server


@pytest.fixture
def opened(server: Counting, desk: Desk, stick: Path) -> Desk:
    server.export(stick)
    assert desk.open(stick).returncode == 0
    assert desk.at_desk("spam", server.identifier(PEOPLE + 22)).returncode == 0
    return desk


def written(desk: Desk, out: Path) -> list[dict[str, str]]:
    result = desk.at_desk("export", "--what", "charts", "--format", "csv", out)
    assert result.returncode == 0, result.stderr
    with out.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def chart(rows: list[dict[str, str]], name: str) -> dict[str, str]:
    return {row["group"]: row["count"] for row in rows if row["chart"] == name}


def on_screen(workspace: Workspace, language: str = "en") -> dict[str, dict[str, int]]:
    found = charts.charts(workspace, charts.on_screen(workspace), language)
    return {chart.name: {group.code: group.size for group in chart.groups} for chart in found}


def test_on_the_screen_everything_counts_but_spam_and_tests(opened: Desk) -> None:
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        found = on_screen(workspace)
    assert found["received"] == {"2026-01": 20, "2026-02": 40}
    assert found["started"] == {"2024": 12, "2025": 18, "": 30}
    assert found["language"] == {"fr": 48, "en": 12}
    assert found["country"] == {"FR": 20, "CH": 23, "": 17}
    assert found["inc.kind"] == {"LEAK": 32, "RANSOM": 15, "PNS": 0, "UNK": 0, "": 13}
    assert found["care.effects"] == {"DELAY": 25, "DIVERT": 3, "PNS": 0, "UNK": 0, "": 35}
    assert "codes" not in found


def test_the_labels_are_in_the_reviewers_language(opened: Desk) -> None:
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        found = charts.charts(workspace, charts.on_screen(workspace), "fr-CH")
        (kind,) = [chart for chart in found if chart.name == "inc.kind"]
    assert kind.language == "fr"
    assert {"Rançongiciel", "A leak", "Je ne sais pas", "Not said"} < {group.label for group in kind.groups}


def test_a_file_holds_nothing_about_fewer_than_ten(opened: Desk, tmp_path: Path) -> None:
    rows = written(opened, tmp_path / "charts.csv")
    assert chart(rows, "all") == {"": str(PEOPLE)}
    assert chart(rows, "inc.kind") == {
        "RANSOM": "15",
        "not said": "13",
        **dict.fromkeys(("LEAK", "UNK", "PNS"), WITHHELD),  # 12, and nobody: 12 would give away that nobody
    }
    assert chart(rows, "care.effects") == {
        "DELAY": "25",
        **dict.fromkeys(("DIVERT", "UNK", "PNS", "not said"), WITHHELD),
    }
    assert chart(rows, "country") == {"FR": "20", "all others": WITHHELD}
    assert chart(rows, "language") == {"fr": "28", "all others": WITHHELD}
    assert chart(rows, "received") == {"2026-02": "20", "all others": WITHHELD}
    assert chart(rows, "started") == {"2024": "12", "2025": "18", "all others": WITHHELD}
    assert MARKER not in (tmp_path / "charts.csv").read_text()
    for row in rows:
        assert row["count"] == WITHHELD or int(row["count"]) >= LEAST


def test_what_leaves_is_remembered_and_a_withdrawal_names_it(
    server: Counting, opened: Desk, stick: Path, tmp_path: Path
) -> None:
    out = tmp_path / "charts.csv"
    written(opened, out)
    server.withdraw(server.identifier(1))
    server.export(stick)
    said = opened.open(stick).stdout
    assert "withdrawn: it is in an export for statistics of" in said
    assert str(out) in said
    server.add(server.consent(server.identifier(2), consent={**server.testimony().consent, "CSTAT": "N"}))
    server.export(stick)
    assert f"narrowed: testimony {server.identifier(2)} is in an export" in opened.open(stick).stdout
    assert chart(written(opened, tmp_path / "again.csv"), "all") == {"": str(PEOPLE - 2)}


def test_of_fewer_than_ten_there_is_no_file_at_all(server: Counting, desk: Desk, stick: Path, tmp_path: Path) -> None:
    few = Counting(server.recipients, edition=EDITION)
    for _ in range(9):
        few.receive()
    few.export(stick)
    desk.open(stick)
    result = desk.at_desk("export", "--what", "charts", "--format", "csv", tmp_path / "charts.csv")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: Fewer than 10 testimonies may be counted")
    assert not (tmp_path / "charts.csv").exists()


def test_an_answer_that_an_edition_keeps_for_some_days_is_in_no_file(
    server: Counting, desk: Desk, stick: Path, tmp_path: Path
) -> None:
    """An edition that hides the question in a section of contact data: no other one lets it out."""
    call = EDITION.files["call.yaml"].replace(b"reach.via", b"care.effects2").replace(b"care.effects\n", b"other\n")
    call = call.replace(b"care.effects2", b"care.effects")
    server.edition = Edition({**EDITION.files, "call.yaml": call})
    server.receive()
    contents = server.contents()
    assert len(contents.editions) == 1
    server.export(stick)
    desk.open(stick)
    server.edition = EDITION
    server.export(stick)
    desk.open(stick)
    assert "care.effects" not in {row["chart"] for row in written(desk, tmp_path / "charts.csv")}


# ------------------------------------------------------------------------------------------------------- codes


def code_some(workspace: Workspace, records: Sequence[str], code: str) -> None:
    with workspace.transaction():
        for record in records:
            coding.add(workspace, record, Passage(record, "story.text", 0, 2), [code])


def test_codes_and_which_occur_together(server: Counting, opened: Desk, tmp_path: Path) -> None:
    records = [server.identifier(number + 1) for number in range(PEOPLE)]
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        one, other, small = [node.id for node in codebook.tree(workspace) if node.depth][:3]
        code_some(workspace, records[:24], one)
        code_some(workspace, records[12:30], other)
        code_some(workspace, records[:4], small)
        found = charts.charts(workspace, charts.on_screen(workspace), "en")
        assert on_screen(workspace)["codes"] == {one: 24, other: 18, small: 4}
        assert [group.code for group in charts.most_used(found, 2)] == [one, other]
    rows = written(opened, tmp_path / "charts.csv")
    assert chart(rows, "codes") == {one: "24", other: "18", "all others": WITHHELD}
    pairs = {(row["group"], row["other"]): row["count"] for row in rows if row["chart"] == "together"}
    assert pairs == {("all others", ""): WITHHELD}  # 12 have both, and 6 the second alone


def test_two_codes_that_enough_have_and_enough_lack_are_told_together(opened: Desk, server: Counting) -> None:
    records = [server.identifier(number + 1) for number in range(60)]
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        one, other = [node.id for node in codebook.tree(workspace) if node.depth][:2]
        code_some(workspace, records[:20], one)
        code_some(workspace, records[10:30], other)
        _, rows = chart_tables.table(workspace, records, "together")
    assert [(row["group"], row["other"], row["count"]) for row in rows] == [
        ("", "", 60),
        (*sorted((one, other)), 10),
        ("all others", "", WITHHELD),
    ]


def test_codings_of_another_reviewer_count_once_they_may_be_seen(server: Counting, opened: Desk) -> None:
    ben = joined(opened, "ben")
    (identity,) = parse_identities(ben.key.read_text())
    record = server.identifier(1)
    with open_workspace(opened.workspace, [identity]) as workspace:  # type: ignore[list-item]
        code = next(node.id for node in codebook.tree(workspace) if node.depth)
        code_some(workspace, [record], code)
        assert on_screen(workspace)["codes"] == {code: 1}
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        assert "codes" not in on_screen(workspace)
        with workspace.transaction():
            coding.finish(workspace, record)
        assert on_screen(workspace)["codes"] == {code: 1}


def test_what_was_added_counts_on_the_screen_and_does_not_leave(
    server: Counting, opened: Desk, stick: Path, tmp_path: Path
) -> None:
    """An addition comes with consents of its own, and nobody was asked whether it may be counted with the rest."""
    before = written(opened, tmp_path / "before.csv")
    no = {**server.testimony().consent, "CSTAT": "N"}
    answers = {
        "story.text": "More.",
        "inc.kind": "RANSOM",
        "inc.country": "FR",
        "inc.when": "2025",
        "care.effects": ["DIVERT"],
    }
    added = {
        server.identifier(number): server.add(server.addition(server.identifier(number), answers=answers, consent=no))
        for number in range(21, 41)
    }
    server.export(stick)
    assert opened.open(stick).returncode == 0
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        assert on_screen(workspace)["inc.kind"]["RANSOM"] == 35
        code = next(node.id for node in codebook.tree(workspace) if node.depth)
        with workspace.transaction():
            for record, part in added.items():
                coding.add(workspace, record, Passage(part, "story.text", 0, 2), [code])
        assert on_screen(workspace)["codes"] == {code: 20}
    assert written(opened, tmp_path / "after.csv") == before


def test_json_lines_hold_the_same(opened: Desk, tmp_path: Path) -> None:
    out = tmp_path / "charts.jsonl"
    assert opened.at_desk("export", "--what", "charts", "--format", "jsonl", out).returncode == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["group"]: row["count"] for row in rows if row["chart"] == "inc.kind"}["RANSOM"] == 15


def test_a_log_with_days_that_are_none_makes_no_endless_chart(desk: Desk, server: Counting, stick: Path) -> None:
    for server.day in ("0000-00-00", "2026-99-99", "9999-12-31"):
        server.receive()
    server.export(stick)
    desk.open(stick)
    with open_workspace(desk.workspace, [DUTY]) as workspace:
        found = on_screen(workspace)["received"]
    assert {code for code, size in found.items() if size} == {"0000-00", "2026-01", "2026-02", "2026-99", "9999-12"}
    assert len(found) == 5


def test_bitmaps_of_the_screen_are_those_of_the_list(opened: Desk) -> None:
    with open_workspace(opened.workspace, [DUTY]) as workspace:
        assert charts.on_screen(workspace).bit_count() == 60
        assert bitmaps.everything(workspace).bit_count() == 62
