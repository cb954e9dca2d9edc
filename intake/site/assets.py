"""The stylesheets: read once, compressed once, and named by their content."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, request

from intake.site.compression import compress
from intake.site.headers import accepts_gzip

assets = Blueprint("assets", __name__)
CLEAR_SITE_DATA = '"cache", "storage"'
EXIT_STYLE = "exit.css"


@dataclass(frozen=True)
class Asset:
    """A file, plain and compressed, under the name that it is fetched by."""

    name: str
    plain: bytes
    compressed: bytes | None


def _load() -> dict[str, Asset]:
    found = {}
    for path in sorted((Path(__file__).parent / "static").glob("*.css")):
        content = path.read_bytes()
        name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        found[path.name] = Asset(name, content, compress(content))
    return found


_ASSETS = _load()


def asset_url(name: str) -> str:
    """Return the address of a stylesheet by its file name."""
    return f"/static/{_ASSETS[name].name}"


@assets.get("/static/<name>")
def static_file(name: str) -> Response:
    """Send a stylesheet. The one of the exit page clears what the browser keeps, like the page itself."""
    original, asset = next(((key, asset) for key, asset in _ASSETS.items() if asset.name == name), (None, None))
    if asset is None:
        abort(404)
    compressed = asset.compressed if accepts_gzip(request) else None
    response = Response(compressed or asset.plain, content_type="text/css; charset=utf-8")
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    if original == EXIT_STYLE:
        response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response
