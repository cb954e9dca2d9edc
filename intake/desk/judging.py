"""Decides whether a decrypted record is what the site would have sealed. Anyone may seal anything to a public key."""

from intake.calls.answers import same_as_sent
from intake.desk.workspace import NEW, Record, Workspace
from intake.envelope import Addition, EnvelopeError, Testimony, parse

NOTICE = "notice_sha256"
_EVENTS = {"testimony": "received", "addition": "added"}


class QuarantineError(Exception):
    """The record is to be set aside. The message says why and holds nothing of its content."""


def judge(record: Record, ours: frozenset[str], workspace: Workspace) -> None:
    """Return if the record may be filed as what it says it is. Raises QuarantineError with the reason.

    `ours` holds the fingerprints of the recipients that the reviewer's key opens.
    """
    try:
        envelope = parse(record.content)
    except EnvelopeError as error:
        raise QuarantineError(str(error)) from None
    _check_recipients(envelope, record.stanzas, ours, workspace)
    if _EVENTS[envelope.kind] != record.event:
        raise QuarantineError(f"the log has it as {record.event!r}, but it is of the kind {envelope.kind!r}")
    twin = workspace.twin(record)
    if twin:
        raise QuarantineError(f"it is the record {twin} a second time")
    edition = workspace.edition(envelope.edition)
    if edition is None:
        raise QuarantineError("its edition of the call is not known")
    if envelope.call != edition.call.name:
        raise QuarantineError("its edition is one of another call")
    if envelope.language not in edition.languages:
        raise QuarantineError("its language is not one of its edition")
    if isinstance(envelope, Addition):
        _check_source(envelope, workspace)
    consent = dict(envelope.consent)
    if consent.pop(NOTICE, "") != edition.notice_sha256(envelope.language):
        raise QuarantineError("the consent notice it names is not the one of its edition")
    if not same_as_sent(edition.call, envelope.answers, consent):
        raise QuarantineError("its answers or consents are not what the form could have sent")


def _check_recipients(envelope: Testimony | Addition, stanzas: int, ours: frozenset[str], workspace: Workspace) -> None:
    listed = set(envelope.recipients)
    if not listed & ours:
        raise QuarantineError("it does not list our key among those it was sealed to")
    if not listed <= workspace.recipients():
        raise QuarantineError("it lists a key that the server never sealed to")
    if stanzas != len(listed):
        raise QuarantineError(f"it was sealed to {stanzas} keys and lists {len(listed)}")


def _check_source(addition: Addition, workspace: Workspace) -> None:
    """An addition is a form of its own; whose it is, only the testimony can say."""
    parent = _parent(addition, workspace)
    if parent is None:
        raise QuarantineError("it waits for its testimony, which is not filed here")
    try:
        addition.verify(parent.authority)
    except (EnvelopeError, ValueError):
        raise QuarantineError("its signature is not that of the person who sent the testimony") from None
    if addition.call != parent.call:
        raise QuarantineError("it belongs to another call than its testimony")


def _parent(addition: Addition, workspace: Workspace) -> Testimony | None:
    """Return the testimony that an addition names, if it is filed and not quarantined."""
    record = workspace.record(addition.parent)
    if record is None or record.state != NEW:
        return None
    parent = parse(record.content)
    return parent if isinstance(parent, Testimony) else None
