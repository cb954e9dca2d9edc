"""What a list can be filtered by: each choice with how many testimonies it would show, given all other conditions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_

from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE, Edition
from intake.calls.model import Question
from intake.desk.deciding import STATES
from intake.desk.finding import bitmaps, triage
from intake.desk.finding.bitmaps import NO, YES
from intake.desk.finding.filters import Filter
from intake.desk.review.words import language_name
from intake.desk.study import codebook
from intake.desk.workspace import Workspace

_ASKED_FIRST = ("inc.kind", "care.effects", "me.harm")
"""The questions that a list is filtered by most, besides the consents: kind of attack, effects on care, harm."""


@dataclass(frozen=True)
class Choice:
    """A value of a field of the filter; `toggled(name, value)` is its link. `depth` is that of a code in its tree."""

    name: str
    value: str
    label: str
    count: int
    chosen: bool
    depth: int = 0


@dataclass(frozen=True)
class Group:
    """The choices of one condition. `language` is that of the labels; `shut`: rarely used, to be shown folded."""

    name: str
    label: str
    choices: tuple[Choice, ...]
    language: str = SOURCE_LANGUAGE
    shut: bool = False


def groups(workspace: Workspace, chosen: Filter, met: Mapping[str, int], language: str) -> list[Group]:
    """Return the choices that there are. `met` is what `triage.find` said of the filter.

    Questions are in `language` if their call was translated into it.
    """
    counting = _Counting(workspace, chosen, met)
    found = [
        counting.group("state", "Status", {state: state.capitalize() for state in STATES}, keep_empty=True),
        *_questions(workspace, counting, language),
        counting.group("language", "Language", _named(counting, "language", language_name)),
        counting.group("country", "Country", dict(country_names(SOURCE_LANGUAGE)), shut=True),
        counting.group("risk", "Could get into trouble for writing", {YES: "Yes", NO: "No or not said"}),
        counting.group("hard", "Death or lasting harm", {YES: "Yes", NO: "No or not said"}),
        _codes(workspace, counting),
        counting.group("reviewer", "Worked on by", _same(triage.with_reviewers(workspace)), shut=True),
        counting.group("month", "Received in", _same(sorted(counting.members("month"), reverse=True)), shut=True),
        counting.group("call", "Call", _same(counting.members("call")), shut=True),
        counting.group("test", "Sent to try the service", {YES: "Yes", NO: "No"}, shut=True),
    ]
    return [group for group in found if group.choices]


class _Counting:
    """Counts what a filter would let through with another value in one of its conditions."""

    def __init__(self, workspace: Workspace, chosen: Filter, met: Mapping[str, int]) -> None:
        self.chosen = chosen
        self._workspace = workspace
        self._everything = bitmaps.everything(workspace)
        self._met = met

    def members(self, name: str) -> dict[str, int]:
        """Return who has each value of a field."""
        if name == "reviewer":
            return triage.with_reviewers(self._workspace)
        return bitmaps.answers(self._workspace, triage.KEPT[name])

    def group(
        self, name: str, label: str, labels: Mapping[str, str], *, keep_empty: bool = False, shut: bool = False
    ) -> Group:
        """Return the group of a field, its values in the order of the labels."""
        counts, values = self.counts(name, self.members(name)), getattr(self.chosen, name)
        choices = tuple(
            Choice(name, value, labels.get(value, value), counts.get(value, 0), value in values)
            for value in dict.fromkeys((*labels, *values))
            if value in counts or value in values or keep_empty
        )
        return Group(name, label, choices, shut=shut and not values)

    def counts(self, condition: str, members: Mapping[str, int]) -> dict[str, int]:
        """Return how many each value would let through."""
        others = [bitmap for name, bitmap in self._met.items() if name != condition]
        given = reduce(and_, others, self._everything)
        return {value: (given & bitmap).bit_count() for value, bitmap in members.items()}


def _questions(workspace: Workspace, counting: _Counting, language: str) -> Iterator[Group]:
    """Yield the groups of answers: those asked first, the consents, and whatever else the filter asks."""
    questions: dict[str, tuple[Question, Edition]] = {}
    for edition in _editions(workspace):
        for question in edition.call.questions.values():
            questions.setdefault(question.id, (question, edition))
    asked = [answer.partition(":")[0] for answer in counting.chosen.answer]
    consents = [name for name, (question, _) in questions.items() if question.consent and not question.must]
    for name in dict.fromkeys((*_ASKED_FIRST, *consents, *asked)):
        members = bitmaps.answers(workspace, name)
        chosen = [answer.partition(":")[2] for answer in counting.chosen.answer if answer.startswith(f"{name}:")]
        counts = counting.counts(name, members)
        label, labels, shown_in = (
            _labels(*questions[name], language) if name in questions else (name, {}, SOURCE_LANGUAGE)
        )
        choices = tuple(
            Choice("answer", f"{name}:{code}", labels.get(code, code), counts.get(code, 0), code in chosen)
            for code in dict.fromkeys((*labels, *members, *chosen))
            if code in members or code in chosen
        )
        yield Group(name, label, choices, shown_in, shut=name not in _ASKED_FIRST and not chosen)


def _codes(workspace: Workspace, counting: _Counting) -> Group:
    counts = counting.counts("code", triage.with_codes(workspace))
    choices = tuple(
        Choice("code", node.id, node.name, counts.get(node.id, 0), node.id in counting.chosen.code, node.depth)
        for node in codebook.tree(workspace)
        if node.id in counts or node.id in counting.chosen.code
    )
    return Group("code", "Code", choices, shut=not counting.chosen.code)


def _labels(question: Question, edition: Edition, language: str) -> tuple[str, dict[str, str], str]:
    """Return the words of a question, those of its options, and the language that they are in."""
    names = {name.partition("-")[0].lower(): name for name in reversed(edition.languages)}
    shown_in = names.get(language.replace("_", "-").partition("-")[0].lower(), SOURCE_LANGUAGE)
    options = {option.code: edition.translate(option.label, shown_in) for option in question.options}
    return edition.translate(question.label, shown_in), options, shown_in


def _editions(workspace: Workspace) -> Iterator[Edition]:
    for (sha256,) in workspace.execute("SELECT DISTINCT sha256 FROM editions").fetchall():
        edition = workspace.edition(sha256)
        if edition:
            yield edition


def _named(counting: _Counting, name: str, name_of: Callable[[str], str]) -> dict[str, str]:
    labels = {value: name_of(value) for value in counting.members(name)}
    return dict(sorted(labels.items(), key=lambda pair: pair[1]))


def _same(values: Iterable[str]) -> dict[str, str]:
    return {value: value for value in values}
