"""Who may ask the desk for anything: one browser, with the token, from the desk's own pages."""

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

from service import multipart

from desk.review.running import Reader, Running, serving
from desk.stick import Desk

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def test_the_token_lets_one_browser_in(running: Running) -> None:
    """The address works once. The cookie is for this session and no script."""
    query = running.address.partition("?")[2]
    reader = Reader(running.port)
    assert reader.get("/").status == 403
    assert {reader.enter(f"token={wrong}").status for wrong in ("wrong", "", "%C3%A9")} == {403}
    answer = reader.enter(query)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert re.fullmatch(rf"desk-{running.port}=[\w-]{{43}}; HttpOnly; Path=/; SameSite=Strict", cookie)
    assert reader.get("/").status == 200
    assert Reader(running.port).enter(query).status == 403
    stranger = Reader(running.port)
    stranger.cookie = f"desk-{running.port}=wrong"
    assert "terminal" in stranger.get("/").text
    assert stranger.get("/nothing").status == stranger.post("/lock", {}).status == 403
    assert stranger.get("/static/desk.css").status == 200


def test_programs_of_another_user_get_nothing(running: Running) -> None:
    """Not even with the cookie: a browser gives it to every server on this machine that it visits."""
    reader = running.enter()
    assert reader.get("/").status == 200
    script = (
        "import os, socket, sys\n"
        "if not os.getuid(): os.setgroups([]), os.setgid(65534), os.setuid(65534)\n"
        "there = socket.socket()\n"
        "there.settimeout(60)\n"
        "there.connect(('127.0.0.1', int(sys.argv[1])))\n"
        "head = f'GET / HTTP/1.0\\r\\nHost: 127.0.0.1:{sys.argv[1]}\\r\\nCookie: {sys.argv[2]}\\r\\n\\r\\n'\n"
        "try: there.sendall(head.encode()), print(there.recv(12))\n"
        "except ConnectionError: print(b'')"
    )
    command = [sys.executable, "-c", script, str(running.port), reader.cookie]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert asked.stdout == ("b'HTTP/1.0 200'\n" if os.getuid() else "b''\n")  # only root can be somebody else
    assert reader.get("/").status == 200


def test_other_hosts_are_refused(reader: Reader) -> None:
    """A name that somebody points to this machine is not the desk's, not even for a stylesheet."""
    for host in ("evil.example", "127.0.0.1", "localhost", "127.0.0.1:1", "", f"127.0.0.1.evil.example:{reader.port}"):
        assert reader.get("/", Host=host).status == 421
        assert reader.get("/static/desk.css", Host=host).status == 421


def test_its_own_names_are_not(reader: Reader) -> None:
    """The desk goes by two names, at its port."""
    for name in ("127.0.0.1", "localhost"):
        assert reader.get("/", Host=f"{name}:{reader.port}").status == 200


def test_forms_come_from_the_desk(reader: Reader) -> None:
    """Without its token, from elsewhere or not as a form nothing is done."""
    assert reader.post("/keys", {}).status == 403
    assert reader.post("/keys", {"csrf": "wrong"}).status == 403
    for origin in (
        "http://evil.example",
        "null",
        f"http://localhost:{reader.port}",
        f"http://127.0.0.1:{reader.port}0",
    ):
        assert reader.press("/keys", Origin=origin).status == 403
    assert reader.press("/keys", Sec_Fetch_Site="same-site").status == 403
    assert reader.get("/", Sec_Fetch_Site="cross-site").status == 403
    body, kind = multipart({"csrf": reader.csrf()}, [("a.txt", b"x")])
    origin = f"http://127.0.0.1:{reader.port}"
    assert reader.request("POST", "/keys", body, {"Content-Type": kind, "Origin": origin}).status == 415
    assert reader.request("POST", "/keys", body, {"Content-Type": kind}).status == 403
    assert "Turn single keys off" in reader.get("/").text
    assert reader.press("/keys").status == 303
    assert "Turn single keys on" in reader.get("/").text


def test_other_methods_are_refused(reader: Reader) -> None:
    """GET reads, POST writes, and there is nothing else."""
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "CONNECT"):
        assert reader.request(method, "/").status == 405
    assert reader.get("/lock").status == reader.post("/", {"csrf": reader.csrf()}).status == 405


def test_every_answer_has_the_headers(running: Running) -> None:
    """Pages, files, errors, redirections, refusals."""
    reader = running.enter()
    answers = [
        *(reader.get(path) for path in ("/", "/trail", "/static/desk.css", "/nothing", "/static/../app.py", "/locked")),
        reader.get("/", Host="evil.example"),
        Reader(running.port).get("/"),
        reader.post("/keys", {}),
        reader.press("/keys"),
        reader.press("/decide"),
        reader.request("PUT", "/"),
        reader.press("/lock"),
    ]
    assert {answer.status for answer in answers} == {200, 303, 403, 404, 405, 421}
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_form_is_read_in_memory_up_to_a_limit(opened: Desk, tmp_path: Path) -> None:
    """What is too large is refused with a page, and no file appears, not even one without a name."""
    with serving(opened, idle=60) as running:
        reader = running.enter()
        before = set(tmp_path.rglob("*"))
        answer = reader.press("/keys", {"text": "x" * (2 * 1024 * 1024)})
        assert answer.status == 413
        assert "too much" in answer.text
        assert reader.press("/keys", {"text": "x" * 900_000}).status == 303
        assert set(tmp_path.rglob("*")) == before
        assert not [path for path in running.files() if "(deleted)" in path.name]


def test_what_goes_wrong_is_said_without_content(running: Running) -> None:
    """Whatever is asked, the terminal tells nothing of it."""
    reader = running.enter()
    for path in ("/testimony/SECRET", "/?page=SECRET", "/?SECRET=%00%ff", "/%ff", "/static/%2e%2e/SECRET"):
        assert reader.get(path).status in (200, 400, 404)
    assert reader.press("/decide", {"record": "SECRET", "state": "SECRET"}).status == 303
    running.process.send_signal(2)
    assert "SECRET" not in running.written()
    assert running.lines[-1] == "The desk is closed.\n"


def test_a_port_that_is_taken(running: Running, desk: Desk) -> None:
    """A second desk at the same port says so, before it asks for a passphrase."""
    result = desk.at_desk("serve", "--port", running.port)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Port {running.port} is in use, perhaps by another desk: end that, or choose --port.\n"
    )


def test_only_this_machine_is_answered(running: Running) -> None:
    """It listens on the loopback address, and nowhere else."""
    tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
    listening = [line.split()[1] for table in tables for line in table if line.split()[3] == "0A"]
    assert [place for place in listening if place.endswith(f":{running.port:04X}")] == [f"0100007F:{running.port:04X}"]


def test_secrets_are_in_memory_alone(opened: Desk) -> None:
    """Arguments and environment of the process hold no secret, and no core is dumped."""
    with serving(opened, idle=60) as running:
        running.files()  # from now on it can be watched
        process = Path(f"/proc/{running.process.pid}")
        seen = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        for secret in (opened.key.read_text().strip(), running.address.partition("=")[2]):
            assert secret.encode() not in seen
        assert resource.prlimit(running.process.pid, resource.RLIMIT_CORE) == (0, 0)
