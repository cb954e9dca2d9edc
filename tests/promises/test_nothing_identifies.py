"""Promise 5: nothing that identifies is stored or logged."""

import datetime
import re

import pytest
from person import Person, Reviewer, every_file, stored, wait_until
from service import CALL, ENOUGH, Server, multipart
from sqlalchemy import inspect, text

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


def use_every_door(person: Person, **headers: str) -> None:
    """Do everything that someone who comes back can do, and everything wrong, with these headers on each request."""
    client, fields = person.server.client, person.fields()

    def new() -> dict[str, str]:
        return {"form_token": person.fields()["form_token"], "code": person.return_code}

    assert client.get("/en/return", **headers).status == 200
    assert client.post("/en/return", new(), **headers).status == 200
    assert client.post("/en/return", {**fields, "code": "1"}, **headers).status == 422
    assert client.post("/en/return", {**fields, "code": "0" * 24}, **headers).status == 404
    assert client.post("/en/reply", {**new(), "text": "More."}, **headers).status == 200
    assert client.post("/en/consent", {**new(), "CSTAT": "Y"}, **headers).status == 200
    assert client.post("/en/reply/delete", {**new(), "reply": "no"}, **headers).status == 200
    assert client.send_files(new(), [("a", b"1" * 70_000)], **headers).status == 200
    assert client.send_files({**new(), "code": "1"}, [("a", b"1")], **headers).status == 422
    body, kind = multipart(new(), [("a", b"2" * 70_000)])
    given = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    assert client.request("POST", "/en/evidence", body[:-20], given).status == 400
    assert client.get("/en/", X_Tor2web="1", **headers).status == 403
    with person.uploading(b"3" * 200_000) as upload:
        wait_until(lambda: "receiving" in {record.state for record in stored(person.server.instance).values()})
        upload.abort()


def test_no_file_holds_who_came_back(server: Server) -> None:
    """Neither a reply, nor a file, nor a wrong code, nor a broken connection, nor the withdrawal leaves a trace."""
    person = Person.who_sent(server)
    use_every_door(person, **IDENTIFYING)
    form = {**person.fields(), "confirm": "yes"}
    assert server.client.post("/en/withdraw", form, **IDENTIFYING).status == 200
    for name, content in everything_written(server).items():
        assert MARKER.encode() not in content, name
        assert ADDRESS.encode() not in content, name


def test_what_a_file_is_stands_only_inside_the_encryption(server: Server) -> None:
    """No name, type, size or digest of a file is readable, and its ciphertext's size tells little of its size."""
    person = Person.who_sent(server)
    sizes = (0, 1, 5_000, 32_768, 1_000_001, 1_010_000, 1_015_808)
    files = [(f"{MARKER}-{number}.zip", bytes([number]) * size) for number, size in enumerate(sizes)]
    body, kind = multipart(person.fields(), files)
    body = body.replace(b"application/octet-stream", b"application/x-very-rare")
    assert server.client.request("POST", "/en/evidence", body, {"Content-Type": kind}).status == 200
    arrived = person.files()
    assert {file.described.media_type for file in arrived.values()} == {"application/x-very-rare"}
    assert len({arrived[name].sealed for name, _ in files[:4]}) == 1
    assert len({arrived[name].sealed for name, _ in files[4:]}) == 1
    digests = [file.described.sha256 for file in arrived.values()]
    secrets = [MARKER, "very-rare", *digests, *map(str, sizes[4:])]
    for path, content in every_file(server.instance.folder):
        assert not [secret for secret in secrets if secret.encode() in content], path
        assert not [digest for digest in digests if bytes.fromhex(digest) in content], path


def test_words_consents_and_files_look_alike_from_outside(server: Server) -> None:
    """What is added, changed or taken back is as large as a testimony, however long it is."""
    person = Person.who_sent(server)
    person.act("reply", text="x")
    person.act("reply", text="x" * 20_000)
    person.act("consent", CSTAT="Y")
    person.send(("a" * 255, b""))
    other = Person.who_sent(server)
    other.act("withdraw", confirm="yes")
    records = stored(server.instance).values()
    sizes = {record.kind: record.size for record in records if record.state == "kept" and record.kind != "content"}
    assert sizes.keys() == {"testimony", "addition", "consent", "attachment", "withdrawal"}
    assert set(sizes.values()) == {34_427}


def test_the_log_tells_no_time(server: Server) -> None:
    """No line of the log has a clock time, and requests add no line at all."""
    server.settle()  # the lines of starting up are written
    before = server.log
    use_every_door(Person.who_sent(server))
    server.client.get("/nowhere")
    assert server.log == before
    assert not CLOCK.search(before.encode().replace(f"127.0.0.1:{server.client.port}".encode(), b""))


@pytest.mark.both_engines
def test_no_time_finer_than_the_day_is_stored(server: Server) -> None:
    """No column of any table holds a number or text that tells the time of a submission."""
    person, reviewer = Person.who_sent(server), Reviewer(server.instance).introduced()
    use_every_door(person)
    reviewer.deliver(reviewer.reply(person, "Thank you."))
    reviewer.opened_everything()
    Person.who_sent(server).act("withdraw", confirm="yes")
    now = datetime.datetime.now(datetime.UTC).timestamp()
    with server.instance.connected() as database:
        tables = inspect(database).get_table_names()
        assert {"record", "reply", "mailbox", "desk_key", "log_entry"} <= set(tables)
        for table in tables:
            if table == "edition":  # the questions themselves
                continue
            for row in database.execute(text(f"SELECT * FROM {table}")):
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
