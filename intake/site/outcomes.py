"""What can become of a file that someone sends, and the words for it."""

from dataclasses import dataclass
from enum import Enum, auto

from flask_babel import gettext as _


class Fate(Enum):
    """What became of a file, or of the rest of a form."""

    KEPT = auto()
    TOO_LARGE = auto()
    NO_ROOM = auto()
    MAILBOX_FULL = auto()
    NOT_STORED = auto()
    UNREADABLE = auto()
    DROPPED = auto()
    CLOSED = auto()


_STATUS = {
    Fate.KEPT: 200,
    Fate.TOO_LARGE: 413,
    Fate.NO_ROOM: 507,
    Fate.MAILBOX_FULL: 413,
    Fate.NOT_STORED: 503,
    Fate.UNREADABLE: 400,
    Fate.DROPPED: 503,
    Fate.CLOSED: 409,
}


@dataclass(frozen=True)
class Outcome:
    """A file and what became of it. The name is empty for what could not be read, or not be begun."""

    name: str
    size: int
    fate: Fate


def status_of(outcomes: list[Outcome]) -> int:
    """Return the status of the answer: that of the first file which was not kept."""
    return next((_STATUS[outcome.fate] for outcome in outcomes if outcome.fate is not Fate.KEPT), 200)


def reason(outcome: Outcome, largest: str) -> str:
    """Return why a file was not kept, and what to do. `largest` is the largest size, in words."""
    words: dict[Fate, str] = {
        Fate.TOO_LARGE: _("This file is too large. A file can have at most %(size)s.", size=largest),
        Fate.NO_ROOM: _("We have no room for files just now. Please try again in a few days."),
        Fate.MAILBOX_FULL: _("You have sent as many files as we can keep for one testimony."),
        Fate.NOT_STORED: _("Something went wrong on our side. Please try again in a few minutes."),
        Fate.UNREADABLE: _("Something did not arrive as it was sent. Please choose the file again."),
        Fate.DROPPED: _("Many people are sending files just now. Please try again in a few minutes."),
        Fate.CLOSED: _("You have withdrawn this testimony. We take no more files for it."),
    }
    return words[outcome.fate]
