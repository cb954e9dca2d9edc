"""The list of testimonies: what a filter lets through, in which order, page by page.

Everything that a filter asks is a bitmap (see `bitmaps`), and what it lets through is what all of them have in common:
so the total is exact, and the last page comes as fast as the first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import reduce
from operator import and_, or_

from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE
from intake.desk import passages
from intake.desk.deciding import STATES
from intake.desk.finding import bitmaps, excerpts, index, search_words
from intake.desk.finding.filters import Filter, Sort
from intake.desk.study import codebook
from intake.desk.workspace import Workspace

KEPT = {
    "state": bitmaps.STATE,
    "call": bitmaps.CALL,
    "language": bitmaps.LANGUAGE,
    "country": bitmaps.COUNTRY,
    "month": bitmaps.MONTH,
    "risk": bitmaps.RISK,
    "hard": bitmaps.HARD,
    "test": bitmaps.TEST,
}
"""The fields of a filter whose values are in the index under a name of their own."""

_LONGEST_SEARCH = 500  # characters
_SNIPPET = 180  # characters


@dataclass(frozen=True)
class Snippet:
    """Where a search found something: the place as in `passages.Text`, and an excerpt as in `excerpts.Excerpt`."""

    part: str
    question: str
    language: str
    pieces: tuple[tuple[str, bool], ...]
    before: bool
    after: bool


@dataclass(frozen=True, kw_only=True)
class Row:
    """A testimony in the list. `country` may be empty; `length` counts the characters of all its words."""

    record: str
    sequence: int
    state: str
    call: str
    language: str
    day: str
    country: str
    risk: bool
    hard: bool
    test: bool
    additions: int
    files: int
    length: int
    opening: str
    snippet: Snippet | None = None


_COLUMNS = tuple(field.name for field in fields(Row) if field.name != "snippet")


@dataclass(frozen=True)
class Page:
    """One page of the list. `total` counts all testimonies that the filter lets through; `page` counts from 1.

    `met` says who meets each of its conditions, as `conditions` does.
    """

    rows: list[Row]
    total: int
    page: int
    pages: int
    met: Mapping[str, int]


def find(workspace: Workspace, chosen: Filter, page: int = 1, limit: int = 50) -> Page:
    """Return a page of the testimonies that a filter lets through; the last one when there are not so many pages.

    Brings the index up to date first: not to be called inside a transaction.
    """
    index.refresh(workspace)
    met = conditions(workspace, chosen)
    found = _meeting(workspace, met)
    total = found.bit_count()
    pages = max(-(-total // limit), 1)
    page = min(max(page, 1), pages)
    numbers = _numbers(workspace, chosen, found, (page - 1) * limit, limit)
    words = searched(workspace, chosen)
    return Page([_row(workspace, number, words) for number in numbers], total, page, pages, met)


def neighbours(workspace: Workspace, chosen: Filter, record: str) -> tuple[str, str]:
    """Return the ids of the testimonies before and after one in the list; empty where the list ends."""
    row = workspace.execute("SELECT number FROM testimonies WHERE record = ?", (record,)).fetchone()
    found = _meeting(workspace, conditions(workspace, chosen))
    if row is None or not found >> row[0] & 1:
        return "", ""
    if chosen.sort is Sort.LONGEST:
        every = _longest(workspace, found)
        place = every.index(row[0])
        return _id(workspace, every[place - 1 : place]), _id(workspace, every[place + 1 : place + 2])
    groups = [group for group in _groups(workspace, chosen, found) if group]
    place = next(place for place, group in enumerate(groups) if group >> row[0] & 1)
    newer, older = groups[place] >> row[0] + 1 << row[0] + 1, groups[place] & (1 << row[0]) - 1
    if chosen.sort is Sort.OLDEST:
        return _id(workspace, _highest(older)), _id(workspace, _lowest(newer))
    before = newer or (groups[place - 1] if place else 0)
    after = older or (groups[place + 1] if place + 1 < len(groups) else 0)
    return _id(workspace, _lowest(before)), _id(workspace, _highest(after))


def conditions(workspace: Workspace, chosen: Filter) -> dict[str, int]:
    """Return who meets each condition of a filter, by the name of its field; for an answer, by that of its question."""
    found = {}
    for name, question in KEPT.items():
        if values := getattr(chosen, name):
            found[name] = _any(bitmaps.having(workspace, question, value) for value in values)
    asked: defaultdict[str, list[str]] = defaultdict(list)
    for answer in chosen.answer:
        question, _, code = answer.partition(":")
        asked[question].append(code)
    for question, codes in asked.items():
        found[question] = _any(bitmaps.having(workspace, question, code) for code in codes)
    if chosen.code:
        coded = with_codes(workspace)
        found["code"] = _any(coded.get(code, 0) for code in chosen.code)
    if chosen.reviewer:
        worked = with_reviewers(workspace)
        found["reviewer"] = _any(worked.get(name, 0) for name in chosen.reviewer)
    if words := searched(workspace, chosen):
        found["search"] = _saying(workspace, words)
    return found


def with_codes(workspace: Workspace) -> dict[str, int]:
    """Return who has each code of the codebook, or one below it, as far as this reviewer may see codings."""
    query = (
        "SELECT DISTINCT code, number FROM codings JOIN testimonies USING (record) WHERE reviewer = ? OR EXISTS "
        "(SELECT 1 FROM finished WHERE finished.record = codings.record AND finished.reviewer = ?)"
    )
    name = workspace.reviewer.name
    rows = workspace.execute(query, (name, name)).fetchall()
    counts_as = codebook.standing(workspace)
    members = _grouped((counts_as.get(code, code), number) for code, number in rows)
    for node in reversed(codebook.tree(workspace)):  # from the leaves up
        if node.parent and node.id in members:
            members[node.parent] = members.get(node.parent, 0) | members[node.id]
    return members


def with_reviewers(workspace: Workspace) -> dict[str, int]:
    """Return what each reviewer did something about."""
    query = "SELECT reviewer, number FROM worked JOIN testimonies USING (record)"
    return _grouped(workspace.execute(query).fetchall())


def keep_search(workspace: Workspace, text: str) -> int:
    """Keep the words of a search, in the caller's transaction, and return the id that stands for them in links.

    Returns 0 when there is nothing in them to look for.
    """
    text = " ".join(text.encode(errors="replace").decode().split())[:_LONGEST_SEARCH]
    if not search_words.parse_query(text):
        return 0
    workspace.execute("INSERT OR IGNORE INTO searches (text) VALUES (?)", (text,))
    return int(workspace.execute("SELECT id FROM searches WHERE text = ?", (text,)).fetchone()[0])


def searched(workspace: Workspace, chosen: Filter) -> str:
    """Return the words that a filter looks for, or nothing."""
    row = workspace.execute("SELECT text FROM searches WHERE id = ?", (chosen.search,)).fetchone()
    return str(row[0]) if row else ""


def _meeting(workspace: Workspace, met: Mapping[str, int]) -> int:
    return reduce(and_, met.values(), bitmaps.everything(workspace))


def _saying(workspace: Workspace, words: str) -> int:
    terms = search_words.parse_query(words)
    wanted = [term for term in terms if not term.excluded]
    found = _matched(workspace, search_words.match_expression(wanted)) if wanted else bitmaps.everything(workspace)
    for term in terms:
        if term.excluded:
            found &= ~_matched(workspace, search_words.match_expression([term]))
    return found


def _matched(workspace: Workspace, expression: str) -> int:
    rows = workspace.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall()
    return bitmaps.of_numbers(number for (number,) in rows)


def _numbers(workspace: Workspace, chosen: Filter, found: int, first: int, limit: int) -> list[int]:
    """Return the numbers of one page."""
    if chosen.sort is Sort.LONGEST:
        return _longest(workspace, found)[first : first + limit]
    numbers: list[int] = []
    for group in _groups(workspace, chosen, found):
        count = group.bit_count()
        if count > first:
            every = bitmaps.numbers(group)
            every = every if chosen.sort is Sort.OLDEST else every[::-1]
            numbers += every[first : first + limit - len(numbers)]
        first = max(first - count, 0)
        if len(numbers) == limit:
            break
    return numbers


def _groups(workspace: Workspace, chosen: Filter, found: int) -> Iterator[int]:
    """Yield what was found in groups, in the order of the list, and at last what is in none."""
    question, order = _order(chosen.sort)
    members = bitmaps.answers(workspace, question) if question else {}
    places = {value: place for place, value in enumerate(order)}
    for value in sorted(members, key=lambda value: (places.get(value, len(places)), value)):
        yield found & members[value]
        found &= ~members[value]
    yield found


def _order(sort: Sort) -> tuple[str, Iterable[str]]:
    """Return by what the groups of a list are made, and those that are known, in their order."""
    match sort:
        case Sort.STATE:
            return bitmaps.STATE, STATES
        case Sort.COUNTRY:
            return bitmaps.COUNTRY, (code for code, _ in country_names(SOURCE_LANGUAGE))
        case Sort.LANGUAGE:
            return bitmaps.LANGUAGE, ()
    return "", ()


def _longest(workspace: Workspace, found: int) -> list[int]:
    flags = bitmaps.flags(found)
    rows = workspace.execute("SELECT number FROM testimonies ORDER BY length DESC, number DESC").fetchall()
    return [number for (number,) in rows if number < len(flags) and flags[number]]


def _row(workspace: Workspace, number: int, words: str) -> Row:
    query = f"SELECT {', '.join(_COLUMNS)} FROM testimonies WHERE number = ?"  # noqa: S608
    values = dict(zip(_COLUMNS, workspace.execute(query, (number,)).fetchone(), strict=True))
    values |= {name: bool(values[name]) for name in ("risk", "hard", "test")}
    return Row(**values, snippet=_snippet(workspace, values["record"], words) if words else None)


def _snippet(workspace: Workspace, identifier: str, words: str) -> Snippet | None:
    """Return an excerpt of the text that says most of what is looked for, and of two the longer."""
    record = workspace.record(identifier)
    texts = list(passages.texts(workspace, record)) if record else []
    cut = ((text, excerpts.snippet(text.text, words, _SNIPPET)) for text in texts)
    found = [(text, excerpt) for text, excerpt in cut if excerpt]
    if not found:
        return None
    text, excerpt = max(found, key=lambda pair: (sum(marked for _, marked in pair[1].pieces), len(pair[0].text)))
    return Snippet(text.part, text.question, text.language, excerpt.pieces, excerpt.before, excerpt.after)


def _any(members: Iterable[int]) -> int:
    return reduce(or_, members, 0)


def _grouped(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for name, number in rows:
        found[name].append(number)
    return {name: bitmaps.of_numbers(numbers) for name, numbers in found.items()}


def _lowest(bitmap: int) -> list[int]:
    return [(bitmap & -bitmap).bit_length() - 1] if bitmap else []


def _highest(bitmap: int) -> list[int]:
    return [bitmap.bit_length() - 1] if bitmap else []


def _id(workspace: Workspace, numbers: list[int]) -> str:
    """Return the id of the testimony with this number, if there is one."""
    row = workspace.execute("SELECT record FROM testimonies WHERE number = ?", numbers).fetchone() if numbers else None
    return str(row[0]) if row else ""
