"""Several hosts serve one instance. They share a PostgreSQL database, and a copy of the instance folder, and nothing
else."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import pytest
from person import SWIFT, Person, Reviewer, changed_program, exported, stored, wait_until
from postgres import database, database_name, shared_cluster
from sealing_browser import SealingBrowser
from service import CALL, ENOUGH, Instance, Server

from intake.store.segments import PART


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two hosts that serve one instance."""
    folders = [tmp_path_factory.mktemp("host") for _ in range(2)]
    program = changed_program(folders[0], SWIFT)
    with database() as url:
        one = Instance.create(folders[0], url)
        with one.serve(**program) as first, one.on_another_host(folders[1]).serve(**program) as second:
            yield first, second


def held_of(person: Person) -> list[tuple[str, str]]:
    """The kind and the state of each record that the database has of them."""
    records = stored(person.server.instance).values()
    return sorted((record.kind, record.state) for record in records if record.mailbox == person.keys.mailbox_id)


def on_duty(instance: Instance) -> list[int]:
    """The database's processes that hold the lock of whoever erases."""
    query = "SELECT pid FROM pg_locks JOIN pg_database ON oid = database WHERE locktype = 'advisory' AND granted"
    rows = shared_cluster().execute(f"{query} AND datname = '{database_name(instance.database_url)}'")
    return [row[0] for row in rows]


def test_any_host_answers_for_all(hosts: tuple[Server, Server]) -> None:
    """A form of one host is sent to the other; whoever comes back finds everything, wherever they come."""
    first, second = hosts
    form = {**first.client.form(), **ENOUGH}
    receipt = second.client.post(CALL, form)
    again = first.client.post(CALL, form)
    assert (receipt.status, receipt.return_code, receipt.digest) == (200, again.return_code, again.digest)
    here = Person(first, receipt.return_code, receipt.digest)
    there = replace(here, server=second)
    assert there.act("reply", text="From there.").status == 200
    assert here.send(("a", b"1" * 3_000_000)).status == 200
    assert there.act("consent", CSTAT="Y").status == here.act("consent", CSTAT="N").status == 200
    reviewer = Reviewer(second.instance).introduced()
    reviewer.deliver(reviewer.reply(there, "From the desk."))
    assert "From the desk." in here.come_back().text
    assert there.files()["a"].content == b"1" * 3_000_000
    expected = ["addition", "attachment", "consent", "consent", "content", "testimony"]
    assert held_of(here) == [(kind, "kept") for kind in expected]


def test_the_parts_of_a_file_come_by_way_of_any_host(hosts: tuple[Server, Server]) -> None:
    """Each part to another host than the last."""
    first, second = hosts
    browser = SealingBrowser(first)
    sent = browser.testimony()
    assert browser.send(sent).status == 200
    elsewhere = replace(browser, server=second)
    file = browser.file(bytes(range(256)) * (3 * PART // 256))
    for number in range(file.count):
        assert (browser if number % 2 else elsewhere).post("/en/evidence", file.part(number)).status == 200
    assert elsewhere.post("/en/evidence", file.end(sent.fields["id"])).status == 200
    plain = Person(second, browser.return_code, sent.digest)
    assert plain.files()["scan.pdf"].content == file.content


def test_a_withdrawal_at_one_host_ends_a_file_that_arrives_at_the_other(hosts: tuple[Server, Server]) -> None:
    """Nothing of it stays, and the sender is told."""
    first, second = hosts
    person = Person.who_sent(first)
    elsewhere = replace(person, server=second)
    with person.uploading(b"1" * 3_000_000) as upload:
        wait_until(lambda: ("content", "receiving") in held_of(person))
        assert "Your testimony is withdrawn" in elsewhere.act("withdraw", confirm="yes").text
        upload.send(b"2" * 3_000_000)
        upload.end()
        assert upload.answer().status >= 400
    wait_until(lambda: is_erased(person))


def test_exports_of_two_hosts_make_one_chain(hosts: tuple[Server, Server]) -> None:
    """While people send, both hosts export at once, and the desk finds one log in the last bundle."""
    first, second = hosts
    first.client.send()
    with ThreadPoolExecutor(4) as pool:
        bundles = [first.instance.folder / "a.tar", second.instance.folder / "b.tar"]
        exports = [pool.submit(host.instance.intake, "export", path) for host, path in zip(hosts, bundles, strict=True)]
        sent = [pool.submit(host.client.send) for host in hosts * 4]
    assert [done.result().returncode for done in exports] == [0, 0]
    assert {answer.result().status for answer in sent} == {200}
    for path in bundles:
        done = first.instance.desk("open", path)
        assert done.returncode == 0, done.stderr
    opened = [record["id"] for record in first.instance.open_on_desk() if record["kind"] == "testimony"]
    received = [record for event, record in exported(second.instance)[1] if event == "received"]
    assert len(received) == len(set(received)) and set(opened) <= set(received)


def test_a_broken_connection_is_nobodys_error(hosts: tuple[Server, Server]) -> None:
    """Every connection of both hosts is cut, again and again: each request finds a new one by itself."""
    first, second = hosts
    name = database_name(first.instance.database_url)
    person = Person.who_sent(first)
    doors: list[Callable[[], int]] = [
        lambda: second.client.send().status,
        lambda: person.come_back().status,
        lambda: person.act("reply", text="More.").status,
        lambda: person.send(("a", b"1" * 10_000)).status,
        lambda: first.client.get("/healthz").status,
    ]
    for door in doors * 2:
        shared_cluster().execute(
            f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        assert door() == 200


def test_one_process_of_all_hosts_erases(hosts: tuple[Server, Server]) -> None:
    """When it loses its connection, or its host dies, another takes over."""
    first, second = hosts

    def lose_the_connection() -> None:
        (holder,) = on_duty(second.instance)
        shared_cluster().execute(f"SELECT pg_terminate_backend({holder}, 10000)")

    for end in (lose_the_connection, first.kill, lambda: None):
        wait_until(lambda: len(on_duty(second.instance)) == 1)
        person = Person.who_sent(second)
        assert person.act("withdraw", confirm="yes").status == 200
        wait_until(partial(is_erased, person))
        end()


def is_erased(person: Person) -> bool:
    """Whether nothing is left of someone but that they took it back."""
    return held_of(person) == [("withdrawal", "kept")]
