"""What must be true whatever happened: all that was acknowledged is there, once, whole, and the desk opens it."""

import hashlib
import re
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from person import instance_id
from service import Instance
from sources import Account

from intake import code
from intake.age.decrypt import decrypt
from intake.age.identities import HybridIdentity
from intake.age.recipients import HybridRecipient
from intake.desk.bundles.reading import Verified, open_bundle
from intake.encoding import EnvelopeError, encode_base64
from intake.envelope import Addition, Attachment, Consent, Testimony, Withdrawal, parse, parse_choices

Later = Addition | Attachment | Consent | Withdrawal
"""What comes after a testimony."""


@dataclass
class Exported:
    """What a bundle brings, opened."""

    verified: Verified
    testimonies: dict[str, Testimony] = field(default_factory=dict)
    later: dict[str, list[Later]] = field(default_factory=lambda: defaultdict(list))
    """What came after a testimony, by the testimony's id."""
    contents: dict[str, bytes] = field(default_factory=dict)
    """The bytes of files by their record's id, with their padding."""

    def digest(self, record: str) -> str:
        """The SHA-256 of a record's ciphertext."""
        return self.verified.records[record].sha256


def export(instance: Instance) -> Exported:
    """Export everything, compare every byte with what was signed, and open every record."""
    path = instance.folder / f"{secrets.token_hex(4)}.tar"
    done = instance.intake("export", path)
    assert done.returncode == 0, done.stderr
    try:
        return read(instance, path)
    finally:
        path.unlink()


def read(instance: Instance, path: Path) -> Exported:
    """Compare every byte of a bundle with what was signed, and open every record."""
    with open_bundle(path) as bundle:
        found = Exported(bundle.verify())
        assert found.verified.troubles == ()
        for record in found.verified.records:
            plaintext = instance.opened(bundle.read(record))
            try:
                envelope = parse(plaintext)
            except EnvelopeError:
                found.contents[record] = plaintext
                continue
            assert envelope.id == record
            if isinstance(envelope, Testimony):
                found.testimonies[record] = envelope
            else:
                found.later[envelope.parent].append(envelope)
    return found


def troubles(instance: Instance, accounts: Sequence[Account]) -> list[str]:
    """Return everything that is not as the people were told, or not whole; the desk opens all, too."""
    found = export(instance)
    return [*_lost(instance, found, accounts), *_not_whole(instance, found), *_desk(instance, found)]


def _lost(instance: Instance, found: Exported, accounts: Sequence[Account]) -> Iterator[str]:
    salt = instance_id(instance)
    mailboxes = {row[0]: row[1:] for row in instance.rows("SELECT id, consents, withdrawn FROM mailbox")}
    received = {entry.sha256: entry.record for entry in found.verified.entries.values() if entry.event == "received"}
    told = Counter(re.split(r"(?<=\.) ", str(each.answers["story.text"]))[0] for each in found.testimonies.values())
    yield from (
        f"{marker} is there {times} times"
        for marker, times in told.items()
        if times > 1 and marker.startswith("Person ")
    )
    for account in accounts:
        keys = code.derive(account.return_code, salt)
        identifier = received.get(account.digest)
        if identifier is None or keys.mailbox_id not in mailboxes:
            yield f"{account.marker} has a receipt, and is not there"
            continue
        consents, withdrawn = mailboxes[keys.mailbox_id]
        authority = Ed25519PrivateKey.from_private_bytes(keys.authority).public_key().public_bytes_raw()
        later = found.later[identifier]
        for envelope in later:
            envelope.verify(encode_base64(authority))
        if account.withdrawn:
            if not withdrawn or identifier in found.testimonies or {type(each) for each in later} != {Withdrawal}:
                yield f"{account.marker} took everything back, and something is still there"
            continue
        testimony = found.testimonies.get(identifier)
        if testimony is None:
            yield f"{account.marker} has a receipt, and is not exported"
            continue
        if account.marker not in str(testimony.answers["story.text"]):
            yield f"{account.marker} has the receipt of another"
        if testimony.mailbox != str(HybridRecipient.from_seed(keys.mailbox)):
            yield f"{account.marker} cannot come back with the code"
        yield from _lost_later(found, account, later)
        if account.choice:
            kept = parse_choices(decrypt(consents, [HybridIdentity.from_seed(keys.mailbox)]))
            if kept.consent["CSTAT"] != account.choice:
                yield f"{account.marker} chose something else"


def _lost_later(found: Exported, account: Account, later: Sequence[Later]) -> Iterator[str]:
    texts = Counter(envelope.text for envelope in later if isinstance(envelope, Addition))
    digests = {found.digest(envelope.id) for envelope in later}
    for text, digest in account.words.items():
        if digest not in digests or texts[text] != 1:
            yield f"{account.marker} has words that are there {texts[text]} times"
    files = [envelope for envelope in later if isinstance(envelope, Attachment)]
    if (held := sorted(each.name for each in files)) != sorted(account.files):
        yield f"{account.marker} was told of the files {sorted(account.files)}, and {held} are there"
    yield from (
        f"{account.marker} has another file"
        for each in files
        if each.sha256 != account.files.get(each.name) or not _is_whole(each, found)
    )
    changes = [envelope for envelope in later if isinstance(envelope, Consent)]
    if account.choice:
        last = max(changes, key=lambda each: each.version, default=None)
        if last is None or last.consent["CSTAT"] != account.choice:
            yield f"{account.marker} chose something else than was exported"


def _is_whole(file: Attachment, found: Exported) -> bool:
    padded = found.contents.get(file.content, b"")
    return hashlib.sha256(padded[: file.size]).hexdigest() == file.sha256 and not any(padded[file.size :])


def _not_whole(instance: Instance, found: Exported) -> Iterator[str]:
    described = {each.content for later in found.later.values() for each in later if isinstance(each, Attachment)}
    yield from (f"file {record} was exported, and nothing describes it" for record in found.contents.keys() - described)
    yield from (f"file {record} is described, and not exported" for record in described - found.contents.keys())
    ((lonely,),) = instance.rows("SELECT count(*) FROM segment WHERE record NOT IN (SELECT id FROM record)")
    if lonely:
        yield f"{lonely} parts belong to no record"


def _desk(instance: Instance, found: Exported) -> Iterator[str]:
    """Have the desk open all: it judges each record as if a stranger had sealed it."""
    listed = instance.open_on_desk()
    early = {each.id for later in found.later.values() for each in later if isinstance(each, Withdrawal)}
    refused = {record["id"] for record in listed if record["state"] == "quarantined"}
    if refused - early:  # a withdrawal of what the desk never had waits there
        yield f"the desk refuses {sorted(refused - early)}"
    opened = {record["id"] for record in listed if record["kind"] == "testimony" and record["state"] != "withdrawn"}
    if opened != found.testimonies.keys():
        yield "the desk lists other testimonies than were exported"
