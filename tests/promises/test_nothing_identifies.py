"""Promise 5: nothing that identifies is stored or logged."""

import datetime
import re
import sqlite3

import pytest
from service import CALL, ENOUGH, Server

MARKER = "Marker-Of-A-Person"
ADDRESS = "198.51.100.77"
IDENTIFYING = {
    "User_Agent": MARKER,
    "Referer": f"http://{MARKER}.example/",
    "X_Forwarded_For": ADDRESS,
    "X_Real_IP": ADDRESS,
    "Forwarded": f"for={ADDRESS}",
    "Accept_Language": f"en, {MARKER}",
    "Cookie": f"session={MARKER}",
}
CLOCK = re.compile(rb"[0-2]\d:[0-5]\d")


def everything_written(server: Server) -> dict[str, bytes]:
    """Every file in the folder of the instance, the log of the process included."""
    return {str(path): path.read_bytes() for path in server.instance.folder.rglob("*") if path.is_file()}


def test_no_file_holds_who_sent(server: Server) -> None:
    """Neither a good request, nor a bad one, nor one that fails leaves an address, agent, referrer or cookie."""
    client = server.client
    assert client.post(CALL, {**client.form(), **ENOUGH}, **IDENTIFYING).status == 200
    assert client.post(CALL, {"story.text": "x"}, **IDENTIFYING).status == 422
    assert client.get(f"/{MARKER}", **IDENTIFYING).status == 404
    assert client.request("BREW", "/en/", headers={"User-Agent": MARKER}).status == 405
    assert client.request("GET", "/en/", headers={"X": f"{MARKER}\x01"}).status == 400
    (server.instance.folder / "instance" / "secret").unlink()
    server.settle()
    assert client.post(CALL, {"story.text": "x"}, **IDENTIFYING).status == 503
    for name, content in everything_written(server).items():
        assert MARKER.encode() not in content, name
        assert ADDRESS.encode() not in content, name
        if not name.endswith(".db-shm"):
            assert b"127.0.0.1:" not in content.replace(f"http://127.0.0.1:{client.port}".encode(), b""), name


def test_the_log_tells_no_time(server: Server) -> None:
    """No line of the log has a clock time, and requests add no line at all."""
    server.settle()  # the lines of starting up are written
    before = server.log
    server.client.send()
    server.client.get("/nowhere")
    assert server.log == before
    assert not CLOCK.search(before.encode().replace(f"127.0.0.1:{server.client.port}".encode(), b""))


def test_no_time_finer_than_the_day_is_stored(server: Server) -> None:
    """No column of any table holds a number or text that tells the time of a submission."""
    server.client.send()
    now = datetime.datetime.now(datetime.UTC).timestamp()
    with sqlite3.connect(server.instance.database) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert "record" in tables
        for table in tables:
            if table == "edition":  # the questions themselves
                continue
            for row in database.execute(f"SELECT * FROM {table}"):
                for value in row:
                    if isinstance(value, str):
                        assert not re.search(r"\d\d:\d\d", value), (table, value)
                    elif isinstance(value, (int, float)):
                        assert abs(value - now) > 10**7 and abs(value / 1000 - now) > 10**7, (table, value)


@pytest.mark.parametrize("text", ["x", "x" * 20_000, "م" * 10_000, "中" * 9_000, "🩺" * 6_000])
def test_the_size_of_a_record_tells_nothing(shared_server: Server, text: str) -> None:
    """A short text and a long one, in any script, are records of one size."""
    shared_server.client.send(**{"story.text": text})
    assert {len(ciphertext) for ciphertext in shared_server.instance.ciphertexts()} == {34_427}


def test_only_two_sizes_hold_every_text_of_the_form(shared_server: Server) -> None:
    """The longest texts in the widest script still fit the second size."""
    longest = {"story.text": "🩺" * 20_000, "story.change": "🩺" * 4_000, "story.line": "🩺" * 500}
    shared_server.client.send(**longest)
    assert max(len(ciphertext) for ciphertext in shared_server.instance.ciphertexts()) < 132 * 1024


def test_a_receipt_and_an_error_name_no_server(shared_server: Server) -> None:
    """No response tells what the server is, or which version."""
    for path in ("/en/", "/no", CALL, "/static/no"):
        answer = shared_server.client.get(path)
        assert "Server" not in answer.headers
        assert "X-Powered-By" not in answer.headers
        assert not re.search("gunicorn|flask|werkzeug|python|sqlite", answer.text, re.IGNORECASE)
