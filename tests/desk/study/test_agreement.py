"""Agreement: the blind round counts, and nobody learns of it what others made of a testimony they still code."""

from collections.abc import Sequence

import pytest

from intake.desk import projections
from intake.desk.passages import Passage
from intake.desk.study import agreement, codebook, coding
from intake.desk.study.agreement import FEW, Agreement, Unit
from intake.desk.study.coding import Coding
from intake.desk.workspace import Workspace

DELAYED, BACKLOG, BLAME = "care.delayed", "care.backlog", "staff.blame"


def code(workspace: Workspace, testimony: str, *codes: str, first: int = 0, last: int = 7) -> None:
    with workspace.transaction():
        coding.add(workspace, testimony, Passage(testimony, "story.text", first, last), codes)


def finish(workspace: Workspace, testimony: str) -> None:
    with workspace.transaction():
        coding.finish(workspace, testimony)


def remove(workspace: Workspace, testimony: str, code: str) -> None:
    with workspace.transaction():
        for found in coding.visible(workspace, testimony):
            if (found.code, found.reviewer) == (code, workspace.reviewer.name):
                coding.remove(workspace, found.id)


def given(workspace: Workspace, testimony: str) -> dict[str, set[str]]:
    unit = agreement.unit(workspace, testimony)
    return {name: {coding.code for coding in codings} for name, codings in unit.given.items()} if unit else {}


def test_it_is_closed_to_those_who_have_not_finished(anna: Workspace, ben: Workspace, testimony: str) -> None:
    code(anna, testimony, DELAYED)
    finish(anna, testimony)
    code(ben, testimony, BLAME)
    for workspace in (anna, ben):
        assert agreement.unit(workspace, testimony) is None
        assert agreement.units(workspace) == []
    assert (agreement.waiting(anna), agreement.waiting(ben)) == (0, 1)
    finish(ben, testimony)
    assert agreement.waiting(ben) == 0
    for workspace in (anna, ben):
        assert given(workspace, testimony) == {"anna": {DELAYED}, "ben": {BLAME}}
        assert [unit.record for unit in agreement.units(workspace)] == [testimony]


def test_a_third_sees_nothing_of_two_who_have_finished(anna: Workspace, ben: Workspace, testimony: str) -> None:
    """As someone who has not coded it, and may: the two are asked for the numbers."""
    for workspace in (anna, ben):
        code(workspace, testimony, DELAYED)
        finish(workspace, testimony)
    anna.execute("UPDATE finished SET reviewer = 'cleo' WHERE reviewer = 'ben'")
    assert agreement.unit(ben, testimony) is None
    assert agreement.units(ben) == []
    assert agreement.by_code(ben, agreement.units(ben)) == []
    assert agreement.waiting(ben) == 1


def test_only_the_blind_round_counts(anna: Workspace, ben: Workspace, testimony: str) -> None:
    """What is changed after finishing, when the others' codes are in sight, is no agreement: neither way."""
    code(anna, testimony, DELAYED, BACKLOG)
    remove(anna, testimony, BACKLOG)
    finish(anna, testimony)
    code(ben, testimony, BLAME)
    finish(ben, testimony)
    code(ben, testimony, DELAYED)
    remove(anna, testimony, DELAYED)
    code(anna, testimony, BLAME)
    assert given(anna, testimony) == {"anna": {DELAYED}, "ben": {BLAME}}
    with anna.transaction():
        projections.rebuild(anna)
    assert given(anna, testimony) == {"anna": {DELAYED}, "ben": {BLAME}}


def test_merged_codes_count_as_one(anna: Workspace, ben: Workspace, testimony: str) -> None:
    code(anna, testimony, DELAYED)
    code(ben, testimony, BACKLOG)
    finish(anna, testimony)
    finish(ben, testimony)
    (unit,) = agreement.units(anna)
    assert unit.differing == {DELAYED, BACKLOG}
    with anna.transaction():
        codebook.merge(anna, DELAYED, BACKLOG)
    (unit,) = agreement.units(anna)
    assert (unit.codes, unit.differing) == ({BACKLOG}, set())


@pytest.mark.parametrize(
    ("first", "last", "alone"),
    [(0, 7, False), (6, 9, False), (2, 3, False), (7, 9, True)],
    ids=["same", "overlap", "nested", "adjacent"],
)
def test_a_passage_is_shared_where_characters_are(
    anna: Workspace, ben: Workspace, testimony: str, first: int, last: int, alone: bool
) -> None:
    code(anna, testimony, DELAYED)
    code(anna, testimony, BLAME, first=0, last=12)
    code(ben, testimony, DELAYED, first=first, last=last)
    finish(anna, testimony)
    finish(ben, testimony)
    unit = agreement.unit(anna, testimony)
    assert unit
    for codings in unit.given.values():
        for found in codings:
            assert unit.alone(found) == (alone or found.code == BLAME)


def coded(record: str, *codes: Sequence[str]) -> Unit:
    """A testimony as reviewers coded it: the codes that each gave."""
    place = Passage(record, "", 0, 1)
    return Unit(
        record,
        {str(who): [Coding("", record, place, code, str(who), "") for code in own] for who, own in enumerate(codes)},
    )


def test_the_numbers_of_each_code(anna: Workspace) -> None:
    """Ten testimonies, as in the first published example; one that three have finished goes in as well."""
    meg, owen = "0100000010", "1110010000"
    units = [
        coded(f"{number}", [BLAME, DELAYED] if one == "1" else [BLAME], [BLAME, DELAYED] if other == "1" else [BLAME])
        for number, (one, other) in enumerate(zip(meg, owen, strict=True))
    ]
    delayed, blame = agreement.by_code(anna, units)
    assert (delayed.code.id, delayed.units, delayed.together, delayed.apart) == (DELAYED, 10, 1, 4)
    assert delayed.alpha is not None
    assert round(delayed.alpha, 3) == 0.095
    assert (blame.code.id, blame.alpha, blame.together, blame.apart) == (BLAME, None, 10, 0)
    (delayed, _) = agreement.by_code(anna, [*units, coded("10", [DELAYED], [DELAYED], [DELAYED])])
    assert (delayed.units, delayed.together, delayed.apart) == (11, 2, 4)


def test_what_an_alpha_means_in_words(anna: Workspace) -> None:
    node = codebook.tree(anna)[0]
    said = [
        agreement.in_words(Agreement(node, alpha, units, 1, 1))
        for alpha, units in [
            (None, FEW),
            (0.8, FEW),
            (0.7, FEW),
            (0.3, FEW),
            (0.0, FEW),
        ]
    ]
    assert len(set(said)) == len(said)
    assert "rely on" in said[1]
    assert "chance" in said[4]
