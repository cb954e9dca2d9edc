"""What someone with a code of their own can do to others: nothing that lasts."""

import contextlib
import os
import sqlite3

from person import SWIFT, Person, Reviewer, changed_program, every_file, intake, wait_until
from service import Instance, Server

from intake.store import erasing, segments
from intake.store.engine import open_engine
from intake.store.records import Records
from intake.store.space import evidence_size


def test_a_form_is_not_read_beyond_its_hundredth_file(server: Server) -> None:
    """Thousands of tiny files in one form end at the hundredth; those before are kept."""
    person = Person.who_sent(server)
    page = person.send(*((f"{number}.txt", b"x") for number in range(130)))
    assert page.status == 413
    assert page.text.count("<bdi>") == 100
    assert len(person.files()) == 100


def test_what_waits_to_be_erased_still_counts(instance: Instance) -> None:
    """Sending the same file for ever, or giving up each time, does not pass the quotas."""
    with instance.serve() as server:
        person = Person.who_sent(server)
    engine = open_engine(instance.url)
    mailbox = person.keys.mailbox_id
    before = Records(engine).used(mailbox)
    content = segments.NewContent(id="a" * 32, mailbox=mailbox, call="testimonials", day="2026-11-22", recipients=["b"])
    segments.begin(engine, content)
    segments.append(engine, content.id, 0, os.urandom(1_000_000))
    segments.give_up(engine, content.id)
    assert evidence_size(engine) == 1_000_000
    assert Records(engine).used(mailbox) == (before[0] + 1, before[1] + 1_000_000)
    while erasing.erase(engine):
        pass
    assert evidence_size(engine) == 0
    assert Records(engine).used(mailbox) == before


def test_a_deleted_reply_leaves_the_disk(instance: Instance) -> None:
    """Also on a quiet server, where nothing else writes over it."""
    program = changed_program(instance.folder, SWIFT)
    with instance.serve(**program) as server:
        person = Person.who_sent(server)
        desk = Reviewer(instance).introduced()
        message = desk.reply(person, "Thank you.")
        desk.deliver(message)
        middle = message.ciphertext[4000:4064]
        folder = instance.folder / "instance"
        wait_until(lambda: any(middle in content for path, content in every_file(folder) if path.suffix == ".db"))
        assert person.act("reply/delete", reply=message.id).status == 200
        wait_until(lambda: not any(middle in content for _, content in every_file(folder)))
        with contextlib.closing(sqlite3.connect(instance.database)) as database:
            assert database.execute("SELECT sealed FROM reply").fetchall() == [(b"",)]


def test_no_setting_stops_the_erasing(instance: Instance) -> None:
    """A number of days that no calendar has is refused in one line, before anything is served."""
    done = intake(instance, "check", INTAKE_RETENTION_DAYS="10000000")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "INTAKE_RETENTION_DAYS must be a whole number from 0 to 36500" in done.stderr
