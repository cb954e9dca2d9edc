"""Files that a browser sealed, in parts over HTTP: whole and exactly as they were sealed, or not at all."""

import os
import random
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from person import SWIFT, Person, changed_program, events, exported, stored, wait_until
from sealing_browser import SealedFile, SealingBrowser, Sent
from service import Answer, Instance, Server

from intake.age.identities import HybridIdentity
from intake.store.segments import PART

pytestmark = pytest.mark.both_engines

MIB = 1024 * 1024
SHORT = {
    **SWIFT,
    "intake/store/segments.py": [("_FAR_BELOW_ZERO = -120", "_FAR_BELOW_ZERO = -10")],
}
"""What to change in the program so that it soon gives up a browser that does not come back."""


def content(size: int) -> bytes:
    """Bytes that no padding resembles."""
    return random.Random(size).randbytes(size)


def why(answer: Answer) -> tuple[int, str]:
    """The status of a refusal and its word for the script; a person can read it, too."""
    found = re.search(r'role="alert" data-refused="([a-z_]+)"', answer.text)
    assert found, f"no refusal in a page with status {answer.status}"
    assert re.search(r"<p>[A-Z][^<]+\.</p>", answer.text)
    return answer.status, found[1]


class Sender(SealingBrowser):
    """Someone whose testimony is stored already."""

    parent = ""

    def with_testimony(self) -> "Sender":
        """Send it."""
        sent = self.testimony()
        assert self.send(sent).status == 200
        self.parent = sent.fields["id"]
        return self

    @property
    def files(self) -> dict[str, bytes]:
        """What is kept of their files, as a desk opens it."""
        plain = Person(self.server, self.return_code, stored(self.server.instance)[self.parent].sha256)
        return {name: file.content for name, file in plain.files().items()}


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[], str]) -> Iterator[Server]:
    """A running server that sweeps often, for the tests of this module."""
    folder = tmp_path_factory.mktemp("swift")
    with Instance.create(folder, new_database()).serve(**changed_program(folder, SHORT)) as server:
        yield server


@pytest.fixture
def person(swift: Server) -> Sender:
    """Someone who has just sent a testimony to it."""
    return Sender(swift).with_testimony()


def state(file: SealedFile) -> tuple[str, int] | None:
    """The state of a file on the server, and how much of it is there."""
    record = stored(file.browser.server.instance).get(file.id)
    return (record.state, len(record.ciphertext)) if record else None


def test_files_arrive_as_they_were_sealed(person: Sender) -> None:
    """Of one part and of several, around the borders; described, logged, exported, and opened on the desk."""
    sizes = (0, 1, 40_000, PART - 70_000, PART, PART + 1, 3 * PART - 100)
    for size in sizes:
        file = person.file(content(size))
        file.send_parts()
        record = stored(person.server.instance)[file.id]
        assert (record.state, record.ciphertext, record.size) == ("receiving", file.ciphertext, len(file.ciphertext))
        assert ("added", file.id) not in events(person.server.instance)
        assert file.send(file.end(person.parent, f"{size}.bin")).status == 200
        assert state(file) == ("kept", len(file.ciphertext))
    assert person.files == {f"{size}.bin": content(size) for size in sizes}
    bundled, log = exported(person.server.instance)
    assert {file for file, record in stored(person.server.instance).items() if record.kind == "content"} <= bundled
    assert log.count(("added", file.id)) == 1


def test_the_desk_opens_a_file_that_a_browser_sealed(server: Server, tmp_path: Path) -> None:
    """Byte for byte, with its name."""
    person = Sender(server).with_testimony()
    file = person.file(content(PART + 5))
    file.send_parts()
    assert file.send(file.end(person.parent, "scan.pdf")).status == 200
    listed = {found["id"]: found for found in server.instance.open_on_desk()}
    assert {found["state"] for found in listed.values()} == {"new"}
    (attachment,) = server.instance.shown(person.parent)["attachments"]
    assert (attachment["name"], attachment["size"]) == ("scan.pdf", PART + 5)
    out = tmp_path / "out"
    assert server.instance.desk("attachment", attachment["id"], "--out", out).returncode == 0
    assert out.read_bytes() == content(PART + 5)


