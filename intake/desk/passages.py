"""The words of a testimony, and places in them: counted in code points of the text as it was sent."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from intake.calls.model import Call, Kind, Question
from intake.desk.errors import DeskError
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Testimony, parse

Thing = TypeVar("Thing")

FREE = (Kind.TEXT, Kind.TEXTAREA)
"""Questions that are answered in words of one's own."""


@dataclass(frozen=True)
class Text:
    """Words as their source wrote them.

    `part` is the id of the record they came in, the testimony's or an addition's; `question` the one they answer, or
    nothing for an addition that is only a text.
    """

    part: str
    question: str
    text: str
    language: str


@dataclass(frozen=True)
class Passage:
    """A place in a text: from the code point `first` up to, and without, the code point `last`."""

    part: str
    question: str
    first: int
    last: int


def texts(workspace: Workspace, testimony: Record) -> Iterator[Text]:
    """Yield the free answers of a filed testimony in the order of its call, then those of its additions.

    How to reach the source is none of it: a section that is kept for some days only holds no testimony.
    """
    yield from _texts(workspace, testimony)
    for addition in workspace.children(testimony.id, Addition.kind):
        yield from _texts(workspace, addition)


def words(workspace: Workspace, testimony: Record, passage: Passage) -> str:
    """Return what a passage of a testimony says. Raises DeskError when there is no such place in it."""
    for text in texts(workspace, testimony):
        if (text.part, text.question) == (passage.part, passage.question):
            if 0 <= passage.first < passage.last <= len(text.text):
                return text.text[passage.first : passage.last]
            break
    raise DeskError("There is no such passage in this testimony: mark it again.")


def segments(text: str, spans: Iterable[tuple[int, int, Thing]]) -> Iterator[tuple[str, list[Thing]]]:
    """Cut a text where any span begins or ends, and yield each piece with what covers it, in the order given.

    Spans are (first, last, thing); they may overlap, nest, touch and reach beyond the text.
    """
    held = [(max(first, 0), min(last, len(text)), thing) for first, last, thing in spans]
    begins, ends = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
    for number, (first, last, _) in enumerate(held):
        if first < last:
            begins[first].add(number)
            ends[last].add(number)
    covering: set[int] = set()
    for start, end in itertools.pairwise(sorted({0, len(text), *begins, *ends})):
        covering = covering - ends[start] | begins[start]
        yield text[start:end], [held[number][2] for number in sorted(covering)]


def _texts(workspace: Workspace, record: Record) -> Iterator[Text]:
    envelope = parse(record.content)
    if not isinstance(envelope, Testimony | Addition):
        return
    if isinstance(envelope, Addition) and envelope.text:
        yield Text(record.id, "", envelope.text, envelope.language)
        return
    edition = workspace.edition(envelope.edition)
    for question in free_questions(edition.call) if edition else ():
        answer = envelope.answers.get(question.id)
        if isinstance(answer, str) and answer:
            yield Text(record.id, question.id, answer, envelope.language)


def free_questions(call: Call) -> Iterator[Question]:
    """Yield the questions whose answers are words of a testimony, in order. See `texts` for what is none of it."""
    for section in call.sections:
        if not (section.keep_days or section.consent):
            yield from (question for question in section.questions if question.kind in FREE)
