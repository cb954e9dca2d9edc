"""What `open` tells at its end: what came, what was refused, and what a withdrawal asks the reviewer to do."""

import re
from collections.abc import Iterator

from intake.desk import evidence
from intake.desk.bundles.filing import Change, Filing
from intake.desk.errors import one_line
from intake.desk.leaving import exports
from intake.desk.workspace import QUARANTINED, Workspace
from intake.envelope import Attachment, Consent, parse

_MOST_NAMED = 10
_ID = re.compile(r"[0-9a-f]{32}")


def report(filing: Filing, workspace: Workspace) -> Iterator[str]:
    """Yield the lines about one run, and none when it changed nothing."""
    changed = filing.changed.values()
    refused = [record for record in changed if record.state == QUARANTINED]
    filed = [record for record in changed if record.filed]
    yield from _refused(refused)
    for record in filed:
        if record.kind == Attachment.kind and not _has_arrived(record.id, workspace):
            yield (
                f"waiting: the file of attachment {record.id} is not here yet. If no other volume brings it, open "
                f"the bundle again that holds entry {record.sequence + 1}."
            )
    for withdrawn in filing.withdrawn:
        yield (
            f"withdrawn: the source of testimony {withdrawn.testimony} took it back. "
            f"{len(withdrawn.records)} record(s) of it were deleted here."
        )
        for day, path in withdrawn.taken_out:
            yield f"withdrawn: a file of it was taken out on {day}: {one_line(path)}. Delete it, and every copy."
        for export in withdrawn.exports:
            yield f"withdrawn: it is in an {export.named}. Delete this file, and every copy."
    for testimony in dict.fromkeys(record.parent for record in filed if record.kind == Consent.kind):
        yield from _narrowed(testimony, workspace)
    if changed or filing.withdrawn:
        yield _counts(filed, len(refused), len(filing.withdrawn))


def _refused(records: list[Change]) -> Iterator[str]:
    """Name each record, but not all of many that were refused for the same reason."""
    alike: dict[str, list[Change]] = {}
    for record in records:
        alike.setdefault(_ID.sub("…", record.reason), []).append(record)
    for reason, found in alike.items():
        for record in found[:_MOST_NAMED]:
            yield f"quarantined: record {record.id} (entry {record.sequence}): {record.reason}"
        if len(found) > _MOST_NAMED:
            yield f"quarantined: {len(found) - _MOST_NAMED} more: {reason}. `intake-desk list` names them all."


def _narrowed(testimony: str, workspace: Workspace) -> Iterator[str]:
    record = workspace.record(testimony)
    for export in exports.not_covered(workspace, record) if record else ():
        yield (
            f"narrowed: testimony {testimony} is in an {export.named}. Its consents no longer cover that: write a new "
            "one, and delete this file, and every copy."
        )


def _counts(filed: list[Change], refused: int, withdrawn: int) -> str:
    new = sum(record.kind == "testimony" for record in filed)
    added = {record.parent for record in filed if record.kind in ("addition", "attachment")}
    consents = {record.parent for record in filed if record.kind == "consent"}
    return (
        f"Testimonies: {new} new, {len(added)} added to, {len(consents)} with changed consents, "
        f"{withdrawn} withdrawn. Refused records: {refused}."
    )


def _has_arrived(identifier: str, workspace: Workspace) -> bool:
    attachment = parse(workspace.found(identifier).content)
    return not isinstance(attachment, Attachment) or evidence.has_arrived(workspace, attachment)
