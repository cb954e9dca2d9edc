"""Promise 1: no plaintext at rest on the server."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from person import ByHand, Person, changed_program, every_file, stored, wait_until
from postgres import shared_cluster
from service import CALL, ENOUGH, Instance, Server, multipart

pytestmark = pytest.mark.both_engines

MARKERS = ("Zebrafinch-Quadrant", "выхухоль-маркер", "علامة-زرافة", "标记长颈鹿", "🦒🩺🦒")
TEXT = " / ".join(MARKERS)
KIB = 1024
SIZES = (200, *(at + more for at in (32 * KIB, 64 * KIB, 500 * KIB, 1024 * KIB) for more in (-1, 1)), 5_000_000)
"""Around what a part, a chunk, a segment, and the memory that other programs allow a form, can hold (bytes)."""


def spellings(marker: str) -> Iterator[bytes]:
    """The bytes that a marker could lie around as."""
    yield marker.encode()
    yield marker.encode("utf-16-le")
    yield quote(marker).encode()
    yield ascii(marker).strip("'").encode()


def files_of(server: Server) -> Iterator[tuple[str, bytes]]:
    """Every file that the server may have written: its folder, the temporary ones, what its processes hold, and those
    of PostgreSQL."""
    folders = [server.instance.folder, Path("/dev/shm"), Path("/var/tmp")]
    if server.instance.database_url:
        shared_cluster().execute("CHECKPOINT")  # what is in its memory is in its files then
        folders.append(shared_cluster().folder)
    for path, content in itertools.chain.from_iterable(map(every_file, folders)):
        yield str(path), content
    for process in processes_of(server):
        for descriptor in (process / "fd").iterdir():
            if descriptor.is_file():  # not a socket or a pipe; a deleted temporary file is still readable here
                yield str(descriptor), descriptor.read_bytes()


def processes_of(server: Server) -> list[Path]:
    """The /proc folders of the server and its workers."""
    group = str(server.process.pid)
    stats = ((path.parent, path.read_text().rpartition(") ")[2].split()) for path in Path("/proc").glob("[0-9]*/stat"))
    return [folder for folder, fields in stats if fields[2] == group]


def leaks(server: Server) -> list[str]:
    """Name each file that holds a marker."""
    return [
        f"{name}: {marker}"
        for name, content in files_of(server)
        for marker in MARKERS
        if any(spelling in content for spelling in spellings(marker))
    ]


def send_in_every_way(server: Server) -> None:
    """Send the markers as a testimony, as mistakes, in another language, too large, as a file, and halfway."""
    client = server.client
    filled = {**ENOUGH, "story.text": TEXT, "story.line": TEXT, "inc.name": TEXT, "con.value": TEXT}
    assert client.post(CALL, {**client.form(), **filled}).status == 200
    assert client.post(CALL, {**client.form(), **filled, "you.adult": "N"}).status == 200
    assert client.post(CALL, {**client.form(), **filled, "CINT": "N"}).status == 422
    assert client.post(CALL, {**client.form(), **filled, "story.text": TEXT * 2000}).status == 422
    assert client.post("/ar/testimonials", {**client.form(), **filled, "switch": "ar"}).status == 200
    assert client.post(CALL, {**filled, "form_token": "no"}).status == 422
    form = client.form()
    assert client.post(CALL, {**form, **filled}).status == 200
    assert client.post(CALL, {**form, **filled, "story.change": TEXT}).status == 409
    boundary = {"Content-Type": "multipart/form-data; boundary=x"}
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    for name, extra in (("story.text", ""), ("file", '; filename="a"')):
        body = part.format(name, extra, TEXT * 20_000) + "--x--\r\n"
        assert client.request("POST", CALL, body.encode(), boundary).status in (400, 413, 422)
    assert client.get(f"/en/{quote(TEXT)}").status == 404


def test_nothing_that_was_sent_is_readable_in_any_file(server: Server) -> None:
    """Whatever way an answer is sent, no file of the server holds it afterwards."""
    send_in_every_way(server)
    assert leaks(server) == []


def test_a_kill_leaves_no_plaintext_behind(instance: Instance) -> None:
    """A process that is killed while it works leaves nothing readable."""
    server = instance.start()
    send_in_every_way(server)
    server.kill()
    assert leaks(server) == []


def marked(size: int) -> bytes:
    """A file that is full of the markers."""
    return (TEXT.encode() * (size // len(TEXT.encode()) + 1))[:size]


def send_evidence(person: Person) -> None:
    """Send marked files of many sizes; and such as are refused at once, too large, or no form."""
    files = [(f"{MARKERS[number % 5]} {size}.pdf", marked(size)) for number, size in enumerate(SIZES)]
    assert person.send(*files).status == 200
    assert person.send((TEXT, marked(10)), ("large", marked(6_500_000))).status == 413
    assert person.send((f"{TEXT}\xff", marked(10))).status == 200
    client, fields = person.server.client, person.fields()
    unknown = {**fields, "code": "0" * 24}
    with ByHand(person.server, multipart(unknown, [(TEXT, marked(300_000))])[0][:60_000]) as upload:
        assert upload.answer().status == 404
    body, kind = multipart(fields, [(TEXT, marked(100_000)), (TEXT, marked(100_000))])
    spoiled = b"X: ".join(body.rsplit(b"Content-Disposition: ", 1))
    assert client.request("POST", "/en/evidence", spoiled, {"Content-Type": kind}).status == 400


def use_the_mailbox(person: Person) -> None:
    """Send the markers through every other form of someone who comes back."""
    assert person.act("reply", text=TEXT).status == 200
    assert person.act("reply", text=TEXT * 2000).status == 422
    assert person.act("consent", CSTAT=TEXT, nonsense=TEXT).status == 200
    assert person.act("reply/delete", reply=TEXT, text=TEXT).status == 200
    for typed in (TEXT, "1" * 24):
        fields = {"form_token": TEXT, "code": typed, "text": TEXT}
        assert person.server.client.post("/en/reply", fields).status in (404, 422)


def received(person: Person) -> int:
    """How many bytes of a file that is arriving are stored."""
    records = stored(person.server.instance).values()
    return sum(len(record.ciphertext) for record in records if record.state == "receiving")


def half_an_upload(person: Person) -> ByHand:
    """Send a part of a marked file, and leave it there: the server waits, with a part of it in its memory."""
    upload = person.uploading(marked(3_500_000), name=TEXT)
    wait_until(lambda: received(person) >= 3 * KIB * KIB)
    return upload


def test_evidence_is_readable_in_no_file(instance: Instance) -> None:
    """While a file arrives, when it is there, when it was refused, when its sender left, and after a kill."""
    (instance.folder / "tmp").mkdir()
    server = instance.start(INTAKE_MAX_UPLOAD_MB="6", TMPDIR=str(instance.folder / "tmp"))
    person = Person.who_sent(server)
    with half_an_upload(person) as upload:
        assert leaks(server) == []
        upload.abort()
    send_evidence(person)
    use_the_mailbox(person)
    assert leaks(server) == []
    with half_an_upload(person):
        server.kill()
    assert leaks(server) == []
    assert list((instance.folder / "tmp").iterdir()) == []


def test_the_search_would_find_evidence_in_a_nameless_file(instance: Instance) -> None:
    """A file that has no name any more, where other programs put what is uploaded, does not escape the search."""
    spool = "import tempfile; self.spool = tempfile.TemporaryFile(buffering=0); self.spool.write(data); "
    changes = {"intake/site/incoming.py": [("self._sha256.update(data)", f"{spool}self._sha256.update(data)")]}
    with instance.serve(**changed_program(instance.folder, changes)) as server, half_an_upload(Person.who_sent(server)):
        assert any("/fd/" in leak for leak in leaks(server))


def test_the_search_would_find_a_marker(server: Server) -> None:
    """The search of this module is not blind: it sees a marker in the database, in a temporary file, in a log."""
    server.instance.change("CREATE TABLE planted (words text)")
    server.instance.change("INSERT INTO planted VALUES (:words)", words=TEXT)
    (server.instance.folder / "server.log").open("a").write(quote(MARKERS[2]))
    found = leaks(server)
    places = ("/base/", "/pg_wal/") if server.instance.database_url else ("intake.db",)
    assert all(any(place in leak for leak in found) for place in places)
    assert any("server.log" in leak for leak in found)


def test_a_crash_writes_no_core_dump(server: Server) -> None:
    """Neither the server nor its workers may write their memory to a disk."""
    processes = processes_of(server)
    assert len(processes) > 1
    for process in processes:
        limit = next(line for line in (process / "limits").read_text().splitlines() if "core file size" in line)
        assert limit.split()[4:6] == ["0", "0"]
