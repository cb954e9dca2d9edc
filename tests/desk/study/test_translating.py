"""Translations beside the original."""

import pytest

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.study import translating
from intake.desk.workspace import Workspace


def translate(workspace: Workspace, testimony: str, language: str, text: str, question: str = "story.text") -> None:
    with workspace.transaction():
        translating.translate(workspace, testimony, testimony, question, language, text)


def shown(workspace: Workspace, testimony: str) -> list[tuple[str, str, str]]:
    return [(found.language, found.text, found.reviewer) for found in translating.of_testimony(workspace, testimony)]


def test_a_translation_for_each_language_and_the_last_one_counts(
    anna: Workspace, ben: Workspace, testimony: str
) -> None:
    original = anna.testimony(testimony)
    translate(anna, testimony, "fr", "Nous avons perdu la nuit.\r\n")
    translate(anna, testimony, "zh-hans", "我们失去了那一夜。")
    translate(ben, testimony, "fr", "La nuit était perdue.")
    assert shown(anna, testimony) == [
        ("fr", "La nuit était perdue.", "ben"),
        ("zh-Hans", "我们失去了那一夜。", "anna"),
    ]
    assert anna.testimony(testimony) == original
    translate(anna, testimony, "fr", "")
    assert shown(ben, testimony) == [("zh-Hans", "我们失去了那一夜。", "anna")]


def test_the_same_words_again_are_nothing_new(anna: Workspace, testimony: str) -> None:
    translate(anna, testimony, "fr", "La nuit.")
    before = list(trail.entries(anna))
    translate(anna, testimony, "fr", " La nuit.\n")
    translate(anna, testimony, "de", "")
    assert list(trail.entries(anna)) == before


@pytest.mark.parametrize(
    ("language", "question", "text"),
    [
        ("xx-nowhere", "story.text", "x"),
        ("", "story.text", "x"),
        ("fr", "inc.kind", "x"),
        ("fr", "story.text", "x" * 80_001),
    ],
)
def test_what_cannot_be_translated_is_refused(
    anna: Workspace, testimony: str, language: str, question: str, text: str
) -> None:
    with pytest.raises(DeskError):
        translate(anna, testimony, language, text, question)
    assert shown(anna, testimony) == []


def test_the_tables_come_from_the_trail_alone(anna: Workspace, testimony: str) -> None:
    for text in ("Die Nacht.", "Nacht.", "", "Die lange Nacht."):
        translate(anna, testimony, "de", text)
    expected = translating.of_testimony(anna, testimony)
    with anna.transaction():
        anna.execute("DELETE FROM translations")
        for entry in list(trail.entries(anna)):
            if entry.event in translating.EVENTS:
                translating.EVENTS[entry.event](anna, entry)
    assert translating.of_testimony(anna, testimony) == expected
    assert [found.text for found in expected] == ["Die lange Nacht."]


def test_work_on_one_testimony_does_not_replace_the_translation_of_another(anna: Workspace, testimony: str) -> None:
    """An entry that another desk brought may name any text as its own; and it would outlive a withdrawal."""
    translate(anna, testimony, "fr", "La nuit.")
    detail = {"part": testimony, "question": "story.text", "language": "fr", "text": "Autre chose."}
    with anna.transaction():
        translating.EVENTS["translated"](anna, trail.write(anna, "translated", "f" * 32, detail))
    assert shown(anna, testimony) == [("fr", "La nuit.", "anna")]
