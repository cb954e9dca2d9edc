"""The return code: made, read in any digits, derived as the contract says."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import code

# scrypt(b"123456789012345678901236", salt=bytes(range(16)), N=2^10, r=8, p=1), then HKDF-SHA256 with no salt.
# Worked out with Python's hashlib and hmac alone: see `independent` below.
KNOWN_CODE = "123456789012345678901236"
KNOWN_INSTANCE = bytes(range(16))

DIGITS = ["0123456789", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９", "০১২৩৪৫৬৭৮৯"]


def independent(digits: str, instance: bytes, purpose: str) -> bytes:
    """Derive a key with the standard library alone (RFC 7914, RFC 5869)."""
    master = hashlib.scrypt(digits.encode(), salt=instance, n=1024, r=8, p=1, dklen=32)
    extracted = hmac.digest(bytes(32), master, "sha256")
    return hmac.digest(extracted, f"intake/1 {purpose}".encode() + b"\x01", "sha256")


def test_a_code_is_24_digits_with_a_check_digit() -> None:
    """Codes are valid, and no two of a thousand are the same."""
    codes = {code.make() for _ in range(1000)}
    assert len(codes) == 1000
    for made in codes:
        assert len(made) == 24 and made.isascii() and made.isdigit()
        assert code.read(made) == made


@pytest.mark.parametrize("digits", DIGITS)
@pytest.mark.parametrize("between", [" ", "", "-", "\u00a0", "\u200f", " · "])
def test_it_is_read_in_any_digits(digits: str, between: str) -> None:
    """Any script's digits, with spaces, marks and punctuation between the groups."""
    made = code.make()
    typed = between.join(code.groups(made).split()).translate(str.maketrans(DIGITS[0], digits))
    assert code.read(f" {typed}\n") == made


@given(st.integers(0, 23), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(position: int, change: int) -> None:
    """The check digit sees any single digit that is wrong."""
    made = code.make()
    wrong = made[:position] + str((int(made[position]) + change) % 10) + made[position + 1 :]
    with pytest.raises(code.CodeError):
        code.read(wrong)


@given(st.integers(0, 22))
def test_two_digits_changed_round_are_noticed(position: int) -> None:
    """The check digit sees two neighbours that changed places."""
    made = code.make()
    if made[position] != made[position + 1]:
        swapped = made[:position] + made[position + 1] + made[position] + made[position + 2 :]
        with pytest.raises(code.CodeError):
            code.read(swapped)


@given(st.text(max_size=60))
def test_nothing_but_a_code_error_comes_of_any_text(text: str) -> None:
    """Whatever is typed is a code, or refused with a message that does not repeat it."""
    try:
        assert len(code.read(text)) == 24
    except code.CodeError as error:
        assert len(text) < 5 or text not in str(error)


def test_derivation_is_as_the_contract_says() -> None:
    """Known answers, worked out independently of the code under test."""
    keys = code.derive(KNOWN_CODE, KNOWN_INSTANCE)
    for purpose in ("access", "mailbox", "authority", "draft", "retry"):
        assert getattr(keys, purpose) == independent(KNOWN_CODE, KNOWN_INSTANCE, purpose)
    assert keys.access.hex() == "4d3146f1858851a7c75ec21a76c352635eb1f0d06a838b2efd683691a3c9f29a"
    assert keys.mailbox.hex() == "4534c9b9e5d3545a48aef87a1c2f666eebb7270dff9fe70f364465b28dd36ac4"


def test_another_instance_has_other_keys() -> None:
    """The same code opens nothing at another instance."""
    assert code.derive(KNOWN_CODE, KNOWN_INSTANCE) != code.derive(KNOWN_CODE, bytes(16))


def test_keys_do_not_show_themselves() -> None:
    """A key in a message or a log would be a leak: its text form holds nothing of it."""
    keys = code.derive(KNOWN_CODE, KNOWN_INSTANCE)
    assert keys.access.hex() not in repr(keys) and repr(keys.access) not in repr(keys)
