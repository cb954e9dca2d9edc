"""A disk that is full, fails or cannot be written: nobody loses their words, nothing half is kept, and all goes on."""

import contextlib
import itertools
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from resource import RLIM_INFINITY

import pytest
from breaking import MIB, failing, fill, hold_files_to, remount, small_disk, workers
from oracle import read, troubles
from person import Person, Reviewer, intake, stored, wait_until
from postgres import Cluster
from sealing_browser import SealingBrowser
from service import CALL, ENOUGH, Answer, Instance, Server
from sources import Crowd

WORDS = "Nobody could read the charts."
LOG_HEADER, FRAME, FRAME_HEADER = 32, 4120, 24
"""Bytes of SQLite's write-ahead log: what stands first, and what each page takes with the header before it."""


@dataclass(frozen=True)
class Act:
    """Something that somebody sends, the same each time, and what the page says when it cannot be stored."""

    send: Callable[[], Answer]
    calmly: str


def acts(server: Server) -> Iterator[tuple[str, Act]]:
    """Everything that a source can do that writes."""
    client, person = server.client, Person.who_sent(server)
    form = {**client.form(), **ENOUGH, "story.text": WORDS}
    yield "form", Act(lambda: client.post(CALL, form), WORDS)
    browser = SealingBrowser(server)
    sealed = browser.testimony()
    yield "sealed form", Act(lambda: browser.send(sealed), 'data-refused="ours"')
    words = {**person.fields(), "text": WORDS}
    yield "reply", Act(lambda: client.post("/en/reply", words), WORDS)
    choices = {**person.fields(), "CSTAT": "Y"}
    yield "consent", Act(lambda: client.post("/en/consent", choices), 'name="CSTAT" value="Y"')
    evidence, file = person.fields(), ("large.bin", bytes(range(256)) * 5000)
    yield "evidence", Act(lambda: client.send_files(evidence, [file]), "Something went wrong on our side.")
    upload = SealingBrowser(server, person.return_code).file(bytes(50_000))
    part = upload.part(0)
    yield "sealed part", Act(lambda: upload.send(part), 'data-refused="not_stored"')
    end = upload.end(person.testimony)
    yield "sealed file", Act(lambda: upload.send(end), 'data-refused="not_stored"')
    reviewer = Reviewer(server.instance).introduced()
    message = reviewer.reply(person, "Thank you.")
    reviewer.deliver(message)
    reply = {**person.fields(), "reply": message.id, "text": WORDS}
    yield "delete", Act(lambda: client.post("/en/reply/delete", reply), WORDS)
    last = {**person.fields(), "confirm": "yes"}
    yield "withdraw", Act(lambda: client.post("/en/withdraw", last), 'name="confirm" value="yes"')


def test_every_write_that_fails_is_told_and_leaves_nothing_half(server: Server) -> None:
    """The disk is full at each page of the log in turn, and within it: 503 with the words, until there is room.

    Of a large file, each of the first pages, and then every thirty-fourth.
    """
    failed = {}
    for name, act in acts(server):
        before = what_is_kept(server.instance)
        refused = 0
        for size in map(log_size, itertools.chain(range(36), range(36, 10**6, 101))):
            empty_log(server.instance)
            hold_files_to(server, size)
            answer = act.send()
            hold_files_to(server, RLIM_INFINITY)
            if answer.status == 200:
                break
            refused += 1
            assert (answer.status, act.calmly in answer.text) == (503, True), (name, size, answer.text)
            assert what_is_kept(server.instance) == before, name
        failed[name] = refused
    print(failed)
    assert all(refused >= 6 for refused in failed.values()), failed
    assert troubles(server.instance, []) == []


