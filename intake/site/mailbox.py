"""Opens what waits for someone who came back, in memory and for one response, with the code of that very request.

The only module of the server that may decrypt; the import rules name it. What it opens is sealed to a key derived from
the return code, which the server does not keep.
"""

from dataclasses import dataclass

from intake import code
from intake.age.decrypt import decrypt
from intake.age.errors import AgeError
from intake.age.identities import HybridIdentity
from intake.calls.edition import Edition
from intake.encoding import EnvelopeError
from intake.envelope import Acknowledgement, Choices, FromDesk, Reply, parse_choices, parse_message
from intake.site.service import Ready, service
from intake.store import mailboxes
from intake.store.records import Kept


@dataclass(frozen=True)
class Visit:
    """What someone who came back may see. `testimony` may be purged; with `withdrawn` (a day) there is nothing else.

    `unread` counts the messages that the desk did not sign, or that cannot be opened.
    """

    return_code: str
    keys: code.Keys
    withdrawn: str
    testimony: Kept | None
    choices: Choices | None
    sealed_choices: bytes
    replies: tuple[Reply, ...]
    news: tuple[Acknowledgement, ...]
    unread: int
    deleted: int
    """How many messages were deleted, or have expired."""

    @property
    def edition(self) -> Edition:
        """The edition that the testimony was asked with; the current one where that is not known."""
        found = service().edition(self.choices.edition) if self.choices else None
        current = service().editions
        return found or current.get(self.testimony.call if self.testimony else "") or next(iter(current.values()))


def visit(return_code: str, ready: Ready) -> Visit | None:
    """Return what a code (24 ASCII digits) opens, or None where it opens nothing."""
    keys = code.derive(return_code, ready.instance_id)
    testimony = ready.records.testimony(keys.mailbox_id)  # first: where it is gone by now, the mailbox says why
    mailbox = mailboxes.look(ready.records.engine, keys.mailbox_id)
    if mailbox is None:
        return None
    if mailbox.withdrawn:
        return Visit(return_code, keys, mailbox.withdrawn, None, None, b"", (), (), 0, 0)
    identity = HybridIdentity.from_seed(keys.mailbox)
    desk_key = mailboxes.trusted_key(ready.records.engine)
    replies, news, unread = [], [], 0
    for message in mailbox.messages:
        opened = _message(message.sealed, identity, desk_key, testimony)
        if isinstance(opened, Reply):
            replies.append(opened)
        elif opened is not None:
            news.append(opened)
        else:
            unread += 1
    return Visit(
        return_code=return_code,
        keys=keys,
        withdrawn="",
        testimony=testimony,
        choices=_choices(mailbox.consents, identity),
        sealed_choices=mailbox.consents,
        replies=tuple(replies),
        news=tuple(news),
        unread=unread,
        deleted=mailbox.deleted,
    )


def _message(sealed: bytes, identity: HybridIdentity, desk_key: str, testimony: Kept | None) -> FromDesk | None:
    try:
        message = parse_message(decrypt(sealed, [identity]))
        message.verify(desk_key)
    except (AgeError, EnvelopeError):
        return None
    return message if testimony and message.parent == testimony.id else None


def _choices(sealed: bytes, identity: HybridIdentity) -> Choices | None:
    """Return the copy of the consents; None for a mailbox of the first version, whose copy says less."""
    try:
        return parse_choices(decrypt(sealed, [identity]))
    except (AgeError, EnvelopeError):
        return None