def test_parts_come_in_order_and_the_last_may_come_again(person: Sender) -> None:
    """A repeated part changes nothing; a gap, an old part, other bytes, or more after the end begin anew."""
    file = person.file(content(3 * PART))
    assert file.count == 4
    assert why(file.send(file.part(1))) == (410, "gone")
    for number in range(3):
        for _ in range(2):
            assert file.send(file.part(number)).status == 200
        assert state(file) == ("receiving", (number + 1) * PART)
    other = os.urandom(PART)
    wrong = [file.part(0), file.part(1), file.part(2).but(part=other), file.part(1).but(number="4", part=other)]
    for sent in wrong:
        assert why(file.send(sent)) == (410, "gone")
    assert state(file) == ("receiving", 3 * PART)
    assert why(file.send(file.end(person.parent))) == (422, "sealed")  # not all of it has come
    for _ in range(2):
        assert file.send(file.part(3)).status == 200
    assert why(file.send(file.part(3).but(number="4"))) == (410, "gone")
    end = file.end(person.parent)
    for _ in range(3):
        assert file.send(end).status == 200
    assert why(file.send(file.part(3))) == (410, "gone")
    assert why(file.send(file.end(person.parent))) == (410, "gone")
    assert person.files == {"scan.pdf": file.content}
    assert [event for event in events(person.server.instance) if event[1] == file.id] == [("added", file.id)]


def test_what_is_no_part_of_a_sealed_file_is_refused(person: Sender) -> None:
    """Plain bytes, another recipient, another size, malformed numbers and ids: nothing is stored."""
    file = person.file(content(50_000))
    first, end = file.part(0), file.end(person.parent)
    stranger = person.seal(b"\0" * 65_536, [HybridIdentity.generate().recipient(), *person.recipients])
    parts = [
        b"",
        b"%PDF-1.7 ".ljust(40_000),
        b"age-encryption.org/v1\n" + b"x" * 40_000,
        stranger,
        os.urandom(PART + 1),
    ]
    wrong: list[Sent] = [first.but(part=part) for part in parts]
    wrong += [first.but(number=number) for number in ("", "-1", "x", "1.0", "٠", "1" * 7)]
    wrong += [first.but(content=name) for name in ("", "x" * 32, "A" * 32, "0" * 31, None)]
    wrong += [first.but(part=None), first.but(code=person.return_code)]
    for sent in wrong:
        assert why(file.send(sent)) == (422, "sealed"), sent.fields
        assert state(file) is None
    assert why(file.send(end)) == (410, "gone")  # no part has come

    file.send_parts()
    for sent in (
        end.but(sealed=b"{}"),
        end.but(id="x"),
        end.but(sealed=person.seal(b" " * 2048)),
        end.but(sealed=None),
    ):
        assert why(file.send(sent)) == (422, "sealed")
    assert state(file) == ("receiving", len(file.ciphertext))
    assert why(file.send(end.but(id=person.parent))) == (410, "gone")  # the id of another record
    assert why(file.send(end)) == (410, "gone")  # nobody has a whole file read again and again, for nothing
    for size in (0, 100, 32 * 1024 - 1, 32 * 1024 + 1, 70_001, 5 * MIB + 7):
        odd = SealedFile(person, b"", person.seal(bytes(size)))
        odd.send_parts()
        assert why(odd.send(odd.end(person.parent))) == (422, "sealed"), size
    assert "attachment" not in {
        record.kind for record in stored(person.server.instance).values() if record.mailbox == person.keys.mailbox_id
    }


def test_who_may_send_files(person: Sender) -> None:
    """Only someone with a testimony, from a page for it; and nobody adds to the file of another."""
    file = person.file(content(PART + 1))
    stranger = Sender(person.server)
    nobody = SealedFile(stranger, b"", file.ciphertext)
    assert why(nobody.send(nobody.part(0))) == (404, "unknown")
    for token in ("", "x", person.fields()["form_token"]):
        assert why(file.send(file.part(0).but(form_token=token))) == (422, "stale")
    assert file.send(file.part(0)).status == 200
    stranger.with_testimony()
    theirs = SealedFile(stranger, b"", file.ciphertext, file.id)
    assert why(theirs.send(theirs.part(0))) == (410, "gone")
    assert why(theirs.send(theirs.part(1))) == (410, "gone")
    assert file.send(file.part(1)).status == 200
    assert why(theirs.send(theirs.end(stranger.parent))) == (410, "gone")
    assert file.send(file.end(person.parent)).status == 200
    assert (list(person.files), list(stranger.files)) == (["scan.pdf"], [])


def test_what_stays_away_is_swept(person: Sender) -> None:
    """A browser that does not come back leaves nothing; when it does after all, it begins anew."""
    file = person.file(content(PART + 1))
    assert file.send(file.part(0)).status == 200
    wait_until(lambda: state(file) is None)
    assert why(file.send(file.part(1))) == (410, "gone")
    file.send_parts()
    assert file.send(file.end(person.parent)).status == 200
    assert person.files == {"scan.pdf": file.content}


