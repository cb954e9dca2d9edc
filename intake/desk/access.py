"""Who may open the workspace: its key is sealed to each reviewer, and becomes another one when a reviewer leaves.

`desk.db` is the workspace, `key.age` its key. Both are copied together for a backup, while no desk is at work in it.
"""

import contextlib
import fcntl
import io
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlcipher3.dbapi2 as sqlcipher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.errors import AgeError, NoMatchError
from intake.age.identities import HybridIdentity
from intake.age.recipients import HybridRecipient, parse_recipient
from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.keys import signing_key
from intake.desk.workspace import NEW, QUARANTINED, WITHDRAWN, Reviewer, Workspace
from intake.encoding import EnvelopeError, decode_base64, encode_base64

FIRST_REVIEWER = "reviewer"
"""What the one is called who made the workspace, unless the key file has a name."""

_KEY_FILE = "key.age"
_NEXT_KEY_FILE = "key.age.next"
_DATABASE = "desk.db"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_PUBLIC_FILE = 64 * 1024


def is_workspace(directory: Path) -> bool:
    """Tell whether there is a workspace in the folder. Raises DeskError when its key is gone."""
    if (directory / _KEY_FILE).exists():
        return True
    if (directory / _DATABASE).exists():
        raise DeskError(f"{directory} has lost its {_KEY_FILE}: put it back from a copy, or use another folder.")
    return False


@contextlib.contextmanager
def open_workspace(
    directory: Path, identities: Sequence[HybridIdentity], name: str = FIRST_REVIEWER
) -> Iterator[Workspace]:
    """Open the workspace in a folder. Raises DeskError when there is none, or the key is not one it is sealed to.

    `name` is what the reviewer is called here if nobody has given them a name yet.
    """
    if not is_workspace(directory):
        raise DeskError(f"There is no workspace in {directory}: `intake-desk open` makes one.")
    try:
        with contextlib.closing(_unsealed(directory, identities)) as workspace:
            with workspace.transaction():
                workspace.reviewer = _enter(workspace, identities, name)
            if workspace.new_key_due:
                _change_key(workspace, directory)
            yield workspace
    except sqlcipher.OperationalError as error:
        raise DeskError(_explained(directory, str(error))) from None
    except sqlcipher.DatabaseError as error:
        raise DeskError(_broken(directory, str(error))) from None


