"""Other reviewers: with the same workspace, or with one of their own."""

from pathlib import Path

from desk.stick import Desk, key_file
from intake.age.identities import HybridIdentity
from intake.desk.keys import signing_key
from intake.encoding import encode_base64


def identity_of(name: str) -> HybridIdentity:
    return HybridIdentity.from_seed(name.encode().ljust(32))


def key_of(folder: Path, name: str) -> Path:
    """Write NAME.key, NAME.pub and NAME.sign.pub, as `keygen` does but without a passphrase; return the first."""
    folder.mkdir(exist_ok=True)
    identity = identity_of(name)
    public = encode_base64(signing_key(identity).public_key().public_bytes_raw())
    (folder / f"{name}.pub").write_text(f"# role: reviewer\n{identity.recipient()}\n")
    (folder / f"{name}.sign.pub").write_text(f"# role: reviewer\n{public}\n")
    return key_file(folder / f"{name}.key", identity)


def colleague(desk: Desk, name: str) -> Desk:
    """Another reviewer at the same workspace, who was not added yet."""
    return Desk(desk.folder, key_of(desk.folder / "keys", name))


def joined(desk: Desk, name: str) -> Desk:
    """Another reviewer at the same workspace."""
    other = colleague(desk, name)
    result = desk.at_desk("reviewer", "add", other.key.with_suffix(".pub"))
    assert result.returncode == 0, result.stderr
    return other
