"""Pages that say why something that a browser sealed was not taken. Its script shows their words, and reads `why`."""

from collections.abc import Sequence

from flask import Response, render_template
from flask_babel import gettext as _

from intake.site.headers import open_policy


def refusal(status: int, texts: Sequence[str], why: str, *, testimony: str = "", without_script: str = "") -> Response:
    """Return the page. `why` is one word, for the script; a person reads `texts`. `testimony` is the id of the one that
    is there, where more can be added to it. `without_script` is for those who see this very page."""
    open_policy()
    page = render_template("refusal.html", texts=texts, why=why, testimony=testimony, without_script=without_script)
    return Response(page, status=status)


def sealed_wrong() -> Response:
    """Return the page for what is not sealed as it must be."""
    texts = [_("Your browser did not lock this in the right way. Nothing was stored."), _("Please try again.")]
    return refusal(422, texts, "sealed")


def stale() -> Response:
    """Return the page for what came from a page that is too old."""
    return refusal(422, [_("This page was open for too long. Nothing was stored."), _("Please try again.")], "stale")


def withdrawn() -> Response:
    """Return the page for what came after its source had withdrawn everything."""
    return refusal(409, [_("You have withdrawn this testimony. We did not store anything more.")], "withdrawn")


def unknown() -> Response:
    """Return the page for an access token that opens nothing."""
    return refusal(404, [_("We could not find your testimony. Nothing was stored.")], "unknown")


def gone() -> Response:
    """Return the page for a file that cannot go on as it began."""
    return refusal(410, [_("Something did not arrive as it was sent. Please choose the file again.")], "gone")


def fault_of_ours() -> Response:
    """Return the page for what could not be stored just now."""
    return refusal(503, [_("Something went wrong on our side. Please try again in a few minutes.")], "ours")


def too_many() -> Response:
    """Return the page for what came while more people came than can be served. It was not even read."""
    texts = [_("Something went wrong on our side. Please try again in a few minutes.")]
    again = _("Please reload this page in a minute. Your browser then sends once more what you wrote.")
    return refusal(503, texts, "ours", without_script=again)
