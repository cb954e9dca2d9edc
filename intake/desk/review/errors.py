"""Calm pages for what goes wrong. None tells what is inside, and nothing of it is written anywhere."""

import sys

import sqlcipher3.dbapi2 as sqlcipher
from flask import Flask, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from intake.desk.errors import DeskError
from intake.desk.review.desk import go_to, keep_typed, locked_path, notice, own_path, session, signed_in
from intake.desk.review.lock import LockedError

_WORDS = {
    400: ("That could not be read", "Go back and try again."),
    403: ("That did not come from this desk", "Go to the list and try again from there."),
    404: ("There is no such page", "It may be about a testimony that is no longer here."),
    405: ("This page cannot do that", "Go to the list and try again from there."),
    413: ("That was too much to send", "Nothing was saved: send it in smaller parts."),
    415: ("That was not sent by one of the desk's forms", "Nothing was saved."),
    421: ("This is not the address of the desk", "Use the one that is printed in the terminal."),
}
_UNEXPECTED = (
    "Something went wrong in this program",
    "The terminal says where it happened; nothing was saved.",
)
_DRAIN_BYTES = 16 * 1024 * 1024
_NOT_USABLE = "The workspace cannot be used as it is open here: lock the desk, and unlock it again."
_BUSY = "Another program is at work in the workspace: try again in a moment. Nothing was saved."


def init_errors(app: Flask) -> None:
    """Give the application its error pages."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(DeskError, _desk_error)
    app.register_error_handler(LockedError, _locked)
    app.register_error_handler(sqlcipher.DatabaseError, _database_error)
    app.register_error_handler(Exception, _unexpected)


def log_unexpected(error: BaseException | None) -> None:
    """Write the kind of an error and where it arose to the terminal: never its message, which could hold an answer."""
    trace = error.__traceback__ if error else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
    sys.stderr.write(f"unexpected {type(error).__name__} at {place}\n")


def page(status: int, title: str, text: str) -> Response:
    """Return a page that only says something. After a form of ours, it is said on the page that the form was on.

    Chromium writes the form into its session file when a page is the answer to it (measured).
    """
    headers = request.headers
    if request.method == "POST" and headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Origin") == _origin():
        if signed_in():
            notice(f"{title}. {text}")
        return _back()
    return Response(render_template("message.html", title=title, text=text), status, mimetype="text/html")


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 413:
        _read_on()
    response = page(status, *_WORDS.get(status, ("That did not work", "Go to the list and try again from there.")))
    if status == 405:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return response


def _read_on() -> None:
    """Take in some of a form that was refused: a browser that is still sending would not show the answer."""
    left = min(request.content_length or 0, _DRAIN_BYTES)
    while left > 0 and (chunk := request.environ["wsgi.input"].read(min(left, 65536))):
        left -= len(chunk)


def _desk_error(error: DeskError) -> Response:
    """Say what is wrong. A form is shown again, with what was typed, where it was."""
    if request.method != "POST":
        return page(400, "That did not work", str(error))
    notice(str(error))
    keep_typed()
    return _back()


def _database_error(error: sqlcipher.DatabaseError) -> Response:
    log_unexpected(error)
    return _desk_error(DeskError(_BUSY if isinstance(error, sqlcipher.OperationalError) else _NOT_USABLE))


def _locked(_error: LockedError) -> Response:
    if request.method == "POST":
        notice("What you sent was not saved: the desk was locked.")
        return go_to("/locked")
    return go_to(locked_path())


def _unexpected(error: Exception) -> Response:
    log_unexpected(error)
    session().clear()
    if request.method == "POST":
        return _desk_error(DeskError(". ".join(_UNEXPECTED)))
    return page(500, *_UNEXPECTED)


def _back() -> Response:
    """Go to the page that the form was on."""
    return go_to(own_path((request.referrer or "").removeprefix(_origin())))


def _origin() -> str:
    return f"http://{request.host}"
