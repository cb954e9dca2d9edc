"""The trail: who did what, and when. What was written or coded is not shown here, only that it was."""

from flask import Blueprint, render_template, request

from intake.desk import trail
from intake.desk.review.desk import workspace
from intake.desk.trail import Entry

trail_page = Blueprint("trail_page", __name__)

_A_PAGE = 100
_CHECKED_AT_ONCE = 1000
"""A trail of so many entries is checked whenever it is looked at: that takes a moment. A longer one when asked."""
_NAMED = ("state", "name")
"""What is told of an entry's detail: a testimony's new state, and the name of a reviewer who came or left."""


@trail_page.get("/trail")
def show() -> str:
    """Show what reviewers did, the newest first."""
    desk = workspace()
    (total,) = desk.execute("SELECT count(*) FROM trail").fetchone()
    pages = max(1, -(-total // _A_PAGE))
    page = min(max(request.args.get("page", 1, int), 1), pages)
    newest = "digest IN (SELECT digest FROM trail ORDER BY at DESC, number DESC, digest DESC LIMIT ? OFFSET ?)"
    found = list(trail.entries(desk, newest, (_A_PAGE, (page - 1) * _A_PAGE)))
    is_checked = total <= _CHECKED_AT_ONCE or "check" in request.args
    return render_template(
        "trail.html",
        entries=[(entry, _told(entry)) for entry in reversed(found)],
        total=total,
        page=page,
        pages=pages,
        is_checked=is_checked,
        broken=trail.check(desk) if is_checked else [],
    )


def _told(entry: Entry) -> str:
    return ", ".join(str(entry.detail[name]) for name in _NAMED if name in entry.detail)
