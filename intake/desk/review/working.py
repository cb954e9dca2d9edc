"""The forms of the page of a testimony: codes, memos, translations, and words to the source."""

from flask import Blueprint, request
from werkzeug.wrappers import Response

from intake.desk import messages
from intake.desk.errors import DeskError
from intake.desk.options import today
from intake.desk.passages import Passage
from intake.desk.review.desk import go_to, notice, own_path, workspace
from intake.desk.study import coding, memos, translating
from intake.envelope import STATES

working = Blueprint("working", __name__)


@working.post("/testimony/<identifier>/codes")
def code(identifier: str) -> Response:
    """Give a passage the codes `code` (repeated), or a `memo`, or both."""
    desk = workspace()
    form = request.form
    first, last = form.get("first", -1, int), form.get("last", -1, int)
    passage = Passage(form.get("part", ""), form.get("question", ""), first, last)
    codes, memo = form.getlist("code"), form.get("memo", "").strip()
    if not codes and not memo:
        raise DeskError("Nothing was chosen: give the passage a code or a memo.")
    with desk.transaction():
        if codes:
            coding.add(desk, identifier, passage, codes)
        if memo:
            memos.add(desk, memo, record=identifier, passage=passage)
    return _back(identifier, f"at-{passage.part}-{passage.question}-{first}-{last}")


@working.post("/coding/<identifier>/remove")
def remove(identifier: str) -> Response:
    """Take a code off a passage."""
    desk = workspace()
    with desk.transaction():
        removed = coding.remove(desk, identifier)
    return _back(removed.record, f"text-{removed.passage.part}-{removed.passage.question}")


@working.post("/testimony/<identifier>/finish")
def finish(identifier: str) -> Response:
    """Say that this reviewer has coded it."""
    desk = workspace()
    with desk.transaction():
        coding.finish(desk, identifier)
    notice("You have finished coding this testimony. What others made of it is shown now.")
    return _back(identifier)


@working.post("/testimony/<identifier>/memos")
def note(identifier: str) -> Response:
    """Write a memo on the whole testimony."""
    desk = workspace()
    with desk.transaction():
        memos.add(desk, request.form.get("note", ""), record=identifier)
    return _back(identifier, "memos")


@working.post("/memo/<identifier>/change")
def change(identifier: str) -> Response:
    """Put other words into a memo, wherever it is."""
    desk = workspace()
    with desk.transaction():
        memo = memos.change(desk, identifier, request.form.get("text", ""))
    return _back(memo.record)


@working.post("/memo/<identifier>/delete")
def delete(identifier: str) -> Response:
    """Delete a memo, wherever it is."""
    desk = workspace()
    with desk.transaction():
        memo = memos.delete(desk, identifier)
    notice("The memo is deleted.")
    return _back(memo.record)


@working.post("/testimony/<identifier>/translation")
def translate(identifier: str) -> Response:
    """Put a translation beside a text."""
    desk, form = workspace(), request.form
    part, question = form.get("part", ""), form.get("question", "")
    with desk.transaction():
        translating.translate(desk, identifier, part, question, form.get("language", ""), form.get("translation", ""))
    return _back(identifier, f"text-{part}-{question}")


@working.post("/testimony/<identifier>/reply")
def reply(identifier: str) -> Response:
    """Write to the source."""
    new = messages.reply(workspace(), identifier, request.form.get("reply", ""), today())
    notice("The reply is sealed. The next dispatch brings it." if new else "This reply is there already.")
    return _back(identifier, "sent")


@working.post("/testimony/<identifier>/acknowledge")
def acknowledge(identifier: str) -> Response:
    """Tell the source what became of it."""
    told = request.form.get("told", "")
    if told not in STATES:
        raise DeskError("Choose what the source is to be told.")
    new = messages.acknowledge(workspace(), identifier, told, request.form.get("line", ""), today())
    notice("This is sealed. The next dispatch brings it." if new else "The source is told this already.")
    return _back(identifier, "sent")


def _back(testimony: str, place: str = "") -> Response:
    """Go back to the page that the form was on, and there to where it was."""
    path = own_path(request.form.get("next", f"/testimony/{testimony}"))
    return go_to(f"{path}#{place}" if place else path)
