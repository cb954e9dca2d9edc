"""Many write to PostgreSQL at once: those who touch the same mailbox wait for each other, and nobody else waits.

Each test holds a row, so that what would happen at the same instant by chance happens every time.
"""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from person import DAY, wait_until
from postgres import database, database_name, shared_cluster
from sqlalchemy import Engine, text

from intake.operator.export import _link
from intake.store import erasing, log, mailboxes, segments
from intake.store.engine import open_engine, writing
from intake.store.records import AlreadySentError, Kept, NewMailbox, NewRecord, Records, WithdrawnError

PEOPLE = 12


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A fresh database."""
    with database() as url:
        engine = open_engine(url, patient=True)
        yield engine
        engine.dispose()


def record(mailbox: str, kind: str = "testimony", event: str = "added") -> NewRecord:
    """A record to keep, with a form of its own."""
    identifier = secrets.token_hex(16)
    ciphertext = identifier.encode() * 1000
    return NewRecord(
        id=identifier,
        mailbox=mailbox,
        kind=kind,
        call="testimonials",
        day=DAY,
        sha256=hashlib.sha256(ciphertext).hexdigest(),
        ciphertext=ciphertext,
        recipients=["r"],
        form=secrets.token_hex(32),
        content=secrets.token_hex(32),
        event=event,
    )


def new_testimony(engine: Engine) -> Kept:
    """Keep a testimony in a new mailbox."""
    mailbox = NewMailbox(recipient="r", authority="a", consents=b"first")
    return Records(engine).keep(record(secrets.token_hex(32), event="received"), mailbox)


def arrived_file(engine: Engine, mailbox: str) -> segments.Received:
    """Let a file arrive, all but its end."""
    identifier = secrets.token_hex(16)
    content = segments.NewContent(id=identifier, mailbox=mailbox, call="testimonials", day=DAY, recipients=["r"])
    segments.begin(engine, content)
    segments.append(engine, identifier, 0, b"x" * 1000)
    return segments.Received(id=identifier, size=1000, sha256=hashlib.sha256(b"x" * 1000).hexdigest(), same="same")


def states(engine: Engine, mailbox: str) -> dict[str, str]:
    """The state of each record of a mailbox."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, state FROM record WHERE mailbox = :id"), {"id": mailbox})
        return {row.id: row.state for row in rows}


def purged(engine: Engine) -> list[str]:
    """The records whose purge is in the log."""
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT record FROM log_entry WHERE event = 'purged'")).scalars())


@contextmanager
def held(engine: Engine, table: str, identifier: str) -> Iterator[None]:
    """Hold a row, so that whoever wants to change it waits."""
    with writing(engine) as connection:
        connection.execute(text(f"SELECT 1 FROM {table} WHERE id = :id FOR UPDATE"), {"id": identifier})
        yield


def waiting(engine: Engine, people: int) -> None:
    """Wait until so many wait for a lock."""
    name = database_name(str(engine.url))
    query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
    wait_until(lambda: shared_cluster().execute(query) == [(people,)])


def outcome(done: "Future[Any]") -> object:
    """What a call returned, or the type of what it raised."""
    error = done.exception(60)
    return type(error) if error else done.result()


def finish(engine: Engine, mailbox: str) -> Callable[[], object]:
    """What keeps a file that has arrived."""
    received, attachment = arrived_file(engine, mailbox), record(mailbox, "attachment")
    return lambda: segments.finish(engine, received, attachment)


def take_part(engine: Engine, mailbox: str) -> Callable[[], object]:
    """What takes the first part of a file in."""
    content = segments.NewContent(id="c" * 32, mailbox=mailbox, call="testimonials", day=DAY, recipients=["r"])
    return lambda: segments.take_part(engine, content, 0, b"part")


def begin(engine: Engine, mailbox: str) -> Callable[[], object]:
    """What makes room for a file."""
    content = segments.NewContent(id="c" * 32, mailbox=mailbox, call="testimonials", day=DAY, recipients=["r"])
    return lambda: segments.begin(engine, content)


def add(engine: Engine, mailbox: str) -> Callable[[], object]:
    """What adds words."""
    addition = record(mailbox, "addition")
    return lambda: Records(engine).keep(addition)


