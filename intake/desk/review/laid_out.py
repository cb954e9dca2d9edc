"""A testimony laid out for reading: what its source wrote, with the passages marked that reviewers coded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from intake.calls.edition import Edition
from intake.calls.model import Question
from intake.desk import consents, passages, showing
from intake.desk.finding.search_words import highlight
from intake.desk.leaving.gate import CONDITIONS
from intake.desk.passages import Passage, Text
from intake.desk.review.words import direction, displayed, language_name
from intake.desk.study import codebook, coding, memos, translating
from intake.desk.study.coding import Coding
from intake.desk.study.memos import Memo
from intake.desk.study.translating import Translation
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Answer, Testimony, parse

_LANES = 4
_LONGEST_QUOTE = 160
_MEMO = "memo"
_AGREED = {"Y": "yes", "YANON": "yes", "ASK": "ask"}


@dataclass(frozen=True)
class Code:
    """A code on a passage, by its name and colour, and who gave it."""

    coding: Coding
    name: str
    colour: str


@dataclass(frozen=True)
class Mark:
    """A passage that is coded or has a memo. Its number stands at its end, and at its note in the margin."""

    number: int
    passage: Passage
    quote: str
    codes: tuple[Code, ...]
    memos: tuple[Memo, ...]


@dataclass(frozen=True)
class Line:
    """A line under a passage: in a lane of its own as far as there is one."""

    mark: Mark
    lane: int
    colour: str


@dataclass(frozen=True)
class Piece:
    """Part of a text that has the same lines under all of it. `ends` are the marks that end with it."""

    text: str
    lines: tuple[Line, ...]
    found: bool
    ends: tuple[Mark, ...]

    @property
    def numbers(self) -> list[int]:
        """The marks it belongs to."""
        return sorted({line.mark.number for line in self.lines})


@dataclass(frozen=True)
class Words:
    """A text with the question it answers."""

    text: Text
    question: str
    direction: str
    language_name: str
    pieces: tuple[Piece, ...]
    marks: tuple[Mark, ...]
    translations: tuple[Translation, ...]


@dataclass(frozen=True)
class Given:
    """A question, and its answer as a person reads it."""

    question: str
    words: list[str]


@dataclass(frozen=True)
class Agreed:
    """A consent that is in force: `answer` is yes, ask, no, or none where nothing hangs on it.

    `words` is how it was said, or nothing if it was not. `changed` is the day on which the source changed it, or
    nothing.
    """

    id: str
    question: str
    words: str
    answer: str
    changed: str


@dataclass(frozen=True)
class Part:
    """A testimony or an addition. `language` is that of its questions here, `written_in` the one of its form.

    `contact` is how to reach the source, which is kept for some days only; `differing` are the consents that an
    addition has otherwise than its testimony.
    """

    record: Record
    written_in: str
    language: str
    words: list[Words]
    answers: list[Given]
    contact: list[Given]
    differing: list[Agreed]


class Work:
    """What reviewers made of a testimony, as far as this one may see it."""

    def __init__(self, workspace: Workspace, testimony: Record) -> None:
        self._nodes = {node.id: node for node in codebook.tree(workspace)}
        self._codings = coding.visible(workspace, testimony.id)
        self._memos = [memo for memo in memos.of_testimony(workspace, testimony.id) if memo.passage]
        self._translations = translating.of_testimony(workspace, testimony.id)
        self._number = 0

    def on(self, text: Text, question: str, found: Sequence[tuple[int, int]]) -> Words:
        """Return a text with what is on it. `found` are places that a search found."""
        marks = tuple(self._marks(text))
        spans: list[tuple[int, int, Line | None]] = [
            (line.mark.passage.first, line.mark.passage.last, line) for line in _lines(marks)
        ]
        spans += [(first, last, None) for first, last in found]
        pieces, at = [], 0
        for words, covering in passages.segments(text.text, spans):
            at += len(words)
            under = tuple(line for line in covering if line)
            ends = tuple(mark for mark in marks if mark.passage.last == at)
            pieces.append(Piece(displayed(words), under, None in covering, ends))
        return Words(
            text,
            question,
            direction(text.text, text.language),
            language_name(text.language),
            tuple(pieces),
            marks,
            tuple(found for found in self._translations if (found.part, found.question) == (text.part, text.question)),
        )

    def _marks(self, text: Text) -> Iterator[Mark]:
        things: list[Coding | Memo] = [*self._codings, *self._memos]
        about = [(thing.passage, thing) for thing in things if thing.passage]
        places = {place for place, _ in about if (place.part, place.question) == (text.part, text.question)}
        for place in sorted(places, key=lambda place: (place.first, -place.last)):
            here = [thing for at, thing in about if at == place]
            self._number += 1
            words = text.text[place.first : place.last]
            quote = words if len(words) <= _LONGEST_QUOTE else f"{words[:_LONGEST_QUOTE]}…"
            codes = tuple(self._code(thing) for thing in here if isinstance(thing, Coding))
            written = tuple(thing for thing in here if isinstance(thing, Memo))
            yield Mark(self._number, place, displayed(quote), codes, written)

    def _code(self, found: Coding) -> Code:
        node = self._nodes.get(found.code)
        return Code(found, node.name if node else found.code, node.colour if node else codebook.COLOURS[-1])


def parts(workspace: Workspace, testimony: Record, language: str, search: str) -> list[Part]:
    """Return a testimony and its additions, in order, with the questions in a language where an edition has it.

    `search` is what was searched for, or nothing. Raises DeskError when an edition is not in the workspace.
    """
    work = Work(workspace, testimony)
    texts = list(passages.texts(workspace, testimony))
    in_force = consents.in_force(workspace, testimony)
    found = [_part(workspace, record, language, in_force) for record in _records(workspace, testimony)]
    for text in texts:
        part, edition = next((part, edition) for part, edition in found if part.record.id == text.part)
        question = edition.call.questions.get(text.question)
        label = edition.translate(question.label, part.language) if question else ""
        part.words.append(work.on(text, label, highlight(text.text, search) if search else []))
    return [part for part, _ in found]


def agreed(workspace: Workspace, testimony: Record, edition: Edition, language: str) -> list[Agreed]:
    """Return every consent that the source was asked for, in order, as it is in force now."""
    envelope = parse(testimony.content)
    in_force = consents.in_force(workspace, testimony)
    days = showing.changed_days(testimony, envelope, in_force, workspace) if isinstance(envelope, Testimony) else {}
    questions = (question for question in edition.call.questions.values() if question.consent)
    return [_agreed(question, in_force, edition, language, days.get(question.id, "")) for question in questions]


def _records(workspace: Workspace, testimony: Record) -> Iterator[Record]:
    yield testimony
    yield from workspace.children(testimony.id, Addition.kind)


def _part(workspace: Workspace, record: Record, language: str, in_force: Mapping[str, str]) -> tuple[Part, Edition]:
    envelope = parse(record.content)
    if not isinstance(envelope, Testimony | Addition):
        raise TypeError(f"a record of the kind {envelope.kind} has no words")
    edition = showing.edition_of(envelope, workspace)
    language = showing.language_of(edition, "", language)
    own = consents.in_force(workspace, record)
    differing = [
        _agreed(question, own, edition, language, "")
        for question in edition.call.questions.values()
        if question.consent and own.get(question.id) != in_force.get(question.id)
    ]
    answers = [
        (section.keep_days, _given(question, envelope.answers[question.id], edition, language))
        for section in edition.call.sections
        for question in section.questions
        if question.id in envelope.answers and (section.keep_days or question.kind not in passages.FREE)
    ]
    closed = [given for kept, given in answers if not kept]
    contact = [given for kept, given in answers if kept]
    return Part(record, envelope.language, language, [], closed, contact, differing), edition


def _given(question: Question, answer: Answer, edition: Edition, language: str) -> Given:
    words = showing.words_of(question, answer, edition, language)
    return Given(edition.translate(question.label, language), [displayed(word) for word in words])


def _agreed(question: Question, given: Mapping[str, str], edition: Edition, language: str, changed: str) -> Agreed:
    code = given.get(question.id)
    words = showing.words_of(question, code, edition, language)[0] if code else ""
    label = edition.translate(question.label, language)
    answer = _AGREED.get(code or "", "no")
    if question.id in CONDITIONS:  # to want to see the text first allows nothing, and not to want it forbids nothing
        answer = "ask" if answer == "yes" else "none"
    return Agreed(question.id, label, words, answer, changed)


def _lines(marks: Sequence[Mark]) -> Iterator[Line]:
    free = [0] * _LANES  # where in the text each lane is free again
    for mark in marks:
        for colour in dict.fromkeys(code.colour for code in mark.codes) or [_MEMO]:
            lane = next((number for number, at in enumerate(free) if at <= mark.passage.first), _LANES - 1)
            free[lane] = max(free[lane], mark.passage.last)
            yield Line(mark, lane, colour)
