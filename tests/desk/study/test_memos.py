"""Memos: on a testimony, a passage, a code, and the journal."""

import pytest

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.study import codebook, coding, memos
from intake.desk.workspace import Workspace


def said(found: list[memos.Memo]) -> list[tuple[str, str]]:
    return [(memo.reviewer, memo.text) for memo in found]


def test_a_memo_is_kept_where_it_was_written(anna: Workspace, testimony: str) -> None:
    passage = Passage(testimony, "story.text", 3, 7)
    with anna.transaction():
        memos.add(anna, "  Who is we?\r\nAsk. ", record=testimony)
        memos.add(anna, "Lost, or gave up?", record=testimony, passage=passage)
        memos.add(anna, "Waiting for days only.", code="care.delayed")
        memos.add(anna, "First week.")
    whole, part = memos.of_testimony(anna, testimony)
    assert (whole.text, whole.passage) == ("Who is we?\nAsk.", None)
    assert (part.text, part.passage) == ("Lost, or gave up?", passage)
    assert said(memos.of_code(anna, "care.delayed")) == [("anna", "Waiting for days only.")]
    assert memos.of_code(anna, "care.near-miss") == []
    assert said(memos.journal(anna)) == [("anna", "First week.")]


def test_memos_follow_a_code_into_the_one_it_was_merged_into(anna: Workspace, testimony: str) -> None:
    with anna.transaction():
        memos.add(anna, "Nearly.", code="care.near-miss")
        codebook.merge(anna, "care.near-miss", "care.delayed")
    assert said(memos.of_code(anna, "care.delayed")) == [("anna", "Nearly.")]


def test_only_who_wrote_a_memo_changes_or_deletes_it(anna: Workspace, ben: Workspace, testimony: str) -> None:
    with anna.transaction():
        memos.add(anna, "First week.")
    (memo,) = memos.journal(ben)
    with pytest.raises(DeskError, match="Only anna"), ben.transaction():
        memos.change(ben, memo.id, "Mine.")
    with pytest.raises(DeskError, match="Only anna"), ben.transaction():
        memos.delete(ben, memo.id)
    with anna.transaction():
        memos.change(anna, memo.id, "Second week.")
    assert said(memos.journal(ben)) == [("anna", "Second week.")]
    with anna.transaction():
        assert memos.delete(anna, memo.id).text == "Second week."
    assert memos.journal(ben) == []
    with pytest.raises(DeskError, match="no longer"), anna.transaction():
        memos.change(anna, memo.id, "Third week.")


def test_what_others_think_of_a_testimony_is_blind_and_the_rest_is_not(
    anna: Workspace, ben: Workspace, testimony: str
) -> None:
    with anna.transaction():
        memos.add(anna, "On it.", record=testimony)
        memos.add(anna, "In it.", record=testimony, passage=Passage(testimony, "story.text", 3, 7))
        memos.add(anna, "On a code.", code="care.delayed")
        memos.add(anna, "First week.")
    assert memos.of_testimony(ben, testimony) == []
    assert said(memos.of_code(ben, "care.delayed")) == [("anna", "On a code.")]
    assert said(memos.journal(ben)) == [("anna", "First week.")]
    with ben.transaction():
        coding.finish(ben, testimony)
    assert {text for _, text in said(memos.of_testimony(ben, testimony))} == {"On it.", "In it."}


@pytest.mark.parametrize(
    ("text", "about"),
    [
        (" \n ", {}),
        ("x" * 20_001, {}),
        ("x", {"record": "f" * 32}),
        ("x", {"code": "no such code"}),
    ],
)
def test_a_memo_that_cannot_be_is_refused(anna: Workspace, testimony: str, text: str, about: dict[str, str]) -> None:
    before = list(trail.entries(anna))
    with pytest.raises(DeskError), anna.transaction():
        memos.add(anna, text, **about)  # type: ignore[arg-type]
    with pytest.raises(DeskError), anna.transaction():
        memos.add(anna, "x", record=testimony, passage=Passage(testimony, "story.text", 0, 999))
    assert list(trail.entries(anna)) == before


def test_the_tables_come_from_the_trail_alone(anna: Workspace, testimony: str) -> None:
    with anna.transaction():
        memos.add(anna, "One.", record=testimony)
        memos.add(anna, "Two.")
        memos.add(anna, "Three.")
        one, two, three = *memos.of_testimony(anna, testimony), *memos.journal(anna)
        memos.change(anna, two.id, f"{two.text} Changed.")
        memos.delete(anna, three.id)
    expected = [*memos.of_testimony(anna, testimony), *memos.journal(anna)]
    assert [memo.text for memo in expected] == [one.text, f"{two.text} Changed."]
    with anna.transaction():
        anna.execute("DELETE FROM memos")
        for entry in list(trail.entries(anna)):
            if entry.event in memos.EVENTS:
                memos.EVENTS[entry.event](anna, entry)
    assert [*memos.of_testimony(anna, testimony), *memos.journal(anna)] == expected
