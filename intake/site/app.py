"""The application factory."""

import logging
import os
from collections.abc import Mapping
from typing import IO, Any

from flask import Flask, Request
from werkzeug.exceptions import BadRequest

from intake.settings import ROOT, load_settings
from intake.site.assets import asset_url, assets
from intake.site.errors import init_errors
from intake.site.form import form
from intake.site.headers import init_headers
from intake.site.languages import init_languages
from intake.site.pages import pages
from intake.site.service import Service

LARGEST_FORM = 8 * 1024 * 1024
"""A posted form may have this many bytes: much more than every text at its limit in any script."""


class _FormRequest(Request):
    """A request whose forms stay in memory: werkzeug would write a large part to a temporary file."""

    max_form_memory_size = None

    def _get_file_stream(self, *args: Any, **kwargs: Any) -> IO[bytes]:
        """Refuse a file where none belongs, before any of it is taken in."""
        raise BadRequest


def create_app(environment: Mapping[str, str] | None = None) -> Flask:
    """Return the public web application for an instance.

    `environment` holds the `INTAKE_…` settings (by default the process's own). An instance that is not ready still
    starts, and answers 503. Raises SettingsError and CallError.
    """
    app = Flask("intake.site", static_folder=None, template_folder=str(ROOT / "templates" / "site"))
    app.request_class = _FormRequest
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_FORM)
    app.url_map.strict_slashes = False  # werkzeug's own redirects would print the server's address
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["intake"] = service = Service(load_settings(os.environ if environment is None else environment))
    app.jinja_env.globals.update(
        asset_url=asset_url,
        organisation=service.settings.organisation,
        languages=service.settings.languages,
        demonstration=lambda: service.demonstration,
    )
    init_languages(app)
    init_headers(app)
    init_errors(app)
    for blueprint in (assets, pages, form):
        app.register_blueprint(blueprint)
    logging.getLogger("intake").setLevel(logging.INFO)
    return app
