"""Brings the work of two desks together: one writes a file, the other merges it, and then the other way round.

The file holds the whole trail, what was written to sources, and what these sent to take back their words or to change
what they agreed to. It is sealed to the reviewers of the desk that writes it. Every entry is signed by who made it and
every request by its source, so nobody can put words into another's mouth; who writes the file signs it as a whole.
"""

import base64
import datetime
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO

from intake.age.decrypt import decrypt_stream
from intake.age.encrypt import Encryptor
from intake.age.errors import AgeError, NoMatchError
from intake.age.identities import HybridIdentity
from intake.desk import access, messages, projections, shapes, trail
from intake.desk.bundles.filing import Filing
from intake.desk.bundles.report import report
from intake.desk.errors import DeskError
from intake.desk.messages import Sent
from intake.desk.plaintext import check_new
from intake.desk.trail import Entry
from intake.desk.workspace import QUARANTINED, WITHDRAWN, Record, Workspace
from intake.encoding import (
    MOST,
    EnvelopeError,
    canonical,
    check_signature,
    encode_base64,
    parse_json,
    signing_input,
)
from intake.envelope import Consent, Withdrawal, parse
from intake.tar import write_whole

FORMAT = "intake-work/1"
PURPOSE = "work"

_DAMAGED = "The file is damaged, or no file of work: ask for it again."
_REQUESTS = (Consent.kind, Withdrawal.kind)


@dataclass(frozen=True)
class Merged:
    """What came: how many entries of each reviewer, and the lines about what sources asked for."""

    entries: Mapping[str, int]
    requests: Sequence[str]

    def lines(self) -> Iterator[str]:
        """Yield what the reviewer is told."""
        yield from self.requests
        for name, count in sorted(self.entries.items()):
            yield f"{count} entries of work by {name} are new here."
        if not self.entries:
            yield "No work is new here."


def write(workspace: Workspace, path: Path) -> int:
    """Write the work of this desk to a new file for another one, and return how many entries it holds.

    Raises DeskError when the file is there already, and OSError; then nothing is written.
    """
    check_new(path)
    count = 0

    def seal(sink: BinaryIO) -> None:
        nonlocal count
        digest = hashlib.sha256()
        with Encryptor(sink, access.recipients(workspace)) as encryptor:
            for line in _lines(workspace):
                count += "entry" in line
                written = canonical(line) + b"\n"
                digest.update(written)
                encryptor.write(written)
            signature = workspace.reviewer.key.sign(signing_input(PURPOSE, {"sha256": digest.hexdigest()}))
            last = {"reviewer": workspace.reviewer.name, "signature": encode_base64(signature)}
            encryptor.write(canonical(last) + b"\n")

    with workspace.transaction():  # nobody else changes anything meanwhile
        write_whole([path], [seal])
    return count


def merge(workspace: Workspace, path: Path, identities: Sequence[HybridIdentity]) -> Merged:
    """Take over what another desk wrote: all of it, or nothing.

    Raises DeskError when it is not sealed to this reviewer, is damaged, comes from a desk of another server, or holds
    work of somebody who is no reviewer here; and OSError.
    """
    with path.open("rb") as source, workspace.transaction():
        try:
            merging = _Merging(workspace, identities)
            merging.take(_split(decrypt_stream(source, identities)))
            return merging.finish()
        except NoMatchError:
            raise DeskError(
                "This file is not sealed to your key: let the other desk add you with `intake-desk reviewer add`, and "
                "write it again."
            ) from None
        except (AgeError, EnvelopeError, KeyError, TypeError, ValueError):
            raise DeskError(_DAMAGED) from None


