"""`intake copy --to URL`: from one engine to the other and back, nothing lost, and the way on with the same codes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person, Reviewer, exported, intake, stored
from postgres import shared_cluster
from sealing_browser import SealingBrowser
from service import Instance
from sqlalchemy import Connection, text

from intake.store.duty import Duty
from intake.store.engine import open_engine
from intake.store.models import Base
from intake.store.schema import migrate

SECRET_WORD = "not-to-be-shown"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Instance:
    """An instance on SQLite with something in every table: whole files, a half one, a withdrawal, replies, a chain."""
    instance = Instance.create(tmp_path_factory.mktemp("filled"))
    with instance.serve() as server:
        person, leaver, purged = (Person.who_sent(server) for _ in range(3))
        assert person.send(("a", b"1" * 3_000_000), ("b", b"")).status == 200
        half = SealingBrowser(server, person.return_code).file(b"2" * 2_500_000)
        assert half.send(half.part(0)).status == 200
        reviewer = Reviewer(instance).introduced()
        reviewer.deliver(reviewer.reply(person, "Thank you."), opened={purged.testimony: purged.digest})
        assert leaver.act("withdraw", confirm="yes").status == 200
    assert intake(instance, "purge", "--before", "2100-01-01").stdout == "1 record(s) purged.\n"
    exported(instance)
    with instance.serve() as server:  # what no export has linked
        assert Person(server, person.return_code, person.digest).send(("c", b"3")).status == 200
        Person.who_sent(server)
    (instance.folder / "person").write_text(f"{person.return_code} {person.digest}")
    return instance


def contents(instance: Instance) -> dict[str, set[tuple[object, ...]]]:
    """Every row of every table."""
    return {
        table.name: set(instance.rows(f"SELECT {', '.join(table.columns.keys())} FROM {table.name}"))
        for table in Base.metadata.sorted_tables
    }


def copied(instance: Instance, url: str) -> subprocess.CompletedProcess[str]:
    """Copy an instance, with success."""
    done = intake(instance, "copy", "--to", url)
    assert done.returncode == 0, done.stderr
    return done


def fails(instance: Instance, url: str, words: str) -> None:
    """The copy is refused in one line, which does not show the URL."""
    done = intake(instance, "copy", "--to", url)
    assert (done.returncode, done.stdout, len(done.stderr.strip().splitlines())) == (1, "", 1)
    assert words in done.stderr
    assert SECRET_WORD not in done.stderr


def test_there_and_back_again(filled: Instance, tmp_path: Path) -> None:
    """Both databases hold the same, down to the last byte; the codes open, the chain goes on, and the desk agrees."""
    before = contents(filled)
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    url = shared_cluster().empty_database()
    done = copied(filled, url)
    head = filled.rows("SELECT digest FROM log_entry WHERE sequence IS NOT NULL ORDER BY sequence DESC LIMIT 1")[0][0]
    kept = sum(record.state == "kept" for record in stored(filled).values())
    assert f"{sum(map(len, before.values()))} row(s) are copied" in done.stdout
    assert f"{kept} record(s) have their digest" in done.stdout
    assert head in done.stdout
    moved = Instance(filled.folder, filled.identity, url)
    assert contents(moved) == before
    assert moved.open_on_desk()
    return_code, digest = (filled.folder / "person").read_text().split()
    with moved.serve() as server:
        person = Person(server, return_code, digest)
        assert "Thank you." in person.come_back().text
        assert person.act("reply", text="After the move.").status == 200
        assert set(person.files()) == {"a", "b", "c"}
    assert moved.open_on_desk()

    back = f"sqlite:///{tmp_path / 'back.db'}"
    copied(moved, back)
    again = Instance(filled.folder, filled.identity, back)
    assert contents(again) == contents(moved)
    assert (tmp_path / "back.db").stat().st_mode & 0o077 == 0
    with again.connected() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@pytest.fixture
def sources(filled: Instance) -> Iterator[tuple[Instance, Instance]]:
    """The instance on either engine."""
    url = shared_cluster().empty_database()
    copied(filled, url)
    yield filled, Instance(filled.folder, filled.identity, url)
    shared_cluster().drop(url)


def test_what_is_not_empty_is_refused(sources: tuple[Instance, Instance], tmp_path: Path) -> None:
    """Nothing is mixed, and nothing is written over."""
    sqlite, postgresql = sources
    fails(sqlite, postgresql.url, "not empty")
    fails(sqlite, sqlite.url, "in use")
    fails(sqlite, f"postgresql+psycopg://someone:{SECRET_WORD}@/nothing?host={tmp_path}", "cannot be opened")
    fails(sqlite, f"mysql://someone:{SECRET_WORD}@/nothing", "database URL")
    fails(sqlite, f"sqlite:///{tmp_path}/none/there.db", "No such file")
    fails(postgresql, sqlite.url, "not empty")


def test_a_service_that_runs_is_not_copied(sources: tuple[Instance, Instance], tmp_path: Path) -> None:
    """What it takes meanwhile would be lost."""
    for number, source in enumerate(sources):
        with source.serve():
            duty = Duty(source.folder / "instance" / "secret")
            engine = open_engine(source.url)
            while duty.is_ours(engine):  # until a process of the service has it
                duty.give_up()
            fails(source, f"sqlite:///{tmp_path}/{number}.db", "stop it")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE segment SET data = :data WHERE record = (SELECT record FROM log_entry WHERE sequence = 1)", "damaged"),
        ("UPDATE log_entry SET day = '2020-01-01' WHERE sequence = 2", "chain is broken at 2"),
        ("UPDATE log_entry SET sequence = 999 WHERE sequence = 3", "chain is broken"),
    ],
)
def test_what_is_damaged_is_not_copied(tmp_path: Path, filled: Instance, change: str, words: str) -> None:
    """A copy is no way to lose the proof: the new database stays empty."""
    source = f"sqlite:///{tmp_path / 'source.db'}"
    copied(filled, source)
    damaged, url = Instance(filled.folder, filled.identity, source), shared_cluster().empty_database()
    damaged.change(change, **({"data": b"x"} if ":data" in change else {}))
    fails(damaged, url, words)
    assert shared_cluster().execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", url_name(url)) == []


def url_name(url: str) -> str:
    """The name of the database in a URL."""
    return url.rpartition("@/")[2].partition("?")[0]


@pytest.mark.parametrize("table", ["record", "segment", "log_entry", "mailbox"])
def test_a_copy_that_is_not_the_same_is_noticed(filled: Instance, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the new database itself changes what it is given; nothing of it stays."""
    url = shared_cluster().empty_database()
    column = {"record": "size", "segment": "data", "log_entry": "day", "mailbox": "consents"}[table]
    spoil = "substr(NEW.data, 2)" if column == "data" else {"size": "NEW.size + 1", "day": "'2020-01-01'"}.get(column)

    def spoiled(connection: Connection) -> None:
        migrate(connection)
        body = f"BEGIN NEW.{column} := {spoil or 'NEW.consents || NEW.consents'}; RETURN NEW; END"
        connection.exec_driver_sql(f"CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        connection.exec_driver_sql(f"CREATE TRIGGER s BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION spoil()")

    monkeypatch.setattr("intake.operator.copying.migrate", spoiled)
    fails(filled, url, f"the table {table} is not the same")
    assert shared_cluster().execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", url_name(url)) == []
