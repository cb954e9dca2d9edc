"""A real instance, the real server process on it, and a client that sends forms like a browser without scripts."""

import contextlib
import functools
import gzip
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from postgres import shared_cluster
from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from intake.age.decrypt import decrypt
from intake.age.identities import HybridIdentity
from intake.envelope import Testimony, parse
from intake.instance import create_secret
from intake.store.engine import open_engine
from intake.store.schema import create_file, upgrade

ROOT = Path(__file__).parent.parent
CALL = "/en/testimonials"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ENOUGH: dict[str, str | Sequence[str]] = {"you.adult": "Y", "CINT": "Y", "story.text": "The screens went dark."}
"""The fewest answers that make a testimony."""


@dataclass
class Answer:
    """A response, with its body as text."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def return_code(self) -> str:
        """The 24 digits on a receipt."""
        return self._output("return-code").replace(" ", "")

    @property
    def digest(self) -> str:
        """The digest on a receipt."""
        return self._output("digest")

    def hidden(self, name: str) -> str:
        """The value of a hidden field."""
        found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', self.text)
        assert found, f"no hidden field {name} in a page with status {self.status}"
        return unescape(found[1])

    def _output(self, identifier: str) -> str:
        found = re.search(rf'<output id="{identifier}"[^>]*>([^<]*)</output>', self.text)
        assert found, f"no {identifier} in a page with status {self.status}: {re.findall('<h1.*?</h1>', self.text)}"
        return found[1]


class Client:
    """Sends requests to one server, with the headers that a browser sends."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def origin(self) -> str:
        """What a browser calls the site."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = self.connect()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return Answer(response.status, response.headers, content.decode())

    def get(self, path: str, **headers: str) -> Answer:
        """Fetch a page."""
        return self.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, fields: Mapping[str, str | Sequence[str]], **headers: str) -> Answer:
        """Send a form."""
        body = urlencode(fields, doseq=True).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        origin = {"Origin": self.origin}
        return self.request(
            "POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **origin, **given}
        )

    def send_files(
        self, fields: Mapping[str, str], files: Sequence[tuple[str, bytes]], path: str = "/en/evidence", **headers: str
    ) -> Answer:
        """Send files as a browser does: the hidden fields first."""
        body, kind = multipart(fields, files)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.request("POST", path, body, {"Content-Type": kind, "Origin": self.origin, **given})

    def come_back(self, return_code: str, language: str = "en") -> Answer:
        """Type a return code."""
        token = self.get(f"/{language}/return").hidden("form_token")
        return self.post(f"/{language}/return", {"form_token": token, "code": return_code})

    def form(self, path: str = CALL) -> dict[str, str | Sequence[str]]:
        """Fetch a form and return its hidden fields."""
        page = self.get(path)
        return {name: page.hidden(name) for name in ("form_token", "code")}

    def send(self, path: str = CALL, **answers: str | Sequence[str]) -> Answer:
        """Fetch a form, fill it in and send it. Question ids have dots: pass them as `**{"story.text": …}`."""
        return self.post(path, {**self.form(path), **ENOUGH, **answers})


def multipart(fields: Mapping[str, str], files: Sequence[tuple[str, bytes]]) -> tuple[bytes, str]:
    """Return a form with files as a browser writes it (RFC 7578), and its content type."""
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, content in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        parts += [f"{head}Content-Type: application/octet-stream\r\n\r\n".encode(), content, b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


@dataclass
class Instance:
    """An instance in a folder of its own. `identity` opens what is sent to it.

    Its database is an SQLite file in the folder, or the one on PostgreSQL that `database_url` names.
    """

    folder: Path
    identity: HybridIdentity
    database_url: str = ""

    @classmethod
    def create(cls, folder: Path, database_url: str = "") -> "Instance":
        """Make an instance with one recipient. A database on PostgreSQL has its tables already."""
        instance = cls(folder, HybridIdentity.generate(), database_url)
        (folder / "keys").mkdir()
        instance.add_recipient("duty", instance.identity)
        (folder / "desk.key").write_text(f"{instance.identity}\n")
        (folder / "desk.key").chmod(0o600)
        create_secret(folder / "instance")
        if not database_url:
            create_file(instance.database)
            engine = open_engine(instance.url)
            upgrade(engine)
            engine.dispose()
        return instance

    def on_another_host(self, folder: Path) -> "Instance":
        """Copy the instance folder and the keys, as to a second host that shares the database."""
        shutil.copytree(self.folder / "instance", folder / "instance")
        shutil.copytree(self.folder / "keys", folder / "keys")
        return Instance(folder, self.identity, self.database_url)

    @property
    def environment(self) -> dict[str, str]:
        """The settings of this instance, in the environment of this process."""
        own = {"INTAKE_INSTANCE": str(self.folder / "instance"), "INTAKE_KEYS": str(self.folder / "keys")}
        if self.database_url:
            own["INTAKE_DATABASE_URL"] = self.database_url
        return {**{name: value for name, value in os.environ.items() if not name.startswith("INTAKE_")}, **own}

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "instance" / "intake.db"

    @property
    def url(self) -> str:
        """The URL of the database."""
        return self.database_url or f"sqlite:///{self.database}"

    @contextlib.contextmanager
    def connected(self) -> Iterator[Connection]:
        """Give a connection to the database in one transaction, which is committed at the end."""
        with _engine(self.url).begin() as connection:
            if not self.database_url:
                connection.exec_driver_sql("BEGIN")
            yield connection

    def rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """Read from the database. Values are named in the SQL: `WHERE id = :id`."""
        with self.connected() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def change(self, sql: str, **values: object) -> None:
        """Change the database, behind the program's back."""
        with self.connected() as connection:
            connection.execute(text(sql), values)

    def take_database_away(self) -> None:
        """Let the database not be there."""
        if self.database_url:
            shared_cluster().refuse(self.database_url)
        else:
            self.database.rename(self.folder / "taken.db")

    def put_database_back(self) -> None:
        """Let it be there again."""
        if self.database_url:
            shared_cluster().admit(self.database_url)
        else:
            (self.folder / "taken.db").rename(self.database)

    def ciphertexts(self) -> list[bytes]:
        """Every record's ciphertext, as it lies in the database."""
        rows = self.rows("SELECT record, data FROM segment ORDER BY record, number")
        return [b"".join(data for _, data in group) for _, group in itertools.groupby(rows, lambda row: row[0])]

    def opened(self, ciphertext: bytes, identity: HybridIdentity | None = None) -> bytes:
        """Decrypt with this instance's identity, or another."""
        return decrypt(ciphertext, [identity or self.identity])

    def testimony(self, ciphertext: bytes) -> Testimony:
        """Decrypt and parse a testimony."""
        found = parse(self.opened(ciphertext))
        assert isinstance(found, Testimony)
        return found

    def add_recipient(self, role: str, identity: HybridIdentity) -> None:
        """Put a recipient into `keys/`."""
        (self.folder / "keys" / f"{role}.pub").write_text(f"# role: {role}\n{identity.recipient()}\n")

    def intake(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `intake` on this instance."""
        return _run("intake.operator.commands", arguments, {**self.environment, **environment}, self.folder)

    def desk(self, command: str, *arguments: object, key: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `intake-desk` with this instance's workspace and key."""
        place = ("--workspace", self.folder / "workspace", "--key", key or self.folder / "desk.key")
        return _run("intake.desk.commands", (command, *arguments, *place), self.environment, self.folder)

    def open_on_desk(self, *options: object) -> list[dict[str, Any]]:
        """Export everything, open it on the desk and return what `list` tells. Every step must succeed."""
        stick = self.folder / "stick.tar"
        for done in (self.intake("export", stick), self.desk("open", stick, *options)):
            assert done.returncode == 0, done.stderr
        listed = self.desk("list", "--json")
        assert listed.returncode == 0, listed.stderr
        found: list[dict[str, Any]] = json.loads(listed.stdout)
        return found

    def shown(self, identifier: str) -> dict[str, Any]:
        """Return what `show --json` tells of a record that the desk has opened."""
        done = self.desk("show", identifier, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    @contextlib.contextmanager
    def serve(self, **environment: str) -> Iterator["Server"]:
        """Start the server and stop it at the end."""
        server = self.start(**environment)
        try:
            yield server
        finally:
            server.stop()

    def start(self, **environment: str) -> "Server":
        """Start the server and wait until it answers."""
        probe = socket.socket()  # holds the port until the server has it: others get another one
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        log = (self.folder / "server.log").open("ab")
        command = [sys.executable, "-m", "intake.operator.commands", "run", "--port", str(port)]
        process = subprocess.Popen(
            command,
            env={**self.environment, **environment},
            stdout=log,
            stderr=log,
            cwd=self.folder,
            start_new_session=True,
        )
        log.close()
        server = Server(process, Client(port), self)
        with contextlib.closing(probe):
            for _ in range(1200):
                with contextlib.suppress(OSError):
                    server.client.get("/healthz")
                    return server
                if process.poll() is not None:
                    break
                time.sleep(0.05)
        server.stop()
        raise AssertionError(f"the server did not start: {server.log}")


@dataclass
class Server:
    """A running server process."""

    process: subprocess.Popen[bytes]
    client: Client
    instance: Instance

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.client.origin

    @property
    def log(self) -> str:
        """What it wrote to its standard output and error."""
        return (self.instance.folder / "server.log").read_text()

    def settle(self) -> None:
        """Wait until every worker has looked again whether it is ready."""
        time.sleep(1.2)

    def stop(self) -> None:
        """Stop it as Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill it and its workers as a power cut does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


def copy_of_the_program(folder: Path) -> Path:
    """Copy what the server runs, to change it. Serve it with PYTHONPATH set to what is returned."""
    program = folder / "program"
    for name in ("intake", "templates", "translations"):
        shutil.copytree(ROOT / name, program / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    return program


@functools.cache
def _engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


def _run(
    module: str, arguments: Sequence[object], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
