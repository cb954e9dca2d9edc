"""The gate: the one place that decides what may leave the desk, for which use. No option goes around it.

Every export asks `refusal` of each record or `judge` of each quote, and takes only the questions that `countable`
gives, and only the words that `judge` gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum

from intake.calls.answers import NO
from intake.calls.model import Call, Kind, Question
from intake.desk import consents
from intake.desk.deciding import ACCEPTED, SPAM
from intake.desk.errors import DeskError
from intake.desk.redacting import asking, confirming
from intake.desk.redacting.quotes import Quote
from intake.desk.workspace import WITHDRAWN, Record, Workspace
from intake.envelope import Addition, Testimony, parse


class Use(StrEnum):
    """What something leaves the desk for."""

    STATISTICS = "statistics"
    """To be counted in published numbers."""
    PUBLICATION = "publication"
    """To be published word for word, without anything that identifies."""
    NAME = "name"
    """To be published word for word, with the name of the person."""
    PARTNER = "partner"
    """To be shared with research partners, without anything that identifies."""

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return {Use.NAME: "publication with a name", Use.PARTNER: "research partners"}.get(self, str(self))


QUOTING = (Use.PUBLICATION, Use.NAME, Use.PARTNER)
"""The uses that words leave the desk for."""


class Refusal(Enum):
    """Why something may not be used. Each value is said to the reviewer."""

    WITHDRAWN = "withdrawn"
    QUARANTINED = "quarantined"
    NO_TESTIMONY = "no testimony"
    SPAM = "marked as spam"
    TEST = "sent to try the service"
    CONSENT = "without consent to this use"
    AT_RISK = "with a name, and its source could get into trouble"
    NOT_ACCEPTED = "not accepted"
    NO_WORDS = "no longer among the words of its testimony"
    NOT_CONFIRMED = "without a second reader's confirmation of the redaction as it is now"
    NOT_AGREED = "to be asked about, and its source has not agreed to this very text"
    ONE_READER = "with a name, and only one reviewer has read the answer as a yes"


@dataclass(frozen=True)
class Judged:
    """What the gate says of a quote: why it may not leave, or else the words that may, and the name to put to them."""

    refusals: tuple[Refusal, ...]
    text: str = ""
    name: str = ""


class _Says(IntEnum):
    """What the consents in force say to a use, from the narrowest to the widest."""

    NO = 0
    ASK = 1
    YES = 2


_CONSENTS = {
    Use.STATISTICS: ("CSTAT", {"Y": _Says.YES}),
    Use.PUBLICATION: ("CPUB_ANON", {"Y": _Says.YES, "ASK": _Says.ASK}),
    Use.NAME: ("CPUB_NAME", {"ASK": _Says.ASK}),
    Use.PARTNER: ("CPARTNER", {"Y": _Says.YES, "ASK": _Says.ASK}),
}
"""The consent that covers a use, and what its answers say to it. Every other answer is a no, and so is none."""
_SHOW_FIRST = {Use.PUBLICATION: "CPUB_REVIEW"}
"""The consent by which a source wants to see the text before it is used."""
CONDITIONS = frozenset(_SHOW_FIRST.values())
"""Consents that allow nothing themselves: a yes only asks for more before another one counts."""

_READERS = {Use.NAME: 2}
"""How many reviewers have to read an answer as a yes, where that is more than one."""

_CLOSED = (Kind.RADIO, Kind.CHECKBOXES, Kind.COUNTRY, Kind.NUMBER, Kind.DATE)
# From the questionnaire's requirement C7, "ransom/retaliation flags never exported". They are named here and not in the
# call, since a call comes with the bundle: an edition that is old or hostile would not say it.
_SEALED = frozenset({"inc.ransom", "inc.paid"})
_SEALED_BEGINNINGS = ("safe.", "con.")
"""How the person is at risk, and how to reach them."""
_AT_RISK = ("safe.retaliate", "Y")


def refusal(workspace: Workspace, record: Record, use: Use) -> Refusal | None:
    """Return why a testimony may not be used for something, or None when the consents in force cover that.

    Words need more than that: see `judge`. What it says holds as long as nothing is filed: ask inside the transaction
    that remembers the export.
    """
    if not record.filed:
        return Refusal.WITHDRAWN if record.state == WITHDRAWN else Refusal.QUARANTINED
    envelope = parse(record.content)
    if not isinstance(envelope, Testimony):
        return Refusal.NO_TESTIMONY
    if _says(workspace, [record], use) is _Says.NO:
        return Refusal.CONSENT
    if record.state == SPAM:
        return Refusal.SPAM
    return Refusal.TEST if envelope.test else None


def judge(workspace: Workspace, quote: Quote, use: Use) -> Judged:
    """Return every reason why a quote may not leave for a use (one of QUOTING), or its words if there is none.

    What it says holds as long as nothing is filed or done: ask inside the transaction that remembers the export.
    """
    testimony, part = workspace.record(quote.record), workspace.record(quote.part)
    if testimony is None or part is None:
        return Judged((Refusal.WITHDRAWN,))
    first = refusal(workspace, testimony, use)
    if not testimony.filed or first is Refusal.NO_TESTIMONY:
        return Judged((first or Refusal.NO_TESTIMONY,))
    try:
        text = asking.words(workspace, testimony, quote)
    except DeskError:
        text = ""
    if not text:
        return Judged((Refusal.NO_WORDS,))
    says = _says(workspace, [testimony, part], use)
    found = [first] if first else []
    if says is _Says.NO and first is not Refusal.CONSENT:
        found.append(Refusal.CONSENT)
    if use is Use.NAME and at_risk(workspace, testimony):
        found.append(Refusal.AT_RISK)
    if testimony.state not in (ACCEPTED, SPAM):
        found.append(Refusal.NOT_ACCEPTED)
    if not confirming.state(workspace, testimony).stands:
        found.append(Refusal.NOT_CONFIRMED)
    name = ""
    if says is _Says.ASK:
        readers, name = _agreed(workspace, quote, use, text)
        if readers < _READERS.get(use, 1):
            found.append(Refusal.ONE_READER if readers else Refusal.NOT_AGREED)
    return Judged(tuple(found)) if found else Judged((), text, name)


def may_ask(workspace: Workspace, quote: Quote, use: Use) -> bool:
    """Tell whether the source of a quote wants to be asked about this use, and it harms nobody to ask."""
    testimony, part = workspace.record(quote.record), workspace.record(quote.part)
    if testimony is None or part is None or not (testimony.filed and part.filed):
        return False
    asks = _says(workspace, [testimony, part], use) is _Says.ASK
    return asks and not (use is Use.NAME and at_risk(workspace, testimony))


def taken_back(workspace: Workspace, record: Record, use: Use) -> bool:
    """Tell whether a source no longer agrees to a use of what a testimony or an addition says."""
    if not record.filed:
        return record.state == WITHDRAWN
    testimony = workspace.record(record.parent) if record.parent else record
    if testimony is None or not testimony.filed:
        return True
    says = _says(workspace, [testimony, record], use)
    if says is _Says.NO or (use is Use.NAME and at_risk(workspace, testimony)):
        return True
    return says is _Says.ASK and not any(
        question.use == use and asking.signers(workspace, question)
        for question in asking.asked(workspace, testimony.id)
    )


def at_risk(workspace: Workspace, testimony: Record) -> bool:
    """Tell whether the source of a filed testimony ever said that they could get into trouble."""
    question, answer = _AT_RISK
    for record in (testimony, *workspace.children(testimony.id, Addition.kind)):
        envelope = parse(record.content)
        if isinstance(envelope, Testimony | Addition) and envelope.answers.get(question) == answer:
            return True
    return False


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


def _says(workspace: Workspace, records: list[Record], use: Use) -> _Says:
    """Return what a source says to a use of what is in all these records: where they differ, the narrowest."""
    consent, answers = _CONSENTS[use]
    found = []
    for record in records:
        given = consents.in_force(workspace, record)
        says = answers.get(given.get(consent, NO), _Says.NO)
        shown_first = given.get(_SHOW_FIRST.get(use, ""), NO) != NO
        found.append(min(says, _Says.ASK) if shown_first else says)
    return min(found)


def _agreed(workspace: Workspace, quote: Quote, use: Use, text: str) -> tuple[int, str]:
    """Return how many reviewers have read that the source agrees to this text for a use, and the name it is with."""
    best = (0, "")
    for question in asking.asked(workspace, quote.record):
        same = (question.quote, question.use, bool(question.name)) == (quote.id, use, use is Use.NAME)
        if same and question.text == asking.exact(text, question.name):
            best = max(best, (len(asking.signers(workspace, question)), question.name))
    return best
