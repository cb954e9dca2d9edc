"""Nothing altered or cut off is accepted, and nothing unauthenticated is released."""

import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.age.decrypt import decrypt, decrypt_stream
from intake.age.encrypt import encrypt
from intake.age.errors import AgeError, PayloadError
from intake.age.header import read_header
from intake.age.identities import HybridIdentity, Identity, X25519Identity

CHUNK = 64 * 1024
HYBRID = HybridIdentity.from_seed(bytes(range(32)))
CLASSIC = X25519Identity(bytes(range(32)))

SMALL = [(identity, encrypt(b"testimony", [identity.recipient()])) for identity in (HYBRID, CLASSIC)]
PLAINTEXT = b"".join(number.to_bytes(4, "big") for number in range(3 * CHUNK // 4))[:-100]
LARGE = encrypt(PLAINTEXT, [HYBRID.recipient()])
HEADER_SIZE = len(LARGE) - 16 - len(PLAINTEXT) - 3 * 16
BORDERS = [HEADER_SIZE, HEADER_SIZE + 16] + [HEADER_SIZE + 16 + number * (CHUNK + 16) for number in (1, 2)]


def released_before_error(file: bytes, identity: Identity) -> bytes:
    """Decrypt what must not decrypt; return what came out before the error."""
    released = b""
    with pytest.raises(AgeError):
        for chunk in decrypt_stream(io.BytesIO(file), [identity]):
            released += chunk
    return released


def flip(file: bytes, bit: int) -> bytes:
    flipped = bytearray(file)
    flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


@pytest.mark.parametrize(("identity", "file"), SMALL, ids=["hybrid", "classic"])
def test_every_flipped_bit_of_a_small_file_is_noticed(identity: Identity, file: bytes) -> None:
    for bit in range(8 * len(file)):
        assert released_before_error(flip(file, bit), identity) == b"", bit


@pytest.mark.parametrize(("identity", "file"), SMALL, ids=["hybrid", "classic"])
def test_every_truncation_of_a_small_file_is_noticed(identity: Identity, file: bytes) -> None:
    for size in range(len(file)):
        assert released_before_error(file[:size], identity) == b"", size


@settings(deadline=None)
@given(st.integers(0, 8 * len(LARGE) - 1))
def test_a_flipped_bit_releases_only_the_chunks_before_it(bit: int) -> None:
    released = released_before_error(flip(LARGE, bit), HYBRID)
    whole_chunks = max(0, bit // 8 - HEADER_SIZE - 16) // (CHUNK + 16)
    assert released == PLAINTEXT[: whole_chunks * CHUNK]


@settings(deadline=None)
@given(st.integers(0, len(LARGE) - 1) | st.sampled_from(BORDERS) | st.sampled_from(BORDERS).map(lambda at: at + 1))
def test_a_truncation_releases_only_the_whole_chunks_before_it(size: int) -> None:
    released = released_before_error(LARGE[:size], HYBRID)
    whole_chunks = max(0, size - HEADER_SIZE - 16) // (CHUNK + 16)
    assert released == PLAINTEXT[: whole_chunks * CHUNK]


def test_chunks_cannot_be_reordered_dropped_or_appended() -> None:
    first, second, third = (LARGE[at : at + CHUNK + 16] for at in range(HEADER_SIZE + 16, len(LARGE), CHUNK + 16))
    start = LARGE[: HEADER_SIZE + 16]
    for chunks in ([second, first, third], [second, third], [first, third], [first, second, third, third]):
        with pytest.raises(PayloadError):
            decrypt(start + b"".join(chunks), [HYBRID])


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda data: b"age-encryption.org/v1\n" + data))
@example(b"age-encryption.org/v1\n-> scrypt " + b"9" * 5000)
def test_reading_any_bytes_raises_nothing_else(file: bytes) -> None:
    with pytest.raises(AgeError):
        read_header(io.BytesIO(file))
    with pytest.raises(AgeError):
        decrypt(file, [HYBRID, CLASSIC])
