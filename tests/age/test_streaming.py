"""Encrypting and decrypting piece by piece: any sizes, constant memory, and no failure of the sink unnoticed."""

import errno
import io
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.age.armor import ArmorWriter
from intake.age.decrypt import decrypt, decrypt_stream
from intake.age.encrypt import Encryptor, encrypt
from intake.age.errors import AgeError, PayloadError, ShortWriteError
from intake.age.identities import HybridIdentity

CHUNK = 64 * 1024
MIB = 1024 * 1024
IDENTITY = HybridIdentity.from_seed(bytes(range(32)))
RECIPIENTS = [IDENTITY.recipient()]

SIZES = st.integers(0, 100) | st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1])


class Trickle(io.BytesIO):
    """A source that never gives more than a few bytes at a time, as a slow connection does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 7))


class SmallDisk(io.BytesIO):
    """A sink that takes a number of bytes and then fails, or else only says how many it took."""

    def __init__(self, room: int, *, fails: bool) -> None:
        super().__init__()
        self.room = room
        self.fails = fails

    def write(self, data: object, /) -> int:
        assert isinstance(data, bytes)
        if self.fails and len(data) > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = super().write(data[: self.room])
        self.room -= taken
        return taken


class Uncounted:
    """A sink that does not say how much it took."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes, /) -> None:
        self.data += data


class NothingTaken(io.RawIOBase):
    """A raw file that would block: it takes nothing, and says so with None."""

    def write(self, data: object, /) -> None:
        return None


@settings(deadline=None)
@given(st.lists(SIZES, max_size=8), st.sampled_from([bytes, bytearray, memoryview]))
@example([CHUNK, CHUNK], bytes)
def test_any_pieces_come_back_as_one(sizes: list[int], kind: type) -> None:
    pieces = [os.urandom(size) for size in sizes]
    file = io.BytesIO()
    with Encryptor(file, RECIPIENTS) as encryptor:
        for piece in pieces:
            assert encryptor.write(kind(piece)) == len(piece)
    assert decrypt(file.getvalue(), [IDENTITY]) == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_sizes_around_a_chunk(size: int) -> None:
    plaintext = os.urandom(size)
    file = encrypt(plaintext, RECIPIENTS)
    assert decrypt(file, [IDENTITY]) == plaintext
    assert b"".join(decrypt_stream(Trickle(file), [IDENTITY])) == plaintext


def test_memory_stays_constant(tmp_path: Path) -> None:
    piece = os.urandom(MIB)
    tracemalloc.start()
    with (tmp_path / "file.age").open("wb") as sink, Encryptor(sink, RECIPIENTS) as encryptor:
        for _ in range(64):
            encryptor.write(piece)
    with (tmp_path / "file.age").open("rb") as source:
        assert sum(map(len, decrypt_stream(source, [IDENTITY]))) == 64 * MIB
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MIB


@pytest.mark.parametrize("fails", [True, False], ids=["raises", "takes less"])
@pytest.mark.parametrize("room", [0, 100, 3000, CHUNK + 3000, 3 * CHUNK])
def test_a_full_disk_is_an_error_and_leaves_an_incomplete_file(room: int, fails: bool) -> None:
    sink = SmallDisk(room, fails=fails)
    with pytest.raises(OSError) as caught, Encryptor(sink, RECIPIENTS) as encryptor:
        encryptor.write(bytes(3 * CHUNK))
    assert isinstance(caught.value, ShortWriteError) is not fails
    with pytest.raises(AgeError):
        decrypt(sink.getvalue(), [IDENTITY])


def test_after_a_failure_nothing_more_is_written() -> None:
    sink = SmallDisk(3000, fails=True)
    encryptor = Encryptor(sink, RECIPIENTS)
    with pytest.raises(OSError, match="No space"):
        encryptor.write(bytes(2 * CHUNK))
    sink.room = 10 * CHUNK
    for again in (encryptor.close, lambda: encryptor.write(b"more")):
        with pytest.raises(ValueError, match="failed"):
            again()
    with pytest.raises(PayloadError):
        decrypt(sink.getvalue(), [IDENTITY])


def test_an_exception_does_not_finish_the_file() -> None:
    file = io.BytesIO()
    with pytest.raises(KeyboardInterrupt), ArmorWriter(file) as armor, Encryptor(armor, RECIPIENTS) as encryptor:
        encryptor.write(b"the first half")
        raise KeyboardInterrupt
    assert b"END" not in file.getvalue()
    with pytest.raises(ValueError, match="closed"):
        encryptor.close()


def test_closing_twice_is_harmless_and_writing_after_it_is_not() -> None:
    file = io.BytesIO()
    encryptor = Encryptor(file, RECIPIENTS)
    encryptor.close()
    encryptor.close()
    assert decrypt(file.getvalue(), [IDENTITY]) == b""
    with pytest.raises(ValueError, match="closed"):
        encryptor.write(b"more")


def test_a_sink_need_not_count_but_a_raw_file_must() -> None:
    sink = Uncounted()
    with Encryptor(sink, RECIPIENTS) as encryptor:
        encryptor.write(b"text")
    assert decrypt(sink.data, [IDENTITY]) == b"text"
    with pytest.raises(ShortWriteError):
        Encryptor(NothingTaken(), RECIPIENTS)


def test_an_error_of_the_source_is_passed_on() -> None:
    class Broken(Trickle):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 3000:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output"):
        list(decrypt_stream(Broken(encrypt(bytes(CHUNK), RECIPIENTS)), [IDENTITY]))
