"""Evidence files over HTTP: they arrive exactly, or not at all, and whatever happens the person is told calmly."""

import hashlib
import random
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from person import SWIFT, ByHand, Person, changed_program, exported, kinds, stored, wait_until
from service import Client, Instance, Server, multipart
from werkzeug.sansio.multipart import Data, File

from intake import code
from intake.age.encrypt import encrypt
from intake.age.recipients import HybridRecipient
from intake.envelope import padded_size
from intake.site.incoming import BrokenFormError, Form

pytestmark = pytest.mark.both_engines

KIB, MIB, MB = 1024, 1024 * 1024, 1_000_000
SIZES = (0, 1, *(at + more for at in (32 * KIB, 64 * KIB, MIB) for more in (-1, 0, 1)), 256 * KIB, 5 * MB)
CHUNK = 64 * KIB
NAMES = {
    "../../etc/passwd": "passwd",
    r"C:\\Users\\Anna\\scan.pdf": "scan.pdf",
    "Röntgenbild der Lunge.png": "Röntgenbild der Lunge.png",
    "صورة ١.jpg": "صورة ١.jpg",
    "相片🩻.heic": "相片🩻.heic",
    "x" * 300 + ".pdf": "x" * 255,
    "a %22quoted%22 name.txt": 'a "quoted" name.txt',
    "<script>alert(1)</script>": "script>",
    ".": ".",
    "semi;colon=sign, comma": "semi;colon=sign, comma",
}
"""What a browser may send as the name of a file, and what becomes of it."""


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[Server]:
    """A running server that sweeps often, for the tests of this module."""
    folder = tmp_path_factory.mktemp("swift")
    with Instance.create(folder, new_database()).serve(**changed_program(folder, SWIFT)) as server:
        yield server


@pytest.fixture
def person(swift: Server) -> Person:
    """Someone who has just sent a testimony to it."""
    return Person.who_sent(swift)


def some_bytes(size: int) -> bytes:
    """Bytes that no compression and no padding resembles."""
    return random.Random(size).randbytes(size)


