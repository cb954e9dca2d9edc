"""nginx as deploy/ has it, before both groups of processes: a walk, and that nothing is kept, spooled or held up."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest
from doors import NGINX, ONION, Deployed, configure, nginx, started
from onion.client import SocketClient, connect
from person import wait_until
from service import ENOUGH, Client, multipart

from intake.site.app import LARGEST_FORM

WORDS = "The screens went dark at the clinic."
LARGE = 20_000_000
_FORM = "application/x-www-form-urlencoded"
READ = {"host", "origin", "sec-fetch-site", "accept-language", "accept-encoding", "content-type", "x-tor2web"}
"""The headers of a request that the service reads, in small letters."""


@pytest.fixture(params=["onion", "secret"])
def door(request: pytest.FixtureRequest, deployed: Deployed) -> Client:
    """Each door in turn."""
    found: Client = getattr(deployed, request.param)
    return found


def test_the_whole_way_through_each_door(deployed: Deployed, door: Client) -> None:
    """A testimony, a file of some megabytes, and the way back with the code."""
    before = len(deployed.instance.ciphertexts())
    receipt = door.send(**{"story.text": WORDS})
    assert receipt.status == 200
    form = {"form_token": receipt.hidden("form_token"), "code": receipt.return_code}
    sent = door.send_files(form, [("scan.pdf", b"%PDF-1.4\n" + b"x" * 3_000_000)])
    assert sent.status == 200
    assert "scan.pdf" not in deployed.log
    assert len(deployed.instance.ciphertexts()) > before + 2
    assert door.come_back(receipt.return_code).status == 200


def test_addresses_stay_at_their_door(deployed: Deployed) -> None:
    """Redirects lead on at the same door; the plain port leads to TLS alone, and challenges of certbot are answered."""
    for client in (deployed.onion, deployed.secret):
        first = client.get("/", Accept_Language="fr")
        assert (first.status, first.headers["Location"]) == (302, "/fr/")
    plain = deployed.clearnet.get("/en/testimonials?a=b", Host="intake.example")
    assert (plain.status, plain.headers["Location"]) == (301, "https://intake.example/en/testimonials?a=b")
    (deployed.folder / "acme/.well-known/acme-challenge").mkdir(parents=True)
    (deployed.folder / "acme/.well-known/acme-challenge/token").write_text("answer")
    assert deployed.clearnet.get("/.well-known/acme-challenge/token").text == "answer"


def test_only_pages_on_the_clearnet_name_the_onion(deployed: Deployed) -> None:
    """A browser that changes over by itself on a receipt would lose it."""
    assert deployed.secret.get("/en/testimonials").headers["Onion-Location"] == f"http://{ONION}/en/testimonials"
    assert deployed.secret.send().headers["Onion-Location"] is None
    assert deployed.onion.get("/en/testimonials").headers["Onion-Location"] is None


def test_the_doors_add_nothing_that_tells(door: Client) -> None:
    """No version, no cookie, no note in the browser, and the service's own headers as they were."""
    headers = door.get("/en/").headers
    assert headers["Server"] == "nginx"
    for name in ("Set-Cookie", "Strict-Transport-Security", "Via", "ETag"):
        assert headers[name] is None
    assert headers["Content-Security-Policy"]
    assert headers.get_all("Cache-Control") == ["no-store"]


def test_a_page_of_another_site_is_refused_through_the_doors(door: Client) -> None:
    """The host arrives as the browser sent it: the service can tell its own pages."""
    form = {**door.form(), **ENOUGH}
    assert door.post("/en/testimonials", form, Origin="https://elsewhere.example").status == 403


def test_forms_are_taken_in_whole_and_in_memory(deployed: Deployed) -> None:
    """Most of the largest form is on its way: nginx has it, in no file, while the service takes nothing."""
    fields = "&".join(f"{name}={value}" for name, value in deployed.onion.form().items()).encode() + b"&story.text="
    form = fields + b"a" * (LARGEST_FORM - len(fields))
    with contextlib.closing(connect(deployed.folder / "onion.sock")) as sending:
        with deployed.frozen(deployed.site):
            sending.sendall(_head("/en/testimonials", len(form), _FORM) + form[:4_000_000])  # more than a socket holds
            assert deployed.spooled() == []
            assert deployed.open_files() == set()
        sending.sendall(form[4_000_000:])
        answer = _read(sending)
    assert answer.startswith(b"HTTP/1.1 4")  # a text that is too long: the service has read it, and shows it again
    assert answer.count(b"a" * 1_000_000) > 0


def test_a_form_that_is_too_large_gets_the_page_of_the_service(deployed: Deployed, door: Client) -> None:
    """People read why, in their language."""
    answer = door.request("POST", "/fr/testimonials", b"a" * (LARGEST_FORM + 100_000), {"Content-Type": _FORM})
    assert answer.status == 413
    assert '<html lang="fr"' in answer.text


