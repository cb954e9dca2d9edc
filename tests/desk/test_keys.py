"""Making keys, asking for passphrases, and opening one file by hand."""

import base64
import io
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from desk.conftest import PASSPHRASE
from desk.stick import Desk, Server, key_file
from intake.age.armor import ArmorWriter
from intake.age.decrypt import decrypt
from intake.age.encrypt import Encryptor, encrypt
from intake.age.identities import HybridIdentity, ScryptIdentity, X25519Identity
from intake.age.recipients import ScryptRecipient, parse_recipients


def test_keygen_writes_three_files(made: Path, identity: HybridIdentity) -> None:
    assert sorted(path.name for path in made.iterdir()) == ["duty.key", "duty.pub", "duty.sign.pub"]
    assert stat.S_IMODE((made / "duty.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert (made / "duty.key").read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert decrypt((made / "duty.key").read_bytes(), [ScryptIdentity(PASSPHRASE)]).startswith(b"# created: 20")
    lines = (made / "duty.pub").read_text().splitlines()
    assert lines[0] == "# role: reviewer"
    assert lines[1].startswith("# made: 20")
    assert lines[2] == "# purpose: testimonies"
    assert lines[3:] == [str(identity.recipient())]
    (recipient,) = parse_recipients((made / "duty.pub").read_text())
    assert recipient.fingerprint == identity.recipient().fingerprint


def test_the_signing_key_comes_from_the_identity(made: Path, identity: HybridIdentity) -> None:
    seed = HKDF(SHA256(), 32, None, b"intake/1 desk signing").derive(identity.seed)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    lines = (made / "duty.sign.pub").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [base64.b64encode(public).decode()]


def test_keygen_never_overwrites(made: Path) -> None:
    before = {path: path.read_bytes() for path in made.iterdir()}
    desk = Desk(made, made)
    result = desk.run("keygen", made, "--name", "duty", "--passphrase-file", "-", input="x\n")
    assert result.returncode == 1
    assert "is there already" in result.stderr
    assert {path: path.read_bytes() for path in made.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (["--passphrase-file", "-"], "\n", "The passphrase is empty"),
        (["--passphrase-file", "-"], "", "The passphrase is empty"),
        ([], None, "There is no terminal"),
        (["--passphrase-file", "/nowhere"], None, "/nowhere: No such file"),
        (["--passphrase-file", "-", "--name", "../up"], "x\n", "letters, digits"),
    ],
)
def test_keygen_needs_a_passphrase_and_a_name(
    tmp_path: Path, arguments: list[str], given: str | None, words: str
) -> None:
    options = {} if given is None else {"input": given}
    result = Desk(tmp_path, tmp_path).run("keygen", tmp_path / "new", "--name", "duty", *arguments, **options)
    assert result.returncode == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("given", "short"), [("fourteen chars", True), ("fifteen letters", False)])
def test_a_short_passphrase_is_pointed_out(tmp_path: Path, given: str, short: bool) -> None:
    """The key is made all the same. A demonstration's is not meant to keep anybody out."""
    for name, options in (("duty", ()), ("shown", ("--demo",))):
        arguments = ("keygen", tmp_path / name, "--name", name, "--passphrase-file", "-", *options)
        result = Desk(tmp_path, tmp_path).run(*arguments, input=f"{given}\n")
        assert result.returncode == 0
        assert ("This passphrase is short" in result.stderr) is (short and not options)


