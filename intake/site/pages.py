"""The pages around the form: the open calls, the receipt, the way out, and what other programs ask for."""

import datetime
from functools import lru_cache

from babel.dates import format_date
from flask import Blueprint, Response, abort, redirect, render_template
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from intake import code
from intake.calls.answers import Checked
from intake.calls.edition import Edition, rich
from intake.site.assets import CLEAR_SITE_DATA
from intake.site.form_page import hidden_fields
from intake.site.headers import open_policy
from intake.site.languages import current_language
from intake.site.page_data import page_data
from intake.site.service import NotReadyError, Ready, service
from intake.site.tokens import RETURN
from intake.site.words import digits_pattern, size_in_words
from intake.store.records import Kept

pages = Blueprint("pages", __name__)
_CODE, _LAST, _DIGEST, _HIDDEN, _DATA = "@@code@@", "@@last@@", "@@digest@@", "@@hidden@@", "@@data@@"


@pages.get("/")
def root() -> AnyResponse:
    """Go to the start page in the best language."""
    return redirect(f"/{current_language()}/")


@pages.get("/<language>/")
def landing(language: str) -> Response:
    """Show the open calls."""
    language_or_404(language)
    service().ready()
    open_policy(scripts=True)
    calls = [
        (edition.call.name, edition.translate(edition.call.title, language), _rich(edition, edition.call.summary))
        for edition in service().editions.values()
    ]
    return Response(render_template("landing.html", calls=calls))


@pages.get("/keys")
def keys() -> Response:
    """List the recipients in use, one a line, with their comments."""
    lines = []
    for key in service().ready().recipients:
        lines += [f"# {comment}" for comment in key.comments] + [str(key.recipient)]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@pages.get("/exit")
def leave() -> Response:
    """Leave quickly: a neutral page that makes the browser forget the ones before."""
    open_policy()
    response = Response(render_template("exit.html", exit_url=service().settings.exit_url))
    response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response


@pages.get("/healthz")
def health() -> Response:
    """Say whether a submission could be stored now; `intake check` tells the operator more."""
    try:
        service().ready()
    except NotReadyError as error:
        return Response(f"not ready: {error.part}\n", status=503, mimetype="text/plain")
    return Response("ok\n", mimetype="text/plain")


def receipt(kept: Kept, ready: Ready, return_code: str = "", *, access: str = "") -> Response:
    """Return the receipt of a record. An addition shows no code: whoever may use it has it already.

    With `access` a browser has sealed the record. It alone knows the code, and writes it where it belongs.
    """
    open_policy(forms=True, scripts=True)
    with_code, files = kept.kind == "testimony", ready.takes_files
    page = _receipt_page(current_language(), kept.day, with_code, bool(access), files, service().demonstration)
    words = {"otherDigits": _("These are not the last four digits of your code.")}
    testimony = {"id": kept.id}
    edition = service().editions.get(kept.call)
    data = page_data(
        "receipt",
        ready,
        words,
        access=access,
        digest=kept.sha256,
        call=kept.call,
        edition=edition.sha256 if edition else "",
        testimony=testimony,
    )
    hidden = hidden_fields(ready.tokens.issue(RETURN, "", ready.recipient_set), return_code, access=access)
    shown_code = code.groups(return_code) if return_code else ""
    page = page.replace(_HIDDEN, hidden).replace(_DIGEST, kept.sha256).replace(_CODE, shown_code)
    return Response(page.replace(_DATA, data).replace(_LAST, digits_pattern(return_code[-4:])))


@lru_cache(maxsize=64)
def _receipt_page(language: str, day: str, with_code: bool, browser: bool, files: bool, _demonstration: bool) -> str:
    """Return what is the same on everybody's receipt of a day."""
    shown_day = format_date(datetime.date.fromisoformat(day), "long", locale=language)
    return render_template(
        "receipt.html",
        with_code=with_code,
        browser=browser,
        return_code=_CODE,
        last=_LAST,
        digest=_DIGEST,
        day=shown_day,
        hidden=Markup(_HIDDEN),  # noqa: S704 - hidden_fields makes what takes its place
        data=Markup(_DATA),  # noqa: S704 - page_data makes what takes its place
        room=files,
        largest=size_in_words(service().settings.max_upload),
        largest_bytes=service().settings.max_upload,
    )


def stop_page(edition: Edition, checked: Checked) -> Response:
    """Return the page for someone whom the form must not take. Nothing was stored."""
    open_policy(scripts=True)
    language = current_language()
    section = next(section for section in edition.call.sections if section.id == checked.stopped)
    title = edition.translate(section.title, language)
    return Response(render_template("stop.html", title=title, text=_rich(edition, section.text)))


def language_or_404(language: str) -> None:
    """Refuse a language that the site does not speak."""
    if language not in service().languages:
        abort(404)


def _rich(edition: Edition, text: str) -> Markup:
    return Markup(rich(edition.translate(text, current_language())))  # noqa: S704 - bleach has cleaned it