def sealed_size(size: int, recipients: int = 1) -> int:
    """How many bytes a file of padded size is as an age file."""
    to = [HybridRecipient.from_seed(bytes(32))] * recipients
    return len(encrypt(b"", to)) - 16 + size + 16 * max(1, -(-size // CHUNK))


def quickly(client: Client) -> float:
    """Send a testimony, and return the seconds it took."""
    began = time.monotonic()
    assert client.send().status == 200
    return time.monotonic() - began


# What arrives


def test_files_of_every_size_arrive_exactly(person: Person) -> None:
    """Around each threshold and buffer, several at once: the same bytes, and a size that tells little."""
    sent = {f"{size}.bin": some_bytes(size) for size in SIZES}
    page = person.send(*sent.items())
    assert page.status == 200
    arrived = person.files()
    assert arrived.keys() == sent.keys()
    for name, content in sent.items():
        file = arrived[name]
        assert file.content == content, name
        assert (file.described.size, file.described.name) == (len(content), name)
        assert file.described.sha256 == hashlib.sha256(content).hexdigest()
        assert file.described.media_type == "application/octet-stream"
        assert not file.padding.strip(b"\0")
        assert len(content) + len(file.padding) == padded_size(len(content))
        assert file.sealed == sealed_size(padded_size(len(content)))
        assert f"<bdi>{name}</bdi>" in page.text


def test_one_file_at_a_time_arrives_too(person: Person) -> None:
    """Sent one after the other, each with a form of its own, from the receipt page and from the mailbox."""
    receipt = person.server.client.send()
    first = Person(person.server, receipt.return_code, receipt.digest)
    fields = {name: receipt.hidden(name) for name in ("form_token", "code")}
    assert person.server.client.send_files(fields, [("a", b"from the receipt")]).status == 200
    page = first.come_back()
    fields = {name: page.hidden(name) for name in ("form_token", "code")}
    assert person.server.client.send_files(fields, [("b", b"from the mailbox")]).status == 200
    assert {name: file.content for name, file in first.files().items()} == {
        "a": b"from the receipt",
        "b": b"from the mailbox",
    }


def test_what_looks_like_the_form_itself_is_only_content(person: Person) -> None:
    """Lines like the form's own boundary, and ends of lines at the border of each chunk, change nothing."""
    _, kind = multipart({}, [])
    line = b"--" + kind.partition("boundary=")[2].encode()
    near = [line[:-1], b"\r\n" + line[:-1] + b"\r\n", b"\n-", line + b"x", b"\r\n" + line + b"x", b"\r", b"\n", b"\r\n"]
    bordered = bytearray(some_bytes(4 * CHUNK + 7))
    for number, piece in enumerate([b"\r\n", b"\r", b"\n", b"\r\n" + line[:-1]]):
        for offset in range(len(piece) + 1):
            at = (number + 1) * CHUNK - offset
            bordered[at : at + len(piece)] = piece
    sent = {
        "near": b"".join(near),
        "ends": b"\r\n" * 50_000,
        "returns": b"\r" * 70_000,
        "bordered": bytes(bordered),
        "last line": b"text\r\n",
    }
    assert person.send(*sent.items()).status == 200
    assert {name: file.content for name, file in person.files().items()} == sent


@pytest.mark.parametrize("content", [b"", b"text\r\n", b"\r\n--b\r\n--\r\n--bound-", b"\n\r\r\n-"])
def test_a_file_is_the_same_wherever_its_bytes_were_cut(content: bytes) -> None:
    """However a network cuts the stream in two, and byte by byte, the parts of the form are the same."""
    body, kind = multipart({"form_token": "t"}, [("a", content), ("b", content)])
    body = body.replace(kind.partition("boundary=")[2].encode(), b"bound")
    for cuts in [*([cut] for cut in range(len(body))), list(range(len(body)))]:
        form = Form(Cut(body, cuts), b"bound")
        form.trusted = True
        files = []
        for event in form.events():
            if isinstance(event, File):
                files.append(b"")
            elif isinstance(event, Data) and files:
                files[-1] += event.data
        assert files == [content, content], cuts


@pytest.mark.parametrize("trusted", [True, False])
def test_a_boundary_that_goes_on_for_ever_is_not_kept_in_memory(trusted: bool) -> None:
    """A line that might be a boundary, padded without end, is given up at a few kilobytes."""
    body = b"--bound\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--bound" + b" " * MIB
    source = Cut(body, [])
    form = Form(source, b"bound")
    form.trusted = trusted
    with pytest.raises(BrokenFormError):
        list(form.events())
    assert source.at < 400 * KIB


class Cut:
    """A stream that ends each read where it is told."""

    def __init__(self, body: bytes, cuts: list[int]) -> None:
        self._body, self._ends = body, [*cuts, len(body)]
        self.at = 0

    def read(self, size: int, /) -> bytes:
        """Read up to the next cut."""
        while self._ends and self._ends[0] <= self.at:
            self._ends.pop(0)
        end = min(self.at + size, *self._ends[:1], len(self._body))
        data, self.at = self._body[self.at : end], end
        return data


def test_every_kind_of_name_is_kept_without_its_folders(person: Person) -> None:
    """Paths are cut off, long names cut short, any script kept; and no name is markup on the page."""
    page = person.send(*((name, name.encode()) for name in NAMES))
    assert page.status == 200
    assert {file.described.name: file.content.decode() for file in person.files().values()} == {
        kept: name for name, kept in NAMES.items()
    }
    assert "<script>" not in page.text
    assert "a &#34;quoted&#34; name.txt" in page.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("image/PNG", "image/png"),
        ("text/plain; charset=utf-8; name=secret", "text/plain"),
        ("", "application/octet-stream"),
        ("<script>", "application/octet-stream"),
        ("a/" + "b" * 300, "application/octet-stream"),
    ],
)
def test_the_type_is_kept_where_it_is_one(person: Person, given: str, kept: str) -> None:
    """What a browser says about a file is kept inside the encryption, in its plain form, or not at all."""
    body, kind = multipart(person.fields(), [("a", b"x")])
    body = body.replace(b"application/octet-stream", given.encode())
    headers = {"Content-Type": kind, "Origin": person.server.address}
    assert person.server.client.request("POST", "/en/evidence", body, headers).status == 200
    assert person.files()["a"].described.media_type == kept


