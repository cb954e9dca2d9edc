"""Someone who sent a testimony and comes back; what the server keeps of them; a desk that answers them."""

import contextlib
import gzip
import json
import os
import secrets
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesParser
from functools import cached_property
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from service import Answer, Instance, Server, copy_of_the_program, multipart

from intake import code
from intake.age.encrypt import encrypt
from intake.age.recipients import HybridRecipient
from intake.dispatch import SealedMessage, write_dispatch
from intake.encoding import encode_base64
from intake.envelope import (
    Acknowledgement,
    Attachment,
    FromDesk,
    FromSource,
    Reply,
    Testimony,
    build_message,
    parse,
)
from intake.operator.commands import main

DAY = "2026-11-21"
SWIFT = {"intake/site/sweeping.py": [("_SECONDS = 5.0", "_SECONDS = 0.2")]}
"""What to change in the program so that it sweeps often."""


def intake(instance: Instance, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `intake` on an instance in this process: most tests would wait longer for imports than for it."""
    given = {name: value for name, value in instance.environment.items() if name.startswith("INTAKE_")}
    line = [str(argument) for argument in arguments]
    result = CliRunner().invoke(main, line, env={**given, **environment}, prog_name="intake")
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(line, result.exit_code, result.stdout, result.stderr)


@dataclass(frozen=True)
class Stored:
    """A record as it lies in the database."""

    id: str
    mailbox: str
    kind: str
    state: str
    sha256: str
    size: int
    ciphertext: bytes


def stored(instance: Instance) -> dict[str, Stored]:
    """Every record by its id, in whatever state."""
    parts: dict[tuple[Any, ...], list[bytes]] = {}
    columns = "r.id, r.mailbox, r.kind, r.state, r.sha256, r.size"
    found_rows = instance.rows(
        f"SELECT {columns}, s.data FROM record r LEFT JOIN segment s ON s.record = r.id ORDER BY r.id, s.number"
    )
    for row in found_rows:
        parts.setdefault(row[:-1], []).append(row[-1] or b"")
    found = (Stored(*row, b"".join(data)) for row, data in parts.items())  # type: ignore[call-arg]
    return {record.id: record for record in found}


def kinds(instance: Instance) -> list[str]:
    """The kinds of all records that are kept, sorted."""
    return sorted(record.kind for record in stored(instance).values() if record.state == "kept")


def events(instance: Instance) -> list[tuple[str, str]]:
    """The log: each event and its record."""
    return [(event, record) for event, record in instance.rows("SELECT event, record FROM log_entry ORDER BY id")]


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """Ask again and again until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def changed_program(folder: Path, changes: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, str]:
    """Copy the program with changes (file -> what takes the place of what), and return what to serve it with."""
    program = copy_of_the_program(folder)
    for name, replacements in changes.items():
        text = (program / name).read_text()
        for old, new in replacements:
            assert old in text, f"{name} has no {old}"
            text = text.replace(old, new)
        (program / name).write_text(text)
    return {"PYTHONPATH": str(program)}


@dataclass(frozen=True)
class Arrived:
    """A file as the desk gets it. `content` is without its padding, `sealed` the size of its ciphertext."""

    described: Attachment
    content: bytes
    padding: bytes
    sealed: int


@dataclass(frozen=True)
class Person:
    """Someone who has a return code, in front of a browser without scripts."""

    server: Server
    return_code: str
    digest: str
    language: str = "en"

    @classmethod
    def who_sent(cls, server: Server, language: str = "en", **answers: str | Sequence[str]) -> "Person":
        """Send a testimony."""
        receipt = server.client.send(f"/{language}/testimonials", **answers)
        return cls(server, receipt.return_code, receipt.digest, language)

    @cached_property
    def keys(self) -> code.Keys:
        """What the code opens."""
        return code.derive(self.return_code, instance_id(self.server.instance))

    @property
    def testimony(self) -> str:
        """The id of what they sent."""
        records = stored(self.server.instance).values()
        return next(record.id for record in records if record.sha256 == self.digest)

    def fields(self) -> dict[str, str]:
        """The hidden fields of a page that was fetched just now."""
        token = self.server.client.get(f"/{self.language}/return").hidden("form_token")
        return {"form_token": token, "code": self.return_code}

    def act(self, path: str, **fields: str) -> Answer:
        """Send one of the forms of the page for those who come back."""
        return self.server.client.post(f"/{self.language}/{path}", {**self.fields(), **fields})

    def come_back(self) -> Answer:
        """Open the page."""
        return self.act("return")

    def send(self, *files: tuple[str, bytes]) -> Answer:
        """Send files."""
        return self.server.client.send_files(self.fields(), files, f"/{self.language}/evidence")

    def uploading(self, first: bytes = b"", name: str = "a.bin", promised: int = 500_000_000) -> "ByHand":
        """Begin to send a file by hand: `first` is all of it that is sent."""
        head, _, _ = multipart(self.fields(), [(name, b"@")])[0].partition(b"@")
        return ByHand(self.server, head + first, promised=promised, path=f"/{self.language}/evidence")

    def opened(self) -> list[FromSource]:
        """Everything of theirs that is kept, as the desk opens it, but for the bytes of files."""
        instance = self.server.instance
        return [
            parse(instance.opened(record.ciphertext))
            for record in stored(instance).values()
            if record.mailbox == self.keys.mailbox_id and record.state == "kept" and record.kind != "content"
        ]

    def authority(self) -> str:
        """The key that their testimony names: it is the one that their code gives."""
        (testimony,) = (envelope for envelope in self.opened() if isinstance(envelope, Testimony))
        public = Ed25519PrivateKey.from_private_bytes(self.keys.authority).public_key()
        assert testimony.authority == encode_base64(public.public_bytes_raw())
        return testimony.authority

    def files(self) -> dict[str, Arrived]:
        """Every file of theirs that is kept, by name; the log and the signature have to fit."""
        records, found = stored(self.server.instance), {}
        authority, testimony = self.authority(), self.testimony
        logged = events(self.server.instance)
        for envelope in self.opened():
            if isinstance(envelope, Attachment):
                record = records[envelope.content]
                envelope.verify(authority)
                assert envelope.parent == testimony
                assert (record.kind, record.state, record.size) == ("content", "kept", len(record.ciphertext))
                assert {("added", envelope.id), ("added", record.id)} <= set(logged)
                padded = self.server.instance.opened(record.ciphertext)
                content, padding = padded[: envelope.size], padded[envelope.size :]
                found[envelope.name] = Arrived(envelope, content, padding, len(record.ciphertext))
        return found


def instance_id(instance: Instance) -> bytes:
    """The salt of every code of an instance."""
    ((identifier,),) = instance.rows("SELECT id FROM instance")
    return bytes.fromhex(identifier)


class ByHand:
    """A POST with files over a bare socket: what comes when is for the test to say."""

    def __init__(
        self, server: Server, first: bytes, *, promised: int = 500_000_000, path: str = "/en/evidence"
    ) -> None:
        """Send the head, which promises so many bytes, and the first of them."""
        port, (_, kind) = server.client.port, multipart({}, [])
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        self.send(f"{head}Content-Type: {kind}\r\nContent-Length: {promised}\r\n\r\n".encode() + first)

    def send(self, data: bytes) -> None:
        """Send more."""
        self._socket.sendall(data)

    def answer(self) -> Answer:
        """Wait for the answer, and read it to the end that it says it has."""
        with self._socket.makefile("rb") as file:
            status = int(file.readline().split()[1])
            lines = b"".join(iter(file.readline, b"\r\n"))
            headers = BytesParser(HTTPMessage).parsebytes(lines)
            body = file.read(int(headers["Content-Length"]))
        packed = headers["Content-Encoding"] == "gzip"
        return Answer(status, headers, (gzip.decompress(body) if packed else body).decode())

    def end(self) -> None:
        """Say that no more comes."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """Break the connection off, as a phone in a lift does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def __enter__(self) -> "ByHand":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


@dataclass(frozen=True)
class Reviewer:
    """The desk, as far as the server sees it."""

    instance: Instance
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    def introduced(self) -> "Reviewer":
        """Have the server trust this desk."""
        done = intake(self.instance, "trust", self.public_key())
        assert done.returncode == 0, done.stderr
        return self

    def public_key(self) -> Path:
        """Write the file for `intake trust`."""
        path = self.instance.folder / f"{secrets.token_hex(4)}.sign.pub"
        path.write_text(f"# role: test\n{encode_base64(self.key.public_key().public_bytes_raw())}\n")
        return path

    def reply(self, person: Person, text: str, parent: str = "") -> SealedMessage:
        """Seal a reply; with `parent`, one that names another testimony."""
        testimony = person.testimony
        reply = Reply(id=secrets.token_hex(16), day=DAY, text=text, parent=parent or testimony)
        return self._sealed(person, testimony, reply.signed(self.key))

    def news(self, person: Person, state: str, sha256: str = "", text: str = "") -> SealedMessage:
        """Seal an acknowledgement."""
        testimony, identifier = person.testimony, secrets.token_hex(16)
        known = {"sha256": sha256 or person.digest, "parent": testimony, "state": state}
        return self._sealed(
            person, testimony, Acknowledgement(id=identifier, day=DAY, text=text, **known).signed(self.key)
        )

    def dispatch(self, *messages: SealedMessage, opened: Mapping[str, str] | None = None) -> Path:
        """Write a dispatch."""
        path = self.instance.folder / f"{secrets.token_hex(4)}.dispatch"
        write_dispatch(path, self.key, DAY, list(messages), opened or {})
        return path

    def deliver(
        self, *messages: SealedMessage, opened: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Have the server take a dispatch."""
        done = intake(self.instance, "deliver", self.dispatch(*messages, opened=opened))
        assert done.returncode == 0, done.stderr
        return done

    def opened_everything(self) -> None:
        """Tell the server that this desk has opened all that it holds."""
        found = stored(self.instance).values()
        self.deliver(opened={record.id: record.sha256 for record in found if record.state == "kept"})

    @staticmethod
    def _sealed(person: Person, testimony: str, message: FromDesk) -> SealedMessage:
        recipient = HybridRecipient.from_seed(person.keys.mailbox)
        return SealedMessage(message.id, testimony, encrypt(build_message(message), [recipient]))


def every_file(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file in a folder and its bytes, but for what goes meanwhile, and for what a bench has there."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith("intake-bench-")]
        for path in (Path(parent) / name for name in names):
            if path.is_file() and not path.is_symlink():
                with contextlib.suppress(FileNotFoundError):
                    yield path, path.read_bytes()


def exported(instance: Instance) -> tuple[set[str], list[tuple[str, str]]]:
    """Export everything; return the records whose ciphertext the bundle holds, and the log's events and records."""
    path = instance.folder / f"{secrets.token_hex(4)}.tar"
    done = intake(instance, "export", path)
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(["tar", "tf", path], capture_output=True, text=True, check=True).stdout.split()
    log = subprocess.run(["tar", "xOf", path, "log.jsonl"], capture_output=True, text=True, check=True).stdout
    entries = [json.loads(line) for line in log.splitlines()]
    path.unlink()
    records = {name.removeprefix("records/").removesuffix(".age") for name in listed if name.startswith("records/")}
    return records, [(entry["event"], entry["record"]) for entry in entries]
