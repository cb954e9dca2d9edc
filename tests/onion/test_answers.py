"""What the service answers on a plain http onion, behind nginx: nothing leads away from it, and nothing is kept."""

import re

import pytest
from service import CALL, ENOUGH, Answer, Server

ELSEWHERE = {"Strict-Transport-Security", "Onion-Location", "Alt-Svc", "Refresh", "Set-Cookie", "Link", "Via"}
ANSWERS = {
    ("GET", "/"): 302,
    ("GET", "/en"): 200,
    ("GET", "/en/"): 200,
    ("GET", "/ar/"): 200,
    ("GET", CALL): 200,
    ("GET", "/en/return"): 200,
    ("GET", "/en/verify"): 200,
    ("GET", "/keys"): 200,
    ("GET", "/exit"): 200,
    ("GET", "/en/nothing"): 404,
    ("POST", "/en/"): 405,
    ("POST", CALL): 422,
    ("POST", "/en/evidence"): 400,
}
OTHERS = ("null", "https://evil.example", "http://{host}.evil.example", "http://localhost")


def stays(answer: Answer, origin: str) -> None:
    """Check that an answer leads nowhere else, and lets a browser neither keep nor tell anything."""
    assert not ELSEWHERE & set(answer.headers)
    assert answer.headers.get("Location", "/").startswith("/")
    assert not re.search(r"https?:|//[a-z]", answer.text.replace(origin, "")), answer.text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "upgrade-insecure-requests" not in policy
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("request_line", "status"), ANSWERS.items(), ids=map(" ".join, ANSWERS))
def test_no_answer_leads_elsewhere(server: Server, request_line: tuple[str, str], status: int) -> None:
    """Redirects and links stay on the onion; nothing asks for TLS, names another address or sets a cookie."""
    answer = server.client.request(*request_line)
    assert answer.status == status
    stays(answer, server.address)


def test_a_form_from_elsewhere_is_refused(server: Server) -> None:
    """The onion is its own origin; every other is refused, with a page that leads nowhere else either."""
    host = server.address.removeprefix("http://")
    form = {**server.client.form(), **ENOUGH}
    for origin in OTHERS:
        refused = server.client.post(CALL, form, Origin=origin.format(host=host))
        assert refused.status == 403
        stays(refused, server.address)
    assert server.client.post(CALL, form).return_code