def test_no_file_chosen_is_no_file(person: Person) -> None:
    """A browser sends a part without a name then. It is passed over, also between others."""
    page = person.send(("", b""))
    assert (page.status, person.files()) == (200, {})
    assert "You have not chosen a file yet." in page.text
    assert person.send(("a", b"1"), ("", b""), ("b", b"2")).status == 200
    assert person.files().keys() == {"a", "b"}


def test_the_same_file_again_is_kept_once(person: Person) -> None:
    """Whoever is not sure that it worked sends it again. Another name or other bytes are another file."""
    for _ in range(3):
        assert person.send(("a", b"1" * MIB), ("b", b"1" * MIB), ("a", b"2" * MIB)).status == 200
    mailbox = person.keys.mailbox_id

    def left() -> list[str]:
        return sorted(record.kind for record in stored(person.server.instance).values() if record.mailbox == mailbox)

    wait_until(lambda: left() == ["attachment"] * 3 + ["content"] * 3 + ["testimony"])
    assert len(person.files()) == 2
    assert sorted(file.content[:1] for file in person.files().values()) in ([b"1", b"2"], [b"1", b"1"])


# What is refused at once


def refused(person: Person) -> dict[str, tuple[int, bytes]]:
    """What a stream may begin with that is not taken, and the status it gets."""
    good = person.fields()
    file = ("a.bin", b"x" * 1000)
    form = person.server.client.form()
    wrong = str((int(good["code"][-1]) + 1) % 10)
    fields = {
        "no token": (400, {"code": good["code"]}),
        "no code": (400, {"form_token": good["form_token"]}),
        "no fields": (400, {}),
        "a bad token": (400, {**good, "form_token": good["form_token"][:-2] + "AA"}),
        "a token that is none": (400, {**good, "form_token": "é\0"}),
        "a token of another form": (400, {**good, "form_token": str(form["form_token"])}),
        "a wrong check digit": (422, {**good, "code": good["code"][:-1] + wrong}),
        "a code too short": (422, {**good, "code": good["code"][:-1]}),
        "an unknown code": (404, {**good, "code": code.make()}),
        "a field without end": (400, {**good, "form_token": "x" * 20_000}),
    }
    bodies = {name: (status, multipart(given, [file])[0]) for name, (status, given) in fields.items()}
    late, kind = multipart({}, [file])
    bodies["fields after the file"] = (400, late.replace(b"--\r\n", b"\r\n") + multipart(good, [])[0])
    bodies["no form at all"] = (400, b"\0" * 20_000)
    bodies["headers without end"] = (400, late[:60] + b"X: y\r\n" * 3000)
    boundary = kind.partition("boundary=")[2].encode()
    bodies["a part without a name"] = (400, b"--" + boundary + b"\r\nX: y\r\n\r\nz\r\n" + late)
    bodies["a header that is no text"] = (400, late.replace(b"a.bin", b"\xff\xfe"))
    return bodies