class _Merging:
    """One merge, inside the caller's transaction."""

    def __init__(self, workspace: Workspace, identities: Sequence[HybridIdentity]) -> None:
        self._workspace = workspace
        # What comes was opened by the other desk: the key of who merges need not be one it was sealed to.
        self._filing = Filing(workspace, identities, workspace.recipients())
        self._entries: Counter[str] = Counter()
        self._without_detail: list[Entry] = []
        self._tomorrow = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
        self._keys = dict(workspace.execute("SELECT name, signing FROM reviewers").fetchall())

    def take(self, lines: Iterable[bytes]) -> None:
        """Take over every line; the last one must be the signature of a reviewer of this desk."""
        digest = hashlib.sha256()
        signed = False
        for number, line in enumerate(lines):
            found = parse_json(line)
            if signed or not isinstance(found, dict):
                raise EnvelopeError("there is something after its end")
            if number == 0:
                self._begin(found)
            elif "entry" in found:
                self._take_entry(Entry(**found["entry"]))
            elif "message" in found:
                messages.take_over(self._workspace, found["record"], Sent(**found["message"]))
            elif "record" in found:
                self._take_request(_record(found["record"]))
            else:
                self._check_signature(found, digest.hexdigest())
                signed = True
            digest.update(line + b"\n")
        if not signed:
            raise EnvelopeError("its end is missing")

    def finish(self) -> Merged:
        """Bring the tables up to date."""
        self._filing.judge_again()
        if any(self._is_to_have_one(entry) for entry in self._without_detail):
            raise EnvelopeError("the detail of an entry is missing")
        projections.rebuild(self._workspace)
        return Merged(self._entries, [*report(self._filing, self._workspace)])

    def _is_to_have_one(self, entry: Entry) -> bool:
        """Only a withdrawal takes the detail of an entry away, and a file brings those that it knows of."""
        about = self._workspace.record(entry.record)
        return not entry.record or (about is not None and about.filed)

    def _begin(self, head: Mapping[str, Any]) -> None:
        if head["format"] != FORMAT:
            raise EnvelopeError("it is of another format")
        server = _server(self._workspace)
        if head["server"] and server and head["server"] != server:
            raise DeskError("This file comes from a desk of another server: only desks of one server are merged.")

    def _take_entry(self, entry: Entry) -> None:
        shapes.check(entry)
        parent = self._workspace.record(entry.record) if entry.record else None
        if parent is not None and parent.state == WITHDRAWN:
            entry = replace(entry, text=None)
        if entry.at > self._tomorrow:
            raise DeskError(
                f"The file holds work of {entry.day}, a day that has not come: set the clocks of both machines right. "
                "What is dated so can be merged from that day on."
            )
        held = self._held(entry.digest)
        if held and (entry.text is None or held.text is not None):
            return
        key = self._keys.get(entry.reviewer, "")
        if not key:
            raise DeskError(
                f"The file holds work of {entry.reviewer}, who is no reviewer here: add them first, with "
                "`intake-desk reviewer add` and both public files of theirs."
            )
        try:
            entry.verify(trail.public_key(key))
        except EnvelopeError:
            raise DeskError(
                f"Entry {entry.number} of the file is not what {entry.reviewer} signed: do not trust this file."
            ) from None
        if held:
            trail.complete(self._workspace, entry)
            return
        followed = [self._held(digest) for digest in entry.previous.split()]
        there = [found for found in followed if found]
        number = max((found.number for found in there), default=0) + 1
        if len(there) < len(followed) or entry.number != number or any(entry.at < found.at for found in there):
            raise EnvelopeError("an entry does not follow those that it names")
        trail.insert(self._workspace, entry)
        self._entries[entry.reviewer] += 1
        if entry.text is None:
            self._without_detail.append(entry)

    def _take_request(self, record: Record) -> None:
        """Keep a request as one that waits: it is judged like any other, so only its source can have made it.

        It has no place in the log that this desk knows, until a bundle brings it.
        """
        if parse(record.content).kind not in _REQUESTS:
            raise EnvelopeError("a record in it is no request")
        if self._workspace.record(record.id) is None:
            waiting = replace(record, state=QUARANTINED, reason="it came from another desk", sequence=0)
            self._workspace.save(waiting)

    def _check_signature(self, last: Mapping[str, Any], sha256: str) -> None:
        active = {name for name, removed in access.reviewers(self._workspace) if not removed}
        if last["reviewer"] not in active:
            raise DeskError(
                "Who wrote this file is no reviewer here: add them first, with both public files of theirs."
            )
        key = trail.public_key(self._keys[last["reviewer"]])
        check_signature(key, last["signature"], PURPOSE, {"sha256": sha256})

    def _held(self, digest: str) -> Entry | None:
        return next(trail.entries(self._workspace, "digest = ?", (digest,)), None)


def _lines(workspace: Workspace) -> Iterator[dict[str, Any]]:
    yield {"format": FORMAT, "server": _server(workspace)}
    for entry in trail.entries(workspace):
        yield {"entry": asdict(entry)}
    for (testimony,) in workspace.execute("SELECT DISTINCT record FROM messages ORDER BY record").fetchall():
        for message in messages.sent(workspace, testimony):
            yield {"message": asdict(message), "record": testimony}
    for record in workspace.records("kind IN (?, ?)", _REQUESTS):
        if record.filed:
            yield {"record": {**asdict(record), "content": base64.b64encode(record.content).decode()}}


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream, without their ends."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
        if len(rest) > MOST:
            raise EnvelopeError("a line of it is too large")
    if rest:
        raise EnvelopeError("its last line is cut off")


def _record(found: Mapping[str, Any]) -> Record:
    numbers = {"sequence", "stanzas"}
    if set(found) != {field.name for field in fields(Record)} or not all(
        type(value) is (int if name in numbers else str) for name, value in found.items()
    ):
        raise EnvelopeError("a record in it is malformed")
    return Record(**{**found, "content": base64.b64decode(found["content"], validate=True)})


def _server(workspace: Workspace) -> str:
    key = workspace.server_key()
    return key.hex() if key else ""
