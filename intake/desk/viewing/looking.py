"""Looks at the file of an attachment: what it is, and its pages as pictures or as text."""

from dataclasses import dataclass

from intake.desk import evidence
from intake.desk.errors import one_line
from intake.desk.viewing import picture, texts
from intake.desk.viewing.kinds import HEAD, Kind, Shown, kind_of
from intake.desk.viewing.picture import Picture, ViewingError
from intake.desk.viewing.texts import Text
from intake.desk.workspace import Workspace
from intake.envelope import Attachment

WIDTH = 1600
LARGER_WIDTH = 3200
_MOST_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class Described:
    """What there is to say of a file without looking at it. All of it is harmless to show.

    `declared` is the type that its source's browser named, `kind` the one by its content, or None before it arrived.
    """

    id: str
    testimony: str
    name: str
    declared: str
    size: int
    sha256: str
    kind: Kind | None

    @property
    def differs(self) -> bool:
        """Whether it is something else than its source's browser named."""
        return self.kind is not None and not self.kind.is_called(self.declared)


def describe(workspace: Workspace, identifier: str) -> Described:
    """Describe the file of an attachment. Raises DeskError when there is no filed attachment with this id."""
    return _described(workspace, identifier, evidence.find(workspace, identifier))


def describe_all(workspace: Workspace, testimony: str) -> list[Described]:
    """Describe the files of a testimony, in the order in which they came."""
    return [_described(workspace, record.id, found) for record, found in evidence.attachments(workspace, testimony)]


def draw(workspace: Workspace, identifier: str, page: int = 1, *, larger: bool = False) -> Picture:
    """Draw one page, counted from 1, of an image or a PDF.

    Raises ViewingError when it cannot be drawn, and DeskError when there is no filed attachment with this id.
    """
    attachment = evidence.find(workspace, identifier)
    kind = _kind(workspace, attachment)
    if kind is None or kind.shown is not Shown.PIXELS:
        raise ViewingError("it is neither an image nor a PDF that can be drawn")
    if attachment.size > _MOST_BYTES:
        raise ViewingError(f"it is larger than {_MOST_BYTES // 1024**2} MB")
    pieces = evidence.pieces(workspace, attachment)
    return picture.draw(kind.format, pieces, page, LARGER_WIDTH if larger else WIDTH)


def read(workspace: Workspace, identifier: str, page: int = 1, charset: str = "") -> Text:
    """Read one page, counted from 1, of a file that is text. Raises as `draw` does."""
    attachment = evidence.find(workspace, identifier)
    kind = _kind(workspace, attachment)
    if kind is None or kind.shown is not Shown.TEXT:
        raise ViewingError("it is not text")
    return texts.read(evidence.pieces(workspace, attachment), page, charset)


def _described(workspace: Workspace, identifier: str, attachment: Attachment) -> Described:
    return Described(
        id=identifier,
        testimony=attachment.parent,
        name=one_line(attachment.name),
        declared=one_line(attachment.media_type),
        size=attachment.size,
        sha256=attachment.sha256,
        kind=_kind(workspace, attachment),
    )


def _kind(workspace: Workspace, attachment: Attachment) -> Kind | None:
    if not evidence.has_arrived(workspace, attachment):
        return None
    return kind_of(next(evidence.pieces(workspace, attachment), b"")[:HEAD])
