"""What a call for testimonies is made of: sections, questions, options, and the conditions that open them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from intake.envelope import REFUSED, UNKNOWN, Answer

UNKNOWN_LABEL = "I do not know"
REFUSED_LABEL = "I prefer not to say"
COUNTRY_UNKNOWN = "ZZ"


class Kind(StrEnum):
    """How a question is answered, and what its answer is in an envelope."""

    RADIO = "radio"
    """One code of its options: a string."""
    CHECKBOXES = "checkboxes"
    """Any of its options: a list of codes in the call's order."""
    DATE = "date"
    """A year, a month or a day, as far as known: `2025`, `2025-03` or `2025-03-09`."""
    TEXT = "text"
    """One line: a string."""
    TEXTAREA = "textarea"
    """Any text: a string."""
    COUNTRY = "country"
    """ISO 3166-1 alpha-2, or ZZ for unknown."""
    NUMBER = "number"
    """A whole number."""


@dataclass(frozen=True)
class Condition:
    """When something is open: each `when` needs one of its codes chosen, each `unless` none."""

    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def holds(self, answers: Mapping[str, Answer]) -> bool:
        """Tell whether the answers so far open it."""
        if self.always:
            return True
        return all(_chosen(answers, question, codes) for question, codes in self.when.items()) and not any(
            _chosen(answers, question, codes) for question, codes in self.unless.items()
        )

    @cached_property
    def always(self) -> bool:
        """Whether there is no condition at all."""
        return not self.when and not self.unless


def _chosen(answers: Mapping[str, Answer], question: str, codes: tuple[str, ...]) -> bool:
    answer = answers.get(question)
    return any(code in codes for code in answer) if isinstance(answer, list) else answer in codes


@dataclass(frozen=True)
class Option:
    """One answer to choose."""

    code: str
    label: str
    condition: Condition = field(default_factory=Condition)


@dataclass(frozen=True)
class Question:
    """One question. `must` is the only code that may be sent; `limit` counts characters, or is the largest number."""

    id: str
    kind: Kind
    label: str
    hint: str = ""
    options: tuple[Option, ...] = ()
    required: bool = False
    must: str = ""
    limit: int = 0
    stored: bool = True
    consent: bool = False
    condition: Condition = field(default_factory=Condition)

    @cached_property
    def coded(self) -> Mapping[str, Option]:
        """Its options by their codes, in order."""
        return {option.code: option for option in self.options}


@dataclass(frozen=True)
class Note:
    """A text between questions."""

    text: str
    condition: Condition = field(default_factory=Condition)


@dataclass(frozen=True)
class Section:
    """One page of the form. A `stop` section ends the form for whom it opens.

    The desk deletes the answers of a section after `keep_days`, unless that is 0.
    """

    id: str
    title: str
    text: str = ""
    items: tuple[Question | Note, ...] = ()
    stop: bool = False
    consent: bool = False
    keep_days: int = 0
    condition: Condition = field(default_factory=Condition)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Its questions, in order."""
        return tuple(item for item in self.items if isinstance(item, Question))


@dataclass(frozen=True)
class Call:
    """One questionnaire. `one_of` names the questions of which at least one needs an answer."""

    name: str
    title: str
    summary: str
    notice: str
    sections: tuple[Section, ...]
    one_of: tuple[str, ...] = ()

    @cached_property
    def questions(self) -> Mapping[str, Question]:
        """Every question by id, in order."""
        return {question.id: question for section in self.sections for question in section.questions}

    @cached_property
    def deciding_consents(self) -> frozenset[str]:
        """The questions that are no consents, and whose answers decide which consents are open."""
        section_of = {question.id: section for section in self.sections for question in section.questions}
        deciding: set[str] = set()
        waiting = [question.id for question in self.questions.values() if question.consent]
        while waiting:
            question = self.questions[waiting.pop()]
            conditions = [section_of[question.id].condition, question.condition]
            conditions += [option.condition for option in question.options]
            named = {name for condition in conditions for name in (*condition.when, *condition.unless)} - deciding
            deciding |= named
            waiting += named
        return frozenset(name for name in deciding if not self.questions[name].consent)

    def messages(self) -> Iterator[str]:
        """Every text that a person reads, in order, for translation. Some come more than once."""
        yield from (self.title, self.summary, self.notice)
        for section in self.sections:
            yield from filter(None, (section.title, section.text))
            for item in section.items:
                if isinstance(item, Note):
                    yield item.text
                else:
                    yield from filter(None, (item.label, item.hint))
                    yield from (option.label for option in item.options)


def extra_options(unknown: bool, refuse: bool) -> tuple[Option, ...]:
    """Return the options that every closed question has unless its file says otherwise."""
    return (Option(UNKNOWN, UNKNOWN_LABEL),) * unknown + (Option(REFUSED, REFUSED_LABEL),) * refuse