def test_a_stream_that_begins_wrongly_is_answered_at_once(person: Person) -> None:
    """500 MB are promised, and the answer comes after the head; nothing is stored."""
    before = stored(person.server.instance)
    for name, (status, first) in refused(person).items():
        began = time.monotonic()
        with ByHand(person.server, first[:30_000]) as upload:
            answer = upload.answer()
        assert answer.status == status, name
        assert "<h1>Come back with your code</h1>" in answer.text, name
        assert time.monotonic() - began < 20, name
    assert stored(person.server.instance) == before


def test_only_a_form_with_files_is_taken(person: Person) -> None:
    """Other bodies, or a form without a boundary, get the page that asks for the code."""
    fields = person.fields()
    client = person.server.client
    assert client.post("/en/evidence", fields).status == 400
    headers = {"Content-Type": "multipart/form-data"}
    assert client.request("POST", "/en/evidence", b"x", headers).status == 400
    assert client.get("/en/evidence").status in (404, 405)
    assert client.post("/xx/evidence", fields).status == 404
    assert client.send_files(fields, [("a", b"x")], Origin="https://evil.example").status == 403
    assert person.files() == {}


def test_the_language_of_the_page_stays(swift: Server) -> None:
    """Whoever sends from an Arabic page is answered in Arabic."""
    person = Person.who_sent(swift, "ar")
    assert '<html lang="ar" dir="rtl"' in person.send(("a", b"x")).text


# Slow, broken off, killed


