"""The headers of every response: nothing may be loaded, framed, kept or told on, but for what a page needs."""

import re
from urllib.parse import urlsplit

from flask import Flask, Request, Response, abort, g, request
from werkzeug.exceptions import Forbidden

from intake.site.compression import compress

_ALWAYS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), "
        "interest-cohort=(), magnetometer=(), microphone=(), payment=(), usb=()"
    ),
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Encoding, Accept-Language",
}
_CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_TEXT = re.compile(r"text/|application/(json|javascript)")


class GoBetweenError(Forbidden):
    """The request came through a tor2web site."""


def open_policy(*, style_hash: str = "", forms: bool = False, scripts: bool = False) -> None:
    """Open the policy of this response for our stylesheet, one inline style by its hash, our own forms and scripts.

    A script may ask this site alone.
    """
    styles = f"'self' 'sha256-{style_hash}'" if style_hash else "'self'"
    running = "script-src 'self'; connect-src 'self'; " if scripts else ""
    form_action = "'self'" if forms else "'none'"
    g.policy = (
        f"default-src 'none'; {running}style-src {styles}; "
        f"base-uri 'none'; form-action {form_action}; frame-ancestors 'none'"
    )


def init_headers(app: Flask) -> None:
    """Put the headers on every response of the application, and refuse what another site sends."""
    app.before_request(_refuse_go_betweens)
    app.before_request(_refuse_other_origins)
    app.after_request(_finish)


def _refuse_go_betweens() -> None:
    """Refuse to show anything through a tor2web site, which could read along and change every page.

    Those that keep to tor2web's rules say who they are with this header.
    """
    if "X-Tor2web" in request.headers and request.endpoint not in ("pages.leave", "assets.static_file"):
        raise GoBetweenError


def _refuse_other_origins() -> None:
    """Refuse a POST from another origin, or from one that a browser will not name (`null`)."""
    if request.method != "POST":
        return
    origin = request.headers.get("Origin")
    foreign = origin is not None and not _is_ours(origin)
    if foreign or request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)


def _is_ours(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:  # such as an address that opens a bracket and does not close it
        return False


def _finish(response: Response) -> Response:
    has = {name.lower() for name, _value in response.headers}
    response.headers.extend([header for header in _ALWAYS.items() if header[0].lower() not in has])
    response.headers["Content-Security-Policy"] = g.get("policy", _CLOSED)
    if (
        accepts_gzip(request)
        and "Content-Encoding" not in response.headers
        and _TEXT.match(response.content_type or "")
    ):
        compressed = compress(response.get_data())
        if compressed is not None:
            response.set_data(compressed)
            response.headers["Content-Encoding"] = "gzip"
    return response


def accepts_gzip(given: Request) -> bool:
    """Tell whether the browser takes gzip."""
    return given.accept_encodings.quality("gzip") > 0
