"""Coming in with the token, locking, and unlocking with the passphrase."""

import threading

from flask import Blueprint, Response, abort, make_response, render_template, request
from werkzeug.wrappers import Response as Answer

from intake.desk.errors import DeskError
from intake.desk.review.desk import cookie_name, go_to, lock, notice, own_path, session, signed_in
from intake.desk.review.errors import page

lock_pages = Blueprint("lock_pages", __name__)

_LAST_SECONDS = 1.0
"""So long the program goes on after its last page, which asks for its stylesheet."""

_PUBLIC = ("static",)
_QUIET = ("lock_pages.locked", "lock_pages.unlock", "static", None)
"""What is asked for without anybody being at work."""


@lock_pages.before_app_request
def let_in() -> Answer | None:
    """Let in who has the cookie, or brings the token for the first time. Forms must be our own."""
    lock().lock_if_idle()
    if request.endpoint in _PUBLIC:
        return None
    token = request.args.get("token")
    if token is not None:
        cookie = session().begin(token)
        if cookie is None:
            return _stranger()
        response = go_to("/")
        response.set_cookie(cookie_name(), cookie, httponly=True, samesite="Strict", path="/")
        return response
    if not signed_in():
        return _stranger()
    if request.method == "POST" and not session().allows(request.form.get("csrf", "")):
        abort(403)
    if request.endpoint not in _QUIET:
        lock().touch()
    return None


@lock_pages.get("/locked")
def locked() -> str:
    """Ask for the passphrase, or say that only this page was closed."""
    return render_template("locked.html", next=own_path(request.args.get("next", "/")))


@lock_pages.post("/unlock")
def unlock() -> Answer:
    """Open the workspace again."""
    path = own_path(request.form.get("next", "/"))
    try:
        lock().unlock(lambda: request.form.get("passphrase", ""))
    except DeskError as error:
        notice(str(error))
        return go_to(f"/locked?next={path}")
    return go_to(path)


@lock_pages.post("/lock")
def lock_now() -> Answer:
    """Lock the desk. With a key file without a passphrase the program ends: it has nothing to ask for."""
    desk = lock()
    desk.lock()
    response: Answer
    if desk.has_passphrase:
        response = go_to("/locked")
    else:
        text = "Its key file has no passphrase, so the program has ended too."
        response = make_response(render_template("message.html", title="The desk is closed", text=text))
        threading.Timer(_LAST_SECONDS, desk.end).start()
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@lock_pages.post("/awake")
def awake() -> Answer:
    """Somebody is at work in a page without asking for another one."""
    return Response(status=204)


@lock_pages.post("/keys")
def keys() -> Answer:
    """Turn single keys on or off, for those whose voice or hand types by accident."""
    session().keys = not session().keys
    return go_to(own_path(request.form.get("next", "/")))


def _stranger() -> Answer:
    text = (
        "The address that lets a browser in is printed in the terminal, and works once. If it was used already, end "
        "`intake-desk serve` there with Ctrl-C, and start it again."
    )
    return page(403, "This desk does not know this browser", text)
