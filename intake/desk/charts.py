"""What the testimonies come to as a whole: how many there are over time and of each kind, and which codes meet.

On the screen everything counts that is filed, but for spam and what was sent to try the service. What leaves counts
only what the gate let through, and says nothing about fewer than ten people: see `withholding`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from intake.calls.answers import FIRST_YEAR, LAST_YEAR
from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE, Edition
from intake.calls.model import COUNTRY_UNKNOWN, Question
from intake.desk import bitmaps, gate, index, showing, withholding
from intake.desk.bitmaps import YES
from intake.desk.deciding import SPAM
from intake.desk.errors import DeskError
from intake.desk.study import codebook
from intake.desk.tables import Row
from intake.desk.workspace import Workspace

WITHHELD = "withheld"
"""Stands for a number that may not leave: of fewer than ten people, or one that would give such a number away."""

_QUESTIONS = {"inc.kind": "Kind of attack", "care.effects": "Effects on care", "me.harm": "Personal harm"}
_WHEN, _COUNTRY = "inc.when", "inc.country"
_CODES = "codes"
_TOGETHER = "together"
_MOST_MONTHS = 36
_COLUMNS = ("chart", "group", "other", "label", "other_label", "count")
_OTHERS = "all others"


@dataclass(frozen=True)
class Group:
    """Testimonies that have something in common, as a bitmap. `link` is what a list shows them by: see `filters`.

    The group of those who did not say it has no `code`.
    """

    code: str
    label: str
    members: int
    link: tuple[str, str] | None = None

    @property
    def size(self) -> int:
        """How many there are."""
        return self.members.bit_count()


@dataclass(frozen=True)
class Chart:
    """One division of the testimonies into groups, which may have some in common. `language` is that of the labels.

    `question` is the one that it counts the answers to, if it is one. One that is not `closed` has only the groups
    that occur.
    """

    name: str
    title: str
    groups: tuple[Group, ...]
    language: str = SOURCE_LANGUAGE
    question: str = ""
    closed: bool = False
    over_time: bool = False


def on_screen(workspace: Workspace) -> int:
    """Return the testimonies that count on the screen: all that are filed but spam and tests.

    Brings the index up to date first: not inside a transaction.
    """
    index.refresh(workspace)
    left_out = bitmaps.having(workspace, bitmaps.STATE, SPAM) | bitmaps.having(workspace, bitmaps.TEST, YES)
    return bitmaps.everything(workspace) & ~left_out


def charts(workspace: Workspace, everyone: int, language: str, *, every_coding: bool = False) -> list[Chart]:
    """Return every chart over some testimonies. Questions are in `language` if their call was translated into it.

    Codings of others count only where this reviewer may see them, unless `every_coding`.
    """
    counting = _Counting(workspace, everyone, language)
    found = [
        counting.received(),
        counting.started(),
        counting.languages(),
        counting.countries(),
        *counting.questions(),
        counting.codes(every_coding=every_coding),
    ]
    return [chart for chart in found if any(group.code and group.members for group in chart.groups)]


def most_used(found: Sequence[Chart], most: int) -> list[Group]:
    """Return the codes that most testimonies have, the first of them first."""
    groups = next((chart.groups for chart in found if chart.name == _CODES), ())
    return sorted((group for group in groups if group.code and group.size), key=lambda group: -group.size)[:most]


def table(workspace: Workspace, records: Collection[str], only: str = "") -> tuple[Sequence[str], Sequence[Row]]:
    """Return the columns and rows that may leave of every chart over some testimonies, or of the one named `only`.

    The gate has let all of them through for statistics. Raises DeskError when there are fewer than ten, or there is
    no such chart.
    """
    index.refresh(workspace)
    everyone = bitmaps.of_records(workspace, frozenset(records))
    if everyone.bit_count() < withholding.LEAST:
        raise DeskError(
            f"Fewer than {withholding.LEAST} testimonies may be counted: nothing can be said without speaking of few."
        )
    found = charts(workspace, everyone, SOURCE_LANGUAGE, every_coding=True)
    rows = [_row("all", "", "all testimonies counted here", everyone.bit_count())]
    for chart in found:
        if not chart.question or _countable(workspace, chart.question):
            rows += _rows(chart, everyone)
    rows += _pairs(found, everyone)
    kept = [row for row in rows if only in ("", row["chart"]) or row["chart"] == "all"]
    if only and len(kept) == 1:
        raise DeskError("There is no such chart, or nothing of it may leave.")
    return _COLUMNS, kept


class _Counting:
    """Divides some testimonies into groups."""

    def __init__(self, workspace: Workspace, everyone: int, language: str) -> None:
        self._workspace = workspace
        self._everyone = everyone
        self._language = language

    def received(self) -> Chart:
        """By the month in which they came, or the year when there are many months."""
        months = self._members(bitmaps.MONTH)
        year = len(_between(months)) > _MOST_MONTHS
        groups = self._over_time(_by_year(months) if year else months)
        if not year:
            groups = [Group(group.code, group.label, group.members, ("month", group.code)) for group in groups]
        return Chart("received", f"Received, by {'year' if year else 'month'}", tuple(groups), over_time=True)

    def started(self) -> Chart:
        """By the year in which it started."""
        groups = self._over_time(_by_year(self._members(_WHEN)))
        groups = [
            Group(group.code, group.label, group.members, ("answer", f"{_WHEN}:{group.code}")) for group in groups
        ]
        return Chart(
            "started", "When it started, by year", (*groups, self._rest(groups)), question=_WHEN, over_time=True
        )

    def languages(self) -> Chart:
        """By the language they were written in."""
        members = self._members(bitmaps.LANGUAGE)
        groups = [Group(code, code, found, ("language", code)) for code, found in members.items()]
        return Chart("language", "Language", tuple(_largest_first(groups)))

    def countries(self) -> Chart:
        """By the country it happened in."""
        names = dict(country_names(SOURCE_LANGUAGE))
        members = self._members(bitmaps.COUNTRY)
        groups = [
            Group(code, names.get(code, code), found, ("country", code))
            for code, found in members.items()
            if code != COUNTRY_UNKNOWN
        ]
        groups = _largest_first(groups)
        return Chart("country", "Country", (*groups, self._rest(groups)), question=_COUNTRY)

    def questions(self) -> Iterator[Chart]:
        """By the answers to the questions that say most."""
        for name, title in _QUESTIONS.items():
            asked = [(question, edition) for edition, question in _asking(self._workspace, name)]
            if not asked:
                continue
            labels: dict[str, str] = {}
            language = showing.language_of(asked[0][1], "", self._language)
            for question, edition in asked:
                for option in question.options:
                    labels.setdefault(option.code, edition.translate(option.label, language))
            members = self._members(name)
            groups = _largest_first(
                Group(code, label, members.get(code, 0), ("answer", f"{name}:{code}")) for code, label in labels.items()
            )
            yield Chart(name, title, (*groups, self._rest(groups)), language, question=name, closed=True)

    def codes(self, *, every_coding: bool) -> Chart:
        """By the codes that reviewers gave. A code is counted alone, without those below it."""
        name = self._workspace.reviewer.name
        query = "SELECT DISTINCT code, number FROM codings JOIN testimonies USING (record) WHERE ? OR reviewer = ? OR "
        query += "EXISTS (SELECT 1 FROM finished WHERE finished.record = codings.record AND finished.reviewer = ?)"
        numbers: dict[str, list[int]] = {}
        counts_as = codebook.standing(self._workspace)
        for code, number in self._workspace.execute(query, (every_coding, name, name)):
            numbers.setdefault(counts_as.get(code, code), []).append(number)
        groups = _largest_first(
            Group(node.id, node.name, bitmaps.of_numbers(numbers[node.id]) & self._everyone, ("code", node.id))
            for node in codebook.tree(self._workspace)
            if node.id in numbers
        )
        return Chart(_CODES, "Codes", tuple(group for group in groups if group.members))

    def _members(self, question: str) -> dict[str, int]:
        found = bitmaps.answers(self._workspace, question)
        members = {code: bitmap & self._everyone for code, bitmap in found.items()}
        return {code: bitmap for code, bitmap in members.items() if bitmap}

    def _over_time(self, members: Mapping[str, int]) -> list[Group]:
        return [Group(time, time, members.get(time, 0)) for time in _between(members)]

    def _rest(self, groups: Sequence[Group]) -> Group:
        said = reduce(or_, (group.members for group in groups), 0)
        return Group("", "Not said", self._everyone & ~said)


def _largest_first(groups: Iterator[Group] | Sequence[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.size, group.label))


def _by_year(members: Mapping[str, int]) -> dict[str, int]:
    years: dict[str, int] = {}
    for time, found in members.items():
        years[time[:4]] = years.get(time[:4], 0) | found
    return years


def _between(times: Collection[str]) -> list[str]:
    """Return every year or month from the first to the last, and then what is no time, as the log may hold it."""
    known = sorted(filter(_is_time, times))
    strange = sorted(set(times) - set(known))
    if not known:
        return strange
    first, last = known[0], known[-1]
    if len(first) == len("2026"):
        return [*map(str, range(int(first), int(last) + 1)), *strange]
    months = range(int(first[:4]) * 12 + int(first[5:]) - 1, int(last[:4]) * 12 + int(last[5:]))
    return [*(f"{month // 12}-{month % 12 + 1:02}" for month in months), *strange]


def _is_time(time: str) -> bool:
    return str(FIRST_YEAR) <= time[:4] <= str(LAST_YEAR) and (len(time) == len("2026") or "01" <= time[5:] <= "12")


def _asking(workspace: Workspace, name: str) -> list[tuple[Edition, Question]]:
    """Return the editions that ask a question, the newest first."""
    editions = reversed(workspace.editions().values())
    return [(edition, edition.call.questions[name]) for edition in editions if name in edition.call.questions]


def _countable(workspace: Workspace, name: str) -> bool:
    """Tell whether every edition that asks a question lets its answers be counted."""
    return all(
        name in {question.id for question in gate.countable(edition.call)} for edition, _ in _asking(workspace, name)
    )


def _rows(chart: Chart, everyone: int) -> Iterator[Row]:
    """Yield each group of a closed question, and of all else only those that may be shown: the rest is nameless."""
    groups = sorted(chart.groups, key=lambda group: group.code)  # their order by size would tell of what is withheld
    shown = withholding.shown([group.size for group in groups], everyone.bit_count())
    for group, visible in zip(groups, shown, strict=True):
        if visible or chart.closed:
            code = group.code or "not said"
            yield _row(chart.name, code, group.label, group.size if visible else WITHHELD)
    if not chart.closed:
        yield _row(chart.name, _OTHERS, "", WITHHELD)


def _pairs(found: Sequence[Chart], everyone: int) -> Iterator[Row]:
    groups = next((chart.groups for chart in found if chart.name == _CODES), ())
    shown = withholding.shown([group.size for group in groups], everyone.bit_count())
    visible = [group for group, seen in zip(groups, shown, strict=True) if seen]
    for at, one in enumerate(visible):
        for other in visible[at + 1 :]:
            if withholding.shown_together(one.members, other.members, everyone):
                both = (one.members & other.members).bit_count()
                row = _row(_TOGETHER, one.code, one.label, both)
                yield {**row, "other": other.code, "other_label": other.label}
    if groups:
        yield _row(_TOGETHER, _OTHERS, "", WITHHELD)


def _row(chart: str, group: str, label: str, count: int | str) -> Row:
    return {"chart": chart, "group": group, "other": "", "label": label, "other_label": "", "count": count}
