"""A browser that seals what it sends, in Python. It keeps the code to itself."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from person import DAY, instance_id
from service import CALL, ENOUGH, Answer, Server

from intake import code, envelope
from intake.age.encrypt import encrypt
from intake.age.recipients import HybridRecipient, parse_recipients
from intake.calls.answers import check
from intake.calls.edition import Edition, read_editions
from intake.encoding import encode_base64
from intake.settings import load_settings
from intake.site.catalogue import TRANSLATIONS, exists
from intake.store.segments import PART

LANGUAGES = tuple(filter(exists, load_settings({}).languages))
EDITION: Edition = read_editions(TRANSLATIONS, LANGUAGES)["testimonials"]


@dataclass
class Sent:
    """What a request brings: its fields, and its ciphertexts by the names of their fields."""

    fields: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)

    def but(self, **changed: str | bytes | None) -> "Sent":
        """Return the same with other fields or ciphertexts; None takes one away."""
        given: dict[str, Any] = {**self.fields, **self.files, **changed}
        return Sent(
            {name: value for name, value in given.items() if isinstance(value, str)},
            {name: value for name, value in given.items() if isinstance(value, bytes)},
        )

    @property
    def digest(self) -> str:
        """The digest of what is sealed."""
        return sha256(self.files["sealed"]).hexdigest()

    def body(self) -> tuple[bytes, str]:
        """Return it as a browser writes it (RFC 7578), and its content type."""
        boundary = "----WebKitFormBoundary" + secrets.token_hex(8)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="'
        parts = [f'{head}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in self.fields.items()]
        for name, content in self.files.items():
            start = f'{head}{name}"; filename="blob"\r\nContent-Type: application/octet-stream\r\n\r\n'
            parts += [start.encode(), content, b"\r\n"]
        return b"".join([*parts, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


@dataclass
class SealingBrowser:
    """A page of a server with a script in it, and the code that the script made."""

    server: Server
    return_code: str = field(default_factory=code.make)
    language: str = "en"

    @cached_property
    def keys(self) -> code.Keys:
        """What the code opens."""
        return code.derive(self.return_code, instance_id(self.server.instance))

    @cached_property
    def recipients(self) -> Sequence[HybridRecipient]:
        """The recipients that the server shows."""
        found = parse_recipients(self.server.client.get("/keys").text)
        return [recipient for recipient in found if isinstance(recipient, HybridRecipient)]

    @property
    def mailbox(self) -> HybridRecipient:
        """The recipient that is this person's own."""
        return HybridRecipient.from_seed(self.keys.mailbox)

    def post(self, path: str, sent: Sent) -> Answer:
        """Send it."""
        body, kind = sent.body()
        origin = f"http://127.0.0.1:{self.server.client.port}"
        return self.server.client.request("POST", path, body, {"Content-Type": kind, "Origin": origin})

    def send(self, sent: Sent | None = None) -> Answer:
        """Send a testimony."""
        return self.post(CALL, sent or self.testimony())

    def fields(self, path: str = CALL) -> dict[str, str]:
        """Return what comes first in every request, with a token of a new page."""
        token = self.server.client.get(path).hidden("form_token")
        return {"form_token": token, "access": self.keys.access.hex()}

    def seal(self, plaintext: bytes, recipients: Sequence[HybridRecipient] | None = None) -> bytes:
        """Seal to the recipients of the server, or to others."""
        return encrypt(plaintext, recipients or self.recipients)

    def testimony(self, **answers: str | Sequence[str]) -> Sent:
        """Fill in a form that was fetched now, and seal it."""
        given: dict[str, Any] = {**ENOUGH, **answers}
        checked = check(EDITION.call, given)
        assert not checked.problems
        common = self.common()
        testimony = envelope.Testimony(
            **common,
            answers=checked.answers,
            consent={**checked.consent, "notice_sha256": EDITION.notice_sha256("en")},
            mailbox=str(self.mailbox),
            authority=encode_base64(self.authority.public_key().public_bytes_raw()),
        )
        choices = envelope.Choices(consent=testimony.consent, answers={}, edition=EDITION.sha256)
        fields = {"id": testimony.id, "mailbox": testimony.mailbox, "authority": testimony.authority}
        files = {
            "sealed": self.seal(envelope.build(testimony)),
            "choices": self.seal(envelope.build_choices(choices), [self.mailbox]),
        }
        return Sent({**self.fields(), **fields}, files)

    def addition(self, parent: str, text: str = "") -> Sent:
        """Fill in a whole form, or a text, to be added to a testimony; with a token of a new form."""
        form: dict[str, Any] = {} if text else dict(ENOUGH)
        checked = check(EDITION.call, form)
        notice = {} if text else {"notice_sha256": EDITION.notice_sha256("en")}
        more: dict[str, Any] = {"answers": checked.answers, "consent": {**checked.consent, **notice}, "text": text}
        return self.signed(envelope.Addition(**self.common(), parent=parent, **more), self.fields())

    def signed(self, unsigned: Any, fields: Mapping[str, str]) -> Sent:
        """Sign and seal what comes after the testimony."""
        plaintext = envelope.build(unsigned.signed(self.authority))
        return Sent({**fields, "id": unsigned.id}, {"sealed": self.seal(plaintext)})

    @property
    def authority(self) -> Ed25519PrivateKey:
        """The key that signs what comes after the testimony."""
        return Ed25519PrivateKey.from_private_bytes(self.keys.authority)

    def common(self) -> dict[str, Any]:
        """Return the fields of every envelope."""
        return {
            "id": secrets.token_hex(16),
            "call": "testimonials",
            "edition": EDITION.sha256,
            "language": self.language,
            "day": DAY,
            "recipients": tuple(recipient.fingerprint for recipient in self.recipients),
            "client": "browser",
        }

    def file(self, content: bytes) -> "SealedFile":
        """Seal a file that is to be sent in parts."""
        padded = content.ljust(envelope.padded_size(len(content)), b"\0")
        return SealedFile(self, content, self.seal(padded))


@dataclass
class SealedFile:
    """A file that is sealed, and goes in parts."""

    browser: SealingBrowser
    content: bytes
    ciphertext: bytes
    id: str = field(default_factory=lambda: secrets.token_hex(16))

    @cached_property
    def fields(self) -> dict[str, str]:
        """What comes first in each request: one page sends all parts."""
        return {**self.browser.fields("/en/return"), "content": self.id}

    @property
    def count(self) -> int:
        """How many parts there are."""
        return -(-len(self.ciphertext) // PART)

    def part(self, number: int) -> Sent:
        """Return a part."""
        data = self.ciphertext[number * PART : (number + 1) * PART]
        return Sent({**self.fields, "number": str(number)}, {"part": data})

    def end(self, parent: str, name: str = "scan.pdf") -> Sent:
        """Return the record that describes it."""
        described = envelope.Attachment(
            **self.browser.common(),
            parent=parent,
            content=self.id,
            name=name,
            media_type="application/pdf",
            size=len(self.content),
            sha256=sha256(self.content).hexdigest(),
        )
        return self.browser.signed(described, self.fields)

    def send(self, sent: Sent) -> Answer:
        """Send one of these."""
        return self.browser.post("/en/evidence", sent)

    def send_parts(self) -> None:
        """Send all parts; each is taken."""
        for number in range(self.count):
            answer = self.send(self.part(number))
            assert (answer.status, answer.text) == (200, "ok\n"), answer.text
