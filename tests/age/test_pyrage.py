"""Both directions with pyrage, an implementation in Rust (classic keys and passphrases; it knows no hybrid ones)."""

import os

import pyrage
import pytest

from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.identities import ScryptIdentity, X25519Identity
from intake.age.recipients import ScryptRecipient

SIZES = [0, 1, 65535, 65536, 65537, 300001]
OURS = X25519Identity.generate()
THEIRS = pyrage.x25519.Identity.from_str(str(OURS))


def test_keys_are_the_same() -> None:
    assert str(OURS.recipient()) == str(THEIRS.to_public())


@pytest.mark.parametrize("size", SIZES)
def test_classic_keys(size: int) -> None:
    plaintext = os.urandom(size)
    assert pyrage.decrypt(encrypt(plaintext, [OURS.recipient()]), [THEIRS]) == plaintext
    assert decrypt(pyrage.encrypt(plaintext, [THEIRS.to_public()]), [OURS]) == plaintext
    assert decrypt(pyrage.encrypt(plaintext, [THEIRS.to_public()], armored=True), [OURS]) == plaintext


@pytest.mark.parametrize("size", SIZES)
def test_passphrases_from_here(size: int) -> None:
    plaintext = os.urandom(size)
    file = encrypt(plaintext, [ScryptRecipient("correct horse", work_factor=10)])
    assert pyrage.passphrase.decrypt(file, "correct horse") == plaintext


@pytest.mark.parametrize("size", [0, 65537])  # pyrage takes seconds for each
def test_passphrases_from_there(size: int) -> None:
    plaintext = os.urandom(size)
    file = pyrage.passphrase.encrypt(plaintext, "correct horse")
    assert decrypt(file, [ScryptIdentity("correct horse")]) == plaintext
