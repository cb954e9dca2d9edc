"""Every response is closed by default, whatever the route and whatever went wrong."""

import re

import pytest
from service import CALL, ENOUGH, Instance, Server

ALWAYS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ROUTES = {
    ("GET", "/"): 302,
    ("GET", "/en"): 200,
    ("GET", "/en/"): 200,
    ("GET", "/fr/"): 200,
    ("GET", CALL): 200,
    ("HEAD", CALL): 200,
    ("POST", CALL): 422,
    ("GET", "/en/verify"): 200,
    ("GET", "/keys"): 200,
    ("GET", "/exit"): 200,
    ("GET", "/healthz"): 200,
    ("GET", "/favicon.ico"): 404,
    ("GET", "/xx/"): 404,
    ("GET", "/en/nothing"): 404,
    ("GET", "/static/nothing.css"): 404,
    ("POST", "/en/"): 405,
    ("PUT", CALL): 405,
    ("OPTIONS", CALL): 200,
}


def assert_closed(headers: object) -> None:
    """Check the headers that no response may lack."""
    found = dict(headers.items())  # type: ignore[attr-defined]
    for name, value in ALWAYS.items():
        assert found.get(name) == value, name
    policy = dict(part.split(" ", 1) for part in found["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] in ("'none'", "'self'")
    assert "unsafe" not in found["Content-Security-Policy"]
    assert "camera=()" in found["Permissions-Policy"]
    assert not {"Server", "Set-Cookie", "ETag", "Last-Modified"} & set(found)


@pytest.mark.parametrize(("route", "status"), ROUTES.items())
def test_every_route_is_closed(shared_server: Server, route: tuple[str, str], status: int) -> None:
    """Each route, good or bad, carries the deny-all headers."""
    answer = shared_server.client.request(*route)
    assert answer.status == status
    assert_closed(answer.headers)


def test_stylesheets_are_fingerprinted_and_closed(shared_server: Server) -> None:
    """A stylesheet is named by its content, compressed, and not kept by the browser either."""
    page = shared_server.client.get(CALL)
    (path,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    assert re.fullmatch(r"/static/site\.[0-9a-f]{12}\.css", path)
    answer = shared_server.client.get(path, Accept_Encoding="gzip")
    assert answer.status == 200
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Content-Type"].startswith("text/css")
    assert_closed(answer.headers)


def test_the_receipt_and_the_errors_are_closed(shared_server: Server) -> None:
    """The receipt, a form with mistakes, a refused origin and a body that is too large carry them too."""
    client = shared_server.client
    assert_closed(client.send().headers)
    assert_closed(client.send(CINT="N").headers)
    foreign = client.post(CALL, {**client.form(), **ENOUGH}, Origin="https://evil.example")
    assert foreign.status == 403
    assert_closed(foreign.headers)
    large = client.post(CALL, {"story.text": "x" * 9_000_000})
    assert large.status == 413
    assert_closed(large.headers)


def test_a_request_that_cannot_be_read_is_closed_too(shared_server: Server) -> None:
    """What the HTTP server itself refuses has the same headers."""
    answer = shared_server.client.request("GET", "/en/", headers={"X": "a\x01"})
    assert answer.status == 400
    assert_closed(answer.headers)


def test_an_instance_that_is_not_ready_answers_503_and_stays_closed(instance: Instance) -> None:
    """Every page that leads to the form answers 503, calmly and in the person's language."""
    (instance.folder / "keys" / "duty.pub").unlink()
    with instance.serve() as server:
        for path, word in (("/en/", "testimonies"), ("/fr/testimonials", "témoignage"), ("/ar/", "شهادات")):
            answer = server.client.get(path)
            assert answer.status == 503
            assert word in answer.text
            assert_closed(answer.headers)
        health = server.client.get("/healthz")
        assert health.status == 503
        assert health.text == "not ready: keys\n"


def test_only_the_form_may_be_sent_and_only_its_style_is_allowed(shared_server: Server) -> None:
    """The policy opens what a page needs and no more."""
    policy = shared_server.client.get(CALL).headers["Content-Security-Policy"]
    assert "form-action 'self'" in policy
    assert re.search(r"style-src 'self' 'sha256-[A-Za-z0-9+/=]{44}'", policy)
    assert "form-action 'none'" in shared_server.client.get("/en/").headers["Content-Security-Policy"]
    assert "style-src" not in shared_server.client.get("/keys").headers["Content-Security-Policy"]


def test_leaving_clears_what_the_browser_keeps(shared_server: Server) -> None:
    """The page and its stylesheet both tell the browser to forget; no other page does."""
    client = shared_server.client
    page = client.get("/exit")
    (path,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    for answer in (page, client.get(path)):
        assert '"cache"' in answer.headers["Clear-Site-Data"]
    assert "Clear-Site-Data" not in client.get(CALL).headers


def test_a_file_in_the_form_is_refused(shared_server: Server) -> None:
    """The form takes no files but what a browser has sealed: one in the place of an answer gets a calm page."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="story.text"; filename="a"\r\n\r\n'
        + b"x" * 600_000
        + b"\r\n--x--\r\n"
    )
    answer = shared_server.client.request("POST", CALL, body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 400
    assert "<h1>" in answer.text
    assert_closed(answer.headers)
