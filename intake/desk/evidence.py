"""Files that sources attached: their bytes in parts in the workspace, and the way out of it.

An attachment is two records: what the file is, and its bytes. The bytes are recognised only by a filed attachment that
names their record; what else may be in them is nobody's business before that.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.plaintext import check_new, full_path, write_new
from intake.desk.workspace import CONTENT, Record, Workspace
from intake.envelope import Attachment, padded_size, parse

PART_SIZE = 1024 * 1024
"""Bytes of a file in one row of the workspace."""


class ContentError(Exception):
    """The bytes are not those that the attachment describes. The message says why."""


def conflict(workspace: Workspace, identifier: str, attachment: Attachment) -> str:
    """Return why an attachment may not have the bytes that it names, or nothing."""
    held = workspace.record(attachment.content)
    if attachment.content == identifier or (held and held.kind != CONTENT and held.filed):
        return "it names as its file a record that is none"
    other = naming(workspace, attachment.content)
    return f"it names the file of another attachment, {other}" if other not in ("", identifier) else ""


def expect(workspace: Workspace, identifier: str, attachment: Attachment) -> None:
    """Remember whose bytes the record is that an attachment names. What another attachment named first stays so."""
    workspace.execute("INSERT OR IGNORE INTO files VALUES (?, ?)", (attachment.content, identifier))


def naming(workspace: Workspace, content: str) -> str:
    """Return the id of the attachment that names a record as its bytes, or nothing."""
    row = workspace.execute("SELECT attachment FROM files WHERE content = ?", (content,)).fetchone()
    return str(row[0]) if row else ""


def keep(workspace: Workspace, content: str, attachment: Attachment, pieces: Iterable[bytes]) -> None:
    """Keep the bytes of a file, given with their padding, in parts and in constant memory.

    Runs in the caller's transaction. Raises ContentError when they are not what the attachment says; then the caller
    takes the transaction back.
    """
    workspace.execute("DELETE FROM parts WHERE record = ?", (content,))
    digest = hashlib.sha256()
    part = bytearray()
    kept = total = number = 0
    for piece in pieces:
        total += len(piece)
        true, padding = piece[: attachment.size - kept], piece[attachment.size - kept :]
        if any(padding):
            raise ContentError("its padding is not zeros")
        digest.update(true)
        part += true
        kept += len(true)
        if len(part) >= PART_SIZE:
            _put(workspace, content, number, part[:PART_SIZE])
            del part[:PART_SIZE]
            number += 1
    if part:
        _put(workspace, content, number, part)
    if total != padded_size(attachment.size):
        raise ContentError("its length is not that of the file its attachment describes")
    if digest.hexdigest() != attachment.sha256:
        raise ContentError("it is not the file its attachment describes")


def attachments(workspace: Workspace, testimony: str) -> Iterator[tuple[Record, Attachment]]:
    """Yield the filed attachments of a testimony, in the order of the log."""
    for record in workspace.children(testimony, Attachment.kind):
        envelope = parse(record.content)
        if isinstance(envelope, Attachment):
            yield record, envelope


def has_arrived(workspace: Workspace, attachment: Attachment) -> bool:
    """Tell whether the bytes of an attachment are in the workspace."""
    record = workspace.record(attachment.content)
    return record is not None and record.filed and record.kind == CONTENT


def find(workspace: Workspace, identifier: str) -> Attachment:
    """Return what a source says of a file. Raises DeskError when there is no filed attachment with this id."""
    record = workspace.found(identifier)
    found = parse(record.content) if record.kind == Attachment.kind else None
    if not isinstance(found, Attachment):
        raise DeskError("There is no attachment with this id: `intake-desk show` lists those of a testimony.")
    return found


def pieces(workspace: Workspace, attachment: Attachment) -> Iterator[bytes]:
    """Yield the bytes of a file, PART_SIZE of them at a time. There are none before it has arrived."""
    query = "SELECT content FROM parts WHERE record = ? ORDER BY number"
    for (part,) in workspace.execute(query, (attachment.content,)):
        yield part


def take_out(workspace: Workspace, identifier: str, out: Path, day: str) -> Attachment:
    """Write an attachment's file for its owner only, and remember that it was taken out, and where to.

    Not inside a transaction. Raises DeskError when there is no such file or `out` is there already, and OSError; then
    nothing is left behind.
    """
    attachment = find(workspace, identifier)
    if not has_arrived(workspace, attachment):
        raise DeskError("The file of this attachment has not arrived: open the bundle that brings it.")
    check_new(out)
    # Before the file is there: it may be on the list and not there, but never there and not on the list.
    with _remembered(workspace, identifier, out, day):
        write_new(out, pieces(workspace, attachment))
    with workspace.transaction():
        trail.write(workspace, "file taken out", attachment.parent, {"attachment": identifier})
    return attachment


def taken_out(workspace: Workspace, testimony: str) -> list[tuple[str, str]]:
    """Return the day and the path of every file that anything of a testimony was written to, withdrawn or not."""
    query = (
        "SELECT taken_out.day, path FROM taken_out JOIN records ON records.id = record "
        "WHERE records.id = ? OR parent = ? ORDER BY taken_out.id"
    )
    return [(day, path) for day, path in workspace.execute(query, (testimony, testimony))]


def _put(workspace: Workspace, content: str, number: int, part: bytearray) -> None:
    workspace.execute("INSERT INTO parts VALUES (?, ?, ?)", (content, number, bytes(part)))


@contextlib.contextmanager
def _remembered(workspace: Workspace, identifier: str, out: Path, day: str) -> Iterator[None]:
    row = (identifier, day, full_path(out))
    number = workspace.execute("INSERT INTO taken_out (record, day, path) VALUES (?, ?, ?)", row).lastrowid
    try:
        yield
    except BaseException:
        if not os.path.lexists(out):
            workspace.execute("DELETE FROM taken_out WHERE id = ?", (number,))
        raise
