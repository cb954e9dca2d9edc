"""Krippendorff's alpha: against his published examples, and against another implementation."""

import math
from collections.abc import Hashable, Sequence

import krippendorff
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.desk.study.alpha import alpha


def units(*coders: str) -> list[list[str]]:
    """What each unit got, where a line is a coder, and a dot a missing value."""
    return [
        [value for value in values if value != "."] for values in zip(*(line.split() for line in coders), strict=True)
    ]


@pytest.mark.parametrize(
    ("found", "published"),
    [
        pytest.param(units("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095, id="A: two coders, yes or no"),
        pytest.param(
            units("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.692, id="B: two coders, five values"
        ),
        pytest.param(
            units(
                "1 2 3 3 2 1 4 1 2 . . .",
                "1 2 3 3 2 2 4 1 2 5 . 3",
                ". 3 3 3 2 3 4 2 2 5 1 .",
                "1 2 3 3 2 4 4 1 2 5 1 .",
            ),
            0.743,
            id="C: four coders, missing values",
        ),
    ],
)
def test_the_published_examples(found: list[list[str]], published: float) -> None:
    """Sections A, B and C of "Computing Krippendorff's Alpha-Reliability" (2011)."""
    result = alpha(found)
    assert result is not None
    assert round(result, 3) == published


def test_agreement_beyond_doubt_and_worse_than_chance() -> None:
    assert alpha([(0, 0), (1, 1)]) == 1
    assert alpha([(0, 1), (1, 0)]) == pytest.approx(-0.5)


@pytest.mark.parametrize("found", [[], [(1,)], [(1,), (0,), ()], [(0, 0), (0, 0)], [(1, 1, 1)]])
def test_where_nothing_varies_there_is_no_alpha(found: Sequence[Sequence[Hashable]]) -> None:
    assert alpha(found) is None


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 1, 2, None]), min_size=4, max_size=4), min_size=1, max_size=12))
def test_it_is_what_another_implementation_computes(found: list[list[int | None]]) -> None:
    ours = alpha([[value for value in unit if value is not None] for unit in found])
    table = [[math.nan if value is None else value for value in coder] for coder in zip(*found, strict=True)]
    try:
        theirs = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal", value_domain=[0, 1, 2])
    except ValueError:  # no unit has two values
        theirs = math.nan
    if ours is None:
        assert math.isnan(theirs) or theirs == 1  # of what does not vary, it says that all agree
    else:
        assert ours == pytest.approx(theirs)
