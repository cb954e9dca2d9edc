"""With 100,000 records, the database has no more to do for one person than with none. In bench/, it is a million."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from many import fill
from service import Client, Instance
from sqlalchemy import event
from werkzeug.serving import make_server

from intake.instance import read_secret, signing_key
from intake.operator.export import export
from intake.site.app import create_app
from intake.site.service import Service
from intake.store import erasing, segments

pytestmark = pytest.mark.both_engines

RECORDS = 100_000
MOST_READ = RECORDS // 10
"""Steps of SQLite's machine, of which it takes several a row, or rows of PostgreSQL's tables and indexes."""
_STEPS = 50
_ROWS = """
    SELECT (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_user_tables)
         + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes)"""
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""


@contextlib.contextmanager
def serving(app: Flask) -> Iterator[Client]:
    """Serve in this process, where what the database does can be counted."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Client(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def counted(instance: Instance, app: Flask, work: Callable[[], object]) -> int:
    """Do work with the database of an application, and return how much was read for it."""
    engine = app.extensions["intake"].records.engine
    if instance.database_url:
        engine.dispose()
        before = rows_read(instance)
        work()
        engine.dispose()
        return rows_read(instance) - before
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += _STEPS
        return 0

    def watch(connection: object, *_: object) -> None:
        connection.set_progress_handler(step, _STEPS)  # type: ignore[attr-defined]

    event.listen(engine, "checkout", watch)
    work()
    event.remove(engine, "checkout", watch)
    return steps


def rows_read(instance: Instance) -> int:
    """Return how many rows PostgreSQL has read so far; each connection says so when it ends."""
    end = time.monotonic() + 60
    while instance.rows(_OTHERS) != [(0,)]:
        assert time.monotonic() < end, "connections stay open"
        time.sleep(0.05)
    return int(instance.rows(_ROWS)[0][0])


def one_persons_way(client: Client) -> None:
    """Do all that one person does: send a testimony and a file, come back, write, choose, withdraw."""
    receipt = client.send()
    assert receipt.status == 200
    hidden = {name: receipt.hidden(name) for name in ("form_token", "code")}
    assert client.send_files(hidden, [("letter.pdf", os.urandom(1_500_000))]).status == 200
    mailbox = client.come_back(receipt.return_code)
    assert mailbox.status == 200
    hidden = {name: mailbox.hidden(name) for name in ("form_token", "code")}
    assert client.post("/en/reply", {**hidden, "text": "I remember more."}).status == 200
    assert client.post("/en/consent", {**hidden, "CSTAT": "Y"}).status == 200
    assert client.post("/en/withdraw", {**hidden, "confirm": "yes"}).status == 200


def test_nothing_grows_with_the_records(instance: Instance) -> None:
    """A person's whole way, the look whether all is ready, a sweep and an export of what is new: each reads little."""
    fill(instance, RECORDS)
    app = create_app(instance.environment)
    service: Service = app.extensions["intake"]
    key = signing_key(read_secret(instance.folder / "instance"))

    def sweep() -> None:
        segments.count_leases(service.records.engine)
        while erasing.erase(service.records.engine):
            pass

    with serving(app) as client:
        client.send()  # what is done once a process
        works: dict[str, Callable[[], object]] = {
            "person": lambda: one_persons_way(client),
            "ready": lambda: service._look(),
            "sweep": sweep,
            "export": lambda: export(service.records.engine, key, instance.folder / "new.tar", since=RECORDS),
        }
        read = {name: counted(instance, app, work) for name, work in works.items()}
        everything = counted(instance, app, lambda: read_everything(service))
    assert everything > MOST_READ, "what is read is not counted"
    assert {name: amount for name, amount in read.items() if amount > MOST_READ} == {}


def read_everything(service: Service) -> None:
    """Read every record once."""
    with service.records.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT sum(size) FROM record").scalar_one() > RECORDS
