"""Decides whether a decrypted record is what the site would have sealed. Anyone may seal anything to a public key.

What names a testimony counts only if the key that the testimony itself names has signed it: so neither the server nor
anyone else can add to it, change its consents or take it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from intake.age.errors import AgeError
from intake.age.recipients import HybridRecipient
from intake.calls.answers import check, same_as_sent
from intake.calls.edition import Edition
from intake.desk import evidence
from intake.desk.consents import NOTICE
from intake.desk.workspace import WITHDRAWN, Record, Workspace
from intake.encoding import EnvelopeError
from intake.envelope import Addition, Attachment, Consent, FromSource, Testimony, Withdrawal, parse

_EVENTS = {
    "testimony": "received",
    "addition": "added",
    "attachment": "added",
    "consent": "added",
    "withdrawal": "withdrawn",
}
_FROM_PERSON = Addition | Attachment | Consent | Withdrawal


class QuarantineError(Exception):
    """The record is to be set aside. The message says why and holds nothing of its content."""


class WithdrawnError(Exception):
    """The record belongs to what its source took back: nothing of it may be kept. The message says on which day."""


@dataclass(frozen=True)
class Grounds:
    """What an envelope is judged by when nothing else that is filed is looked at.

    `ours` holds the fingerprints of the recipients that the reviewer's key opens, `listed` of those that the server
    ever sealed to.
    """

    ours: frozenset[str]
    listed: frozenset[str]
    editions: Mapping[str, Edition]


def fault(envelope: FromSource, event: str, stanzas: int, grounds: Grounds) -> str:
    """Return why an envelope, taken by itself, is not what the site would have sealed, or nothing.

    `event` is the log's, `stanzas` counts those in the record's header.
    """
    try:
        _check_recipients(envelope, stanzas, grounds)
        if _EVENTS[envelope.kind] != event:
            raise QuarantineError(f"the log has it as {event!r}, but it is of the kind {envelope.kind!r}")
        # A withdrawal needs no questions: whatever else is missing, it counts.
        if not isinstance(envelope, Withdrawal):
            _check_answers(envelope, _edition(envelope, grounds))
    except QuarantineError as error:
        return str(error)
    return ""


def judge(record: Record, envelope: FromSource, found: str, workspace: Workspace) -> None:
    """Return if the record may be filed as what it says it is.

    `found` is what `fault` says of its envelope. Raises QuarantineError with the reason, or WithdrawnError.
    """
    if not isinstance(envelope, Testimony):
        _check_withdrawn(envelope, workspace)
    try:
        if found:
            raise QuarantineError(found)
        twin = workspace.twin(record)
        if twin:
            raise QuarantineError(f"it is the record {twin} a second time")
        if not isinstance(envelope, Testimony):
            _check_belonging(record, envelope, workspace)
    except QuarantineError as error:
        unchanged = "; nothing was changed" if isinstance(envelope, Consent | Withdrawal) else ""
        raise QuarantineError(f"{error}{unchanged}") from None


def _check_recipients(envelope: FromSource, stanzas: int, grounds: Grounds) -> None:
    listed = set(envelope.recipients)
    if not listed & grounds.ours:
        raise QuarantineError("it does not list our key among those it was sealed to")
    if not listed <= grounds.listed:
        raise QuarantineError("it lists a key that the server never sealed to")
    if stanzas != len(listed):
        raise QuarantineError(f"it was sealed to {stanzas} keys and lists {len(listed)}")


def _edition(envelope: FromSource, grounds: Grounds) -> Edition:
    edition = grounds.editions.get(envelope.edition)
    if edition is None:
        raise QuarantineError("its edition of the call is not known")
    if envelope.call != edition.call.name:
        raise QuarantineError("its edition is one of another call")
    if envelope.language not in edition.languages:
        raise QuarantineError("its language is not one of its edition")
    return edition


def _check_answers(envelope: FromSource, edition: Edition) -> None:
    if isinstance(envelope, Testimony):
        _check_mailbox(envelope)
        _check_form(envelope, edition)
    elif isinstance(envelope, Addition) and not envelope.text:
        _check_form(envelope, edition)
    elif isinstance(envelope, Addition) and (not envelope.text.strip() or envelope.answers or envelope.consent):
        raise QuarantineError("it is not a text alone, as the page would have sent it")


def _check_mailbox(testimony: Testimony) -> None:
    try:
        HybridRecipient.parse(testimony.mailbox)
    except AgeError:
        raise QuarantineError("its mailbox is not a key that a reply could be sealed to") from None


def _check_form(envelope: Testimony | Addition, edition: Edition) -> None:
    consent = _without_notice(envelope, edition)
    if not same_as_sent(edition.call, envelope.answers, consent):
        raise QuarantineError("its answers or consents are not what the form could have sent")


def _check_withdrawn(envelope: _FROM_PERSON, workspace: Workspace) -> None:
    parent = workspace.record(envelope.parent)
    if parent is not None and parent.state == WITHDRAWN:
        raise WithdrawnError(parent.reason)


def _check_belonging(record: Record, envelope: _FROM_PERSON, workspace: Workspace) -> None:
    testimony = _testimony_of(envelope, workspace)
    if isinstance(envelope, Attachment):
        if reason := evidence.conflict(workspace, record.id, envelope):
            raise QuarantineError(reason)
    elif isinstance(envelope, Consent):
        _check_consent(envelope, testimony, workspace)


def _check_consent(envelope: Consent, testimony: Testimony, workspace: Workspace) -> None:
    edition = workspace.edition(envelope.edition)
    if edition is None or envelope.edition != testimony.edition:
        raise QuarantineError("it answers the questions of another edition than its testimony")
    consent = _without_notice(envelope, edition)
    checked = check(edition.call, {**testimony.answers, **consent})
    wrong = [problem for problem in checked.problems if edition.call.questions[problem.question].consent]
    if checked.consent != consent or wrong:
        raise QuarantineError("its consents are not what the page could have sent")


def _without_notice(envelope: Testimony | Addition | Consent, edition: Edition) -> dict[str, str]:
    consent = dict(envelope.consent)
    if consent.pop(NOTICE, "") != edition.notice_sha256(envelope.language):
        raise QuarantineError("the consent notice it names is not the one of its edition")
    return consent


def _testimony_of(envelope: _FROM_PERSON, workspace: Workspace) -> Testimony:
    """Return the testimony that is named, if its own key signed what names it.

    A withdrawal counts for a quarantined testimony, too: what is set aside is still here.
    """
    record = workspace.record(envelope.parent)
    testimony = None
    if record is not None and (record.filed or (record.content and isinstance(envelope, Withdrawal))):
        found = parse(record.content)
        testimony = found if isinstance(found, Testimony) else None
    if testimony is None:
        raise QuarantineError("it waits for its testimony, which is not filed here")
    try:
        envelope.verify(testimony.authority)
    except (EnvelopeError, ValueError):
        raise QuarantineError("its signature is not that of the person who sent the testimony") from None
    if envelope.call != testimony.call:
        raise QuarantineError("it belongs to another call than its testimony")
    return testimony
