"""What a machine's own loopback interface sees without Tor: from a browser that seals, and to PostgreSQL."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from person import Person, wait_until
from playwright.sync_api import Browser, expect
from postgres import USER, database, database_name, shared_cluster
from service import ROOT, Instance, Server
from visitor import ENOUGH, visit

from intake import code
from onion.client import SocketClient
from onion.namespace import Namespace
from onion.recording import recorded

STORY = "Nobody-could-say-which-ward-had-lights"
NAME = "Letter-of-a-patient.pdf"
LETTER = b"Dear-patient-your-results-are-lost\r\n" * 60_000
ADDRESS = "127.0.0.1:8000"
DATABASE_PORT = 5432
Secrets = dict[str, str | bytes]
RELAY = Path(__file__).with_name("relay.py")


@pytest.fixture(scope="module")
def server(loopback: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server inside of the namespace, at a port there and at a unix socket; PostgreSQL is at another port there."""
    folder = tmp_path_factory.mktemp("inside")
    cluster = shared_cluster().folder
    cluster.chmod(0o711)  # root in the namespace is nobody in particular outside
    with database() as url, _relayed(loopback, cluster / ".s.PGSQL.5432"):
        instance = Instance.create(folder, url)
        over_tcp = f"postgresql+psycopg://{USER}@127.0.0.1:{DATABASE_PORT}/{database_name(url)}"
        environment = {**instance.environment, "INTAKE_DATABASE_URL": over_tcp}
        bound = ["--bind", f"unix:{folder}/site.sock", "--bind", ADDRESS]
        line = loopback.line(sys.executable, "-m", "gunicorn", *bound, "wsgi:app")
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
        running = Server(process, SocketClient(folder / "site.sock"), instance)
        try:
            wait_until(lambda: _healthy(running))
            yield running
        finally:
            running.stop()


def _healthy(server: Server) -> bool:
    with contextlib.suppress(OSError):
        return server.client.get("/healthz").status == 200
    return False


@contextlib.contextmanager
def _relayed(loopback: Namespace, socket: Path) -> Iterator[None]:
    """Make a unix socket a port inside of the namespace."""
    line = loopback.line(sys.executable, RELAY, DATABASE_PORT, socket)
    with subprocess.Popen(line, stdout=subprocess.PIPE) as relay:
        assert relay.stdout
        assert relay.stdout.readline() == b"listening\n"
        try:
            yield
        finally:
            relay.terminate()


def test_what_goes_to_the_database_is_sealed(server: Server, loopback: Namespace, tmp_path: Path) -> None:
    """Words, code and file came to the server as they are. Its line to PostgreSQL has digests and what is sealed."""
    with recorded(loopback, tmp_path) as recording:
        person = Person.who_sent(server, **{"story.text": STORY})
        assert person.send((NAME, LETTER)).status == 200
        assert person.come_back().status == 200
    keys = person.keys
    seen: Secrets = {
        "sealed": server.instance.ciphertexts()[0][:1000],
        "digest": person.digest,
        "mailbox id": keys.mailbox_id,
    }
    unseen: Secrets = {
        "access": keys.access,
        "access as text": keys.access.hex(),
        "mailbox": keys.mailbox,
        "authority": keys.authority,
    }
    assert recording.holding({**seen, **unseen, **_typed(person)}) == list(seen)
    assert [file.content for file in person.files().values()] == [LETTER]


def test_what_goes_from_a_browser_that_seals_is_sealed(
    server: Server, loopback: Namespace, browser: Browser, tmp_path: Path
) -> None:
    """Over plain HTTP, between the browser, the server and PostgreSQL: the access token is seen, and nothing typed."""
    with visit(browser, f"http://{ADDRESS}", java_script_enabled=True) as visitor:
        page = visitor.open().page
        expect(page.locator(".send [data-way=browser]")).not_to_have_attribute("hidden", "")
        with recorded(loopback, tmp_path) as recording:
            visitor.at("story").field("story.text").fill(STORY)
            visitor.set(ENOUGH)
            visitor.look_over()
            page.locator(".send .button:visible").first.click()
            expect(page.locator("#return-code")).to_have_text(re.compile(r"\d{4}( \d{4}){5}"))
            page.locator(".fold > summary").click()
            page.locator("#files").set_input_files({"name": NAME, "mimeType": "", "buffer": LETTER})
            page.locator("#evidence > p > .button").click()
            expect(page.locator("#sent-files > li")).to_contain_text("It is stored safely.", use_inner_text=True)
        shown = page.locator("#return-code").inner_text()
        person = Person(server, shown.replace(" ", ""), page.locator("#digest").inner_text())
    keys = person.keys
    seen: Secrets = {"access": keys.access.hex(), "digest": person.digest}
    unseen: Secrets = {"mailbox": keys.mailbox, "authority": keys.authority, "answer": "RANSOM"}
    assert recording.holding({**seen, **unseen, **_typed(person)}) == list(seen)
    assert [file.content for file in person.files().values()] == [LETTER]


def _typed(person: Person) -> Secrets:
    code_of = {"code": person.return_code, "code as shown": code.groups(person.return_code)}
    return {"story": STORY, "question": "story.text", "name": NAME, "letter": LETTER[:30], **code_of}
