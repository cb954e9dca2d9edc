"""Decrypts envelopes and judges each by itself: what can be done for many at once, on every core of the machine.

The processes that help have the reviewer's identities from the one that starts them, which alone opens the workspace.
"""

import contextlib
import fcntl
import io
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

from intake.age.decrypt import decrypt_with_header
from intake.age.errors import AgeError, NoMatchError
from intake.age.identities import HybridIdentity
from intake.bundle import Entry
from intake.desk.bundles.judging import Grounds, fault
from intake.desk.bundles.reading import Bundle
from intake.desk.errors import DeskError
from intake.encoding import MOST, EnvelopeError
from intake.envelope import FromSource, parse
from intake.tar import BundleError

MOST_SEALED = MOST + 1024 * 1024
"""A sealed envelope is not larger than this (bytes): the envelope, and what sealing adds."""
_BATCH = 64
_BATCH_BYTES = 4 * 1024 * 1024
_PIPE = 1024 * 1024  # bytes that a process that helps may be ahead, besides the batch that it works on
_FEWEST = 256
"""Fewer records than this are done before others could help."""


@dataclass(frozen=True)
class Unsealed:
    """What is in a record, and how many stanzas are in its header.

    `reason` says why there is no envelope in it, or why the envelope, taken by itself, is not what the site would have
    sealed; it is empty when all is well. Only with an envelope there is `content`.
    """

    stanzas: int
    content: bytes
    envelope: FromSource | None
    reason: str


@dataclass(frozen=True)
class Unsealing:
    """How the records of a bundle are unsealed. Everything here raises BundleError as `Bundle.read` does."""

    bundle: Bundle
    identities: Sequence[HybridIdentity]
    grounds: Grounds

    def one(self, entry: Entry) -> Unsealed:
        """Return what is in an intact record."""
        if self.bundle.size(entry.record) > MOST_SEALED:
            return _nothing(entry, 0, "it is too large to be an envelope")
        stanzas = 0
        try:
            header, pieces = decrypt_with_header(io.BytesIO(self.bundle.read(entry.record)), self.identities)
            stanzas = len(header.stanzas)
            content = _unpadded(b"".join(pieces))
        except NoMatchError:
            return Unsealed(0, b"", None, "it is not sealed to our key")
        except AgeError as error:
            return Unsealed(stanzas, b"", None, f"it cannot be decrypted: {error}")
        if not content:
            return Unsealed(stanzas, b"", None, "it is empty")
        try:
            envelope = parse(content)
        except EnvelopeError as error:  # it will never be one: nothing of it is kept
            return _nothing(entry, stanzas, str(error))
        return Unsealed(stanzas, content, envelope, fault(envelope, entry.event, stanzas, self.grounds))

    @contextlib.contextmanager
    def many(self, entries: Sequence[Entry]) -> Iterator[Iterator[Unsealed]]:
        """Give what is in each record, in their order, from as many processes as there are cores.

        Raises DeskError when one of them ends too soon.
        """
        cores = len(os.sched_getaffinity(0))
        if len(entries) < _FEWEST or cores == 1:
            yield map(self.one, entries)
            return
        batches = list(self._batches(entries))
        context = multiprocessing.get_context("fork")
        helpers = []
        receivers: list[Connection] = []
        try:
            for number in range(cores):
                receiver, sender = context.Pipe(duplex=False)
                with contextlib.suppress(OSError):  # more than a user may have
                    fcntl.fcntl(sender.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
                receivers.append(receiver)
                # Forked, so that no secret is handed over where others could see it.
                helper = context.Process(target=self._help, args=(sender, receivers, batches[number::cores]))
                helper.start()
                helpers.append(helper)
                sender.close()
            yield _in_turn(receivers, len(batches))
        finally:
            for receiver in receivers:
                receiver.close()
            for helper in helpers:
                helper.terminate()
                helper.join()

    def _batches(self, entries: Sequence[Entry]) -> Iterator[list[Entry]]:
        batch: list[Entry] = []
        size = 0
        for entry in entries:
            batch.append(entry)
            size += self.bundle.size(entry.record)
            if len(batch) == _BATCH or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _help(self, sender: Connection, inherited: Sequence[Connection], batches: Sequence[Sequence[Entry]]) -> None:
        """Send what is in each batch, or what went wrong; end when nobody listens any more."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who asked for help hears it, too
        for wanted in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(wanted, signal.SIG_DFL)
        for receiver in inherited:  # or each would listen to the others when the one who asked is gone
            receiver.close()
        with contextlib.suppress(BrokenPipeError):
            for batch in batches:
                found: list[Unsealed] | Exception
                try:
                    found = [self.one(entry) for entry in batch]
                except (BundleError, OSError) as error:
                    found = error
                sender.send(found)


def _in_turn(receivers: Sequence[Connection], batches: int) -> Iterator[Unsealed]:
    for number in range(batches):
        try:
            found = receivers[number % len(receivers)].recv()
        except EOFError:
            raise DeskError("A process that helped to decrypt ended too soon: open the bundle again.") from None
        if isinstance(found, Exception):
            raise found
        yield from found


def _unpadded(data: bytes) -> bytes:
    """Return JSON without the spaces after it: `bytes.rstrip` takes half as long as decrypting."""
    end = data.rfind(b"}") + 1
    return data[:end] if data[end:] == b" " * (len(data) - end) else data.rstrip(b" ")


def _nothing(entry: Entry, stanzas: int, reason: str) -> Unsealed:
    unnamed = ", and no filed attachment names it as its file" if entry.event == "added" else ""
    return Unsealed(stanzas, b"", None, f"{reason}{unnamed}")
