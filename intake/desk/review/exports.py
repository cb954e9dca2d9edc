"""What left the desk: every export with what it holds and what was refused, and a form that writes another one."""

from pathlib import Path

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from intake.desk.errors import DeskError
from intake.desk.leaving import exports, tables
from intake.desk.leaving.exporting import What, export
from intake.desk.leaving.gate import QUOTING, Use
from intake.desk.options import today
from intake.desk.review.desk import go_to, notice, workspace

exports_page = Blueprint("exports_page", __name__)

_WORDS = {
    What.ANSWERS: "Closed answers, one row a person, to count in",
    What.CHARTS: "Tables of the charts, no group under ten",
    What.QUOTES: "Quotes",
}


@exports_page.get("/exports")
def show() -> str:
    """List the exports, the newest first."""
    choices = [(f"{what}:{Use.STATISTICS}", words) for what, words in _WORDS.items() if what is not What.QUOTES]
    choices += [(f"{What.QUOTES}:{use}", f"{_WORDS[What.QUOTES]} for {use.words}") for use in QUOTING]
    return render_template(
        "exports.html", listed=exports.listed(workspace()), choices=choices, formats=tables.FORMATS[:2], words=_WORDS
    )


@exports_page.post("/exports")
def write() -> Response:
    """Write an export to a file on this machine."""
    what, _, use = request.form.get("what", "").partition(":")
    path = request.form.get("path", "").strip()
    if what not in [*What] or use not in [*Use]:
        raise DeskError("Choose what to write.")
    if not path.startswith("/"):
        raise DeskError("Write the whole path of the new file, from the first slash on.")
    try:
        done = export(workspace(), request.form.get("format", ""), Path(path), today(), What(what), Use(use))
    except OSError as error:
        raise DeskError(f"The file could not be written: {error.strerror or error}.") from None
    written = "1 row was" if done.rows == 1 else f"{done.rows} rows were"
    notice(f"{written} written. The file is not encrypted: delete it when you no longer need it.")
    return go_to("/exports")
