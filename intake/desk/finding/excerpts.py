"""Parts of texts for lists: how a text begins, and what stands around what a search found."""

import bisect
from dataclasses import dataclass
from itertools import accumulate

from intake.desk.finding.search_words import clusters, highlight

_LEAD = 40  # characters before what was found


@dataclass(frozen=True)
class Excerpt:
    """A part of a text: its pieces, and for each whether it was found. `before` and `after`: the text goes on there."""

    pieces: tuple[tuple[str, bool], ...]
    before: bool
    after: bool


def snippet(text: str, query: str, length: int = 160) -> Excerpt | None:
    """Return an excerpt around what a query asks for, or None when the text has nothing of it."""
    places = highlight(text, query)
    return _excerpt(text, places, length) if places else None


def opening(text: str, length: int = 160) -> str:
    """Return how a text begins, on one line, cut between words where it can be, and never in a cluster."""
    line = " ".join(text.split(maxsplit=length))
    if len(line) <= length:
        return line
    space = line.rfind(" ", length // 2, length + 1)
    if space > 0:
        return line[:space]
    edges = list(accumulate(map(len, clusters(line[: 2 * length]))))
    return line[: edges[bisect.bisect_right(edges, length) - 1]]


def _excerpt(text: str, places: list[tuple[int, int]], length: int) -> Excerpt:
    """Return about `length` characters of a text around the first of the places, cut between words where it can be."""
    edges = [0, *accumulate(map(len, clusters(text)))]
    first = _cut(text, edges, max(places[0][0] - _LEAD, 0), 1, places[0][0])
    last = _cut(text, edges, min(first + length, len(text)), -1, min(places[0][1], first + length))
    pieces = []
    at = first
    for start, end in places:
        if start < last:
            pieces += [(text[at:start], False), (text[start : min(end, last)], True)]
            at = min(end, last)
    pieces.append((text[at:last], False))
    return Excerpt(tuple(piece for piece in pieces if piece[0]), first > 0, last < len(text))


def _cut(text: str, edges: list[int], wanted: int, step: int, bound: int) -> int:
    """Return an edge between two clusters, near `wanted`, and between two words if one is before `bound` that way."""
    number = bisect.bisect_left(edges, wanted) if step > 0 else bisect.bisect_right(edges, wanted) - 1
    if wanted in (0, len(text)):
        return wanted
    while 0 < number < len(edges) - 1 and (bound - edges[number]) * step > 0:
        if text[edges[number] - (step > 0)].isspace():
            return edges[number]
        number += step
    return edges[bisect.bisect_right(edges, wanted) - 1] if step > 0 else edges[bisect.bisect_left(edges, wanted)]
