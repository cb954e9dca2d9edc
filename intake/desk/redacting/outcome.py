"""What a testimony says once the marked passages are taken out of it."""

import hashlib
import re
from collections.abc import Iterable, Iterator

from intake.desk import passages
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.redacting.graphemes import widen
from intake.desk.redacting.marks import Redaction, marked
from intake.desk.workspace import Record, Workspace
from intake.encoding import canonical

_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Controls, and the marks that turn the direction of what follows around. The signs that Arabic and Persian words and
# emoji are written with (U+200C to U+200F, U+061C) stay.
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def pieces(text: str, marks: Iterable[Redaction]) -> Iterator[tuple[str, Redaction | None]]:
    """Cut a text into what stays and what is taken out, the latter with the mark that names it.

    A mark that cuts through a character takes the whole of it. Marks that overlap are one, named after the first of
    them, and of two that begin together after the longer one; those that only touch stay two.
    """
    spans = []
    for mark in marks:
        first, last = max(mark.first, 0), min(mark.last, len(text))
        if first < last:
            spans.append((*widen(text, first, last), mark))
    spans.sort(key=lambda span: (span[0], -span[1], span[2].id))
    end = 0
    while spans:
        first, last, mark = spans.pop(0)
        while spans and spans[0][0] < last:
            last = max(last, spans.pop(0)[1])
        if end < first:
            yield text[end:first], None
        yield text[first:last], mark
        end = last
    if end < len(text):
        yield text[end:], None


def redact(text: str, marks: Iterable[Redaction], first: int = 0, last: int | None = None) -> str:
    """Return a passage of a text with a pseudonym in square brackets in place of each mark that reaches into it."""
    last = len(text) if last is None else last
    found, at = [], 0
    for piece, mark in pieces(text, marks):
        start, end = max(first, at), min(last, at + len(piece))
        if start < end:
            found.append(f"[{mark.pseudonym}]" if mark else text[start:end])
        at += len(piece)
    return "".join(found)


def redacted(workspace: Workspace, testimony: Record, passage: Passage) -> str:
    """Return what a passage of a filed testimony says as it would leave the desk.

    Line ends are plain, and controls and marks that turn the direction of text around are left out. Raises DeskError
    when there is no such passage.
    """
    passages.words(workspace, testimony, passage)
    for text in passages.texts(workspace, testimony):
        if (text.part, text.question) == (passage.part, passage.question):
            marks = [mark for mark in marked(workspace, testimony.id) if _is_in(mark, text)]
            return plain(redact(text.text, marks, passage.first, passage.last))
    raise DeskError("There is no such passage in this testimony: mark it again.")


def digest(workspace: Workspace, testimony: Record) -> str:
    """Return the SHA-256 of the outcome: every text of the testimony and its additions without what is marked, and
    every mark. It is another one as soon as anything is marked, changed or added."""
    marks = marked(workspace, testimony.id)
    texts = [
        [text.part, text.question, redact(text.text, [mark for mark in marks if _is_in(mark, text)])]
        for text in passages.texts(workspace, testimony)
    ]
    spans = [[mark.part, mark.question, mark.first, mark.last, mark.kind, mark.pseudonym] for mark in marks]
    return hashlib.sha256(canonical({"record": testimony.id, "texts": texts, "spans": sorted(spans)})).hexdigest()


def plain(text: str) -> str:
    """Return the text with plain line ends, and without what could disturb a page or a table that it is put in."""
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text))


def _is_in(mark: Redaction, text: passages.Text) -> bool:
    return (mark.part, mark.question) == (text.part, text.question)
