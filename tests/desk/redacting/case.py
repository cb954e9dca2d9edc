"""A workspace with a testimony that was filed in it, and several reviewers."""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from desk.conftest import DUTY
from desk.stick import CALL, SOURCE, Server, catalogue
from intake.calls.edition import Edition
from intake.desk import passages
from intake.desk.passages import Passage
from intake.desk.redacting import asking, confirming, marks, quotes
from intake.desk.redacting.asking import Asked
from intake.desk.redacting.marks import Redaction
from intake.desk.redacting.quotes import Quote
from intake.desk.workspace import Record, Reviewer, Workspace
from intake.envelope import Answer, Consent, build

_CONSENTS = b"".join(
    f"""
      - id: {name}
        type: radio
        label: {name}
        options: [{", ".join(f'{{code: "{code}", label: {code}}}' for code in codes)}]
""".encode()
    for name, codes in {
        "CSTAT": ("Y", "N"),
        "CPUB_ANON": ("Y", "ASK", "N"),
        "CPUB_REVIEW": ("Y", "N"),
        "CPUB_NAME": ("Y", "ASK", "N"),
        "CPARTNER": ("Y", "ASK", "N"),
    }.items()
)
_QUESTIONS = b"""
      - {id: inc.name, type: text, limit: 100, label: Its name}
      - id: safe.retaliate
        type: radio
        label: Are you in danger
        options: [{code: "Y", label: "Yes"}, {code: "N", label: "No"}]
      - id: care.worst
        type: radio
        label: The worst for a patient
        options: [{code: DEATH, label: A death}, {code: WAIT, label: A wait}]
      - id: you.role
        type: radio
        label: Your work
        options: [{code: NURSE, label: Nurse}, {code: DOCTOR, label: Doctor}]
"""
_BEFORE_CONSENTS = b"  - id: consents\n"
EDITION = Edition(
    {
        "call.yaml": CALL.replace(_BEFORE_CONSENTS, _QUESTIONS.lstrip(b"\n") + _BEFORE_CONSENTS).rstrip(b"\n")
        + b"\n"
        + b"".join(line + b"\n" for line in _CONSENTS.split(b"\n") if line.strip()),
        "fr.po": catalogue({"A tiny call": "Un petit appel"}),
        "ar.po": catalogue({"Your story": "قصتك"}),
    }
)
STORY = "Dr Anna Keller called from Lyon. I was alone on the ward. Then Anna Keller came."
"""What a source tells, unless a test says otherwise."""
_YES = ("CINT", "CSTAT", "CPUB_ANON", "CPARTNER")
AGREES = {**dict.fromkeys(_YES, "Y"), "CPUB": "N", "CPUB_REVIEW": "N", "CPUB_NAME": "ASK"}
DAY = "2026-11-21"


class Case:
    """A desk. Who works at it is `workspace.reviewer`: see `by`."""

    def __init__(self, folder: Path) -> None:
        self.server = Server([DUTY.recipient()], edition=EDITION)
        self.workspace = Workspace(folder / "desk.db", bytes(32))
        self.workspace.prepare()
        self.workspace.add_edition(EDITION)
        self.workspace.reviewer = Reviewer("anna", _key("anna"))
        self.workspace.keep_signing_key(_key("desk"))
        self.made = 0

    @contextlib.contextmanager
    def by(self, name: str) -> Iterator[Workspace]:
        """Work as a reviewer, in one transaction."""
        self.workspace.reviewer = Reviewer(name, _key(name))
        with self.workspace.transaction():
            yield self.workspace

    def file(self, envelope: Any, state: str = "new") -> Record:
        """File an envelope of a source."""
        self.made += 1
        record = Record(
            id=hashlib.sha256(f"{self.made}".encode()).hexdigest()[:32],
            sequence=self.made,
            event="received" if envelope.kind == "testimony" else "added",
            sha256=hashlib.sha256(f"sealed {self.made}".encode()).hexdigest(),
            day=DAY,
            state=state,
            reason="",
            stanzas=1,
            content=build(envelope).rstrip(b" "),
            kind=envelope.kind,
            parent=getattr(envelope, "parent", ""),
        )
        with self.workspace.transaction():
            self.workspace.save(record)
            if isinstance(envelope, Consent):
                self.workspace.execute("INSERT INTO changes (record) VALUES (?)", (record.id,))
        return record

    def testimony(
        self,
        text: str = STORY,
        state: str = "accepted",
        answers: Mapping[str, Answer] | None = None,
        consent: Mapping[str, str] | None = None,
        **changes: Any,
    ) -> Record:
        """File a testimony."""
        whole = self.server.testimony(language="en")
        given = {**whole.consent, **AGREES, **(consent or {})}
        said: dict[str, Answer] = {"story.text": text, **(answers or {})}
        return self.file(replace(whole, answers=said, consent=given, **changes), state)

    def add(self, testimony: Record, text: str = "Yes, print that.") -> Record:
        """File an addition that is only a text."""
        return self.file(self.server.text(testimony.id, text, language="en"))

    def change(self, testimony: Record, version: int = 1, **given: str) -> Record:
        """File a change of the consents."""
        consent = {**self.server.testimony(language="en").consent, **AGREES, **given}
        return self.file(replace(self.server.consent(testimony.id, version), consent=consent).signed(SOURCE))

    def record(self, testimony: Record) -> Record:
        """What is filed now."""
        found = self.workspace.record(testimony.id)
        assert found
        return found

    def place(self, testimony: Record, words: str, part: str = "", question: str = "story.text") -> Passage:
        """Where words first stand in a text."""
        part = part or testimony.id
        for text in passages.texts(self.workspace, testimony):
            if (text.part, text.question) == (part, question):
                first = text.text.index(words)
                return Passage(part, question, first, first + len(words))
        raise AssertionError("there is no such text")

    def mark(self, testimony: Record, words: str, kind: str = "person", by: str = "anna") -> Redaction:
        """Mark words."""
        with self.by(by) as workspace:
            return marks.mark(workspace, testimony, self.place(testimony, words), kind)

    def quote(self, testimony: Record, words: str, by: str = "anna") -> Quote:
        """Choose words as a quote."""
        with self.by(by) as workspace:
            return quotes.choose(workspace, testimony, self.place(testimony, words))

    def confirm(self, testimony: Record, by: str = "ben") -> None:
        """Confirm the outcome as it is now."""
        with self.by(by) as workspace:
            confirming.confirm(workspace, testimony, confirming.state(workspace, testimony).sha256)

    def ask(self, testimony: Record, quote: Quote, use: str, name: str = "", by: str = "anna") -> Asked:
        """Ask the source about a quote."""
        with self.by(by) as workspace:
            shown = asking.exact(asking.words(workspace, testimony, quote), name)
            message = f"May we use this for {use}?\n\n{shown}\n\nAnswer here."
            return asking.ask(workspace, testimony, quote, use, message, DAY, name)

    def agree(self, asked: Asked, answer: Record, by: str = "anna") -> None:
        """Read an answer as a yes."""
        with self.by(by) as workspace:
            asking.agree(workspace, asked.id, answer.id)


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32))
