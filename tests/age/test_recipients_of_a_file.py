"""Who may open a file: which recipients go together, and which identities match."""

import io
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from intake.age import primitives
from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.errors import HeaderError, NoMatchError, RecipientsError
from intake.age.header import MAX_HEADER_SIZE, Stanza, encode_header, read_header
from intake.age.identities import HybridIdentity, ScryptIdentity, X25519Identity
from intake.age.recipients import Recipient, ScryptRecipient

HYBRID = [HybridIdentity.from_seed(bytes([number]) * 32) for number in range(3)]
CLASSIC = X25519Identity(bytes(range(32)))
PASSPHRASE = ScryptRecipient("correct horse", work_factor=4)


def test_each_recipient_opens_the_file_and_no_one_else() -> None:
    file = encrypt(b"text", [HYBRID[0].recipient(), HYBRID[1].recipient()])
    assert Counter(stanza.type for stanza in read_header(io.BytesIO(file)).stanzas) == {"mlkem768x25519": 2}
    assert decrypt(file, [HYBRID[0]]) == decrypt(file, [HYBRID[2], CLASSIC, HYBRID[1]]) == b"text"
    for identities in ([HYBRID[2]], [CLASSIC, ScryptIdentity("correct horse")], []):
        with pytest.raises(NoMatchError):
            decrypt(file, identities)


@pytest.mark.parametrize(
    "recipients",
    [
        [],
        [HYBRID[0].recipient(), CLASSIC.recipient()],
        [PASSPHRASE, HYBRID[0].recipient()],
        [PASSPHRASE, PASSPHRASE],
        [CLASSIC.recipient()] * 3_000,
    ],
    ids=["none", "hybrid with classic", "passphrase with key", "two passphrases", "too many"],
)
def test_recipients_that_are_refused(recipients: list[Recipient]) -> None:
    with pytest.raises(RecipientsError):
        encrypt(b"text", recipients)


def test_passphrase() -> None:
    file = encrypt(b"text", [PASSPHRASE])
    assert decrypt(file, [ScryptIdentity("correct horse")]) == b"text"
    with pytest.raises(NoMatchError):
        decrypt(file, [ScryptIdentity("Correct horse")])
    with pytest.raises(HeaderError, match="work factor"):
        decrypt(file, [ScryptIdentity("correct horse", max_work_factor=3)])


def test_a_passphrase_that_needs_more_memory_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> bytes:
        raise MemoryError

    file = encrypt(b"text", [PASSPHRASE])
    monkeypatch.setattr(primitives, "scrypt_wrap_key", exhausted)
    with pytest.raises(HeaderError, match="memory"):
        decrypt(file, [ScryptIdentity("correct horse")])


def test_a_header_without_stanzas_is_refused() -> None:
    with pytest.raises(HeaderError):
        read_header(io.BytesIO(encode_header([], bytes(16))))


def test_recipients_serve_several_threads() -> None:
    recipients = [HYBRID[0].recipient()]
    with ThreadPoolExecutor(4) as pool:
        files = list(pool.map(lambda number: encrypt(b"%d" % number, recipients), range(100)))
    assert [decrypt(file, [HYBRID[0]]) for file in files] == [b"%d" % number for number in range(100)]


@pytest.mark.parametrize("line", [b"-> a\n\n", b"-> " + b"a " * 100, b"-> a\n" + b"A" * 64 + b"\n", b"A" * 100])
def test_an_endless_header_is_refused_early(line: bytes) -> None:
    class Endless:
        taken = 0

        def read(self, size: int, /) -> bytes:
            start = b"" if self.taken else b"age-encryption.org/v1\n"
            self.taken += size
            return start + line * (size // len(line))

    source = Endless()
    with pytest.raises(HeaderError):
        read_header(source)
    assert source.taken < 2 * MAX_HEADER_SIZE


def test_bodies_of_every_length_are_written_and_read_alike() -> None:
    stanzas = tuple(Stanza("example.org/test", ("an", "argument"), bytes(size)) for size in range(100))
    assert read_header(io.BytesIO(encode_header(stanzas, bytes(16)))).stanzas == stanzas


def test_encrypting_imports_nothing_that_decrypts() -> None:
    program = "import sys, intake.age.encrypt, intake.age.armor; print(*sorted(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "intake.age.recipients" in modules
    assert "intake.age.identities" not in modules
    assert "intake.age.decrypt" not in modules