def log_size(number: int) -> int:
    """Where the log may end: at the end of a page, within the header of the next, and within that page."""
    page, part = divmod(number, 3)
    return LOG_HEADER + page * FRAME + (0, FRAME_HEADER // 2, FRAME // 2)[part]


def what_is_kept(instance: Instance) -> list[object]:
    """Each record that counts, the mailboxes and what waits in them."""
    kept = sorted((record.id, record.sha256) for record in stored(instance).values() if record.state == "kept")
    mailboxes = instance.rows("SELECT id, consents, withdrawn FROM mailbox ORDER BY id")
    return [
        kept,
        mailboxes,
        instance.rows("SELECT id, sealed FROM reply"),
        instance.rows("SELECT max(id) FROM log_entry"),
    ]


def empty_log(instance: Instance) -> None:
    """Have the log begin anew."""
    with contextlib.closing(sqlite3.connect(instance.database, timeout=60)) as database:
        wait_until(lambda: database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


@pytest.mark.parametrize(
    ("calls", "error"), [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64,ftruncate,fallocate", "EROFS")]
)
def test_a_disk_that_fails_is_no_receipt(server: Server, calls: str, error: str) -> None:
    """It refuses to write, or to say that it has written: no receipt. When it is well again, the same form is taken."""
    person = Person.who_sent(server)
    form = {**server.client.form(), **ENOUGH, "story.text": WORDS}
    words = {**person.fields(), "text": WORDS}
    with failing(workers(server), calls, error, "1+") as refused:
        for page in (server.client.post(CALL, form), server.client.post("/en/reply", words)):
            assert page.status == 503 and WORDS in page.text
        assert person.send(("a.bin", b"1" * 1000)).status == 503
    assert refused.times >= 3
    assert server.client.post(CALL, form).status == 200
    assert server.client.post("/en/reply", words).status == 200
    kept = sorted(record.kind for record in stored(server.instance).values() if record.state == "kept")
    assert kept == ["addition", "testimony", "testimony"]
    assert troubles(server.instance, []) == []


def test_a_full_disk_under_load_loses_nothing(tmp_path: Path) -> None:
    """It fills up and is freed, again and again, while people send: they are told to try again, and later they can."""
    with small_disk(tmp_path / "disk", 96 * MIB) as disk:
        instance = Instance.create(disk)
        with instance.serve() as server:
            crowd = Crowd(server, people=3)
            with crowd.at_work():
                for leave in (0, 9 * MIB, 0):
                    crowd.wait_for(10)
                    put_off = crowd.put_off
                    fill(disk, leave)
                    wait_until(lambda before=put_off: crowd.put_off > before + 10)  # type: ignore[misc]
                    (disk / "full").unlink()
            assert troubles(instance, crowd.accounts) == []


def test_a_full_disk_under_postgresql_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can write no more, or even ends; when there is room again, it goes on, and so does the site."""
    with tempfile.TemporaryDirectory() as name, small_disk(Path(name), 256 * MIB) as disk:
        for folder in (Path(name), disk):
            folder.chmod(0o711)  # for the user that PostgreSQL runs as
        with monkeypatch.context() as patched:
            patched.setattr(tempfile, "tempdir", str(disk))
            cluster = Cluster.create(durable=True)
        try:
            instance = Instance.create(tmp_path, cluster.new_database())
            with instance.serve() as server:
                crowd = Crowd(server, people=3, largest_file=3 * MIB)
                with crowd.at_work():
                    for _ in range(2):
                        crowd.wait_for(8)
                        put_off = crowd.put_off
                        fill(disk)
                        wait_until(lambda before=put_off: crowd.put_off > before + 10)  # type: ignore[misc]
                        (disk / "full").unlink()
                        try:
                            cluster.wait()
                        except AssertionError:  # it has ended
                            cluster.start()
                assert troubles(instance, crowd.accounts) == []
        finally:
            cluster.remove()


def test_a_command_on_a_full_disk_says_so_in_one_line(tmp_path: Path) -> None:
    """Nothing is half done then, and when there is room it can be done."""
    with small_disk(tmp_path / "disk", 64 * MIB) as disk:
        instance = Instance.create(disk)
        reviewer = Reviewer(instance)
        with instance.serve() as server:
            person = Person.who_sent(server)
            message = reviewer.reply(person, "Thank you.")
        commands: list[tuple[object, ...]] = [
            ("trust", reviewer.public_key()),
            ("export", tmp_path / "bundle.tar"),
            ("deliver", reviewer.dispatch(message, opened={person.testimony: person.digest})),
            ("purge", "--before", "2100-01-01"),
            ("init",),
        ]
        for command in commands:
            elsewhere = {"INTAKE_INSTANCE": str(disk / "new")} if command == ("init",) else {}
            fill(disk)
            done = intake(instance, *command, **elsewhere)
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), (command, done)
            assert not [path for path in tmp_path.iterdir() if "bundle.tar" in path.name]
            (disk / "full").unlink()
            done = intake(instance, *command, **elsewhere)
            assert done.returncode == 0, (command, done)
            (tmp_path / "bundle.tar").unlink(missing_ok=True)


def test_a_stick_that_is_full_gets_no_bundle(tmp_path: Path) -> None:
    """Wherever its room ends: one line that names the file, and nothing on it."""
    with small_disk(tmp_path / "stick", 32 * MIB) as stick:
        instance = Instance.create(tmp_path)
        with instance.serve() as server:
            Person.who_sent(server).send(("large.bin", bytes(300_000)))
        path = stick / "bundle.tar"
        for size in range(16 * 1024, 32 * MIB, 48 * 1024):
            remount(stick, f"size={size}")
            done = intake(instance, "export", path)
            if done.returncode == 0:
                break
            assert done.stderr == f"Error: {path} cannot be written: No space left on device\n"
            assert list(stick.iterdir()) == []
        assert size > 400_000
        assert len(read(instance, path).contents) == 1
        remount(stick, "ro")
        done = intake(instance, "export", stick / "other.tar")
        assert done.stderr == f"Error: {stick / 'other.tar'} cannot be written: Read-only file system\n"


def test_a_disk_that_cannot_be_written_is_told_and_used_when_it_can(tmp_path: Path) -> None:
    """A server that starts on it says that nothing can be stored, and takes testimonies once it can, by itself."""
    with small_disk(tmp_path / "disk", 96 * MIB) as disk:
        instance = Instance.create(tmp_path)
        shutil.move(tmp_path / "instance", disk)
        (tmp_path / "instance").symlink_to(disk / "instance")
        remount(disk, "ro")
        with instance.serve() as server:
            assert server.client.get("/healthz").text == "not ready: database\n"
            assert server.client.get(CALL).status == 503
            for command in (("export", tmp_path / "a.tar"), ("purge", "--before", "2100-01-01"), ("check",)):
                done = intake(instance, *command)
                assert (done.returncode, done.stderr.count("\n")) == (1, 1), done
            remount(disk, "rw")
            wait_until(lambda: server.client.get("/healthz").status == 200)
            server.settle()
            for _ in range(20):  # so that each worker is asked
                assert server.client.send().status == 200
        assert troubles(instance, []) == []
