"""Seals a testimony: from checked answers to a record that this server cannot open. Nothing here touches a disk."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intake import code, envelope
from intake.age.encrypt import encrypt
from intake.age.recipients import HybridRecipient
from intake.calls.answers import Checked
from intake.calls.edition import Edition
from intake.site.keyring import Key
from intake.site.tokens import Form
from intake.store.records import NewMailbox, NewRecord, today


@dataclass(frozen=True)
class Sending:
    """What one sending gives: the form's token, the edition it was asked with, the language, and the answers."""

    form: Form
    edition: Edition
    language: str
    checked: Checked


def seal_testimony(sending: Sending, keys: code.Keys, recipients: Sequence[Key]) -> tuple[NewRecord, NewMailbox]:
    """Return the record to store and the mailbox that the return code opens."""
    mailbox = HybridRecipient.from_seed(keys.mailbox)
    authority = Ed25519PrivateKey.from_private_bytes(keys.authority).public_key().public_bytes_raw()
    testimony = envelope.Testimony(
        **_common(sending, recipients),
        mailbox=str(mailbox),
        authority=envelope.encode_base64(authority),
    )
    consents = encrypt(envelope.build_consents(testimony.consent), [mailbox])
    new = NewMailbox(recipient=testimony.mailbox, authority=testimony.authority, consents=consents)
    return _record(sending, keys, recipients, testimony), new


def seal_addition(sending: Sending, keys: code.Keys, recipients: Sequence[Key], parent: str) -> NewRecord:
    """Return the record to store: an addition to the testimony `parent`, signed by the same person's key."""
    addition = envelope.Addition(**_common(sending, recipients), parent=parent)
    signed = addition.signed(Ed25519PrivateKey.from_private_bytes(keys.authority))
    return _record(sending, keys, recipients, signed)


def content_digest(sending: Sending, keys: code.Keys) -> str:
    """Return what tells the same answers from others, in hex.

    Its key comes from the return code, which the server does not keep, so a stored digest says nothing about the
    answers, not even to someone who guesses them.
    """
    content = envelope.canonical({"answers": sending.checked.answers, "consent": sending.checked.consent})
    return hmac.digest(keys.retry, content, "sha256").hex()


def form_digest(form: Form) -> str:
    """Return what names a form in the database, in hex."""
    return hashlib.sha256(form.nonce.encode()).hexdigest()


def _common(sending: Sending, recipients: Sequence[Key]) -> dict[str, Any]:
    notice = sending.edition.notice_sha256(sending.language)
    return {
        "id": secrets.token_hex(16),
        "call": sending.edition.call.name,
        "edition": sending.edition.sha256,
        "language": sending.language,
        "day": today(),
        "answers": sending.checked.answers,
        "consent": {**sending.checked.consent, "notice_sha256": notice},
        "recipients": tuple(key.recipient.fingerprint for key in recipients),
        "client": "server",
        "test": sending.form.test,
    }


def _record(
    sending: Sending, keys: code.Keys, recipients: Sequence[Key], sealed: envelope.Testimony | envelope.Addition
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
        form=form_digest(sending.form),
        content=content_digest(sending, keys),
    )
