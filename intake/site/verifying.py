"""The page that says how what is sent is locked, and how anyone can check the keys and the scripts."""

from flask import Blueprint, Response, render_template

from intake.site.assets import asset_url, script_digests
from intake.site.headers import open_policy
from intake.site.pages import language_or_404
from intake.site.service import service

verifying = Blueprint("verifying", __name__)
_GROUP = 4


@verifying.get("/<language>/verify")
def verify(language: str) -> Response:
    """Show the two ways, the keys in use, and the digests of the scripts."""
    language_or_404(language)
    keys = [(_groups(key.recipient.fingerprint), "; ".join(key.comments)) for key in service().ready().recipients]
    scripts = [(name, asset_url(name), digest) for name, digest in script_digests().items()]
    open_policy(scripts=True)
    return Response(render_template("verify.html", keys=keys, scripts=scripts, place="verify"))


def _groups(digits: str) -> str:
    """Return digits as one reads them out."""
    return " ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP))