def choose(engine: Engine, mailbox: str) -> Callable[[], object]:
    """What changes the consents."""
    change = record(mailbox, "consent")
    return lambda: Records(engine).keep(change, consents=(b"first", b"second"))


@pytest.mark.parametrize("act", [add, choose, begin, take_part, finish])
def test_what_comes_during_a_withdrawal_is_refused(engine: Engine, act: Callable[..., Callable[[], object]]) -> None:
    """It waits until the withdrawal is done, and then finds the mailbox closed. Nothing is kept."""
    kept = new_testimony(engine)
    doing = act(engine, kept.mailbox)
    withdrawal = record(kept.mailbox, "withdrawal", "withdrawn")
    with ThreadPoolExecutor(2) as pool:
        with held(engine, "record", kept.id):
            leaving = pool.submit(erasing.withdraw, engine, withdrawal)
            waiting(engine, 1)
            coming = pool.submit(doing)
            waiting(engine, 2)
        assert outcome(coming) is WithdrawnError
        assert outcome(leaving) == replace(leaving.result(), id=withdrawal.id)
    found = states(engine, kept.mailbox)
    assert found.pop(withdrawal.id) == "kept"
    assert set(found.values()) == {"erasing"}


@pytest.mark.parametrize("act", [add, choose, begin, take_part, finish])
def test_a_withdrawal_takes_what_came_just_before(engine: Engine, act: Callable[..., Callable[[], object]]) -> None:
    """It waits for what is being kept at that moment, and takes it along."""
    kept = new_testimony(engine)
    doing = act(engine, kept.mailbox)
    withdrawal = record(kept.mailbox, "withdrawal", "withdrawn")
    with ThreadPoolExecutor(2) as pool:
        with held(engine, "mailbox", kept.mailbox):
            coming = pool.submit(doing)
            waiting(engine, 1)
            leaving = pool.submit(erasing.withdraw, engine, withdrawal)
            waiting(engine, 2)
        assert not isinstance(outcome(coming), type)
        leaving.result(60)
    found = states(engine, kept.mailbox)
    assert found.pop(withdrawal.id) == "kept"
    assert set(found.values()) == {"erasing"}
    kept_before = {identifier for identifier, state in found.items() if state == "erasing"}
    assert kept.id in purged(engine) and set(purged(engine)) <= kept_before


def test_two_changes_of_consents_do_not_both_count(engine: Engine) -> None:
    """Both began with the same copy: one is kept, the other is told so."""
    kept = new_testimony(engine)
    with ThreadPoolExecutor(2) as pool:
        with held(engine, "mailbox", kept.mailbox):
            both = [pool.submit(choose(engine, kept.mailbox)) for _ in range(2)]
            waiting(engine, 2)
        outcomes = [outcome(one) for one in both]
    assert [type(one) for one in outcomes if one is not AlreadySentError] == [Kept]
    assert sorted(states(engine, kept.mailbox).values()) == ["kept", "kept"]


def test_one_form_in_two_requests_at_once_is_one_record(engine: Engine) -> None:
    """The second waits for the first, and returns what that one kept, or keeps it where the first one breaks off."""
    new = record(secrets.token_hex(32), event="received")
    mailbox = NewMailbox(recipient="r", authority="a", consents=b"")
    again = replace(new, id=secrets.token_hex(16))
    row = {"id": new.mailbox, **vars(mailbox)}
    first = text("INSERT INTO mailbox VALUES (:id, :recipient, :authority, :consents, '')")
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            connection.execute(first, row)
            coming = pool.submit(Records(engine).keep, again, mailbox)
            waiting(engine, 1)
            connection.rollback()
        assert coming.result(60).id == again.id
    assert Records(engine).keep(new, mailbox).id == again.id
    assert states(engine, new.mailbox) == {again.id: "kept"}


