"""docs/asvs.md against the standard's list of items, and against what its pointers name; and what it says of HTTP."""

import re
from pathlib import Path

from service import CALL, Server

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "asvs.md").read_text()
LEVELS = {
    "1": "22 1111122223 112222222223 222 123",
    "2": "122 112 12223 23",
    "3": "3 113 12223 11222233 11122333 3 22333",
    "4": "12233 23333 22 1222",
    "5": "2 112333 113 222",
    "6": "122 111111112222 11223333 112233 22222333 2223 33 2222",
    "7": "222 1111 22 11222 223 22",
    "8": "1233 1123 133 23",
    "9": "111 1222",
    "10": "22 223 22223 1111122222233333 22222 22 222",
    "11": "2233 22233 11233 1222 23 23 33",
    "12": "12233 11 22223",
    "13": "2333 222223 2233 1222233",
    "14": "22 12223333 122",
    "15": "12233 12233 1222222 3333",
    "16": "2 22222 2222 222 2223",
    "17": "23 22223333 22",
}
"""OWASP ASVS 5.0.0: for each chapter its sections, and the level of each item in them."""
ITEMS = {
    f"V{chapter}.{section}.{item}": level
    for chapter, sections in LEVELS.items()
    for section, levels in enumerate(sections.split(), 1)
    for item, level in enumerate(levels, 1)
}
ROWS = [[cell.strip() for cell in row.split(" | ")] for row in re.findall(r"^\| (V\d.*) \|$", TEXT, re.MULTILINE)]
POINTER = re.compile(r"`((?:intake|tests|deploy|templates|requirements|docs)/[^`\s]*|[A-Z]\w+\.md|Makefile)`")

REFERENCE = re.compile(r"\]\([^)]+\)|(?:see|as) V\d", re.IGNORECASE)
"""A link, which tests/test_docs.py follows, or another item."""


def missing(pointer: str) -> bool:
    """Tell whether a path, or a test `path::name`, is not there."""
    path, _, name = pointer.partition("::")
    if not (ROOT / path).exists():
        return True
    return bool(name) and not re.search(rf"^def {re.escape(name)}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_every_item_has_one_answer() -> None:
    """All 345 of the standard, in its order, with their levels."""
    assert [(row[0], row[1]) for row in ROWS] == list(ITEMS.items())
    assert [sum(level == wanted for level in ITEMS.values()) for wanted in "123"] == [70, 183, 92]
    for row in ROWS:
        assert len(row) == 5, row
        assert row[2] and row[4], row
        assert row[3] in ("yes", "partly", "no", "n/a"), row


def test_every_answer_says_where_or_why() -> None:
    """A yes or a part of one has a pointer; and what pointers name is there."""
    for item, _, _, answer, where in ROWS:
        if answer in ("yes", "partly"):
            assert POINTER.search(where) or REFERENCE.search(where), item
        assert {f"V{named}" for named in re.findall(r"see V(\d+\.\d+\.\d+)", where)} <= ITEMS.keys(), item
    assert [pointer for pointer in POINTER.findall(TEXT) if missing(pointer)] == []


def test_a_pointer_to_nowhere_is_noticed() -> None:
    """The check above can fail."""
    assert missing("intake/nothing.py")
    assert missing("tests/test_asvs.py::test_nothing")
    assert not missing("tests/test_asvs.py::test_a_pointer_to_nowhere_is_noticed")


def test_every_answer_says_its_type_and_charset(shared_server: Server) -> None:
    """V4.1.1: pages, errors, texts, stylesheets and scripts, from every route."""
    page = shared_server.client.get(CALL).text
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    for path in ("/", "/en/", CALL, "/en/return", "/en/verify", "/keys", "/exit", "/healthz", "/nothing", *files):
        kind = shared_server.client.get(path).headers["Content-Type"]
        assert re.fullmatch(r"text/(html|plain|css|javascript); charset=utf-8", kind), path
    assert any(path.endswith(".css") for path in files)


def test_trace_is_refused(shared_server: Server) -> None:
    """V13.4.4."""
    answer = shared_server.client.request("TRACE", CALL)
    assert answer.status == 405
    assert "TRACE" not in answer.headers["Allow"]


def test_headers_of_a_proxy_change_nothing(shared_server: Server) -> None:
    """V4.1.3: who could set them is anybody who comes through Tor."""
    claims = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=192.0.2.1;host=evil.example;proto=https",
        "X-Original-Url": "/keys",
        "X-HTTP-Method-Override": "POST",
        "SCRIPT_NAME": "/en",
    }
    for path in ("/", "/en/", "/keys", "/nothing"):
        plain, claimed = (shared_server.client.request("GET", path, headers=headers) for headers in ({}, claims))
        assert (claimed.status, claimed.text) == (plain.status, plain.text)
        assert claimed.headers.get("Location") == plain.headers.get("Location")


def test_a_request_with_two_lengths_is_refused(shared_server: Server) -> None:
    """V4.2.1: what one program takes for the end of a request, another could take for the beginning of the next."""
    body = b"0\r\n\r\nGET /keys HTTP/1.1\r\nHost: a\r\n\r\n"
    headers = {"Content-Length": str(len(body)), "Transfer-Encoding": "chunked"}
    assert shared_server.client.request("POST", CALL, body, headers).status == 400
    assert shared_server.client.get("/healthz").text == "ok\n"
