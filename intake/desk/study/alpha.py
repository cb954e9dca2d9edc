"""Krippendorff's alpha: how far coders agree beyond what chance alone would give.

For nominal values, any number of coders, and values that are missing: K. Krippendorff, "Computing Krippendorff's
Alpha-Reliability" (2011), section C. 1 is full agreement, 0 what chance gives, less than 0 is worse than that.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence


def alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Return alpha over units, each given as the values it got: one from each coder who gave one.

    A unit with a single value says nothing and is left out. None when there is nothing to disagree about: no unit is
    left, or all values are the same.
    """
    pairable = [Counter(values) for values in units if len(values) > 1]
    total = sum(pairable, Counter())
    number = total.total()
    observed = sum((values.total() ** 2 - _squares(values)) / (values.total() - 1) for values in pairable)
    expected = number**2 - _squares(total)
    return 1 - (number - 1) * observed / expected if expected else None


def _squares(values: Counter[Hashable]) -> int:
    return sum(count**2 for count in values.values())