def create_workspace(directory: Path, identities: Sequence[HybridIdentity]) -> None:
    """Make an empty workspace whose key is sealed to the identities. Only its owner may read the folder."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    with _locked(directory):  # of two desks that start at once, the first one's key is the one
        if not (directory / _KEY_FILE).exists():
            recipients = [identity.recipient() for identity in identities]
            _write_key(directory / _KEY_FILE, secrets.token_bytes(32), recipients)


def add_reviewer(workspace: Workspace, directory: Path, public_file: Path) -> str:
    """Let another reviewer open the workspace: the file is the NAME.pub that their `keygen` wrote. Return the name.

    A NAME.sign.pub beside it is the key that their work must be signed with; without it, it is the one that they first
    come with. Raises DeskError when the file is no such key, or the name or the key is here already.
    """
    name = public_file.name.removesuffix(".pub")
    if not _NAME.fullmatch(name):
        raise DeskError("The file's name is the reviewer's: letters, digits, dots, hyphens and underscores, then .pub.")
    recipient = _recipient(public_file)
    beside = public_file.with_name(f"{name}.sign.pub")
    signing = _signing(beside) if beside.exists() else ""
    with _locked(directory), workspace.transaction():
        query = "SELECT name, removed FROM reviewers WHERE name = ? OR recipient = ?"
        found = workspace.execute(query, (name, str(recipient))).fetchall()
        if any(not removed for _, removed in found):
            raise DeskError(f"There is a reviewer with this name or this key already: {found[0][0]}.")
        if found:
            raise DeskError(f"{found[0][0]} was removed: let them make a new key, under another name.")
        workspace.execute("INSERT INTO reviewers VALUES (?, ?, ?, '')", (name, str(recipient), signing))
        trail.write(workspace, "reviewer added", detail={"name": name, "recipient": recipient.fingerprint})
        _write_key(directory / _KEY_FILE, workspace.key, recipients(workspace))
    return name


def remove_reviewer(workspace: Workspace, directory: Path, name: str) -> None:
    """Take away a reviewer's way into the workspace: it gets a new key, which is not sealed to theirs.

    What they did stays. A copy that they have of the workspace as it was stays open to them. Raises DeskError.
    """
    with _locked(directory), workspace.transaction():
        row = workspace.execute("SELECT removed FROM reviewers WHERE name = ?", (name,)).fetchone()
        if row is None or row[0]:
            raise DeskError(f"There is no reviewer {name} here: `intake-desk reviewer list` shows those there are.")
        if name == workspace.reviewer.name:
            raise DeskError("Nobody removes themselves: let another reviewer do it.")
        entry = trail.write(workspace, "reviewer removed", detail={"name": name})
        workspace.execute("UPDATE reviewers SET removed = ? WHERE name = ?", (entry.day, name))
        workspace.execute("UPDATE desk SET new_key_due = 1")
    _change_key(workspace, directory)


def reviewers(workspace: Workspace) -> list[tuple[str, str]]:
    """Return the name of every reviewer, and the day of removal or nothing."""
    return [(name, removed) for name, removed in workspace.execute("SELECT name, removed FROM reviewers ORDER BY name")]


def recipients(workspace: Workspace) -> list[HybridRecipient]:
    """Return the keys of those who may open the workspace."""
    return [HybridRecipient.parse(recipient) for _, recipient, _ in _known(workspace)]


def _change_key(workspace: Workspace, directory: Path) -> None:
    """Give the workspace a key that is sealed to the reviewers of now only. Killed anywhere, the next to open goes on:
    until the last line, both keys are there, and the workspace remembers that a new one is due."""
    with _locked(directory):
        key = secrets.token_bytes(32)
        _write_key(directory / _NEXT_KEY_FILE, key, recipients(workspace))
        workspace.change_key(key)
        (directory / _NEXT_KEY_FILE).replace(directory / _KEY_FILE)
        with workspace.transaction():
            workspace.execute("UPDATE desk SET new_key_due = 0")


def _explained(directory: Path, error: str) -> str:
    if "locked" in error or "busy" in error:
        return f"Another desk is at work in {directory}: wait for it, or end it."
    if "full" in error:
        return f"The disk of {directory} is full: nothing was changed. Make room, then do it again."
    return _broken(directory, error)


def _broken(directory: Path, error: str) -> str:
    return (
        f"The workspace in {directory} cannot be used ({error}): put it back from a copy, or open the bundles again in "
        "another folder."
    )


def _unsealed(directory: Path, identities: Sequence[HybridIdentity]) -> Workspace:
    """Open the database with its key, and finish a change of the key that was broken off."""
    next_file = directory / _NEXT_KEY_FILE
    if next_file.exists():
        with _locked(directory), contextlib.suppress(FileNotFoundError):
            try:
                workspace = _opened(directory, decrypt(next_file.read_bytes(), identities))
                next_file.replace(directory / _KEY_FILE)
                return workspace
            except (AgeError, sqlcipher.DatabaseError):
                workspace = _with_key_file(directory, identities)
                next_file.unlink()
                return workspace
    return _with_key_file(directory, identities)


def _with_key_file(directory: Path, identities: Sequence[HybridIdentity]) -> Workspace:
    try:
        key = decrypt((directory / _KEY_FILE).read_bytes(), identities)
    except NoMatchError:
        raise DeskError(f"This key does not open the workspace in {directory}: use the one it was made with.") from None
    except AgeError as error:
        raise DeskError(f"{directory / _KEY_FILE} is damaged: {error}") from None
    return _opened(directory, key)


def _opened(directory: Path, key: bytes) -> Workspace:
    workspace = Workspace(directory / _DATABASE, key)
    try:
        workspace.prepare()
    except BaseException:
        workspace.close()
        raise
    return workspace


def _enter(workspace: Workspace, identities: Sequence[HybridIdentity], name: str) -> Reviewer:
    """Return who this is, and remember those who come for the first time with the key that they sign with."""
    known = {recipient: (who, signing) for who, recipient, signing in _known(workspace)}
    query = "SELECT name FROM reviewers WHERE recipient = ?"
    for own in identities if not known.keys() & {str(found.recipient()) for found in identities} else ():
        if row := workspace.execute(query, (str(own.recipient()),)).fetchone():
            raise DeskError(f"{row[0]} was removed from this workspace.")
    identity = next((found for found in identities if str(found.recipient()) in known), identities[0])
    key = signing_key(identity)
    signing = encode_base64(key.public_key().public_bytes_raw())
    who, pinned = known.get(str(identity.recipient()), ("", ""))
    if not who:
        who = _free(name if _NAME.fullmatch(name) else FIRST_REVIEWER, {found for found, _ in known.values()})
        workspace.execute("INSERT INTO reviewers VALUES (?, ?, ?, '')", (who, str(identity.recipient()), signing))
    elif not pinned:
        workspace.execute("UPDATE reviewers SET signing = ? WHERE name = ?", (signing, who))
    elif pinned != signing:
        raise DeskError(f"{who} was added with another signing key: add this reviewer again with both public files.")
    reviewer = Reviewer(who, key)
    if not pinned:
        workspace.reviewer = reviewer
        trail.write(workspace, "reviewer came", detail={"name": who, "signing": signing})
        workspace.keep_signing_key(key)
        _take_over_states(workspace)
    return reviewer


def _take_over_states(workspace: Workspace) -> None:
    """Put what was decided before there was a trail into it."""
    query = "kind = 'testimony' AND state NOT IN (?, ?, ?)"
    done = "SELECT 1 FROM trail WHERE record = ? AND event = 'decided'"
    for record in workspace.records(query, (NEW, QUARANTINED, WITHDRAWN)):
        if not workspace.execute(done, (record.id,)).fetchone():
            trail.write(workspace, "decided", record.id, {"state": record.state, "before": NEW})


def _known(workspace: Workspace) -> list[tuple[str, str, str]]:
    query = "SELECT name, recipient, signing FROM reviewers WHERE removed = ''"
    return [(name, recipient, signing) for name, recipient, signing in workspace.execute(query)]


def _free(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _recipient(path: Path) -> HybridRecipient:
    try:
        found = _lines(path)
        if len(found) != 1:
            raise DeskError(f"{path} holds {len(found)} keys: give the NAME.pub that `intake-desk keygen` wrote.")
        recipient = parse_recipient(found[0])
        if isinstance(recipient, HybridRecipient):
            return recipient
        raise DeskError(f"{path} holds a key of the older kind: use one that `intake-desk keygen` made.")
    except AgeError as error:
        raise DeskError(f"{path} is not the NAME.pub that `intake-desk keygen` wrote: {error}") from None


def _signing(path: Path) -> str:
    try:
        (found,) = _lines(path)
        Ed25519PublicKey.from_public_bytes(decode_base64(found, 32))
    except (ValueError, EnvelopeError):
        raise DeskError(f"{path} is not the NAME.sign.pub that `intake-desk keygen` wrote.") from None
    return found


def _lines(path: Path) -> list[str]:
    with path.open("rb") as source:
        content = source.read(_MOST_PUBLIC_FILE)
    try:
        lines = [line.strip() for line in content.decode().splitlines()]
    except UnicodeDecodeError:
        raise DeskError(f"{path} is not a key file.") from None
    return [line for line in lines if line and not line.startswith("#")]


def _write_key(path: Path, key: bytes, recipients: Sequence[HybridRecipient]) -> None:
    """Write the sealed key. It has its name only when it is whole and on the disk: without it, all would be lost."""
    part = path.with_name(f"{path.name}.part")
    with io.FileIO(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
        sink.write(encrypt(key, recipients))
        os.fsync(sink.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    folder = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
