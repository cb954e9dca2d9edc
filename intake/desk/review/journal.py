"""The journal: what reviewers think of the whole, day by day."""

from itertools import groupby

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from intake.desk.review.desk import go_to, notice, workspace
from intake.desk.study import memos

journal = Blueprint("journal", __name__)


@journal.get("/journal")
def show() -> str:
    """Show the journal, the newest day first."""
    newest_first = reversed(memos.journal(workspace()))
    days = [(day, list(written)) for day, written in groupby(newest_first, key=lambda memo: memo.at[:10])]
    return render_template("journal.html", days=days)


@journal.post("/journal")
def write() -> Response:
    """Write into the journal."""
    desk = workspace()
    with desk.transaction():
        memos.add(desk, request.form["text"])
    notice("Saved.")
    return go_to("/journal")
