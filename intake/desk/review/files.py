"""The files of a testimony: looked at page by page, and taken out of the workspace when a reviewer names where to."""

from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from flask import Blueprint, Response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from intake.desk import evidence, exposure
from intake.desk.errors import DeskError, one_line
from intake.desk.options import today
from intake.desk.review.desk import go_to, notice, workspace
from intake.desk.viewing import looking
from intake.desk.viewing.kinds import Shown
from intake.desk.viewing.looking import Described
from intake.desk.viewing.picture import Picture, ViewingError
from intake.desk.viewing.texts import CHARSETS, Text
from intake.desk.workspace import Workspace

files = Blueprint("files", __name__)


@dataclass(frozen=True)
class _Asked:
    """A picture that is asked for."""

    identifier: str
    page: int
    larger: bool


_drawn: WeakKeyDictionary[Workspace, tuple[_Asked, Picture]] = WeakKeyDictionary()
"""The picture of the page that was shown last, until the browser has asked for it; it goes when the desk is locked."""


@files.app_template_global("files_of")
def files_of(testimony: str) -> list[Described]:
    """Return the files of a testimony, described."""
    return looking.describe_all(workspace(), testimony)


@files.get("/file/<identifier>")
def show(identifier: str) -> str | BaseResponse:
    """Show one page of a file, or why it cannot be shown."""
    described = looking.describe(workspace(), identifier)
    if exposure.covered(workspace(), described.testimony):
        return go_to(f"/testimony/{described.testimony}")
    asked = _asked(identifier)
    picture, text, refused = None, None, ""
    try:
        if described.kind and described.kind.shown is Shown.PIXELS:
            picture = looking.draw(workspace(), identifier, asked.page, larger=asked.larger)
            _drawn[workspace()] = asked, picture
        elif described.kind and described.kind.shown is Shown.TEXT:
            text = looking.read(workspace(), identifier, asked.page, request.args.get("charset", ""))
    except ViewingError as error:
        refused = str(error)
    return render_template(
        "file.html",
        file=described,
        testimony=workspace().testimony(described.testimony),
        picture=picture,
        text=text,
        refused=refused,
        page=text.page if text else asked.page,
        pages=_pages(picture, text),
        larger=asked.larger,
        charsets=CHARSETS,
    )


@files.get("/file/<identifier>/picture")
def picture(identifier: str) -> Response:
    """Give the picture of a page: made here, of nothing but colours."""
    described = looking.describe(workspace(), identifier)
    asked = _asked(identifier)
    if exposure.covered(workspace(), described.testimony):
        raise DeskError("This testimony tells of death or violence: ask for it first.")
    kept = _drawn.pop(workspace(), None)
    if kept is None or kept[0] != asked:
        kept = asked, looking.draw(workspace(), identifier, asked.page, larger=asked.larger)
    return Response(kept[1].png, mimetype="image/png")


@files.post("/file/<identifier>/export")
def export(identifier: str) -> BaseResponse:
    """Write the file as it came to a path that the reviewer names."""
    path = request.form["path"].strip()
    try:
        out = Path(path).expanduser()
        if not out.is_absolute() or "\0" in path:
            raise DeskError("Write the whole path on this machine, from the first slash on.")
        evidence.take_out(workspace(), identifier, out, today())
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such home folder"
        raise DeskError(f"The file could not be written there: {reason}.") from None
    notice(f"The file is in {one_line(str(out))}. It is not encrypted: delete it when you no longer need it.")
    return go_to(f"/file/{identifier}")


def _asked(identifier: str) -> _Asked:
    page = request.args.get("page", 1, int)
    return _Asked(identifier, max(page, 1), request.args.get("larger") == "yes")


def _pages(picture: Picture | None, text: Text | None) -> int:
    shown = picture or text
    return shown.pages if shown else 0
