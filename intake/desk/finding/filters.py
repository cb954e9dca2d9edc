"""What is asked of testimonies in the list, and its order: as the query of a link, to share and to bookmark."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

_MOST_VALUES = 100  # of one field in a link
_LONGEST_VALUE = 200  # characters


class Sort(StrEnum):
    """The order of the list. Within the same state, country or language the newest come first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    STATE = "state"
    COUNTRY = "country"
    LANGUAGE = "language"
    LONGEST = "longest"

    @property
    def label(self) -> str:
        """What it is called on a page."""
        return _LABELS[self]


_LABELS = {
    Sort.NEWEST: "Newest first",
    Sort.OLDEST: "Oldest first",
    Sort.STATE: "By state",
    Sort.COUNTRY: "By country",
    Sort.LANGUAGE: "By language",
    Sort.LONGEST: "Longest first",
}


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is asked of testimonies. Each field is a condition, its values are alternatives, and empty asks nothing.

    `answer` holds `question:code`; each question in it is a condition of its own. `code` holds ids of the codebook,
    `reviewer` names of who did something about it. `search` is the id that `keep_search` gave. The last three of the
    tuples hold `yes` or `no`.
    """

    state: tuple[str, ...] = ()
    call: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    month: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    reviewer: tuple[str, ...] = ()
    risk: tuple[str, ...] = ()
    hard: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    search: int = 0
    sort: Sort = Sort.NEWEST

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """Return the filter of a link's query. What it does not know it leaves out."""
        lists: defaultdict[str, dict[str, None]] = defaultdict(dict)
        search, sort = 0, Sort.NEWEST
        for name, value in pairs:
            if name in _LISTS and 0 < len(value) <= _LONGEST_VALUE and len(lists[name]) < _MOST_VALUES:
                lists[name][value.encode(errors="replace").decode()] = None
            elif name == "search" and value.isascii() and value.isdigit() and len(value) <= len("999999999"):
                search = int(value)
            elif name == "sort" and value in tuple(Sort):
                sort = Sort(value)
        return cls(**{name: tuple(values) for name, values in lists.items()}, search=search, sort=sort)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the query of its link."""
        found = [(name, value) for name in _LISTS for value in getattr(self, name)]
        found += [("search", str(self.search))] * bool(self.search)
        return found + [("sort", str(self.sort))] * (self.sort is not Sort.NEWEST)

    def toggled(self, name: str, value: str) -> Self:
        """Return this filter with a value added to a field, or taken out if it is there."""
        values = getattr(self, name)
        left = tuple(found for found in values if found != value)
        changed: dict[str, Any] = {name: (*left, value) if left == values else left}
        return replace(self, **changed)

    def without(self, name: str) -> Self:
        """Return this filter without a field."""
        changed: dict[str, Any] = {name: 0 if name == "search" else ()}
        return replace(self, **changed)

    @property
    def narrowed(self) -> bool:
        """Whether it asks anything."""
        return replace(self, sort=Sort.NEWEST) != Filter()


_LISTS = tuple(field.name for field in fields(Filter) if field.name not in ("search", "sort"))