def test_files_go_on_as_they_come(deployed: Deployed) -> None:
    """The first parts of a file are sealed and stored while the rest is not sent yet; nginx keeps nothing on a disk."""
    receipt = deployed.onion.send()
    body, kind = multipart(
        {"form_token": receipt.hidden("form_token"), "code": receipt.return_code}, [("large.bin", bytes(LARGE))]
    )
    before = _segments(deployed)
    with contextlib.closing(connect(deployed.folder / "onion.sock")) as sending:
        sending.sendall(_head("/en/evidence", len(body), kind) + body[: LARGE // 2])
        wait_until(lambda: _segments(deployed) >= before + 5)
        assert deployed.spooled() == []
        assert deployed.open_files() == set()
        sending.sendall(body[LARGE // 2 :])
        assert _read(sending).startswith(b"HTTP/1.1 200")


def test_files_that_keep_their_processes_busy_keep_nobody_from_sending_words(deployed: Deployed) -> None:
    """With every process for files standing still and uploads waiting for them, forms go through as ever."""
    receipt = deployed.onion.send()
    form = {"form_token": receipt.hidden("form_token"), "code": receipt.return_code}
    body, kind = multipart(form, [("slow.bin", bytes(100_000))])
    with contextlib.ExitStack() as waiting, deployed.frozen(deployed.evidence):
        for _ in range(100):
            slow = waiting.enter_context(contextlib.closing(connect(deployed.folder / "onion.sock")))
            slow.sendall(_head("/en/evidence", len(body), kind) + body[:10_000])
        for client in (deployed.onion, deployed.secret):
            assert client.send(**{"story.text": WORDS}).status == 200
    wait_until(lambda: deployed.onion.send_files(form, [("after.bin", b"x")]).status == 200)


def test_no_log_tells_who_came(deployed: Deployed) -> None:
    """After good and bad requests at both doors, nothing that was written names an address, a path or a word."""
    deployed.secret.get("/en/nothing-here", User_Agent="Marked/1.0", Referer="https://marked.example/")
    deployed.onion.request("POST", "/en/testimonials", b"x" * 6_000_000)
    for path in ("onion.sock", "evidence.sock", "site.sock"):
        with contextlib.closing(connect(deployed.folder / path)) as bad:
            bad.sendall(b"GET marked HTTP/9\r\n\r\n")
            bad.recv(65536)
    for port in (deployed.clearnet.port, deployed.secret.port):
        with contextlib.closing(socket.create_connection(("127.0.0.1", port))) as bad:
            bad.sendall(b"GET marked HTTP/9\r\n\r\n")
            bad.recv(65536)
    log = re.sub(r"Listening on .*", "", deployed.log)  # systemd-socket-activate's own words, about itself
    assert not re.search(r"127\.0\.0\.1(?! as \d)|\d+\.\d+\.\d+\.\d+|[Mm]arked|/en/|client", log)


def test_when_the_service_is_gone_people_read_a_sentence_they_know(short_path: Path) -> None:
    """nginx's own page would be in English; this one has every language, and says when to come again."""
    with _before(short_path, None) as client:
        for answer in (client.get("/ar/"), client.request("POST", "/fr/evidence", b"x")):
            assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
            assert answer.text.count("<p lang=") == 12
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_service_hears_only_what_it_reads(short_path: Path) -> None:
    """Of what a browser may tell, only what the service needs goes on; files go to processes of their own."""
    heard: list[str] = []
    tell = {"User-Agent": "Marked", "Referer": "http://x/", "Cookie": "a=b", "X-Forwarded-For": "192.0.2.1"}
    tell |= {"X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1", "If-None-Match": "x", "DNT": "1"}
    with _before(short_path, heard) as client:
        for path in ("/en/testimonials", "/en/evidence"):
            read = dict.fromkeys(READ - {"host", "accept-encoding"}, "x")
            assert client.request("POST", path, b"word", {**tell, **read, "Accept-Encoding": "br"}).text == "word"
    ways = {"site: /en/testimonials", "evidence: /en/evidence"}
    assert READ | ways <= set(heard) <= READ | ways | {"connection", "content-length"}


@contextlib.contextmanager
def _before(folder: Path, heard: list[str] | None) -> Iterator[SocketClient]:
    """Start nginx before a service that repeats what was sent, or before none."""

    class Repeating(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert heard is not None
            heard.append(f"{Path(str(self.server.server_address)).stem}: {self.path}")
            heard.extend(name.lower() for name in self.headers)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    if not NGINX:
        pytest.skip("needs nginx: apt-get install nginx-light")
    configure(folder, [1, 2])
    with contextlib.ExitStack() as running:
        for name in ("site", "evidence") if heard is not None else ():
            server = running.enter_context(ThreadingUnixStreamServer(str(folder / f"{name}.sock"), Repeating))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            running.callback(server.shutdown)
        running.enter_context(started(folder, "onion", [str(folder / "onion.sock")], nginx(folder, "onion")))
        wait_until((folder / "onion.sock").exists)
        yield SocketClient(folder / "onion.sock")


def _head(path: str, length: int, kind: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {ONION}", f"Origin: http://{ONION}", "Connection: close"]
    return "\r\n".join([*lines, f"Content-Type: {kind}", f"Content-Length: {length}", "", ""]).encode()


def _read(receiving: socket.socket) -> bytes:
    received = b""
    while more := receiving.recv(65536):
        received += more
    return received


def _segments(deployed: Deployed) -> int:
    return int(deployed.instance.rows("SELECT count(*) FROM segment")[0][0])


def test_large_forms_are_taken_in_only_so_many_at_once(short_path: Path) -> None:
    """Enough slow ones to fill the memory would keep the rest out; forms of the usual size are not counted."""
    heard: list[str] = []
    with _before(short_path, heard) as client, contextlib.ExitStack() as waiting:

        def is_full(length: int) -> bool:
            slow = waiting.enter_context(contextlib.closing(connect(short_path / "onion.sock")))
            slow.sendall(_head("/en/testimonials", length, _FORM) + b"a" * 1000)
            return client.request("POST", "/en/x", b"a" * length).status == 503

        for length, most in ((1_000_001, 16), (200_001, 64)):
            assert not any(is_full(length) for _ in range(most - 2))
            wait_until(partial(is_full, length))
        assert client.request("POST", "/en/x", b"a" * 199_999).status == 200
        assert client.request("POST", "/en/evidence", b"a" * 2_000_000).status == 200
