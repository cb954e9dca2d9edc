"""What the views of the desk use: the workspace, the session, and words for the next page."""

import contextlib
from urllib.parse import urlencode, urlsplit

from flask import current_app, redirect, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from intake.desk.review.lock import Lock
from intake.desk.review.session import Session
from intake.desk.workspace import Workspace


def workspace() -> Workspace:
    """Return the open workspace. Raises LockedError, which no view has to handle."""
    return lock().workspace


def lock() -> Lock:
    """Return the lock of this desk."""
    found: Lock = current_app.extensions["desk.lock"]
    return found


def session() -> Session:
    """Return the session."""
    found: Session = current_app.extensions["desk.session"]
    return found


def cookie_name() -> str:
    """Return the session cookie's name: browsers do not keep the cookies of two ports apart."""
    return f"desk-{request.host.rpartition(':')[2]}"


def signed_in() -> bool:
    """Tell whether this request comes from the browser that was let in."""
    return session().knows(request.cookies.get(cookie_name(), ""))


def notice(text: str, *, undo: bool = False) -> None:
    """Say one sentence at the top of the page that is shown next, and offer to undo what was decided last."""
    session().notices.append((text, undo))


def number_of(testimony: str) -> str:
    """Return the number that a testimony is called by; of one that never came here, the start of its id."""
    row = workspace().execute("SELECT sequence FROM records WHERE id = ?", (testimony,)).fetchone()
    return str(row[0]) if row else testimony[:8]


def language() -> str:
    """Return the language that the reviewer's browser asks for first: questions and answers are shown in it."""
    return next(iter(request.accept_languages.values()), "en")


def go_to(path: str) -> Response:
    """Return the answer to every POST that was done: go and see."""
    return redirect(path, 303)


def own_path(path: str) -> str:
    """Return a path that a form or a link named if it is one of this desk's pages, or that of the list."""
    with contextlib.suppress(HTTPException, ValueError):
        # What begins with two slashes, or a backslash, a browser would take for the name of another machine.
        if path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable():
            current_app.url_map.bind("").match(urlsplit(path).path, "GET")
            return path
    return "/"


def locked_path() -> str:
    """Return the address that asks for the passphrase, and comes back to the page that is asked for now."""
    return f"/locked?{urlencode({'next': request.full_path.rstrip('?')})}"


def keep_typed() -> None:
    """Keep what was sent, for the next page to show it in its form again: see `typed`."""
    session().typed = request.form.to_dict()


def typed(name: str, otherwise: str = "") -> str:
    """Return what stood in a field of the form that could not be taken, or what stands there otherwise."""
    return session().typed.get(name, otherwise)
