"""The application of the review desk."""

from pathlib import Path
from typing import Any

from flask import Flask, Request, Response
from markupsafe import Markup

from intake.desk.review.agreement import agreement_page
from intake.desk.review.charts import charts_page
from intake.desk.review.codebook import codebook_page
from intake.desk.review.desk import locked_path, number_of, session, signed_in, typed
from intake.desk.review.errors import init_errors, log_unexpected
from intake.desk.review.exports import exports_page
from intake.desk.review.files import files
from intake.desk.review.headers import init_headers
from intake.desk.review.journal import journal
from intake.desk.review.links import linking
from intake.desk.review.lock import Lock
from intake.desk.review.lock_pages import lock_pages
from intake.desk.review.reading import reading
from intake.desk.review.redacting import redacting
from intake.desk.review.session import Session
from intake.desk.review.states import states
from intake.desk.review.trail_page import trail_page
from intake.desk.review.triage import list_page
from intake.desk.review.working import working

LARGEST_FORM = 1024 * 1024
"""A form may have this many bytes."""

NAVIGATION = (
    ("Testimonies", "/", "l"),
    ("Codebook", "/codebook", "c"),
    ("Agreement", "/agreement", "a"),
    ("Charts", "/charts", "h"),
    ("Journal", "/journal", "j"),
    ("Exports", "/exports", "e"),
    ("Trail", "/trail", "t"),
)
"""The pages that every page links to, with the key that leads there after `g`."""

_PAGES = (
    lock_pages,
    states,
    list_page,
    trail_page,
    files,
    reading,
    working,
    agreement_page,
    codebook_page,
    journal,
    linking,
    redacting,
    exports_page,
    charts_page,
)
_TEMPLATES = Path(__file__).parents[3] / "templates" / "desk"


class _Application(Flask):
    """Answers one request at a time: there is one workspace, and one person at it."""

    desk_lock: Lock

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        """Answer a request when it is its turn."""
        with self.desk_lock.turn:
            return super().wsgi_app(environ, start_response)

    def log_exception(self, exc_info: Any) -> None:
        """Say where it went wrong, and neither the path nor the message nor any value."""
        log_unexpected(exc_info[1])


class _Request(Request):
    max_content_length = LARGEST_FORM


def create_app(lock: Lock, port: int) -> Flask:
    """Return the application for a workspace, at a port of this machine. The lock is to be open."""
    app = _Application("intake.desk.review", template_folder=str(_TEMPLATES))
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.desk_lock = lock
    app.request_class = _Request
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["desk.lock"] = lock
    app.extensions["desk.session"] = Session()
    lock.forget = app.extensions["desk.session"].clear
    app.jinja_env.globals.update(
        csrf_field=_csrf_field,
        desk_lock=lock,
        desk_session=session,
        locked_path=locked_path,
        signed_in=signed_in,
        navigation=NAVIGATION,
        number_of=number_of,
        take_notices=_take_notices,
        typed=typed,
    )
    init_headers(app, port)
    init_errors(app)
    for pages in _PAGES:
        app.register_blueprint(pages)
    app.after_request(_forget_typed)
    return app


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="csrf" value="{}">').format(session().csrf)


def _take_notices() -> list[tuple[str, bool]]:
    notices = list(session().notices)
    session().notices.clear()
    return notices


def _forget_typed(response: Response) -> Response:
    """What was typed is shown once: on the page that the browser is sent to."""
    if response.mimetype == "text/html" and response.status_code == 200:
        session().typed = {}
    return response