def test_demo_keys_say_so(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("demo\r\n")
    arguments = ["--name", "demo", "--demo", "--passphrase-file", tmp_path / "passphrase"]
    assert Desk(tmp_path, tmp_path).run("keygen", tmp_path, *arguments).returncode == 0
    for name in ("demo.pub", "demo.sign.pub"):
        assert "# demo" in (tmp_path / name).read_text().splitlines()
    assert b"# demo\n" in decrypt((tmp_path / "demo.key").read_bytes(), [ScryptIdentity("demo")])


def test_a_protected_key_opens_a_bundle_and_a_wrong_passphrase_does_not(
    made: Path, identity: HybridIdentity, tmp_path: Path
) -> None:
    server = Server([identity.recipient()])
    record = server.receive()
    server.export(tmp_path / "bundle.tar")
    desk = Desk(tmp_path, made / "duty.key")
    result = desk.open(tmp_path / "bundle.tar")
    assert (result.returncode, "There is no terminal" in result.stderr) == (1, True)
    arguments = ["--workspace", desk.workspace, "--key", desk.key, "--passphrase-file", "-"]
    for command in (["open", tmp_path / "bundle.tar"], ["list"]):
        result = desk.run(*command, *arguments, input="wrong horse\n")
        assert result.returncode == 1
        assert result.stderr == f"Error: The passphrase does not open {desk.key}.\n"
        result = desk.run(*command, *arguments, input=f"{PASSPHRASE}\n")
        assert result.returncode == 0, result.stderr
    assert record in result.stdout


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x00\xff" * 50, b"age1pq1xyz\n", b"-----BEGIN AGE ENCRYPTED\n"])
def test_what_is_no_key_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "sealed").write_bytes(b"")
    desk = Desk(tmp_path, tmp_path / "key")
    arguments = ["--key", desk.key, "--out", tmp_path / "out", "--passphrase-file", "-"]
    result = desk.run("decrypt", tmp_path / "sealed", *arguments, input="x\n")
    assert result.returncode == 1
    assert "is not a key file" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def armored(plaintext: bytes, identity: HybridIdentity) -> bytes:
    sink = io.BytesIO()
    with ArmorWriter(sink) as armor, Encryptor(armor, [identity.recipient()]) as encryptor:
        encryptor.write(plaintext)
    return sink.getvalue()


@pytest.mark.parametrize("size", [0, 10, 300_000])
def test_one_file_by_hand(tmp_path: Path, size: int) -> None:
    identity = HybridIdentity.generate()
    plaintext = os.urandom(size)
    desk = Desk(tmp_path, key_file(tmp_path / "key", identity))
    sealings = {"plain": encrypt(plaintext, [identity.recipient()]), "armored": armored(plaintext, identity)}
    for name, sealed in sealings.items():
        (tmp_path / name).write_bytes(sealed)
        out = tmp_path / f"{name}.out"
        result = desk.run("decrypt", tmp_path / name, "--key", desk.key, "--out", out)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert out.read_bytes() == plaintext
        assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_classic_key_opens_a_file_by_hand(tmp_path: Path) -> None:
    classic = X25519Identity.generate()
    (tmp_path / "key").write_text(f"# a comment\n{classic}\n")
    (tmp_path / "sealed").write_bytes(encrypt(b"hello", [classic.recipient()]))
    result = Desk(tmp_path, tmp_path).run(
        "decrypt", tmp_path / "sealed", "--key", tmp_path / "key", "--out", tmp_path / "out"
    )
    assert (result.returncode, (tmp_path / "out").read_bytes()) == (0, b"hello")


def test_a_failure_by_hand_writes_nothing(tmp_path: Path) -> None:
    identity, stranger = HybridIdentity.generate(), HybridIdentity.generate()
    desk = Desk(tmp_path, key_file(tmp_path / "key", identity))
    sealed = encrypt(os.urandom(200_000), [identity.recipient()])
    cases = {
        "cut": (sealed[:-1], "cannot be opened"),
        "more": (sealed + b"x", "cannot be opened"),
        "text": (b"hello", "cannot be opened"),
        "strange": (encrypt(b"hello", [stranger.recipient()]), "This key does not open"),
        "passphrase": (encrypt(b"hello", [ScryptRecipient("x", 1)]), "This key does not open"),
    }
    for name, (content, _) in cases.items():
        (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    for name, (_, words) in cases.items():
        result = desk.run("decrypt", tmp_path / name, "--key", desk.key, "--out", tmp_path / "out")
        assert result.returncode == 1
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert sorted(tmp_path.iterdir()) == before
    result = desk.run("decrypt", tmp_path / "cut", "--key", desk.key, "--out", tmp_path / "text")
    assert (result.returncode, "is there already" in result.stderr) == (1, True)
    assert (tmp_path / "text").read_bytes() == b"hello"
