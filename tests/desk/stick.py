"""A server as the desk sees it: it seals envelopes, keeps a log and writes bundles; and ways to spoil them."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity
from intake.age.recipients import HybridRecipient
from intake.bundle import FAT32_LIMIT, Contents, Entry, Sealed, SealedTo, link, write_bundle
from intake.calls.edition import Edition
from intake.desk import keys
from intake.desk.commands import main
from intake.dispatch import Dispatch, SealedMessage
from intake.encoding import encode_base64
from intake.envelope import Addition, Attachment, Consent, Testimony, Withdrawal, build, pad, padded_size

DAY = "2026-11-21"
CALL = b"""
format: call/1
name: tiny
title: A tiny call
summary: <p>What happened?</p>
notice: <p>What we keep.</p>
one_of: [story.text]
sections:
  - id: about
    title: What happened
    questions:
      - {id: story.text, type: textarea, limit: 20000, label: Your story}
      - id: inc.kind
        type: radio
        label: What was it
        options: [{code: RANSOM, label: Ransomware}, {code: LEAK, label: A leak}]
      - {id: leak.what, type: text, limit: 100, label: What leaked, when: {inc.kind: [LEAK]}}
      - id: care.effects
        type: checkboxes
        label: What care suffered
        options: [{code: DELAY, label: Delays}, {code: DIVERT, label: Ambulances sent away}]
      - {id: inc.when, type: date, label: When}
      - {id: inc.country, type: country, label: Where}
      - {id: inc.beds, type: number, limit: 5000, label: How many beds}
  - id: consents
    title: What we may do
    consent: true
    questions:
      - id: CINT
        type: radio
        label: May we keep this
        required: "Y"
        options: [{code: "Y", label: "Yes, keep it"}, {code: "N", label: "No, do not"}]
      - id: CPUB
        type: radio
        label: May we publish this
        options: [{code: "Y", label: "Yes, publish it"}, {code: "N", label: "No, never publish"}]
