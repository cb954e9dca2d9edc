"""Marking, pseudonyms, quotes, confirming and asking: what each does, and that the trail alone makes it all again."""

import pytest

from desk.redacting.case import STORY, Case
from intake.desk import messages, projections, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.redacting import asking, confirming, marks, outcome, quotes
from intake.desk.workspace import Record


def text(case: Case, testimony: Record) -> str:
    whole = Passage(testimony.id, "story.text", 0, len(STORY))
    return outcome.redacted(case.workspace, testimony, whole)


def test_the_same_words_have_the_same_pseudonym(case: Case) -> None:
    testimony = case.testimony()
    assert case.mark(testimony, "Anna Keller").pseudonym == "Person 1"
    assert case.mark(testimony, "Lyon", "place").pseudonym == "Place 1"
    first, last = STORY.rindex("Anna Keller"), STORY.rindex("Anna Keller") + len("Anna Keller")
    with case.by("ben") as workspace:
        again = marks.mark(workspace, testimony, Passage(testimony.id, "story.text", first, last), "person")
    assert again.pseudonym == "Person 1"
    assert case.mark(testimony, "ward", "place").pseudonym == "Place 2"
    assert (
        text(case, testimony)
        == "Dr [Person 1] called from [Place 1]. I was alone on the [Place 2]. Then [Person 1] came."
    )
    assert case.record(testimony).content == testimony.content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Keller", "anna  KELLER,"),
        ("Müller", "Mu\u0308ller"),
        ("مَرْيَم", "مريم"),
        ("ＡＢＣ", "abc"),
        ("नेहा", "नेहा "),
    ],
)
def test_ways_to_write_the_same_words(one: str, other: str) -> None:
    assert marks.same_words(one) == marks.same_words(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Anna", "Anne"), ("राम", "रमा"), ("北京", "上海"), ("12", "13")])
def test_other_words_are_others(one: str, other: str) -> None:
    assert marks.same_words(one) != marks.same_words(other)


def test_what_was_added_and_what_is_linked_shares_pseudonyms(case: Case) -> None:
    first, second, third = case.testimony(), case.testimony(), case.testimony()
    addition = case.add(first, "anna keller again, and Bob.")
    assert case.mark(first, "Anna Keller").pseudonym == "Person 1"
    with case.by("anna") as workspace:
        place = case.place(first, "anna keller", addition.id, "")
        assert marks.mark(workspace, first, place, "person").pseudonym == "Person 1"
        assert marks.mark(workspace, first, case.place(first, "Bob", addition.id, ""), "person").pseudonym == "Person 2"
        for pair in ((first.id, second.id), (second.id, third.id)):
            workspace.execute("INSERT INTO links VALUES (?, ?, 'anna', '2026')", pair)
    assert marks.case(case.workspace, third.id) == {first.id, second.id, third.id}
    assert case.mark(third, "Anna Keller").pseudonym == "Person 1"
    assert case.mark(third, "Lyon").pseudonym == "Person 3"
    assert case.mark(case.testimony(), "Lyon").pseudonym == "Person 1"


def test_a_mark_is_changed_and_taken_away(case: Case) -> None:
    testimony = case.testimony()
    keller, lyon = case.mark(testimony, "Anna Keller"), case.mark(testimony, "Lyon")
    assert lyon.pseudonym == "Person 2"
    with case.by("ben") as workspace:
        assert marks.change(workspace, lyon.id, "place").pseudonym == "Place 1"
        assert marks.change(workspace, lyon.id, "place", keller.id).pseudonym == "Person 1"
        assert marks.mark(workspace, testimony, lyon.passage, "organisation").id == lyon.id
        assert [mark.kind for mark in marks.marked(workspace, testimony.id)] == ["person", "organisation"]
        marks.remove(workspace, keller.id)
    assert text(case, testimony).startswith("Dr Anna Keller called from [Organisation 1].")
    for wrong in (keller.id, "nothing"):
        with pytest.raises(DeskError), case.by("ben") as workspace:
            marks.remove(workspace, wrong)
    with pytest.raises(DeskError, match="kind"):
        case.mark(testimony, "ward", "colour")
    with pytest.raises(DeskError, match="passage"), case.by("ben") as workspace:
        marks.mark(workspace, testimony, Passage(testimony.id, "story.text", 5, 5000), "person")
    elsewhere = case.mark(case.testimony(), "Lyon", "place")
    with pytest.raises(DeskError, match="no longer there"), case.by("ben") as workspace:
        marks.change(workspace, lyon.id, "place", elsewhere.id)


def test_a_confirmation_is_for_one_outcome(case: Case) -> None:
    """Any mark, change or addition ends it; nothing else does."""
    testimony = case.testimony()
    mark = case.mark(testimony, "Anna Keller")
    case.quote(testimony, "I was alone")

    def stands() -> bool:
        return confirming.state(case.workspace, testimony).stands

    case.confirm(testimony, "anna")
    assert not stands()
    case.confirm(testimony, "ben")
    assert stands()
    case.change(testimony, CSTAT="N")
    assert stands()
    other = case.mark(testimony, "Lyon", "place", by="ben")
    assert not stands()
    with case.by("ben") as workspace:
        marks.remove(workspace, other.id)
    assert stands()  # the very same outcome, and two people had signed that
    within = case.mark(testimony, "Keller", by="ben")
    assert not stands()  # it reads the same, and is marked otherwise
    with case.by("ben") as workspace:
        marks.remove(workspace, within.id)
    assert stands()
    with case.by("ben") as workspace:
        marks.change(workspace, mark.id, "role")
    assert not stands()
    case.confirm(testimony, "ben")
    assert not stands()  # he had a hand in it
    case.confirm(testimony, "cara")
    assert stands()
    case.add(testimony, "One more thing.")
    assert not stands()
    case.confirm(testimony, "cara")
    assert stands()
    with case.by("cara") as workspace:
        confirming.take_back(workspace, testimony)
    assert not stands()


def test_who_takes_a_mark_away_has_a_hand_in_it(case: Case) -> None:
    """Else one person alone could let something out."""
    testimony = case.testimony()
    mark = case.mark(testimony, "Anna Keller")
    case.quote(testimony, "I was alone")
    with case.by("ben") as workspace:
        marks.remove(workspace, mark.id)
    case.confirm(testimony, "ben")
    assert not confirming.state(case.workspace, testimony).stands
    case.confirm(testimony, "anna")
    assert confirming.state(case.workspace, testimony).stands


def test_one_reviewer_alone_confirms_nothing(case: Case) -> None:
    testimony = case.testimony()
    case.confirm(testimony, "anna")
    assert not confirming.state(case.workspace, testimony).stands
    case.quote(testimony, "I was alone")
    assert not confirming.state(case.workspace, testimony).stands
    case.confirm(testimony, "ben")
    assert confirming.state(case.workspace, testimony).stands


def test_nobody_confirms_what_they_have_not_seen(case: Case) -> None:
    testimony = case.testimony()
    seen = confirming.state(case.workspace, testimony).sha256
    case.mark(testimony, "Lyon", "place")
    with pytest.raises(DeskError, match="read it again"), case.by("ben") as workspace:
        confirming.confirm(workspace, testimony, seen)


def test_a_quote_is_chosen_once_and_dropped(case: Case) -> None:
    testimony = case.testimony()
    quote = case.quote(testimony, "I was alone")
    assert case.quote(testimony, "I was alone", by="ben") == quote
    with case.by("ben") as workspace:
        quotes.drop(workspace, quote.id)
    assert quotes.chosen(case.workspace, testimony.id) == []
    with pytest.raises(DeskError), case.by("ben") as workspace:
        quotes.drop(workspace, quote.id)


def test_the_person_is_shown_the_exact_text(case: Case) -> None:
    testimony = case.testimony()
    case.mark(testimony, "Anna Keller")
    quote = case.quote(testimony, "Anna Keller called from Lyon.")
    early = case.add(testimony, "Before.")
    with pytest.raises(DeskError, match="exact text"), case.by("anna") as workspace:
        asking.ask(workspace, testimony, quote, "publication", "May we use what you said?", "2026-11-22")
    assert list(messages.sent(case.workspace, testimony.id)) == []
    asked = case.ask(testimony, quote, "name", "Maria")
    assert asked.text == "[Person 1] called from Lyon.\n— Maria"
    (sent,) = messages.sent(case.workspace, testimony.id)
    assert sent.id == asked.id
    assert asked.text in sent.text
    assert case.ask(testimony, quote, "name", "Maria") == asked  # the same message is not sent twice
    assert list(asking.answers(case.workspace, asked)) == []
    for wrong in (early.id, testimony.id, "nothing"):
        with pytest.raises(DeskError, match="answer"), case.by("anna") as workspace:
            asking.agree(workspace, asked.id, wrong)
    answer = case.add(testimony)
    other = case.testimony()
    with pytest.raises(DeskError, match="answer"), case.by("anna") as workspace:
        asking.agree(workspace, asked.id, case.add(other).id)
    case.agree(asked, answer, "anna")
    case.agree(asked, answer, "anna")
    assert asking.signers(case.workspace, asked) == {"anna"}
    case.agree(asked, answer, "ben")
    assert asking.signers(case.workspace, asked) == {"anna", "ben"}
    with case.by("cara") as workspace:
        asking.disagree(workspace, asked.id)
    assert asking.signers(case.workspace, asked) == frozenset()


def test_who_signed_for_one_use_has_not_signed_for_another(case: Case) -> None:
    """Nobody can turn a question that others read the answer to into another one: their yes does not count for that."""
    testimony = case.testimony(consent={"CPARTNER": "ASK", "CPUB_ANON": "ASK"})
    quote = case.quote(testimony, "I was alone")
    asked = case.ask(testimony, quote, "partner")
    case.agree(asked, case.add(testimony), "ben")
    assert asking.signers(case.workspace, asked) == {"ben"}
    detail = {"id": asked.id, "quote": quote.id, "use": "publication", "name": "", "text": asked.text, "before": []}
    with case.by("mallory") as workspace:
        trail.write(workspace, "asked again", testimony.id, detail)
        projections.rebuild(workspace)
        turned = asking.get(workspace, asked.id)
        assert turned.use == "publication"
        assert asking.signers(workspace, turned) == frozenset()


def test_one_message_asks_about_one_thing(case: Case) -> None:
    testimony = case.testimony()
    quote = case.quote(testimony, "I was alone")
    message = "May we use this? I was alone"
    with case.by("anna") as workspace:
        asking.ask(workspace, testimony, quote, "publication", message, "2026-11-22")
    with pytest.raises(DeskError, match="what you ask for"), case.by("anna") as workspace:
        asking.ask(workspace, testimony, quote, "partner", message, "2026-11-22")


def test_the_trail_alone_makes_it_all_again(case: Case) -> None:
    testimony = case.testimony()
    keller = case.mark(testimony, "Anna Keller")
    lyon = case.mark(testimony, "Lyon", "place")
    with case.by("ben") as workspace:
        marks.change(workspace, lyon.id, "organisation")
    quote = case.quote(testimony, "I was alone", by="ben")
    dropped, gone = case.quote(testimony, "came"), case.mark(testimony, "alone", "other")
    with case.by("ben") as workspace:
        quotes.drop(workspace, dropped.id)
        marks.remove(workspace, gone.id)
    asked = case.ask(testimony, quote, "publication")
    case.agree(asked, case.add(testimony))
    case.confirm(testimony)
    tables = ("redactions", "quotes", "confirmations", "asked", "agreed", "dismissed")
    before = {name: case.workspace.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}
    assert all(before[name] for name in tables if name != "dismissed")
    with case.by("ben") as workspace:
        projections.rebuild(workspace)
    after = {name: case.workspace.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}
    assert after == before
    assert keller.id in str(after)
    with case.by("ben") as workspace:
        projections.forget(workspace, testimony.id)
        assert all(not workspace.execute(f"SELECT 1 FROM {name}").fetchall() for name in tables)
        projections.rebuild(workspace)
        assert all(not workspace.execute(f"SELECT 1 FROM {name}").fetchall() for name in tables)
    assert not any("Lyon" in (entry.text or "") for entry in trail.entries(case.workspace))
