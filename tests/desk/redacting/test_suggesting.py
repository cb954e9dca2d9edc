"""What is suggested: a help for the eye, in the scripts that testimonies come in, and quick whatever comes."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.redacting.case import Case
from intake.desk.passages import Passage
from intake.desk.redacting import looks, suggesting
from intake.desk.redacting.marks import KINDS

TELLING = {
    "en": (
        "I am a nurse at St. Mary's Hospital in Sudan. On 12 March 2026 Dr. Anna Schmidt called on +41 22 123 45 67. "
        "Then Anna Schmidt wrote to anna.s@example.org, www.example.org/x. At 14:30 it was over.",
        {
            "organisation": ["St. Mary's Hospital"],
            "place": ["Sudan"],
            "date": ["12 March 2026", "14:30"],
            "person": ["Anna Schmidt", "Anna Schmidt"],
            "contact": ["+41 22 123 45 67", "anna.s@example.org", "www.example.org/x"],
        },
    ),
    "fr": (
        "Le 3 mars 2025, Mme Dupont m'a appelée de Suisse. J'ai vu Jean-Pierre Martin.",
        {"date": ["3 mars 2025"], "person": ["Dupont", "Jean-Pierre Martin"], "place": ["Suisse"]},
    ),
    "de": (
        "Am 5. Mai rief Frau Müller aus dem Universitätsklinikum Köln an. Die Ärzte waren müde.",
        {"date": ["5. Mai"], "person": ["Müller"], "organisation": ["Universitätsklinikum Köln"]},
    ),
    "es": (
        "El 5 de mayo de 2025 la doctora María del Carmen López llamó desde España.",
        {"date": ["5 de mayo de 2025"], "person": ["María del Carmen López"], "place": ["España"]},
    ),
    "ru": (
        "В больнице №1 в Украине доктор Иванова сказала 5 марта.",
        {"organisation": ["больнице №1"], "place": ["Украине"], "person": ["Иванова"], "date": ["5 марта"]},
    ),
    "uk": ("12 березня 2025 лікар Шевченко сказав.", {"date": ["12 березня 2025"], "person": ["Шевченко"]}),
    "ar": (
        "قال لي الدكتور أحمد في مستشفى الملك فيصل في السودان يوم ٣ كانون الثاني ٢٠٢٥ ورقمي ٠٧٩١٢٣٤٥٦٧.",
        {
            "person": ["أحمد في"],
            "organisation": ["مستشفى الملك فيصل"],
            "place": ["السودان"],
            "date": ["٣ كانون الثاني ٢٠٢٥"],
            "contact": ["٠٧٩١٢٣٤٥٦٧"],
        },
    ),
    "zh": (
        "我在北京协和医院工作，王医生2025年3月5日打了电话13812345678。我们去了上海。",
        {
            "organisation": ["北京协和医院"],
            "person": ["王"],
            "date": ["2025年3月5日"],
            "contact": ["13812345678"],
            "place": ["上海"],
        },
    ),
}


@pytest.mark.parametrize("language", TELLING)
def test_what_looks_like_a_name_a_number_or_a_date(language: str) -> None:
    text, expected = TELLING[language]
    found: dict[str, list[str]] = {}
    for first, last, kind in looks.find(text, language):
        found.setdefault(kind, []).append(text[first:last])
    assert found == expected


@pytest.mark.parametrize("language", ["en", "de", "ar", "zh", "xx", "no-such-language", ""])
@given(text=st.text(max_size=60))
def test_any_text_can_be_looked_at(language: str, text: str) -> None:
    found = looks.find(text, language)
    assert found == sorted(found)
    for first, last, kind in found:
        assert 0 <= first < last <= len(text)
        assert kind in KINDS
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))


@pytest.mark.parametrize(
    "piece", ["a", "1", "1 ", "Dr ", "a-", "a.b", "a@", "hospital ", "(1", "A de ", "医", "Dr A. ", "В "]
)
def test_a_word_of_twenty_thousand_characters_takes_no_time(piece: str) -> None:
    began = time.process_time()
    looks.find((piece * 20_000)[:20_000], "zh")
    assert time.process_time() - began < 5


def words(case: Case, testimony: object) -> list[tuple[str, str]]:
    return [(found.words, found.kind) for found in suggesting.suggest(case.workspace, testimony)]  # type: ignore[arg-type]


def test_what_is_known_is_found_again(case: Case) -> None:
    """The name of the organisation that was asked for, and whatever was marked, wherever it stands."""
    text = "in nordhaus we were three. The old lady came. The OLD  lady went."
    testimony = case.testimony(text, answers={"inc.name": "Nordhaus"})
    addition = case.add(testimony, "nordhaus is closed")
    assert words(case, testimony) == [
        ("nordhaus", "organisation"),
        ("Nordhaus", "organisation"),
        ("nordhaus", "organisation"),
    ]
    case.mark(testimony, "old lady")
    assert ("OLD  lady", "person") in words(case, testimony)
    place = case.place(testimony, "nordhaus", addition.id, "")
    with case.by("anna") as workspace:
        suggesting.dismiss(workspace, testimony, place)
    assert len(words(case, testimony)) == 3
    assert Passage(addition.id, "", 0, 8) not in [one.passage for one in suggesting.suggest(case.workspace, testimony)]


def test_what_is_marked_is_not_suggested(case: Case) -> None:
    testimony = case.testimony("We met Anna Keller there.")
    assert words(case, testimony) == [("Anna Keller", "person")]
    case.mark(testimony, "Keller")
    assert words(case, testimony) == []


def test_no_more_is_suggested_at_once_than_can_be_looked_at(case: Case) -> None:
    testimony = case.testimony("We saw Dr Bo. " * 1400)
    found = suggesting.suggest(case.workspace, testimony)
    assert len(found) == 200
    assert [one.passage.first for one in found] == sorted(one.passage.first for one in found)
