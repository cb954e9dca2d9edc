"""Promise 3: works without JavaScript and without cookies, over Tor. (The form itself: tests/site.)"""

import re

import pytest
from service import CALL, ENOUGH, Server

ONION = "exampleexampleexampleexampleexampleexampleexampleexample.onion"
PAGES = ("/", "/en/", "/fr/", "/ar/", CALL, "/fr/testimonials", "/ar/testimonials", "/keys", "/exit", "/healthz", "/no")


SCRIPT = re.compile(
    r'<script src="/static/(form|leave)\.[0-9a-f]{12}\.js" integrity="sha384-[\w+/=]{64}" defer></script>'
)
DATA = re.compile(r'<script type="application/json" id="data">[^<]*</script>')


@pytest.mark.parametrize("path", PAGES)
def test_no_page_sets_a_cookie_or_needs_a_script(shared_server: Server, path: str) -> None:
    """No response sets a cookie or loads anything from elsewhere; its one script waits for it."""
    answer = shared_server.client.get(path)
    assert "Set-Cookie" not in answer.headers
    assert "http://" not in answer.text and "https://" not in answer.text
    assert "<script" not in DATA.sub("", SCRIPT.sub("", answer.text, count=1))
    assert not re.search(r"\son[a-z]+=|javascript:|<noscript", answer.text)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert ("script-src 'self';" in policy) is bool(SCRIPT.search(answer.text))


def test_a_testimony_needs_no_cookie(shared_server: Server) -> None:
    """Neither the form nor its receipt sets one, and none is sent."""
    answer = shared_server.client.send()
    assert len(answer.return_code) == 24
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", [ONION, "testimonies.example", "testimonies.example:8443"])
def test_plain_http_on_an_onion_and_https_both_work(shared_server: Server, scheme: str, host: str) -> None:
    """A browser behind Tor or behind a TLS proxy sends the form from its own origin, and is taken."""
    client = shared_server.client
    answer = client.post(CALL, {**client.form(), **ENOUGH}, Host=host, Origin=f"{scheme}://{host}")
    assert len(answer.return_code) == 24


@pytest.mark.parametrize(
    "origin", ["null", "https://evil.example", f"http://{ONION}.evil.example", "http://", "http://[::1"]
)
def test_another_origin_is_refused(shared_server: Server, origin: str) -> None:
    """A form on another site cannot send for its visitor."""
    client = shared_server.client
    answer = client.post(CALL, {**client.form(), **ENOUGH}, Host=ONION, Origin=origin)
    assert answer.status == 403
    assert "return-code" not in answer.text


def test_another_site_is_refused_without_an_origin_too(shared_server: Server) -> None:
    """A browser that names no origin but says that the request crosses sites is not taken either."""
    client = shared_server.client
    answer = client.post(CALL, {**client.form(), **ENOUGH}, Sec_Fetch_Site="cross-site")
    assert answer.status == 403
