"""ASCII armor: any file there and back, and nothing but strict armor accepted."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.age.armor import ArmorReader, ArmorWriter
from intake.age.decrypt import decrypt
from intake.age.encrypt import Encryptor
from intake.age.errors import ArmorError
from intake.age.identities import HybridIdentity

BEGIN, END = b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"-----END AGE ENCRYPTED FILE-----\n"
IDENTITY = HybridIdentity.from_seed(bytes(range(32)))


def armored(*pieces: bytes) -> bytes:
    text = io.BytesIO()
    with ArmorWriter(text) as armor:
        for piece in pieces:
            armor.write(piece)
    return text.getvalue()


def dearmored(text: bytes) -> bytes:
    return ArmorReader(io.BytesIO(text)).read(1 << 20)


def test_known_answer() -> None:
    assert armored(b"x" * 50) == BEGIN + b"eHh4" * 16 + b"\neHg=\n" + END


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_pieces_come_back_as_one(pieces: list[bytes]) -> None:
    text = armored(*pieces)
    assert max(map(len, text.splitlines()[1:-1]), default=0) <= 64
    assert dearmored(text) == b"".join(pieces)
    assert dearmored(b" \n\n" + text.replace(b"\n", b"\r\n") + b"\t\n") == b"".join(pieces)


@settings(deadline=None)
@given(st.binary(max_size=150), st.data())
def test_another_character_never_gives_the_same_bytes(data: bytes, draw: st.DataObject) -> None:
    """Only whitespace around the armor and CR before LF may vary."""
    text = armored(data)
    at = draw.draw(st.integers(0, len(text) - 1))
    altered = text[:at] + draw.draw(st.binary(max_size=2)) + text[at + 1 :]
    try:
        same = dearmored(altered) == data
    except ArmorError:
        same = False
    assert not same or altered.replace(b"\r\n", b"\n").strip() == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        BEGIN,
        BEGIN + b"eHg=\n",
        BEGIN + b"eHg=\neHg=\n" + END,
        BEGIN + b"eHh=\n" + END,
        BEGIN + b"eHg\n" + END,
        BEGIN + b"Version: 1\n\neHg=\n" + END,
        BEGIN + b"eHh4" * 17 + b"\n" + END,
        BEGIN + b"eHh4" * 16 + b"\n\n" + END,
        BEGIN + b"eHh4" * 1000,
        BEGIN + b"eHg=\n" + END + b"eHg=\n",
        BEGIN + b"eHg=\n" + END + b" " * 2000,
        b"\n" * 2000 + BEGIN + b"eHg=\n" + END,
        b" " + BEGIN + b"eHg=\n" + END,
        BEGIN + b"eHg= \n" + END,
        BEGIN + b"eHg=\n" + END.replace(b"END", b"end"),
    ],
)
def test_armor_that_is_not_strict_is_refused(text: bytes) -> None:
    with pytest.raises(ArmorError):
        dearmored(text)


def test_an_armored_file_opens_like_any_other() -> None:
    text = io.BytesIO()
    with ArmorWriter(text) as armor, Encryptor(armor, [IDENTITY.recipient()]) as encryptor:
        encryptor.write(bytes(100_000))
    assert text.getvalue().isascii()
    assert decrypt(text.getvalue(), [IDENTITY]) == bytes(100_000)
