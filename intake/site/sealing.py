"""Seals what a source sends: from checked answers to a record that this server cannot open. Nothing touches a disk."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake import code, envelope
from intake.age.encrypt import encrypt
from intake.age.recipients import HybridRecipient
from intake.calls.answers import Checked
from intake.calls.edition import Edition
from intake.encoding import canonical, encode_base64
from intake.site.keyring import Key
from intake.site.tokens import Form
from intake.store.records import Kept, NewMailbox, NewRecord, today


@dataclass(frozen=True)
class Sending:
    """What one sending gives: the form's token, the edition it was asked with, the language, and the answers."""

    form: Form
    edition: Edition
    language: str
    checked: Checked


class Author:
    """Someone who came back: seals what they do now, in their name. Give it the form's token, the keys of their code,
    their testimony, the edition of its call and the language of the page."""

    def __init__(
        self, form: Form, keys: code.Keys, testimony: Kept, edition: Edition, language: str, recipients: Sequence[Key]
    ) -> None:
        self.keys = keys
        self.testimony = testimony
        self.recipients = recipients
        self._form = form
        self._edition = edition
        self._language = language
        self._authority = Ed25519PrivateKey.from_private_bytes(keys.authority)

    def text(self, text: str) -> NewRecord:
        """Return words to add."""
        addition = envelope.Addition(**self._common(), answers={}, consent={}, text=text)
        return self._record("text", addition.signed(self._authority), {"text": text})

    def form(self, checked: Checked) -> NewRecord:
        """Return a whole form to add."""
        notice = self._edition.notice_sha256(self._language)
        consent = {**checked.consent, "notice_sha256": notice}
        addition = envelope.Addition(**self._common(), answers=checked.answers, consent=consent)
        content = {"answers": checked.answers, "consent": checked.consent}
        return self._record("", addition.signed(self._authority), content)

    def consents(self, consent: Mapping[str, str], before: envelope.Choices) -> tuple[NewRecord, bytes]:
        """Return new consents, and the sealed copy for the mailbox."""
        given = {**consent, "notice_sha256": self._edition.notice_sha256(self._language)}
        change = envelope.Consent(**self._common(), consent=given, version=before.version + 1)
        choices = envelope.Choices(
            consent=given, answers=before.answers, edition=before.edition, version=before.version + 1
        )
        record = self._record("consent", change.signed(self._authority), {"consent": dict(consent)})
        return record, encrypt(envelope.build_choices(choices), [HybridRecipient.from_seed(self.keys.mailbox)])

    def withdrawal(self) -> NewRecord:
        """Return the taking back of everything."""
        withdrawal = envelope.Withdrawal(**self._common())
        return self._record("withdraw", withdrawal.signed(self._authority), {}, event="withdrawn")

    def attachment(self, content: str, name: str, media_type: str, size: int, sha256: str) -> NewRecord:
        """Return what describes a file whose bytes are the record `content`."""
        attachment = envelope.Attachment(
            **self._common(), content=content, name=name, media_type=media_type, size=size, sha256=sha256
        )
        said = {"name": name, "size": size, "sha256": sha256}
        return self._record(f"file {content}", attachment.signed(self._authority), said)

    def _common(self) -> dict[str, Any]:
        common = _common(self._form, self._edition, self._language, self.recipients)
        return {**common, "parent": self.testimony.id}

    def _record(
        self, action: str, sealed: envelope.FromSource, content: Mapping[str, Any], event: str = "added"
    ) -> NewRecord:
        return _record(self._form, self.keys, self.recipients, sealed, content, action=action, event=event)


def seal_testimony(sending: Sending, keys: code.Keys, recipients: Sequence[Key]) -> tuple[NewRecord, NewMailbox]:
    """Return the record to store and the mailbox that the return code opens."""
    mailbox = HybridRecipient.from_seed(keys.mailbox)
    authority = Ed25519PrivateKey.from_private_bytes(keys.authority).public_key().public_bytes_raw()
    notice = sending.edition.notice_sha256(sending.language)
    checked = sending.checked
    testimony = envelope.Testimony(
        **_common(sending.form, sending.edition, sending.language, recipients),
        answers=checked.answers,
        consent={**checked.consent, "notice_sha256": notice},
        mailbox=str(mailbox),
        authority=encode_base64(authority),
    )
    deciding = sending.edition.call.deciding_consents
    choices = envelope.Choices(
        consent=testimony.consent,
        answers={question: answer for question, answer in checked.answers.items() if question in deciding},
        edition=testimony.edition,
    )
    copy = encrypt(envelope.build_choices(choices), [mailbox])
    new = NewMailbox(recipient=testimony.mailbox, authority=testimony.authority, consents=copy)
    content = {"answers": checked.answers, "consent": checked.consent}
    return _record(sending.form, keys, recipients, testimony, content, event="received"), new


def content_digest(keys: code.Keys, content: Mapping[str, Any]) -> str:
    """Return what tells the same content from other content, in hex.

    Its key comes from the return code, which the server does not keep, so a stored digest says nothing about the
    content, not even to someone who guesses it.
    """
    return hmac.digest(keys.retry, canonical(content), "sha256").hex()


def form_digest(form: Form, action: str) -> str:
    """Return what names a form in the database, in hex. A page of several forms has an `action` for each."""
    return hashlib.sha256(f"{form.nonce} {action}".strip().encode()).hexdigest()


def _common(form: Form, edition: Edition, language: str, recipients: Sequence[Key]) -> dict[str, Any]:
    return {
        "id": secrets.token_hex(16),
        "call": edition.call.name,
        "edition": edition.sha256,
        "language": language,
        "day": today(),
        "recipients": tuple(key.recipient.fingerprint for key in recipients),
        "client": "server",
        "test": form.test,
    }


def _record(
    form: Form,
    keys: code.Keys,
    recipients: Sequence[Key],
    sealed: envelope.FromSource,
    content: Mapping[str, Any],
    *,
    action: str = "",
    event: str,
) -> NewRecord:
    ciphertext = encrypt(envelope.build(sealed), [key.recipient for key in recipients])
    return NewRecord(
        id=sealed.id,
        mailbox=keys.mailbox_id,
        kind=sealed.kind,
        call=sealed.call,
        day=sealed.day,
        sha256=hashlib.sha256(ciphertext).hexdigest(),
        ciphertext=ciphertext,
        recipients=sealed.recipients,
        form=form_digest(form, action),
        content=content_digest(keys, content),
        event=event,
    )
