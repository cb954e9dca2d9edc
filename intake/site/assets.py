"""The stylesheets and scripts: read once, compressed once, and named by their content.

The scripts are built (`make demo` does). Where they are not, pages go without, and everything works the plain way.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort, request
from markupsafe import Markup

from intake.site.compression import compress
from intake.site.headers import accepts_gzip

assets = Blueprint("assets", __name__)
CLEAR_SITE_DATA = '"cache", "storage"'
EXIT_STYLE = "exit.css"
SCRIPTS = ("form.js", "leave.js")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """A file, plain and compressed, under the name that it is fetched by."""

    name: str
    plain: bytes
    compressed: bytes | None


_COMMENT = re.compile(rb"^/\*.*?\*/\n", re.DOTALL | re.MULTILINE)


def _load() -> dict[str, Asset]:
    found = {}
    for path in sorted((Path(__file__).parent / "static").iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            if path.suffix == ".css":
                content = _COMMENT.sub(b"", content)  # they are for who works on it, and weigh on a slow line
            name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
            found[path.name] = Asset(name, content, compress(content))
    return found


_ASSETS = _load()


def asset_url(name: str) -> str:
    """Return the address of a file by its name in the folder."""
    return f"/static/{_ASSETS[name].name}"


def asset_integrity(name: str) -> str:
    """Return what a browser must find in a file before it uses it: SHA-384, as an `integrity` attribute has it."""
    return f"sha384-{base64.b64encode(hashlib.sha384(_ASSETS[name].plain).digest()).decode()}"


def script_tag(name: str) -> Markup:
    """Return the element that loads a script once the page stands, or nothing where it is not built."""
    if name not in _ASSETS:
        return Markup()
    tag = Markup('<script src="{}" integrity="{}" defer></script>')
    return tag.format(asset_url(name), asset_integrity(name))


def script_digests() -> dict[str, str]:
    """Return the SHA-256, in hex, of each script by its name: none where they are not built."""
    return {name: hashlib.sha256(_ASSETS[name].plain).hexdigest() for name in SCRIPTS if name in _ASSETS}


@assets.get("/static/<name>")
def static_file(name: str) -> Response:
    """Send a file. The stylesheet of the exit page clears what the browser keeps, like the page itself."""
    original, asset = next(((key, asset) for key, asset in _ASSETS.items() if asset.name == name), (None, None))
    if asset is None:
        abort(404)
    compressed = asset.compressed if accepts_gzip(request) else None
    response = Response(compressed or asset.plain, content_type=_TYPES[Path(name).suffix])
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    if original == EXIT_STYLE:
        response.headers["Clear-Site-Data"] = CLEAR_SITE_DATA
    return response
