"""Calm pages for what goes wrong, in the person's language. None tells what is inside."""

import contextlib
import logging

from flask import Flask, Response, render_template, request
from flask_babel import gettext as _
from werkzeug.exceptions import ClientDisconnected, HTTPException

from intake.site.headers import GoBetweenError, open_policy
from intake.site.service import NotReadyError

_log = logging.getLogger("intake")
_DRAIN_BYTES = 16 * 1024 * 1024


def init_errors(app: Flask) -> None:
    """Give the application its error pages."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(NotReadyError, _not_ready)
    app.register_error_handler(Exception, _unexpected)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status in (413, 400) and not isinstance(error, ClientDisconnected):
        read_on()
    if status < 400:
        return Response(error.get_response().get_data(), status=status, headers=error.get_headers())
    words = _go_between() if isinstance(error, GoBetweenError) else _words(status)
    response = _page(status, words)
    if status == 405:
        response.headers["Allow"] = dict(error.get_headers()).get("Allow", "")
    return response


def _not_ready(error: NotReadyError) -> Response:
    _log.error("not ready: %s", error)
    return _page(503, _words(503))


def busy() -> Response:
    """Return the page for someone who has not begun, while more people come than can be served."""
    return _page(503, _words(503))


def files_not_taken() -> Response:
    """Return the page for files that came while nothing can be stored."""
    texts = [
        _("Something went wrong on our side. Please try again in a few minutes."),
        _("Your testimony is safe, whatever happens to the files."),
    ]
    return _page(503, (_("Your files"), texts))


def receipt_not_shown() -> Response:
    """Return the page for what is stored, but whose receipt cannot be shown now."""
    texts = [_("We cannot show this page just now."), _("Please load it again in a few minutes.")]
    return _page(503, (_("Your testimony is stored"), texts))


def _unexpected(error: Exception) -> Response:
    log_unexpected(error)
    return _page(500, _words(500))


def log_unexpected(error: BaseException) -> None:
    """Log the kind of an error and where it arose: never its message, which could hold an answer."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
    _log.error("unexpected %s at %s", type(error).__name__, place)


def read_on() -> None:
    """Take in some of a body that was refused: a browser that is still sending would not show the answer."""
    left = _DRAIN_BYTES
    stream = request.environ["wsgi.input"]
    with contextlib.suppress(OSError):  # its sender has left
        while left > 0 and (chunk := stream.read(min(left, 65536))):
            left -= len(chunk)


def _page(status: int, words: tuple[str, list[str]]) -> Response:
    open_policy(scripts=True)
    title, texts = words
    return Response(render_template("error.html", title=title, texts=texts), status=status)


def _go_between() -> tuple[str, list[str]]:
    return _("This is not a safe way to reach us"), [
        _("You came through another website that stands between you and us. It could read all that you write."),
        _("Please open this address in Tor Browser. The address itself ends in .onion, with nothing after it."),
    ]


def _words(status: int) -> tuple[str, list[str]]:
    if status in (404, 410):
        return _("Page not found"), [_("The address may be wrong, or the page has moved.")]
    if status == 405:
        return _("This page cannot do that"), [_("Please go to the start page.")]
    if status == 413:
        return _("That was too much to send"), [
            _("Nothing was stored."),
            _("Please make the text shorter. If your browser still has it when you go back, copy it first."),
        ]
    if status == 503:
        return _("We cannot take testimonies just now"), [
            _("The problem is on our side. Nothing is lost, because nothing was sent."),
            _("Please come back later."),
        ]
    if status >= 500:
        return _("Something went wrong on our side"), [_("Please try again in a few minutes.")]
    return _("We could not take this"), [
        _("Nothing was stored."),
        _("Please open the form on this site and send it from there."),
    ]
