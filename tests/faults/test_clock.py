"""A clock that jumps: nobody loses their words, nothing is deleted, and the desk opens what was sent meanwhile."""

import datetime
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from oracle import export, troubles
from person import SWIFT, Person, Reviewer, changed_program, wait_until
from service import CALL, ENOUGH, Instance, Server
from sources import Crowd

OTHER_CLOCK = """
import datetime, os, time
true = time.time
time.time = lambda: true() + float(open(os.environ["CLOCK"]).read())
class Other(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Other
"""
"""What every Python program does first: it takes the time of day from another clock. What only counts on is as ever."""
Clock = Callable[[datetime.date | None], None]


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """What sets the server's clock to a day; None for the true one."""

    def set_to(day: datetime.date | None) -> None:
        seconds = 0.0
        if day is not None:
            seconds = datetime.datetime.combine(day, datetime.time(12), datetime.UTC).timestamp() - time.time()
        new = tmp_path / "clock.new"
        new.write_text(f"{seconds:.0f}")
        new.replace(tmp_path / "clock")

    set_to(None)
    return set_to


@pytest.fixture
def server(instance: Instance, clock: Clock, tmp_path: Path) -> Iterator[Server]:
    """A server whose clock can be set. It sweeps often, and keeps what the desk has opened for 30 days."""
    program = changed_program(instance.folder, SWIFT)
    (Path(program["PYTHONPATH"]) / "sitecustomize.py").write_text(OTHER_CLOCK)
    with instance.serve(**program, CLOCK=str(tmp_path / "clock"), INTAKE_RETENTION_DAYS="30") as running:
        yield running


def later(days: int) -> datetime.date:
    """So many days from today."""
    return datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days)


def day_of(server: Server) -> str:
    """The day of a testimony that is sent now."""
    digest = server.client.send().digest
    ((day,),) = server.instance.rows("SELECT day FROM record WHERE sha256 = :digest", digest=digest)
    return str(day)


def test_a_form_from_before_a_jump_keeps_its_words(server: Server, clock: Clock) -> None:
    """The clock jumps ahead: the form comes back with all that was typed, and the next press of the button sends it.
    When it jumps back, forms of the future are good."""
    form = {**server.client.form(), **ENOUGH, "story.text": "Typed before the jump."}
    clock(later(40))
    assert day_of(server) == later(40).isoformat()
    page = server.client.post(CALL, form)
    assert page.status == 422 and "Typed before the jump." in page.text
    renewed = {**form, **{name: page.hidden(name) for name in ("form_token", "code")}}
    clock(later(-2))
    receipt = server.client.post(CALL, renewed)
    assert receipt.status == 200
    assert Person(server, receipt.return_code, receipt.digest).come_back().status == 200


@pytest.mark.parametrize("day", [datetime.date(1970, 1, 2), datetime.date(2038, 1, 20), datetime.date(2107, 1, 1)])
def test_a_server_lives_in_any_year(server: Server, clock: Clock, day: datetime.date) -> None:
    """It takes everything on that day, and the desk opens it with what was sent before and after."""
    people = [Person.who_sent(server)]
    clock(day)
    assert day_of(server) == day.isoformat()
    for _ in range(2):
        people.append(Person.who_sent(server))
        for person in people:
            assert person.act("reply", text="Words.").status == 200
            assert person.act("consent", CSTAT="Y").status == 200
            assert person.send(("a.bin", b"1" * 1000)).status == 200
        clock(None)
    assert people[1].act("withdraw", confirm="yes").status == 200
    assert troubles(server.instance, []) == []
    found = export(server.instance)
    assert (len(found.testimonies), len(found.contents)) == (3, 2)


def test_a_clock_that_jumps_while_people_send_loses_nothing(server: Server, clock: Clock) -> None:
    """To and fro, by days and by years, under load; ahead, no further than pages that are open stay good."""
    clock(later(5000))
    crowd = Crowd(server, people=3)
    with crowd.at_work():
        for days in (5029, 365, 390, 0, 29, -1, -20_000):
            clock(later(days))
            crowd.wait_for(8)
    assert troubles(server.instance, crowd.accounts) == []


def test_a_jump_ahead_deletes_nothing(server: Server, clock: Clock) -> None:
    """Neither what the desk has opened nor replies that wait: a clock that ran ahead of itself is not believed."""
    person = Person.who_sent(server)
    desk = Reviewer(server.instance).introduced()
    desk.deliver(desk.reply(person, "We have read it."))
    desk.opened_everything()
    clock(later(400))
    wait_until(lambda: "the clock jumped ahead" in server.log)
    assert server.instance.rows("SELECT state FROM record") == [("kept",)]
    assert "We have read it." in person.come_back().text
    clock(None)
    server.settle()
    assert "We have read it." in person.come_back().text