"""
FRENCH = {
    "A tiny call": "Un petit appel",
    "<p>What we keep.</p>": "<p>Ce que nous gardons.</p>",
    "What happened": "Ce qui est arrivé",
    "Your story": "Votre récit",
    "What was it": "Qu'est-ce que c'était",
    "Ransomware": "Rançongiciel",
    "What care suffered": "Quels soins ont souffert",
    "Delays": "Des retards",
    "May we keep this": "Pouvons-nous garder ceci",
    "Yes, keep it": "Oui, gardez-le",
    "No, never publish": "Non, jamais",
    "I do not know": "Je ne sais pas",
    "I prefer not to say": "Je préfère ne pas répondre",
}
ARABIC = {"Your story": "قصتك"}


def catalogue(texts: Mapping[str, str]) -> bytes:
    """A `.po` file."""
    entries = "".join(f'msgid "{text}"\nmsgstr "{translated}"\n\n' for text, translated in texts.items())
    return f'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n{entries}'.encode()


EDITION = Edition({"call.yaml": CALL, "fr.po": catalogue(FRENCH), "ar.po": catalogue(ARABIC)})
CONSENT = {"CINT": "Y", "CPUB": "N"}
SOURCE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MAILBOX = str(HybridRecipient.from_seed(bytes(32)))


@dataclass
class Server:
    """What the server would hold: a signing key, a log, records."""

    recipients: list[HybridRecipient]
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    edition: Edition = EDITION
    entries: list[Entry] = field(default_factory=list)
    records: dict[str, bytes | Path] = field(default_factory=dict)
    """A large one is in a file."""
    comments: dict[str, str] = field(default_factory=dict)
    day: str = DAY
    made: int = 0
    belong: dict[str, list[str]] = field(default_factory=dict)
    """Testimony -> what was added to it."""

    def receive(self, **changes: Any) -> str:
        """Seal a testimony as the site does, with some fields changed; return its id."""
        return self.take("received", build(self.testimony(**changes)))

    def testimony(self, **changes: Any) -> Testimony:
        """A testimony as the site would build it, but for the changes."""
        language = changes.get("language", "fr")
        known = language if language in self.edition.languages else "en"
        return replace(
            Testimony(
                id="f" * 32,
                call=self.edition.call.name,
                edition=self.edition.sha256,
                language=language,
                day=DAY,
                answers={"story.text": "It was dark."},
                consent={**CONSENT, "notice_sha256": self.edition.notice_sha256(known)},
                recipients=tuple(recipient.fingerprint for recipient in self.recipients),
                client="server",
                mailbox=MAILBOX,
                authority=encode_base64(SOURCE.public_key().public_bytes_raw()),
            ),
            **changes,
        )

    def addition(self, parent: str, **changes: Any) -> Addition:
        """An addition, signed by the source."""
        whole = self.testimony()
        addition = Addition(
            id="e" * 32,
            call=self.edition.call.name,
            edition=self.edition.sha256,
            language="fr",
            day=DAY,
            answers={"story.text": "And then the lights came back."},
            consent=whole.consent,
            recipients=whole.recipients,
            client="server",
            parent=parent,
        )
        return replace(addition, **changes).signed(SOURCE)

    def text(self, parent: str, text: str, **changes: Any) -> Addition:
        """An addition that is only a text, signed by the source."""
        return self.addition(parent, **{"answers": {}, "consent": {}, "text": text, **changes})

    def consent(self, parent: str, version: int = 1, key: Ed25519PrivateKey = SOURCE, **changes: Any) -> Consent:
        """A change of the consents, signed by the source. Consent ids are given as they are: `CPUB="Y"`."""
        given = {name: changes.pop(name) for name in tuple(changes) if name.isupper()}
        common = {"consent": {**self.testimony().consent, **given}, "version": version}
        return Consent(**{**self._about(parent), **common, **changes}).signed(key)

    def withdrawal(self, parent: str, key: Ed25519PrivateKey = SOURCE) -> Withdrawal:
        """The request to take a testimony back."""
        return Withdrawal(**self._about(parent)).signed(key)

    def withdraw(self, parent: str) -> str:
        """Do what the site does when a source takes everything back; return the id of the withdrawal."""
        belong = self.belong.pop(parent, [])
        record = self.take("withdrawn", build(self.withdrawal(parent)))
        for gone in (parent, *belong):
            self.purge(gone)
        return record

    def add(self, envelope: Addition | Consent) -> str:
        """Take more from a source; return its id."""
        record = self.take("added", build(envelope))
        self.belong.setdefault(envelope.parent, []).append(record)
        return record

    def attachment(self, parent: str, data: bytes, **changes: Any) -> Attachment:
        """Says what a file is, signed by the source. Its bytes are the record after the next one."""
        described = {
            "content": self.identifier(self.made + 2),
            "name": "photo.jpg",
            "media_type": "image/jpeg",
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        return Attachment(**{**self._about(parent), **described, **changes}).signed(SOURCE)

    def attach(self, parent: str, data: bytes, sealed_as: bytes | None = None, **changes: Any) -> tuple[str, str]:
        """Take a file as the site does: what it is, then its bytes, or others in their place. Return both ids."""
        record = self.take("added", build(self.attachment(parent, data, **changes)))
        padded = data.ljust(padded_size(len(data)), b"\0")
        content = self.take("added", padded if sealed_as is None else sealed_as)
        self.belong.setdefault(parent, []).extend((record, content))
        return record, content

    def _about(self, parent: str) -> dict[str, Any]:
        """What every kind has in common that names a testimony."""
        whole = self.testimony()
        common = {name: getattr(whole, name) for name in ("call", "edition", "language", "day", "recipients", "client")}
        return {**common, "id": "e" * 32, "parent": parent}

    def take(self, event: str, plaintext: bytes, recipients: list[HybridRecipient] | None = None) -> str:
        """Seal any bytes, and log them as an event."""
        return self.take_sealed(event, encrypt(plaintext, recipients or self.recipients))

    def take_json(self, text: str) -> str:
        """Seal what may be no envelope at all."""
        return self.take("received", pad(text.encode("utf-8", "surrogatepass")))

    def take_sealed(self, event: str, sealed: bytes) -> str:
        """Store ciphertext under a new id."""
        self.made += 1
        record = self.identifier(self.made)
        self.records[record] = sealed
        self.log(event, record, hashlib.sha256(sealed).hexdigest())
        return record

    def take_file(self, path: Path, sha256: str) -> str:
        """Store ciphertext that is in a file."""
        self.made += 1
        record = self.identifier(self.made)
        self.records[record] = path
        self.log("added", record, sha256)
        return record

    def identifier(self, number: int) -> str:
        """The id of the record that comes at this place."""
        return hashlib.sha256(f"{number}".encode()).hexdigest()[:32]

    def log(self, event: str, record: str, sha256: str) -> None:
        """Add an entry to the log."""
        last = self.entries[-1] if self.entries else None
        self.entries.append(link(last, event=event, record=record, sha256=sha256, day=self.day))

    def purge(self, record: str) -> None:
        """Delete the ciphertext, as `intake purge` does."""
        del self.records[record]
        self.log("purged", record, next(entry.sha256 for entry in self.entries if entry.record == record))

    def relink(self, keep: Callable[[Entry], bool]) -> None:
        """Rewrite history: drop entries and link the rest anew, as only the holder of the server could."""
        entries, self.entries = self.entries, []
        for entry in filter(keep, entries):
            self.log(entry.event, entry.record, entry.sha256)

    def replace(self, record: str, sealed: bytes) -> None:
        """Put other ciphertext in the place of a record, and link the log anew."""
        self.records[record] = sealed
        sha256 = hashlib.sha256(sealed).hexdigest()
        self.entries = [replace(entry, sha256=sha256) if entry.record == record else entry for entry in self.entries]
        self.relink(lambda entry: True)

    def contents(self, since: int = 0) -> Contents:
        """What an export would write."""
        notices = {f"notices/{name}.txt": self.edition.notice(name).encode() for name in self.edition.languages}
        return Contents(
            instance="00" * 16,
            day=self.day,
            entries=self.entries[since:],
            records={record: _stored(sealed) for record, sealed in self.records.items()},
            editions={self.edition.sha256: {**self.edition.files, **notices}},
            recipients=[
                SealedTo(recipient.fingerprint, self.comments.get(recipient.fingerprint, "duty"), DAY)
                for recipient in self.recipients
            ],
        )

    def export(self, path: Path, since: int = 0, limit: int = FAT32_LIMIT) -> list[Path]:
        """Write a bundle."""
        return write_bundle(path, self.key, self.contents(since), limit)


@dataclass
class Desk:
    """A reviewer's machine. `language` is that of its system."""

    folder: Path
    key: Path
    language: str = "C.UTF-8"

    @property
    def environment(self) -> dict[str, str]:
        """What differs from the environment of the tests."""
        return {"LC_ALL": self.language, "COLUMNS": "80"}

    @property
    def workspace(self) -> Path:
        """Where the encrypted workspace is."""
        return self.folder / "workspace"

    def run(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the command as a process of its own."""
        command = [sys.executable, "-m", "intake.desk.commands", *map(str, arguments)]
        defaults = {"stdin": subprocess.DEVNULL} if "input" not in options else {}
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", env=environment, **{**defaults, **options}
        )

    def at_desk(self, command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command on the workspace, in this process: most tests would wait longer for imports than for it."""
        line = [command, *map(str, arguments), "--workspace", str(self.workspace), "--key", str(self.key)]
        mask = os.umask(0o022)
        try:
            result = CliRunner().invoke(main, line, env=self.environment, prog_name="intake-desk")
        finally:
            os.umask(mask)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(line, result.exit_code, result.stdout, result.stderr)

    def open(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Open bundles."""
        return self.at_desk("open", *arguments)

    def listed(self) -> dict[str, dict[str, Any]]:
        """What `list --json` says, by id."""
        result = self.at_desk("list", "--json")
        assert result.returncode == 0, result.stderr
        return {record["id"]: record for record in json.loads(result.stdout)}

    def shown(self, record: str) -> Any:
        """What `show --json` says."""
        result = self.at_desk("show", record, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def show(self, record: str, *arguments: object) -> str:
        """What `show` says."""
        result = self.at_desk("show", record, *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def dispatched(self, path: Path) -> tuple[list[SealedMessage], Mapping[str, str]]:
        """Write a dispatch and read it as `intake deliver` does: its messages, and what the desk has opened."""
        result = self.at_desk("dispatch", path)
        assert (result.returncode, result.stderr) == (0, "")
        (identity,) = keys.read_reviewer_key(self.key, str)
        with path.open("rb") as source:
            dispatch = Dispatch(source, keys.signing_key(identity).public_key().public_bytes_raw())
            found = list(dispatch.messages())
        assert result.stdout.startswith(f"{len(found)} message(s) are in {path}.")
        return found, dispatch.opened


def key_file(path: Path, identity: HybridIdentity) -> Path:
    """Write a plain identity file."""
    path.write_text(f"{identity}\n")
    return path


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """Take a tar apart, change its files by name, and put it together again, as a thief of the stick could."""
    with tarfile.open(path) as tar:
        members = {info.name: _content(tar, info) for info in tar}
    change(members)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def _stored(sealed: bytes | Path) -> Sealed:
    if isinstance(sealed, Path):
        with sealed.open("rb") as source:
            digest = hashlib.file_digest(source, "sha256").hexdigest()
        return Sealed(digest, sealed.stat().st_size, lambda: _chunks(sealed))
    return Sealed(hashlib.sha256(sealed).hexdigest(), len(sealed), lambda: [sealed])


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(1024 * 1024):
            yield chunk


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(info)
    assert file is not None
    return file.read()
