"""What the testimonies come to as a whole: how many there are over time and of each kind, and which codes meet.

On the screen everything counts that is filed, but for spam and what was sent to try the service. What leaves is
another matter: see `chart_tables`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from intake.calls.answers import FIRST_YEAR, LAST_YEAR
from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE, Edition
from intake.calls.model import COUNTRY_UNKNOWN, Question
from intake.desk import showing
from intake.desk.deciding import SPAM
from intake.desk.finding import bitmaps, index
from intake.desk.finding.bitmaps import YES
from intake.desk.study import codebook
from intake.desk.workspace import Workspace
from intake.envelope import Testimony, parse

_QUESTIONS = {"inc.kind": "Kind of attack", "care.effects": "Effects on care", "me.harm": "Personal harm"}
_WHEN, _COUNTRY = "inc.when", "inc.country"
_ANSWERED = (*_QUESTIONS, _WHEN, _COUNTRY)
CODES = "codes"
"""The name of the chart of codes."""
_MOST_MONTHS = 36
_YEAR = len("2026")


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


def charts(workspace: Workspace, everyone: int, language: str, *, leaving: bool = False) -> list[Chart]:
    """Return every chart over some testimonies. Questions are in `language` if their call was translated into it.

    On the screen, additions count with their testimony, and codings of others where this reviewer may see them. In what
    is `leaving`, every coding counts but nothing of additions, since these come with consents of their own.
    """
    counting = _Counting(workspace, everyone, language, leaving=leaving)
    found = [
        counting.received(),
        counting.started(),
        counting.languages(),
        counting.countries(),
        *counting.questions(),
        counting.codes(),
    ]
    return [chart for chart in found if any(group.code and group.members for group in chart.groups)]


def most_used(found: Sequence[Chart], most: int) -> list[Group]:
    """Return the codes that most testimonies have, the first of them first."""
    groups = next((chart.groups for chart in found if chart.name == CODES), ())
    return sorted((group for group in groups if group.code and group.size), key=lambda group: -group.size)[:most]


class _Counting:
    """Divides some testimonies into groups."""

    def __init__(self, workspace: Workspace, everyone: int, language: str, *, leaving: bool) -> None:
        self._workspace = workspace
        self._everyone = everyone
        self._language = language
        self._leaving = leaving
        self._added_to, self._alone = _without_additions(workspace) if leaving else (0, {})

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
        members = self._members(_COUNTRY)
        groups = [
            Group(code, names.get(code, code), found, ("answer", f"{_COUNTRY}:{code}"))
            for code, found in members.items()
            if code != COUNTRY_UNKNOWN
        ]
        groups = _largest_first(groups)
        return Chart("country", "Country", (*groups, self._rest(groups)), question=_COUNTRY)

    def questions(self) -> Iterator[Chart]:
        """By the answers to the questions that say most."""
        for name, title in _QUESTIONS.items():
            asked = [(question, edition) for edition, question in asking(self._workspace, name)]
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

    def codes(self) -> Chart:
        """By the codes that reviewers gave. A code is counted alone, without those below it."""
        query = "SELECT DISTINCT code, number FROM codings JOIN testimonies USING (record) WHERE "
        if self._leaving:
            query += "codings.part = codings.record"
            names = []
        else:
            query += "reviewer = ?1 OR EXISTS (SELECT 1 FROM finished WHERE finished.record = codings.record "
            query += "AND finished.reviewer = ?1)"
            names = [self._workspace.reviewer.name]
        numbers: dict[str, list[int]] = {}
        counts_as = codebook.standing(self._workspace)
        for code, number in self._workspace.execute(query, names):
            numbers.setdefault(counts_as.get(code, code), []).append(number)
        groups = _largest_first(
            Group(node.id, node.name, bitmaps.of_numbers(numbers[node.id]) & self._everyone, ("code", node.id))
            for node in codebook.tree(self._workspace)
            if node.id in numbers
        )
        return Chart(CODES, "Codes", tuple(group for group in groups if group.members))

    def _members(self, name: str) -> dict[str, int]:
        members = bitmaps.answers(self._workspace, name)
        if name in _ANSWERED:
            members = {code: bitmap & ~self._added_to for code, bitmap in members.items()}
            for code, bitmap in self._alone.get(name, {}).items():
                members[code] = members.get(code, 0) | bitmap
        members = {code: bitmap & self._everyone for code, bitmap in members.items()}
        return {code: bitmap for code, bitmap in members.items() if bitmap}

    def _over_time(self, members: Mapping[str, int]) -> list[Group]:
        return [Group(time, time, members.get(time, 0)) for time in _between(members)]

    def _rest(self, groups: Sequence[Group]) -> Group:
        said = reduce(or_, (group.members for group in groups), 0)
        return Group("", "Not said", self._everyone & ~said)


def _without_additions(workspace: Workspace) -> tuple[int, dict[str, dict[str, int]]]:
    """Return the testimonies that were added to, and what they said themselves: question -> answer -> who."""
    query = "SELECT number, content FROM testimonies JOIN records ON id = record WHERE additions"
    added_to = 0
    alone: dict[str, dict[str, int]] = {name: {} for name in _ANSWERED}
    for number, content in workspace.execute(query):
        added_to |= 1 << number
        envelope = parse(content)
        for name in _ANSWERED:
            given = envelope.answers.get(name, []) if isinstance(envelope, Testimony) else []
            for answer in given if isinstance(given, list) else [str(given)]:
                code = answer[:_YEAR] if name == _WHEN else answer
                alone[name][code] = alone[name].get(code, 0) | 1 << number
    return added_to, alone


def _largest_first(groups: Iterator[Group] | Sequence[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: (-group.size, group.label))


def _by_year(members: Mapping[str, int]) -> dict[str, int]:
    years: dict[str, int] = {}
    for time, found in members.items():
        years[time[:_YEAR]] = years.get(time[:_YEAR], 0) | found
    return years


def _between(times: Collection[str]) -> list[str]:
    """Return every year or month from the first to the last, and then what is no time, as the log may hold it."""
    known = sorted(filter(_is_time, times))
    strange = sorted(set(times) - set(known))
    if not known:
        return strange
    first, last = known[0], known[-1]
    if len(first) == _YEAR:
        return [*map(str, range(int(first), int(last) + 1)), *strange]
    months = range(int(first[:_YEAR]) * 12 + int(first[5:]) - 1, int(last[:_YEAR]) * 12 + int(last[5:]))
    return [*(f"{month // 12}-{month % 12 + 1:02}" for month in months), *strange]


def _is_time(time: str) -> bool:
    return str(FIRST_YEAR) <= time[:_YEAR] <= str(LAST_YEAR) and (len(time) == _YEAR or "01" <= time[5:] <= "12")


def asking(workspace: Workspace, name: str) -> list[tuple[Edition, Question]]:
    """Return the editions that ask a question, the newest first."""
    editions = reversed(workspace.editions().values())
    return [(edition, edition.call.questions[name]) for edition in editions if name in edition.call.questions]
