"""Codes on passages: exact places, one's own only, and blind until one has finished."""

import pytest

from desk.stick import Desk, Server
from intake.desk import deciding, passages, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.study import codebook, coding
from intake.desk.workspace import Workspace

DELAYED, FEAR = "care.delayed", "care.near-miss"


def coded(workspace: Workspace, testimony: str) -> set[tuple[str, str, str]]:
    """What this reviewer sees: the words, the code, and who gave it."""
    record = workspace.testimony(testimony)
    return {
        (passages.words(workspace, record, found.passage), found.code, found.reviewer)
        for found in coding.visible(workspace, testimony)
    }


def code(workspace: Workspace, testimony: str, first: int, last: int, *codes: str) -> list[trail.Entry]:
    with workspace.transaction():
        return coding.add(workspace, testimony, Passage(testimony, "story.text", first, last), codes)


def test_overlapping_nested_and_adjacent_passages_keep_their_code_points(anna: Workspace, testimony: str) -> None:
    text = "We lost the night. 👩‍👩‍👧 waited."
    family = text.index("👩")
    places = [(0, len(text)), (3, 17), (8, 21), (family, family + 5), (family + 5, len(text)), (family + 2, family + 3)]
    for first, last in places:
        code(anna, testimony, first, last, DELAYED)
    assert coded(anna, testimony) == {(text[first:last], DELAYED, "anna") for first, last in places}


def test_several_codes_at_once_and_none_twice(anna: Workspace, testimony: str) -> None:
    assert len(code(anna, testimony, 0, 7, DELAYED, FEAR, DELAYED)) == 2
    assert [entry.detail["code"] for entry in code(anna, testimony, 0, 7, FEAR, "care.diversion")] == ["care.diversion"]
    assert {found for _, found, _ in coded(anna, testimony)} == {DELAYED, FEAR, "care.diversion"}
    assert not trail.check(anna)


@pytest.mark.parametrize(
    ("part", "question", "first", "last", "codes"),
    [
        (None, "story.text", 0, 0, [DELAYED]),
        (None, "story.text", 5, 4, [DELAYED]),
        (None, "story.text", -3, 4, [DELAYED]),
        (None, "story.text", 0, 1000, [DELAYED]),
        (None, "inc.kind", 0, 2, [DELAYED]),
        ("f" * 32, "story.text", 0, 2, [DELAYED]),
        (None, "story.text", 0, 2, []),
        (None, "story.text", 0, 2, ["no such code"]),
    ],
)
def test_what_is_not_there_is_not_coded(
    anna: Workspace, testimony: str, part: str | None, question: str, first: int, last: int, codes: list[str]
) -> None:
    before = list(trail.entries(anna))
    with pytest.raises(DeskError), anna.transaction():
        coding.add(anna, testimony, Passage(part or testimony, question, first, last), codes)
    assert list(trail.entries(anna)) == before
    assert coding.visible(anna, testimony) == []


def test_the_words_of_an_addition_are_coded_too(anna: Workspace, testimony: str, desk: Desk, server: Server) -> None:
    added = server.add(server.text(testimony, "They called in the end."))
    server.export(desk.folder / "more.tar")
    assert desk.open(desk.folder / "more.tar").returncode == 0
    with anna.transaction():
        coding.add(anna, testimony, Passage(added, "", 5, 11), [DELAYED])
    assert coded(anna, testimony) == {("called", DELAYED, "anna")}


def test_a_code_is_taken_back_by_who_gave_it(anna: Workspace, ben: Workspace, testimony: str) -> None:
    code(anna, testimony, 0, 7, DELAYED, FEAR)
    found = {coding_.code: coding_.id for coding_ in coding.visible(anna, testimony)}
    with pytest.raises(DeskError, match="Only anna"), ben.transaction():
        coding.remove(ben, found[FEAR])
    with anna.transaction():
        assert coding.remove(anna, found[FEAR]).record == testimony
    assert coded(anna, testimony) == {("We lost", DELAYED, "anna")}
    with pytest.raises(DeskError, match="no longer"), anna.transaction():
        coding.remove(anna, found[FEAR])


def test_nobody_sees_what_others_coded_before_they_have_finished(
    anna: Workspace, ben: Workspace, testimony: str
) -> None:
    code(anna, testimony, 0, 7, DELAYED)
    code(ben, testimony, 3, 17, FEAR)
    hers, his = ("We lost", DELAYED, "anna"), ("lost the night", FEAR, "ben")
    assert (coded(anna, testimony), coded(ben, testimony)) == ({hers}, {his})
    with anna.transaction():
        coding.finish(anna, testimony)
        coding.finish(anna, testimony)
    assert (coded(anna, testimony), coded(ben, testimony)) == ({hers, his}, {his})
    assert coding.has_finished(anna, testimony)
    assert not coding.has_finished(ben, testimony)
    with ben.transaction():
        coding.finish(ben, testimony)
    assert coded(ben, testimony) == {hers, his}
    assert coding.finished(ben, testimony) == ["anna", "ben"]
    assert len([entry for entry in trail.entries(anna) if entry.event == "coding finished"]) == 2


def test_codes_that_were_merged_are_one(anna: Workspace, testimony: str) -> None:
    code(anna, testimony, 0, 7, DELAYED, FEAR)
    with anna.transaction():
        codebook.merge(anna, FEAR, DELAYED)
    assert [found.code for found in coding.visible(anna, testimony)] == [DELAYED]
    assert not code(anna, testimony, 0, 7, FEAR)
    with anna.transaction():
        coding.remove(anna, coding.visible(anna, testimony)[0].id)
    assert coding.visible(anna, testimony) == []


def test_the_tables_come_from_the_trail_alone(anna: Workspace, ben: Workspace, testimony: str) -> None:
    code(anna, testimony, 0, 7, DELAYED, FEAR)
    code(ben, testimony, 3, 17, FEAR)
    with anna.transaction():
        coding.remove(anna, coding.visible(anna, testimony)[0].id)
        coding.finish(anna, testimony)
    expected = coding.visible(anna, testimony)
    with anna.transaction():
        anna.execute("DELETE FROM codings")
        anna.execute("DELETE FROM finished")
        for entry in list(trail.entries(anna)):
            if entry.event in coding.EVENTS:
                coding.EVENTS[entry.event](anna, entry)
    assert coding.visible(anna, testimony) == expected
    assert len(expected) == 2


def test_what_was_forgotten_leaves_nothing(anna: Workspace, testimony: str) -> None:
    code(anna, testimony, 0, 7, DELAYED)
    with anna.transaction():
        coding.finish(anna, testimony)
        trail.forget(anna, testimony)
        anna.execute("DELETE FROM codings")
        anna.execute("DELETE FROM finished")
        for entry in list(trail.entries(anna)):
            if entry.event in coding.EVENTS:
                coding.EVENTS[entry.event](anna, entry)
    assert coding.visible(anna, testimony) == []
    assert coding.finished(anna, testimony) == []


def test_an_addition_has_no_codes_of_its_own(anna: Workspace, testimony: str, desk: Desk, server: Server) -> None:
    added = server.add(server.text(testimony, "They called in the end."))
    server.export(desk.folder / "more.tar")
    assert desk.open(desk.folder / "more.tar").returncode == 0
    with pytest.raises(DeskError, match=testimony), anna.transaction():
        coding.finish(anna, added)
    with anna.transaction():
        deciding.decide(anna, testimony, deciding.READING)
