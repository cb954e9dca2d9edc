"""How far reviewers agree: the numbers of each code, and each testimony as they coded it, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from intake.desk import exposure, passages, showing
from intake.desk.errors import DeskError
from intake.desk.passages import Text
from intake.desk.review.desk import language, workspace
from intake.desk.review.words import direction, displayed
from intake.desk.study import agreement, codebook
from intake.desk.study.agreement import Unit
from intake.desk.study.codebook import Node
from intake.desk.study.coding import Coding
from intake.desk.workspace import Record, Workspace
from intake.envelope import Addition, Testimony, parse

agreement_page = Blueprint("agreement_page", __name__)


@dataclass(frozen=True)
class Given:
    """A code that one reviewer gave to a passage. `alone`: nobody else gave it to a part of the same words."""

    node: Node
    alone: bool


@dataclass(frozen=True)
class Piece:
    """Part of a text that has the same codes on all of it. `ends` are those whose passage ends with it."""

    text: str
    codes: Sequence[Given]
    ends: Sequence[Given]


@dataclass(frozen=True)
class Compared:
    """A text as each reviewer coded it, by name. `question` is in `language`."""

    text: Text
    question: str
    language: str
    direction: str
    columns: Mapping[str, Sequence[Piece]]


@dataclass(frozen=True)
class Row:
    """A code in one testimony: on how many passages each reviewer gave it, and what that comes to."""

    node: Node
    numbers: Sequence[int]
    verdict: str


@agreement_page.get("/agreement")
def overview() -> str:
    """Show how far reviewers agree on each code, and the testimonies that several have finished."""
    desk = workspace()
    units = agreement.units(desk)
    return render_template(
        "agreement.html",
        codes=[(found, agreement.in_words(found)) for found in agreement.by_code(desk, units)],
        units=[(desk.testimony(unit.record), unit) for unit in units],
        waiting=agreement.waiting(desk),
        few=agreement.FEW,
    )


@agreement_page.get("/agreement/<identifier>")
def compare(identifier: str) -> str | Response:
    """Show one testimony as each of its reviewers coded it."""
    desk = workspace()
    testimony = desk.testimony(identifier)
    unit = agreement.unit(desk, testimony.id)
    if unit is None:
        raise DeskError("This is shown when you and another reviewer have finished coding the testimony.")
    covered = exposure.covered(desk, testimony.id)
    nodes = codebook.tree(desk)
    return render_template(
        "agreement_one.html",
        testimony=testimony,
        unit=unit,
        rows=list(_rows(unit, nodes)),
        covered=covered,
        texts=[] if covered else list(_compared(desk, testimony, unit, nodes)),
    )


def _rows(unit: Unit, nodes: Sequence[Node]) -> Iterator[Row]:
    for node in nodes:
        given = [[coding for coding in codings if coding.code == node.id] for codings in unit.given.values()]
        if any(given):
            yield Row(node, [len(codings) for codings in given], _verdict(unit, given))


def _verdict(unit: Unit, given: Sequence[Sequence[Coding]]) -> str:
    if not all(given):
        return f"only {', '.join(codings[0].reviewer for codings in given if codings)}"
    apart = all(unit.alone(coding) for codings in given for coding in codings)
    return "on different words" if apart else "on shared words"


def _compared(desk: Workspace, testimony: Record, unit: Unit, nodes: Sequence[Node]) -> Iterator[Compared]:
    """Yield the texts that somebody coded."""
    by_id = {node.id: node for node in nodes}
    for text in passages.texts(desk, testimony):
        columns = {
            reviewer: [
                (coding, Given(by_id[coding.code], unit.alone(coding)))
                for coding in codings
                if (coding.passage.part, coding.passage.question) == (text.part, text.question)
            ]
            for reviewer, codings in unit.given.items()
        }
        if any(columns.values()):
            question, asked_in = _question(desk, text)
            pieces = {reviewer: list(_pieces(text.text, given)) for reviewer, given in columns.items()}
            yield Compared(text, question, asked_in, direction(text.text, text.language), pieces)


def _pieces(text: str, given: Sequence[tuple[Coding, Given]]) -> Iterator[Piece]:
    at = 0
    spans = ((coding.passage.first, coding.passage.last, code) for coding, code in given)
    for words, codes in passages.segments(text, spans):
        at += len(words)
        ends = [code for coding, code in given if coding.passage.last == at]
        yield Piece(displayed(words), codes, ends)


def _question(desk: Workspace, text: Text) -> tuple[str, str]:
    """Return the question that a text answers, and the language it is in."""
    record = desk.record(text.part)
    envelope = parse(record.content) if record else None
    if not isinstance(envelope, Testimony | Addition):
        return "", ""
    edition = showing.edition_of(envelope, desk)
    asked_in = showing.language_of(edition, "", language())
    question = edition.call.questions.get(text.question)
    return (edition.translate(question.label, asked_in) if question else ""), asked_in
