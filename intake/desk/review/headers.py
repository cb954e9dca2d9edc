"""The headers of every response, and the requests that are refused before anything is looked at.

Any page of the world that the browser shows could ask this machine something, and other programs serve on it, too.
"""

from flask import Flask, Response, abort, request

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    # With no-referrer browsers send `Origin: null` with every form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-DNS-Prefetch-Control": "off",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "accelerometer=(), browsing-topics=(), camera=(), clipboard-read=(), display-capture=(), geolocation=(), "
        "gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()"
    ),
}
_PICTURE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
_METHODS = ("GET", "HEAD", "POST")
_FORM = "application/x-www-form-urlencoded"


def init_headers(app: Flask, port: int) -> None:
    """Put the headers on every response of the application, and refuse what does not come from its own pages."""
    hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    def refuse() -> None:
        if request.headers.get("Host") not in hosts:
            abort(421)  # a name of somebody else's that was made to point to this machine
        if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            abort(403)
        if request.method not in _METHODS:
            abort(405, valid_methods=_METHODS)
        if request.method == "POST":
            if request.headers.get("Origin") != f"http://{request.host}":
                abort(403)
            if request.mimetype != _FORM:
                abort(415)

    app.before_request(refuse)
    app.after_request(_finish)


def _finish(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if response.mimetype == "image/png":
        response.headers["Content-Security-Policy"] = _PICTURE_POLICY
    return response
