"""What waits for someone who came back in the browser way: still sealed. Their own browser opens it."""

from dataclasses import dataclass

from intake.calls.edition import Edition
from intake.site.service import Ready, service
from intake.store import mailboxes
from intake.store.records import Kept


@dataclass(frozen=True)
class SealedVisit:
    """What an access token shows. The testimony may be purged; with `withdrawn` (a day) there is nothing else."""

    access: str
    id: str
    withdrawn: str
    testimony: Kept | None
    asked: str
    """The edition (its digest) that the browser asked for: only it can see with which one the testimony was asked."""
    edition: Edition
    """That edition; the current one where it is not known."""
    consents: bytes
    """The sealed copy of the consents."""
    messages: tuple[mailboxes.Sealed, ...]
    deleted: int
    """How many messages were deleted, or have expired."""


def sealed_visit(access: str, mailbox_id: str, asked: str, ready: Ready) -> SealedVisit | None:
    """Return what is in a mailbox by its id, or None where there is none. `asked` is an edition, or nothing."""
    testimony = ready.records.testimony(mailbox_id)  # first: where it is gone by now, the mailbox says why
    mailbox = mailboxes.look(ready.records.engine, mailbox_id)
    if mailbox is None:
        return None
    current = service().editions
    shown = current.get(testimony.call if testimony else "") or next(iter(current.values()))
    return SealedVisit(
        access=access,
        id=mailbox_id,
        withdrawn=mailbox.withdrawn,
        testimony=None if mailbox.withdrawn else testimony,
        asked=asked,
        edition=service().edition(asked) or shown,
        consents=mailbox.consents,
        messages=mailbox.messages,
        deleted=mailbox.deleted,
    )
