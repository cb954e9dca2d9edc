"""Excerpts and beginnings of texts are cut where no word and no character is hurt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.test_search_words import ANY
from intake.desk.finding.excerpts import opening, snippet
from intake.desk.finding.search_words import highlight


@given(ANY, ANY, st.integers(1, 60))
def test_an_excerpt_is_a_piece_of_the_text(text: str, query: str, length: int) -> None:
    excerpt = snippet(text, query, length)
    if excerpt is None:
        assert not highlight(text, query)
        return
    shown = "".join(piece for piece, _ in excerpt.pieces)
    assert shown in text
    assert any(marked for _, marked in excerpt.pieces)
    assert excerpt.before == (not text.startswith(shown)) or shown in text[1:]
    assert shown == text or excerpt.before or excerpt.after


@pytest.mark.parametrize("cluster", ["e\u0301\u0323", "👩‍👩‍👧", "🇫🇷", "👍🏽", "क्षि", "\u1112\u1161\u11ab", "น้ำ"])
def test_nothing_is_cut_within_a_character_and_what_is_written_on_it(cluster: str) -> None:
    text = f"{cluster * 200} word {cluster * 200}"
    for length in range(8, 40):
        excerpt = snippet(text, "word", length)
        assert excerpt is not None
        shown = "".join(piece for piece, _ in excerpt.pieces).replace(" word ", "").replace(" word", "")
        assert shown.replace("word", "").replace(cluster, "").strip() == ""
        assert opening(cluster * 200, length).replace(cluster, "") == ""
        assert opening(" " * (4 * length - 1) + cluster * 2, length) in (cluster, cluster * 2)


def test_an_excerpt_begins_and_ends_between_words() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    excerpt = snippet(text, "eleven", 60)
    assert excerpt is not None
    assert set("".join(piece for piece, _ in excerpt.pieces).split()) <= set(text.split())
    assert ("eleven", True) in excerpt.pieces
    assert (excerpt.before, excerpt.after) == (True, True)
    assert opening("One  line\nand\tanother one here", 20) == "One line and another"
