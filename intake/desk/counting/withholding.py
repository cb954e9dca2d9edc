"""Which numbers may be published without saying anything about a group of fewer than ten people.

A number that is not shown must not follow from those that are: not from the number of all, which is known, nor from
what other groups leave over. Zero is a group of fewer than ten, too.
"""

from collections.abc import Sequence

LEAST = 10
"""Nothing is said of fewer people than this."""


def shown(sizes: Sequence[int], everyone: int, *, rest: int | None = None) -> list[bool]:
    """Return of each group whether its size may be shown beside the others, and beside the number of all.

    Enough people must be in it, and enough not. And those that are shown must leave enough people over, as far as that
    can be told: where they add up to more than all, some are in several groups, and nobody can tell. Otherwise the
    smallest that could be shown is not. `rest` is the group of those who are in no other, if there is one. Then it can
    be told how many are in several groups, and how many are neither in it nor in another one.
    """
    visible = {at for at, size in enumerate(sizes) if LEAST <= size <= everyone - LEAST}
    while visible:
        over = everyone - sum(sizes[at] for at in visible)
        if 0 <= over < LEAST or (rest is not None and -LEAST < over < 0):
            visible.remove(min(visible, key=lambda at: (sizes[at], at)))
        elif rest in visible and any(everyone - sizes[rest] - sizes[at] < LEAST for at in visible - {rest}):
            visible.remove(rest)
        else:
            break
    return [at in visible for at in range(len(sizes))]


def shown_together(one: int, other: int, everyone: int) -> bool:
    """Tell whether it may be shown how many are in both of two groups that are shown. All are bitmaps: see `bitmaps`.

    Their sizes are known, and so is the number of those in one only, in the other only, and in neither.
    """
    cells = (one & other, one & ~other, other & ~one, everyone & ~(one | other))
    return all(cell.bit_count() >= LEAST for cell in cells)
