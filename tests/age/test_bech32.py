"""Bech32: known answers from BIP 173, any data there and back, nothing else accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.age.bech32 import decode, encode
from intake.age.errors import KeyFormatError

LOWER_CASE = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)

# BIP 173, "Test vectors", those that hold whole bytes.
VALID = [
    ("A12UEL5L", "A", b""),
    ("a12uel5l", "a", b""),
    ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "abcdef",
     bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")),
    ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "split",
     bytes.fromhex("c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d")),
    ("an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
     "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio", b""),
]  # fmt: skip

INVALID = [
    "pzry9x0s0muk",  # no separator
    "1pzry9x0s0muk",  # empty prefix
    "x1b4n0q5v",  # character outside the alphabet
    "li1dgmt3",  # checksum too short
    "de1lg7wt\xff",  # character in the checksum
    "A1G7SGD8",  # checksum computed over upper case
    "10a06t8",  # empty prefix
    "1qzzfhee",  # empty prefix
    "a12UEL5L",  # mixed case
    " a12uel5l",
    "a12uel5l\n",
    "a\u0131b12uel5l",
    "",
]


@pytest.mark.parametrize(("text", "prefix", "data"), VALID)
def test_known_answers(text: str, prefix: str, data: bytes) -> None:
    assert decode(text) == (prefix, data)
    assert encode(prefix.lower(), data) == text.lower()


@pytest.mark.parametrize("text", INVALID)
def test_known_errors(text: str) -> None:
    with pytest.raises(KeyFormatError):
        decode(text)


@given(LOWER_CASE, st.binary(max_size=100) | st.binary(min_size=1216, max_size=1216))
def test_any_data_comes_back(prefix: str, data: bytes) -> None:
    text = encode(prefix, data)
    assert decode(text) == (prefix, data)
    assert decode(text.upper()) == (prefix.upper(), data)


@given(st.binary(min_size=1, max_size=100), st.data())
def test_one_wrong_character_is_noticed(key: bytes, draw: st.DataObject) -> None:
    text = encode("age", key)
    at = draw.draw(st.integers(0, len(text) - 1))
    wrong = draw.draw(st.characters(max_codepoint=255).filter(lambda character: character != text[at]))
    with pytest.raises(KeyFormatError):
        decode(text[:at] + wrong + text[at + 1 :])


@given(st.text())
def test_only_what_encode_writes_is_accepted(text: str) -> None:
    try:
        prefix, data = decode(text)
    except KeyFormatError:
        return
    assert encode(prefix.lower(), data) == text.lower()


def test_bits_left_over_must_be_zero_and_fewer_than_five() -> None:
    """The checksums are right; only the padding is not what BIP 173 allows."""
    for text in ("age1qpu0j2ex", "age1qdd35qf"):
        with pytest.raises(KeyFormatError):
            decode(text)