def test_a_purge_and_a_withdrawal_say_once_that_a_record_is_gone(engine: Engine) -> None:
    """Whichever comes first."""
    kept = new_testimony(engine)
    mailboxes.deliver(engine, [], {kept.id: kept.sha256})
    withdrawal = record(kept.mailbox, "withdrawal", "withdrawn")
    with ThreadPoolExecutor(2) as pool:
        with held(engine, "record", kept.id):
            both: list[Future[Any]] = [
                pool.submit(erasing.purge, engine, DAY, lambda _record, _day: True),
                pool.submit(erasing.withdraw, engine, withdrawal),
            ]
            waiting(engine, 2)
        for done in both:
            done.result(60)
    assert purged(engine) == [kept.id]


def test_a_reply_does_not_come_into_a_mailbox_that_is_being_closed(engine: Engine) -> None:
    """It waits, and then there is no mailbox for it."""
    kept = new_testimony(engine)
    with ThreadPoolExecutor(2) as pool:
        with held(engine, "record", kept.id):
            leaving = pool.submit(erasing.withdraw, engine, record(kept.mailbox, "withdrawal", "withdrawn"))
            waiting(engine, 1)
            coming = pool.submit(mailboxes.deliver, engine, [("1" * 32, kept.id, b"sealed")], {})
            waiting(engine, 2)
        leaving.result(60)
        assert coming.result(60) == mailboxes.Delivered(0, 0, 1)


def test_two_dispatches_at_once_file_each_message_once(engine: Engine) -> None:
    """In whatever order they name the mailboxes."""
    people = [new_testimony(engine) for _ in range(20)]
    messages = [(secrets.token_hex(16), kept.id, b"sealed") for kept in people]
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(mailboxes.deliver, engine, order, {}) for order in (messages, messages[::-1])]
        done = [one.result(60) for one in both]
    assert (sum(one.new for one in done), sum(one.known for one in done)) == (20, 20)


def test_two_exports_at_once_make_one_chain(engine: Engine) -> None:
    """They wait for each other, and each links what the other has not."""
    for _ in range(20):
        new_testimony(engine)
    with engine.connect() as connection:
        identifier = connection.execute(text("SELECT id FROM instance")).scalar_one()
    with ThreadPoolExecutor(2) as pool:
        with held(engine, "instance", identifier):
            both = [pool.submit(log.link_new, engine, _link) for _ in range(2)]
            waiting(engine, 2)
        for one in both:
            one.result(60)
    entries = log.linked_entries(engine, 0)
    assert [entry.sequence for entry in entries] == list(range(1, 21))
    assert [entry.previous for entry in entries[1:]] == [entry.digest for entry in entries[:-1]]


def test_nobody_waits_for_a_transaction_of_others(engine: Engine) -> None:
    """While one person's testimony is being written, and one export links, others send and add theirs."""
    kept = new_testimony(engine)
    with engine.connect() as connection:
        identifier = connection.execute(text("SELECT id FROM instance")).scalar_one()
    held_rows = (held(engine, "mailbox", kept.mailbox), held(engine, "instance", identifier))
    with held_rows[0], held_rows[1], ThreadPoolExecutor(PEOPLE) as pool:
        sent = [pool.submit(new_testimony, engine) for _ in range(PEOPLE)]
        assert len({one.result(60).id for one in sent}) == PEOPLE
        added = [pool.submit(add(engine, one.result().mailbox)) for one in sent]
        assert not any(isinstance(outcome(one), type) for one in added)
    assert len(states(engine, kept.mailbox)) == 1


def test_many_threads_that_count_and_renew_do_not_block_each_other_for_ever(engine: Engine) -> None:
    """Leases of many uploads, counted and renewed at once in any order, and withdrawn meanwhile: nothing deadlocks."""
    people = [new_testimony(engine) for _ in range(6)]
    files = [arrived_file(engine, kept.mailbox).id for kept in people for _ in range(4)]
    segments.count_leases(engine)
    end = threading.Event()

    def repeat(act: Callable[[], object]) -> None:
        while not end.is_set():
            act()

    with ThreadPoolExecutor(4) as pool:
        running = [
            pool.submit(repeat, lambda: segments.renew(engine, files)),
            pool.submit(repeat, lambda: segments.renew(engine, files[::-1])),
            pool.submit(repeat, lambda: segments.count_leases(engine)),
        ]
        for kept in people:
            erasing.withdraw(engine, record(kept.mailbox, "withdrawal", "withdrawn"))
        end.set()
        for one in running:
            one.result(60)
