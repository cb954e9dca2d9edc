"""The gate: the one place that decides what may leave the desk, for which use. No option goes around it.

Every export asks `refusal` of each record, and takes only the questions that `countable` gives.
"""

from collections.abc import Iterator
from enum import Enum, StrEnum

from intake.calls.model import Call, Kind, Question
from intake.desk import consents
from intake.desk.deciding import SPAM
from intake.desk.workspace import WITHDRAWN, Record, Workspace
from intake.envelope import Testimony, parse


class Use(StrEnum):
    """What something leaves the desk for."""

    STATISTICS = "statistics"
    """To be counted in published numbers."""


class Refusal(Enum):
    """Why a record may not be used. Each value is said to the reviewer."""

    WITHDRAWN = "withdrawn"
    QUARANTINED = "quarantined"
    NO_TESTIMONY = "no testimony"
    SPAM = "marked as spam"
    TEST = "sent to try the service"
    CONSENT = "without consent to this use"


_NEEDED = {Use.STATISTICS: ("CSTAT", "Y")}
"""The consent that covers a use, and its only answer that does."""

_CLOSED = (Kind.RADIO, Kind.CHECKBOXES, Kind.COUNTRY, Kind.NUMBER, Kind.DATE)
# From the questionnaire's requirement C7, "ransom/retaliation flags never exported". They are named here and not in the
# call, since a call comes with the bundle: an edition that is old or hostile would not say it.
_SEALED = frozenset({"inc.ransom", "inc.paid"})
_SEALED_BEGINNINGS = ("safe.", "con.")
"""How the person is at risk, and how to reach them."""


def refusal(workspace: Workspace, record: Record, use: Use) -> Refusal | None:
    """Return why a testimony may not be used for something, or None when the consents in force cover that.

    What it says holds as long as nothing is filed: ask inside the transaction that remembers the export.
    """
    if not record.filed:
        return Refusal.WITHDRAWN if record.state == WITHDRAWN else Refusal.QUARANTINED
    envelope = parse(record.content)
    if not isinstance(envelope, Testimony):
        return Refusal.NO_TESTIMONY
    consent, needed = _NEEDED[use]
    if consents.in_force(workspace, record).get(consent) != needed:
        return Refusal.CONSENT
    if record.state == SPAM:
        return Refusal.SPAM
    return Refusal.TEST if envelope.test else None


def countable(call: Call) -> Iterator[Question]:
    """Yield the questions whose answers may be counted, in order: closed ones, and none that says who someone is.

    Consents are no answers, and what is kept for some days only is kept here only.
    """
    for section in call.sections:
        if section.consent or section.keep_days:
            continue
        for question in section.questions:
            sealed = question.id in _SEALED or question.id.startswith(_SEALED_BEGINNINGS)
            if question.kind in _CLOSED and not sealed:
                yield question
