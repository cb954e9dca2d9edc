"""Compares the log in a bundle with the one that this desk accepted before, and names what the server changed."""

from collections.abc import Mapping
from dataclasses import dataclass

from intake.bundle import START, Entry, Manifest
from intake.desk.bundles.reading import Trouble
from intake.desk.errors import DeskError
from intake.desk.workspace import Known, Workspace


@dataclass(frozen=True)
class Comparison:
    """`diverges` is the first sequence number at which the two logs differ, or None when one continues the other."""

    diverges: int | None
    troubles: tuple[Trouble, ...]


def compare(manifest: Manifest, entries: Mapping[int, Entry], workspace: Workspace, *, newer: bool) -> Comparison:
    """Compare the entries of a bundle with the accepted log.

    `newer` says that the bundle was not opened before and is not older than those that were: its log may not end
    earlier than theirs. Raises DeskError when entries between the two logs are missing.
    """
    last, _ = workspace.head()
    if manifest.since > last:
        raise DeskError(
            f"This bundle starts after entry {manifest.since}, and this desk knows the log up to entry {last}: "
            f"open the bundle between them first, or ask the operator for `intake export --since {last}`."
        )
    diverges = _diverges(manifest, workspace.log(manifest.since, manifest.until))
    ends_there = manifest.volume == manifest.volumes
    if diverges is None and newer and ends_there and manifest.until < last:
        diverges = manifest.until + 1
    if diverges is None:
        return Comparison(None, ())
    known = workspace.log(diverges, last if ends_there else manifest.until)
    old = {sequence: entry for sequence, found in known.items() if (entry := found.entry)}
    new = {sequence: entry for sequence, entry in entries.items() if sequence >= diverges}
    return Comparison(diverges, (*_changes(old, new), _rolled_back(diverges, last)))


def _diverges(manifest: Manifest, log: Mapping[int, Known]) -> int | None:
    if manifest.previous != (log[manifest.since].digest if manifest.since else START):
        return manifest.since
    digests = enumerate(manifest.log, manifest.since + 1)
    return next((at for at, digest in digests if at in log and log[at].digest != digest), None)


def _changes(old: Mapping[int, Entry], new: Mapping[int, Entry]) -> list[Trouble]:
    """Name each entry that changed: an entry is known again by its event and its record."""
    troubles = []
    places = {(entry.event, entry.record): entry for entry in new.values()}
    reached = 0
    for sequence, entry in old.items():
        now = places.pop((entry.event, entry.record), None)
        what = f"record {entry.record} ({entry.event}, entry {sequence})"
        if now is None:
            troubles.append(Trouble("dropped", f"{what} is in the log that this desk knows, and no longer in this one"))
            continue
        if now.sha256 != entry.sha256 or now.day != entry.day:
            troubles.append(Trouble("altered", f"{what} has another digest or day than this desk knows"))
        if now.sequence < reached:
            troubles.append(Trouble("reordered", f"{what} now stands before others that came earlier"))
        reached = max(reached, now.sequence)
    troubles += [
        Trouble(
            "added", f"record {entry.record} ({entry.event}) now stands at entry {entry.sequence}, among older ones"
        )
        for entry in places.values()
        if entry.sequence < reached
    ]
    return troubles


def _rolled_back(diverges: int, last: int) -> Trouble:
    return Trouble(
        "rolled back",
        f"from entry {diverges} on, the server's log is not the one that this desk knows up to entry {last}. Ask the "
        "operator by another way; if a backup was restored, open the bundle again with --accept-restore REASON",
    )
