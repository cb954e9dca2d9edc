"""A testimony laid out for redaction: the original beside what would leave, and what stands against its quotes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from intake.calls.edition import Edition
from intake.desk import passages, showing
from intake.desk.errors import DeskError
from intake.desk.leaving import gate
from intake.desk.leaving.gate import QUOTING, Refusal, Use
from intake.desk.passages import Text
from intake.desk.redacting import asking, marks, outcome, quotes
from intake.desk.redacting.asking import Asked
from intake.desk.redacting.marks import Redaction
from intake.desk.redacting.quotes import Quote
from intake.desk.redacting.suggesting import Suggestion
from intake.desk.review.words import direction, displayed
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Testimony, parse

_LONGEST = 80

_MOST_OFFERED = 100
"""Pseudonyms: a hostile text has thousands of addresses, and each is offered at each mark."""


@dataclass(frozen=True)
class Mark:
    """A marked passage, by the number that stands at its end, with its words."""

    number: int
    redaction: Redaction
    words: str


@dataclass(frozen=True)
class Piece:
    """Part of an original: what is on the whole of it, and which marks end with it."""

    text: str
    marks: tuple[Mark, ...]
    suggested: bool
    quoted: bool
    ends: tuple[Mark, ...]


@dataclass(frozen=True)
class Copy:
    """A text: its question, the original in pieces, and the working copy as words and pseudonyms."""

    text: Text
    question: str
    direction: str
    original: tuple[Piece, ...]
    working: tuple[tuple[str, bool], ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Answer:
    """What the source added since they were asked."""

    id: str
    day: str
    text: str


@dataclass(frozen=True)
class Question:
    """What the source was asked about a use: the answers there may be, and who read one as a yes."""

    asked: Asked
    answers: tuple[Answer, ...]
    readers: tuple[str, ...]
    stands: bool
    """Whether it is the text that would leave now."""


@dataclass(frozen=True)
class Leaving:
    """Whether a quote may leave for a use, and why not."""

    use: Use
    refusals: tuple[Refusal, ...]
    may_ask: bool
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Chosen:
    """A quote as it would leave, and for which uses it may. `words` is empty when its passage is gone."""

    quote: Quote
    words: str
    language: str
    direction: str
    uses: tuple[Leaving, ...]


def copies(workspace: Workspace, testimony: Record, suggestions: Sequence[Suggestion], language: str) -> list[Copy]:
    """Return every text of a testimony and its additions. Raises DeskError when an edition is not in the workspace."""
    marked = marks.marked(workspace, testimony.id)
    quoted = quotes.chosen(workspace, testimony.id)
    labels = _Labels(workspace, language)
    found, number = [], 0
    for text in passages.texts(workspace, testimony):
        here = []
        for redaction in marked:
            if (redaction.part, redaction.question) == (text.part, text.question):
                number += 1
                here.append(Mark(number, redaction, _short(text.text[redaction.first : redaction.last])))
        spans: list[tuple[int, int, Mark | Suggestion | Quote]] = [
            (mark.redaction.first, mark.redaction.last, mark) for mark in here
        ]
        others: list[Suggestion | Quote] = [*suggestions, *quoted]
        for thing in others:
            if (thing.passage.part, thing.passage.question) == (text.part, text.question):
                spans.append((thing.passage.first, thing.passage.last, thing))
        working = tuple(
            (f"[{mark.pseudonym}]" if mark else displayed(words), mark is not None)
            for words, mark in outcome.pieces(text.text, [mark.redaction for mark in here])
        )
        original = tuple(_pieces(text.text, spans, here))
        sense = direction(text.text, text.language)
        found.append(Copy(text, labels.of(text), sense, original, working, tuple(here)))
    return found


def chosen(workspace: Workspace, testimony: Record) -> list[Chosen]:
    """Return the quotes of a testimony, each with what the gate says of it now."""
    languages = {(text.part, text.question): text.language for text in passages.texts(workspace, testimony)}
    found = []
    for quote in quotes.chosen(workspace, testimony.id):
        language = languages.get((quote.part, quote.question), "")
        try:
            words = asking.words(workspace, testimony, quote)
        except DeskError:
            words = ""
        uses = tuple(_leaving(workspace, testimony, quote, use, words) for use in QUOTING)
        found.append(Chosen(quote, words, language, direction(words, language), uses))
    return found


def pseudonyms(copied: Sequence[Copy]) -> Mapping[str, Mark]:
    """Return the first mark of each pseudonym that is in use, as far as a page can offer them beside every mark."""
    found: dict[str, Mark] = {}
    for mark in (mark for copy in copied for mark in copy.marks):
        found.setdefault(mark.redaction.pseudonym, mark)
    return dict(sorted(found.items())[:_MOST_OFFERED])


class _Labels:
    """What the questions are called, in the reviewer's language."""

    def __init__(self, workspace: Workspace, language: str) -> None:
        self._workspace = workspace
        self._language = language
        self._editions: dict[str, Edition] = {}

    def of(self, text: Text) -> str:
        """Return the question that a text answers, or nothing."""
        if not text.question:
            return ""
        if text.part not in self._editions:
            record = self._workspace.found(text.part)
            envelope = parse(record.content)
            if not isinstance(envelope, Testimony | Addition):
                raise TypeError(f"a record of the kind {envelope.kind} has no words")
            self._editions[text.part] = showing.edition_of(envelope, self._workspace)
        edition = self._editions[text.part]
        question = edition.call.questions[text.question]
        return edition.translate(question.label, showing.language_of(edition, "", self._language))


def _pieces(
    text: str, spans: Sequence[tuple[int, int, Mark | Suggestion | Quote]], here: Sequence[Mark]
) -> Iterator[Piece]:
    at = 0
    for words, covering in passages.segments(text, spans):
        at += len(words)
        yield Piece(
            displayed(words),
            tuple(thing for thing in covering if isinstance(thing, Mark)),
            any(isinstance(thing, Suggestion) for thing in covering),
            any(isinstance(thing, Quote) for thing in covering),
            tuple(mark for mark in here if mark.redaction.last == at),
        )


def _leaving(workspace: Workspace, testimony: Record, quote: Quote, use: Use, words: str) -> Leaving:
    questions = []
    for asked in asking.asked(workspace, testimony.id):
        if (asked.quote, asked.use) == (quote.id, use):
            answers = tuple(_answer(record) for record in asking.answers(workspace, asked))
            readers = tuple(sorted(asking.signers(workspace, asked)))
            stands = asked.text == asking.exact(words, asked.name)
            questions.append(Question(asked, answers, readers, stands))
    refusals = gate.judge(workspace, quote, use).refusals
    may_ask = words != "" and gate.may_ask(workspace, quote, use)
    return Leaving(use, refusals, may_ask, tuple(questions))


def _answer(record: Record) -> Answer:
    envelope = parse(record.content)
    text = envelope.text if isinstance(envelope, Addition) else ""
    return Answer(record.id, record.day, _short(text) if text else "a form with answers")


def _short(text: str) -> str:
    return displayed(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
