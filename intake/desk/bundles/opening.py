"""Opens bundles: checks the server's key, every digest and the whole log, and only then decrypts and files records.

Every step may be repeated: what is filed stays as it is, and what a killed run left undone is done by the next.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from intake.age.identities import HybridIdentity
from intake.bundle import BRINGS, Manifest
from intake.calls.edition import Edition
from intake.desk.access import FIRST_REVIEWER, create_workspace, is_workspace, open_workspace
from intake.desk.bundles import contacts
from intake.desk.bundles.filing import Filing, opens
from intake.desk.bundles.history import Comparison, compare
from intake.desk.bundles.progress import Follow, unseen
from intake.desk.bundles.reading import Bundle, Trouble, Verified, open_bundle
from intake.desk.bundles.report import report
from intake.desk.errors import DeskError, one_line
from intake.desk.finding import index
from intake.desk.workspace import QUARANTINED, Workspace

_GROUP = 4


@dataclass
class Opening:
    """One run of `open`. `tell` gets each line for the reviewer; `restore_reason` accepts a restored server;
    `name` is what the reviewer is called who comes for the first time; `follow` may show how far it has come.

    `troubles` collects everything that is not as it should be.
    """

    identities: Sequence[HybridIdentity]
    day: str
    tell: Callable[[str], None]
    restore_reason: str = ""
    name: str = FIRST_REVIEWER
    follow: Follow = unseen
    troubles: list[Trouble] = field(default_factory=list)

    def run(self, paths: Sequence[Path], directory: Path, expected_key: str = "") -> None:
        """Open bundles into the workspace, making it if need be, and collect the troubles.

        `expected_key` is the fingerprint that the server's key must have, if given. Raises DeskError or BundleError
        when a bundle may not be opened at all.
        """
        with contextlib.ExitStack() as stack:
            bundles = [stack.enter_context(open_bundle(path)) for path in paths]
            bundles.sort(key=lambda bundle: (bundle.manifest.since, bundle.manifest.until))
            known = is_workspace(directory)
            workspace = stack.enter_context(open_workspace(directory, self.identities, self.name)) if known else None
            pinned = (workspace and workspace.server_key()) or bundles[0].server_key
            for bundle in bundles:
                _check_server_key(bundle.server_key, pinned, expected_key)
            opened = [(bundle, bundle.verify(self.follow)) for bundle in bundles]
            if workspace is None:
                self._check_identities(opened)
                create_workspace(directory, self.identities)
                workspace = stack.enter_context(open_workspace(directory, self.identities, self.name))
            filing = Filing(workspace, self.identities)
            for number, (bundle, found) in enumerate(opened, 1):
                self.troubles += found.troubles
                compared = self._compare(bundle, found, workspace)
                self._take_over(bundle, found, workspace)
                self._file(filing, opened[:number], workspace)
                # Last, so that a desk that is killed before this does not know the log further than its records.
                self._remember_log(bundle, found, compared, workspace)
            self._name_missing(opened, workspace)
            expired = contacts.expire(workspace, self.day)
            self._index(workspace)
            self._conclude(bundles[-1].manifest, filing, expired, workspace)

    def _check_identities(self, opened: Sequence[tuple[Bundle, Verified]]) -> None:
        """Before a workspace is sealed to these identities, they must open something."""
        records = [(bundle, record) for bundle, found in opened for record in found.records]
        if records and not any(opens(self.identities, bundle, record) for bundle, record in records):
            raise DeskError(
                f"This key opens none of the {len(records)} record(s) here: use the key that testimonies are sealed to."
            )

    def _compare(self, bundle: Bundle, found: Verified, workspace: Workspace) -> Comparison:
        """Compare the log in a bundle with the one that is known, and tell what is wrong, or was accepted."""
        manifest = bundle.manifest
        newer = not workspace.has_opened(manifest) and manifest.day >= workspace.last_day()
        comparison = compare(manifest, found.entries, workspace, newer=newer)
        if comparison.diverges is None or not self.restore_reason:
            self.troubles += comparison.troubles
            return comparison
        if comparison.diverges <= manifest.since:
            raise DeskError("To accept a restored server, ask the operator for an export without --since.")
        for trouble in comparison.troubles:
            self.tell(f"accepted: {trouble.kind}: {trouble.text}")
        return comparison

    def _take_over(self, bundle: Bundle, found: Verified, workspace: Workspace) -> None:
        """Take over what the bundle says about the server, and the editions that it brings."""
        with workspace.transaction():
            self._remember_server(bundle, workspace)
            for edition in self._new_editions(found, workspace):
                workspace.add_edition(edition)

    def _file(self, filing: Filing, opened: Sequence[tuple[Bundle, Verified]], workspace: Workspace) -> None:
        """File the records of the last of some bundles, and what of the others only waited for these."""
        bundle, found = opened[-1]

        def meanwhile() -> None:
            index.refresh(workspace)

        with workspace.in_order():
            self.troubles += filing.file_all(bundle, [*found.records.values()], workspace.told, self.follow, meanwhile)
            filing.judge_again()
            for earlier, there in opened:
                filing.file_waiting(earlier, there.records)

    def _remember_log(self, bundle: Bundle, found: Verified, compared: Comparison, workspace: Workspace) -> None:
        """Take over the log of the bundle, if it continues the one that is known or its restoring is accepted."""
        with workspace.transaction():
            if compared.diverges is not None and self.restore_reason:
                workspace.forget_log(compared.diverges)
                workspace.note(self.day, "restore accepted", self.restore_reason)
            if compared.diverges is None or self.restore_reason:
                workspace.remember_log(bundle.manifest, found.entries)

    def _remember_server(self, bundle: Bundle, workspace: Workspace) -> None:
        if workspace.server_key() is None:
            self.tell(f"The server's key, seen for the first time: {fingerprint(bundle.server_key)}")
            self.tell("Compare it with the fingerprint that the operator gives you by another way.")
            workspace.pin(bundle.server_key)
        seen = workspace.recipients()
        for recipient in bundle.manifest.recipients:
            if recipient.recipient not in seen:
                name = f"{recipient.recipient} ({one_line(recipient.comment)}; {recipient.day})"
                self.tell(f"A key that testimonies are sealed to, seen for the first time: {name}")
        workspace.add_recipients(bundle.manifest.recipients)

    def _new_editions(self, found: Verified, workspace: Workspace) -> Iterator[Edition]:
        """Yield the editions that are not kept yet, are what their digest says, and can be read."""
        for sha256, files in found.editions.items():
            if workspace.edition(sha256) is not None:
                continue
            edition = Edition({name: content for name, content in files.items() if "/" not in name})
            if edition.sha256 != sha256:
                self.troubles.append(Trouble("altered", f"the edition {sha256} is not the one that its name says"))
                continue
            try:
                for language in edition.languages:
                    edition.notice_sha256(language)
            # What a hostile catalogue can make its reader raise, besides CallError, which is a ValueError.
            except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
                self.troubles.append(Trouble("altered", f"the edition {sha256} cannot be read: {error}"))
                continue
            yield edition

    def _name_missing(self, opened: Sequence[tuple[Bundle, Verified]], workspace: Workspace) -> None:
        """Name what the server does not have, unless its log says that it was purged."""
        missing = [
            entry
            for bundle, found in opened
            for entry in found.entries.values()
            if entry.event in BRINGS and entry.record not in bundle.manifest.records
        ]
        if not missing:
            return
        here = (entry.record for _, found in opened for entry in found.entries.values() if entry.event == "purged")
        purged = workspace.purged().union(here)
        never_seen = 0
        for entry in missing:
            if entry.record in purged:
                never_seen += workspace.record(entry.record) is None
                continue
            what = f"record {entry.record} (entry {entry.sequence})"
            text = f"{what} is in the log and no longer on the server, and the log has no purge of it"
            self.troubles.append(Trouble("dropped", text))
        if never_seen:
            self.tell(
                f"{never_seen} record(s) were deleted on the server before this desk saw them: withdrawn, or too old."
            )

    def _index(self, workspace: Workspace) -> None:
        (waiting,) = workspace.execute("SELECT count(*) FROM stale").fetchone()
        with workspace.in_order(), self.follow("Indexing", waiting) as tell:
            index.refresh(workspace, lambda done, _: tell(done))

    def _conclude(self, manifest: Manifest, filing: Filing, expired: int, workspace: Workspace) -> None:
        for line in report(filing, workspace):
            self.tell(line)
        if expired:
            self.tell(f"Contact data of {expired} record(s) were deleted: they are older than the call keeps them.")
        states = [record.state for record in filing.changed.values()]
        refused = states.count(QUARANTINED)
        news = f"{len(states) - refused} record(s) opened, {refused} quarantined." if states else "Nothing new."
        last, _ = workspace.head()
        self.tell(f"{news} The bundle is of {manifest.day}; this desk knows the log up to entry {last}.")
        workspace.has_told(last)


def fingerprint(server_key: bytes) -> str:
    """Return the SHA-256 of a server's key, in hex, in groups that can be compared aloud."""
    digest = hashlib.sha256(server_key).hexdigest()
    return " ".join(digest[start : start + _GROUP] for start in range(0, len(digest), _GROUP))


def _check_server_key(server_key: bytes, pinned: bytes, expected: str) -> None:
    actual = fingerprint(server_key)
    if server_key != pinned:
        raise DeskError(
            f"The bundle is signed by another server key ({actual}) than the one this desk knows "
            f"({fingerprint(pinned)}): do not trust it, and ask the operator by another way."
        )
    if expected and "".join(expected.replace(":", " ").split()).lower() != actual.replace(" ", ""):
        raise DeskError(f"The server's key is {actual}, which is not the one you gave: do not trust the bundle.")
