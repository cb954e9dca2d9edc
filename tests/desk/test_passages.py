"""Texts that are cut where marks, codes and found words begin and end."""

import time

from hypothesis import given
from hypothesis import strategies as st

from intake.desk.passages import segments

EDGE = st.integers(-2, 12)


@given(st.text(max_size=10), st.lists(st.tuples(EDGE, EDGE), max_size=8))
def test_each_piece_has_what_covers_it(text: str, places: list[tuple[int, int]]) -> None:
    """Nothing is lost, and every character has all that it is in, in the order given."""
    pieces = list(segments(text, [(*place, number) for number, place in enumerate(places)]))
    assert "".join(piece for piece, _ in pieces) == text
    covered = [things for piece, things in pieces for _ in piece]
    for at, things in enumerate(covered):
        assert things == [number for number, (first, last) in enumerate(places) if first <= at < last]


def test_a_hostile_text_takes_no_longer_than_it_is_long() -> None:
    """As many words as characters, and a search that finds them all: cutting each by each took half a minute."""
    text = "\u5317" * 20_000
    began = time.process_time()
    assert sum(1 for _ in segments(text, [(at, at + 1, None) for at in range(len(text))])) == len(text)
    assert time.process_time() - began < 2