def test_a_withdrawal_ends_what_is_arriving(person: Sender) -> None:
    """What was sent is taken away, and what comes after it is not taken."""
    file = person.file(content(PART + 1))
    assert file.send(file.part(0)).status == 200
    end = file.end(person.parent)
    page = person.server.client.come_back(person.return_code)
    fields = {name: page.hidden(name) for name in ("form_token", "code")}
    assert person.server.client.post("/en/withdraw", {**fields, "confirm": "yes"}).status == 200
    for sent in (file.part(1), file.part(0), end):
        assert why(file.send(sent)) == (409, "withdrawn")
    wait_until(lambda: state(file) is None)


def test_limits_hold_for_every_part(instance: Instance) -> None:
    """The largest file, the files of one testimony, and the room there is."""
    with instance.serve(INTAKE_MAX_UPLOAD_MB="3", INTAKE_STORAGE_QUOTA_MB="30") as server:
        person = Sender(server).with_testimony()
        largest, larger = person.file(content(3_000_000)), person.file(content(5_000_000))
        largest.send_parts()
        assert largest.send(largest.end(person.parent)).status == 200
        assert larger.send(larger.part(0)).status == 200
        assert why(larger.send(larger.part(1))) == (413, "too_large")
        little = person.file(content(3_200_000))
        little.send_parts()
        assert why(little.send(little.end(person.parent))) == (413, "too_large")
        answers = [(0, "")]
        while answers[-1][0] != 413:
            file = person.file(content(2_000_000))
            answer = file.send(file.part(0))
            answers.append((200, "") if answer.status == 200 else why(answer))
        assert answers[-1] == (413, "mailbox_full") and 5 < len(answers) < 20
        someone = Sender(server).with_testimony()
        while True:
            file = someone.file(content(2_000_000))
            answer = file.send(file.part(0))
            if answer.status != 200:
                break
        assert why(answer) == (507, "no_room")
        assert someone.send(someone.addition(someone.parent).but(earlier="1")).status == 200  # words are still taken


def test_keys_that_change_meanwhile(server: Server) -> None:
    """A file goes on as it began, to the recipients that it began with; none goes on to one that was revoked."""
    person = Sender(server).with_testimony()
    file, other = person.file(content(PART + 1)), person.file(content(PART + 2))
    assert file.send(file.part(0)).status == other.send(other.part(0)).status == 200
    server.instance.add_recipient("lost", HybridIdentity.generate())
    server.settle()
    assert file.send(file.part(1)).status == other.send(other.part(1)).status == 200
    newer = Sender(server, person.return_code)
    assert len(newer.recipients) == 2
    assert why(file.send(replace(file, browser=newer).end(person.parent))) == (422, "sealed")
    assert file.send(file.end(person.parent)).status == 200
    late = newer.file(content(PART + 3))
    assert late.send(late.part(0)).status == 200
    lost = server.instance.folder / "keys" / "lost.pub"
    lost.write_text(f"# revoked\n{lost.read_text()}")
    server.settle()
    assert why(late.send(late.part(1))) == (422, "stale")
    assert other.send(other.end(person.parent, "other.pdf")).status == 200
    assert person.files == {"scan.pdf": file.content, "other.pdf": other.content}


def workers(server: Server) -> list[int]:
    """The worker processes: none at the instant when all are dead and not started again."""
    found = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def replaced(server: Server, before: list[int]) -> bool:
    """Whether all workers are others now."""
    now = workers(server)
    return len(now) > 1 and not set(before) & set(now)


def test_any_worker_takes_the_next_part(instance: Instance) -> None:
    """All are killed after each part; what was answered is there. Then the whole server is, as by a power cut."""
    server = instance.start()
    person = Sender(server).with_testimony()
    file = person.file(content(3 * PART))
    for number in range(3):
        before = workers(server)
        assert len(before) > 1
        assert file.send(file.part(number)).status == 200
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        wait_until(partial(replaced, server, before))
    server.kill()
    with instance.serve() as again:
        person.server = again
        assert state(file) == ("receiving", 3 * PART)
        assert file.send(file.part(3)).status == 200
        assert file.send(file.end(person.parent)).status == 200
        assert person.files == {"scan.pdf": file.content}


def test_parts_of_many_files_at_once(person: Sender) -> None:
    """Several files at the same time, and each part and end twice at once: each file is kept once."""
    files = [person.file(content(PART + number)) for number in range(4)]
    ends = {file.id: file.end(person.parent, f"{number}.bin") for number, file in enumerate(files)}

    def send(file: SealedFile) -> None:
        with ThreadPoolExecutor(2) as pair:
            for number in range(file.count):
                assert {answer.status for answer in pair.map(file.send, [file.part(number)] * 2)} == {200}
            assert {answer.status for answer in pair.map(file.send, [ends[file.id]] * 2)} == {200}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, files))
    assert person.files == {f"{number}.bin": file.content for number, file in enumerate(files)}
    assert (
        len([record for record in stored(person.server.instance).values() if record.mailbox == person.keys.mailbox_id])
        == 9
    )
