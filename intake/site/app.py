"""The application factory."""

import logging
import os
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request

from intake.settings import ROOT, load_settings
from intake.site.assets import asset_url, assets, script_tag
from intake.site.errors import init_errors, log_unexpected
from intake.site.evidence import evidence
from intake.site.form import form
from intake.site.headers import init_headers
from intake.site.languages import init_languages, own_name
from intake.site.pages import pages
from intake.site.returning import returning
from intake.site.service import Service
from intake.site.verifying import verifying

LARGEST_FORM = 4 * 1024 * 1024
"""A posted form may have this many bytes: ten times every text at its limit in the widest script."""


class _FormRequest(Request):
    """A request whose forms stay in memory: werkzeug would write a large part to a temporary file."""

    max_form_memory_size = None

    def __init__(self, environ: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Hold a request to its Content-Length: werkzeug would take gunicorn's word that a body ends where it ends.

        So a form that broke off on its way is an error, not a testimony that lacks its last answers.
        """
        if environ.get("CONTENT_LENGTH"):
            environ.pop("wsgi.input_terminated", None)
        super().__init__(environ, *args, **kwargs)

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Keep what a browser sealed in memory, too: with the rest of its form it is no larger than a form may be."""
        return BytesIO()


class _Application(Flask):
    def log_exception(self, exc_info: Any) -> None:
        """Log what went wrong without the path and the message, which Flask would write, and a traceback's values."""
        log_unexpected(exc_info[1])


def create_app(environment: Mapping[str, str] | None = None) -> Flask:
    """Return the public web application for an instance.

    `environment` holds the `INTAKE_…` settings (by default the process's own). An instance that is not ready still
    starts, and answers 503. Raises SettingsError and CallError.
    """
    app = _Application("intake.site", static_folder=None, template_folder=str(ROOT / "templates" / "site"))
    app.request_class = _FormRequest
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False  # werkzeug's redirects would print our address
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["intake"] = service = Service(load_settings(os.environ if environment is None else environment))
    app.jinja_env.globals.update(
        asset_url=asset_url,
        script_tag=script_tag,
        organisation=service.settings.organisation,
        languages=sorted(service.languages, key=own_name),
        demonstration=lambda: service.demonstration,
    )
    init_languages(app)
    init_headers(app)
    init_errors(app)
    for blueprint in (assets, pages, verifying, evidence, returning, form):
        app.register_blueprint(blueprint)
    logging.getLogger("intake").setLevel(logging.INFO)
    return app