def test_a_slow_sender_keeps_nobody_waiting_and_arrives(person: Person) -> None:
    """Three megabytes in small pieces over seconds; others wait for their forms a small part of that at most."""
    content = some_bytes(3 * MB)
    body, _ = multipart(person.fields(), [("slow", content)])
    pieces = [body[start : start + 25_000] for start in range(0, len(body), 25_000)]
    done = threading.Event()

    def trickle() -> int:
        with ByHand(person.server, b"", promised=len(body)) as upload:
            for piece in pieces:
                upload.send(piece)
                time.sleep(0.02)
            status = upload.answer().status
        done.set()
        return status

    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        slow = pool.submit(trickle)
        wait_until(lambda: receiving(person))
        waited = []
        while not done.is_set():
            waited.append(quickly(person.server.client))
        assert slow.result() == 200
        whole = time.monotonic() - began
    assert len(waited) >= 5
    assert sorted(waited)[len(waited) // 2] < whole / 5
    assert max(waited) < whole * 0.8
    assert person.files()["slow"].content == content


def receiving(person: Person) -> int:
    """How many bytes have come of files that are still arriving, or one for none yet; nothing when there is no file."""
    records = stored(person.server.instance).values()
    return sum(max(1, len(record.ciphertext)) for record in records if record.state == "receiving")


@pytest.mark.parametrize("how", ["abort", "end", "too short"])
def test_what_broke_off_is_never_exported_and_soon_gone(person: Person, how: str) -> None:
    """The connection breaks, or ends, or the form ends before its file does: of that file nothing stays."""
    instance = person.server.instance
    with person.uploading(some_bytes(5 * MIB // 2), promised=5 * MIB if how == "too short" else 500 * MB) as upload:
        wait_until(lambda: receiving(person) >= 2 * MIB)
        (half,) = (record.id for record in stored(instance).values() if record.state == "receiving")
        assert half not in exported(instance)[0]
        if how == "abort":
            upload.abort()
        else:
            upload.end()
        wait_until(lambda: half not in stored(instance))
    records, log = exported(instance)
    assert half not in records | {record for _, record in log}
    assert person.files() == {}
    assert person.send(("a.bin", b"whole now")).status == 200


def test_files_before_the_one_that_broke_off_are_kept(person: Person) -> None:
    """Two files were whole when the circuit died: they stay."""
    two, _ = multipart(person.fields(), [("one", b"1" * 50_000), ("two", b"2" * 50_000), ("three", b"@")])
    with ByHand(person.server, two.partition(b"@")[0] + b"3" * MIB) as upload:
        wait_until(lambda: receiving(person))
        upload.abort()
    wait_until(lambda: not receiving(person))
    assert person.files().keys() == {"one", "two"}


def test_a_kill_in_mid_stream_leaves_nothing_that_stays(instance: Instance) -> None:
    """Of a file that was arriving when the server was killed, nothing is exported, and its parts are swept away."""
    program = changed_program(instance.folder, SWIFT)
    server = instance.start(**program)
    person = Person.who_sent(server)
    assert person.send(("whole", b"w" * 100_000)).status == 200
    with person.uploading(some_bytes(4 * MIB)):
        wait_until(lambda: receiving(person) >= 3 * MIB)
        server.kill()
    (half,) = (record for record in stored(instance).values() if record.state == "receiving")
    assert len(half.ciphertext) >= 3 * MIB
    assert half.id not in exported(instance)[0]
    middle = half.ciphertext[MIB : MIB + 64]
    with instance.serve(**program) as again:
        wait_until(lambda: half.id not in stored(instance))
        if not instance.database_url:  # PostgreSQL overwrites it only when it needs the place
            folder = instance.database.parent
            wait_until(lambda: not [path for path in folder.iterdir() if middle in path.read_bytes()])
        assert Person(again, person.return_code, person.digest).files().keys() == {"whole"}


def test_a_slow_file_is_not_swept_away(instance: Instance) -> None:
    """Its process renews its lease: a pause of many sweeps, whichever process sweeps, costs it nothing."""
    with instance.serve(**changed_program(instance.folder, SWIFT)) as server:
        person = Person.who_sent(server)
        content = some_bytes(MIB + 5)
        bodies = [multipart(person.fields(), [(name, content)])[0] for name in "abcd"]
        uploads = [ByHand(server, body[: len(body) // 2], promised=len(body)) for body in bodies]
        wait_until(lambda: kinds_arriving(person) == len(uploads))
        time.sleep(1.6)  # eight sweeps, where five without renewal are the end
        for upload, body in zip(uploads, bodies, strict=True):
            upload.send(body[len(body) // 2 :])
            assert upload.answer().status == 200
            upload.abort()
        assert [file.content for file in person.files().values()] == [content] * 4


def kinds_arriving(person: Person) -> int:
    """How many files are arriving."""
    return [record.state for record in stored(person.server.instance).values()].count("receiving")


# Memory and disk


def test_four_large_files_at_once_need_little_memory_and_one_pass(instance: Instance) -> None:
    """Each upload takes at most 32 MB of memory, however large; what is written is at most 2.2 times what is sent."""
    content = random.Random(4).randbytes(MIB) * 40
    with instance.serve() as server:
        people = [Person.who_sent(server) for _ in range(4)]
        for person in people:  # warm up: each worker has done it before
            assert person.send(("warm", content[: 2 * MIB])).status == 200
        bodies = [multipart(person.fields(), [("large", content)]) for person in people]
        workers = [path for path in Path("/proc").glob("[0-9]*/stat") if session(path) == server.process.pid]
        before, written, peak, done = memory(workers), output(workers), 0, threading.Event()

        def watch() -> int:
            highest = 0
            while not done.is_set():
                highest = max(highest, memory(workers))
                time.sleep(0.02)
            return highest

        def send(number: int) -> int:
            body, kind = bodies[number]
            headers = {"Content-Type": kind, "Origin": server.address}
            return server.client.request("POST", "/en/evidence", body, headers).status

        with ThreadPoolExecutor(5) as pool:
            watching = pool.submit(watch)
            assert list(pool.map(send, range(4))) == [200] * 4
            done.set()
            peak = watching.result()
        written = output(workers) - written
    sent = sum(len(body) for body, _ in bodies)
    assert peak - before <= 4 * 32 * MB
    least = 0 if instance.database_url else 0.9 * sent  # to a socket, nothing is written that is counted here
    assert least <= written <= 2.2 * sent
    assert people[3].files()["large"].content == content


def session(stat: Path) -> int:
    """The session of a process."""
    try:
        return int(stat.read_text().rpartition(") ")[2].split()[3])
    except OSError:
        return 0


def memory(workers: list[Path]) -> int:
    """The resident memory (bytes) of processes."""
    lines = [(path.parent / "status").read_text() for path in workers]
    return sum(int(re.findall(r"VmRSS:\s+(\d+) kB", text)[0]) * KIB for text in lines)


def output(workers: list[Path]) -> int:
    """The bytes that processes have written."""
    return sum(int(re.findall(r"wchar: (\d+)", (path.parent / "io").read_text())[0]) for path in workers)


# No room


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[Server]:
    """A running server that takes a megabyte at most, for the tests of this module."""
    folder = tmp_path_factory.mktemp("small")
    with Instance.create(folder, new_database()).serve(INTAKE_MAX_UPLOAD_MB="1") as server:
        yield server


def test_too_large_is_said_calmly_and_what_came_before_is_kept(small: Server) -> None:
    """In the person's language, with the limit; the next file in the same form is taken again."""
    person = Person.who_sent(small, "fr")
    page = person.send(("avant", b"1" * 1000), ("trop", b"2" * (MB + 1)), ("juste", b"3" * MB))
    assert page.status == 413
    assert person.files().keys() == {"avant", "juste"}
    kept, lost = page.text.partition("<h2>")[2].split("<h2>")[1], page.text
    assert "<bdi>avant</bdi>" in kept and "<bdi>juste</bdi>" in kept and "<bdi>trop</bdi>" not in kept
    assert "<bdi>trop</bdi>" in lost and re.search(r"1\sMo", lost)
    assert '<html lang="fr"' in page.text


def test_text_is_taken_when_files_are_not(instance: Instance) -> None:
    """At the operator's limit files are refused with a calm page; forms, words and consents go on."""
    with instance.serve(INTAKE_STORAGE_QUOTA_MB="1") as server:
        person = Person.who_sent(server)
        assert person.send(("fits", b"1" * MB)).status == 200
        page = person.send(("late", b"2"), ("later", b"3"))
        assert page.status == 507
        assert page.text.count("We have no room for files just now.") >= 2
        assert person.files().keys() == {"fits"}
        assert_text_is_taken(person)
        assert 'type="file"' not in person.come_back().text


def assert_text_is_taken(person: Person) -> None:
    """A new testimony, and words from the mailbox."""
    assert person.server.client.send().status == 200
    assert "We have stored what you wrote." in person.act("reply", text="Words.").text


@pytest.mark.only_sqlite
def test_a_nearly_full_disk_takes_texts_only(instance: Instance) -> None:
    """What is left of the disk is kept for texts. (Here the reserve is made larger than any disk.)"""
    changes = {"intake/site/room.py": [("_LEAST_RESERVE = 48", "_LEAST_RESERVE = 2**50"), ("min(_MOST_RESERVE, ", "(")]}
    with instance.serve(**changed_program(instance.folder, changes)) as server:
        person = Person.who_sent(server)
        assert person.send(("a", b"1")).status == 507
        assert person.files() == {}
        assert_text_is_taken(person)


@pytest.mark.only_sqlite
def test_a_full_disk_keeps_what_it_can_and_says_so(instance: Instance) -> None:
    """The system refuses to write more in mid-stream: a calm page says which files are safe; later all works again."""
    with instance.serve() as server:
        person = Person.who_sent(server)
        sizes = [path.stat().st_size for path in instance.database.parent.iterdir()]
        hold_files_to(server, max(sizes) + 6 * MIB)
        page = person.send(("safe", b"1" * 1000), ("too much", some_bytes(30 * MIB)), ("small", b"2" * 1000))
        assert page.status == 503
        assert "<bdi>safe</bdi>" in page.text and "Something went wrong on our side." in page.text
        assert "Your testimony is safe" in page.text
        assert "safe" in person.files() and "too much" not in person.files()
        hold_files_to(server, resource.RLIM_INFINITY)
        assert person.send(("again", some_bytes(MIB))).status == 200
        assert "again" in person.files()
        assert "unexpected OperationalError" in server.log


def hold_files_to(server: Server, size: int) -> None:
    """Have the system refuse to make any file of the server larger than this: what a full disk looks like to it."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        if session(path) == server.process.pid:
            resource.prlimit(int(path.parent.name), resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_form_that_cannot_be_read_keeps_what_came_before(person: Person) -> None:
    """A part that is no part ends the form: calmly, with what was kept, and without the rest."""
    body, kind = multipart(person.fields(), [("good", b"1" * 1000), ("bad", b"2" * 1000)])
    headers = {"Content-Type": kind, "Origin": person.server.address}
    head, _, rest = body.rpartition(b"Content-Disposition")
    page = person.server.client.request("POST", "/en/evidence", head + b"X-Nothing" + rest, headers)
    assert page.status == 400
    assert "<bdi>good</bdi>" in page.text
    assert "Please choose the file again." in page.text
    assert person.files().keys() == {"good"}


def test_a_mailbox_holds_so_many_files_and_no_more(small: Server) -> None:
    """One person cannot fill the disk; words are still taken."""
    person = Person.who_sent(small)
    page = person.send(*((f"{number}", bytes(MB)) for number in range(10)))
    assert page.status == 413
    assert "You have sent as many files as we can keep for one testimony." in page.text
    assert len(person.files()) == 8
    assert_text_is_taken(person)
    assert Person.who_sent(small).send(("a", b"another person's")).status == 200


def test_the_slowest_makes_room_when_too_many_send(instance: Instance) -> None:
    """Its sender is told so on a calm page; whoever is faster gets the place."""
    changes = {
        "intake/site/uploads.py": [("MOST = 16", "MOST = 2"), ("_GRACE_SECONDS = 10.0", "_GRACE_SECONDS = 3.0")],
        "intake/operator/server.py": [("max(2, os.cpu_count() or 1)", "1")],
        **SWIFT,
    }
    with instance.serve(**changed_program(instance.folder, changes)) as server:
        slow, faster, third = (Person.who_sent(server) for _ in range(3))
        with slow.uploading(b"1" * 300_000) as first, faster.uploading(b"2" * 900_000) as second:
            wait_until(lambda: kinds_arriving(slow) == 2)
            assert third.send(("quick", b"q" * MIB)).status == 503  # nobody has been here for long
            wait_until(lambda: third.send(("quick", b"q" * MIB)).status == 200)
            answer = first.answer()
            assert (answer.status, answer.headers["Retry-After"]) == (503, "120")
            assert "Many people are sending files just now." in answer.text
            assert kinds_arriving(slow) == 1
            second.abort()
        assert not slow.files()
        assert third.files().keys() == {"quick"}
        wait_until(lambda: kinds(instance) == ["attachment", "content", *["testimony"] * 3])


def test_parts_are_stored_as_they_come(person: Person) -> None:
    """A file is never whole in memory: while it still arrives, its first parts are in the database, sealed."""
    with person.uploading(b"\0" * (3 * MIB)) as upload:
        wait_until(lambda: receiving(person) >= 2 * MIB)
        (record,) = (record for record in stored(person.server.instance).values() if record.state == "receiving")
        assert record.ciphertext.startswith(b"age-encryption.org/v1\n")
        assert bytes(100) not in record.ciphertext
        sizes = [receiving(person)]
        for _ in range(3):
            upload.send(b"\0" * (2 * MIB))
            wait_until(lambda: receiving(person) > sizes[-1])
            sizes.append(receiving(person))
        assert all(more > less for less, more in pairwise(sizes))
        upload.abort()
    wait_until(lambda: not receiving(person))
