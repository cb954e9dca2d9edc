"""A server with two recipients, and the desk that holds the key of the first."""

from pathlib import Path

import pytest

from desk.stick import Desk, Server, key_file
from intake.age.decrypt import decrypt
from intake.age.identities import HybridIdentity, ScryptIdentity, parse_identities

DUTY = HybridIdentity.from_seed(b"duty".ljust(32))
ESCROW = HybridIdentity.from_seed(b"escrow".ljust(32))
PASSPHRASE = "correct horse, pile électrique"


@pytest.fixture
def server() -> Server:
    return Server([DUTY.recipient(), ESCROW.recipient()])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, key_file(tmp_path / "duty.key", DUTY))


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """Where a bundle goes."""
    return tmp_path / "bundle.tar"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a key pair that the command made."""
    folder = tmp_path_factory.mktemp("keys")
    desk = Desk(folder, folder / "none")
    result = desk.run("keygen", folder / "new", "--name", "duty", "--passphrase-file", "-", input=f"{PASSPHRASE}\n")
    assert result.returncode == 0, result.stderr
    assert PASSPHRASE not in result.stdout + result.stderr
    return folder / "new"


@pytest.fixture(scope="session")
def identity(made: Path) -> HybridIdentity:
    """What is inside the key file."""
    text = decrypt((made / "duty.key").read_bytes(), [ScryptIdentity(PASSPHRASE)]).decode()
    (found,) = parse_identities(text)
    assert isinstance(found, HybridIdentity)
    return found
