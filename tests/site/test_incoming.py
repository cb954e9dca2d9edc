"""A form with files as the network cuts it: the same parts come out, wherever it is cut. And one without an end."""

import io
import itertools

import pytest
from werkzeug.sansio.multipart import Data, Field, File

from intake.site.incoming import BrokenFormError, Form, Stream
from intake.site.sealed import SealedError
from intake.site.sealed_evidence import read_posting
from intake.site.uploads import Upload

BOUNDARY = b"intake"
USUAL = (
    b'--intake\r\nContent-Disposition: form-data; name="one"\r\n\r\nfirst\r\n'
    b'--intake\r\nContent-Disposition: form-data; name="two"; filename="a"\r\n\r\n--intak\r\n\r\n--intakes\r\r\n'
    b"--intake--\r\n"
)
EMPTY = (
    b'--intake\r\nContent-Disposition: form-data; name="one"\r\n\r\n'
    b'--intake\r\nContent-Disposition: form-data; name="two"\r\n\r\nsecond\r\n--intake--\r\n'
)
"""Its first part ends where it starts: the boundary follows the blank line at once."""
MIXED = (
    b'--intake\r\n\nContent-Disposition: form-data; name="one"\r\n\r\nfirst\r\n'
    b'--intake\t\r\n\nContent-Disposition: form-data; name="two"\r\n\r\nsecond\r\n--intake--\r\n'
)


class Cut:
    """A stream that ends one read at a certain byte."""

    def __init__(self, data: bytes, at: int) -> None:
        self._pieces = [data[:at], data[at:]]

    def read(self, size: int, /) -> bytes:
        while self._pieces:
            piece = self._pieces.pop(0)
            if piece:
                self._pieces[:0] = [piece[size:]]
                return piece[:size]
        return b""


def parts(stream: Stream) -> list[tuple[str, bytes]] | None:
    form = Form(stream, BOUNDARY)
    form.trusted = True
    found: list[tuple[str, bytes]] = []
    try:
        for event in form.events():
            if isinstance(event, Data):
                name, content = found.pop()
                found.append((name, content + event.data))
            elif isinstance(event, (Field, File)):
                found.append((event.name, b""))
    except BrokenFormError:
        return None
    return found


@pytest.mark.parametrize("form", [USUAL, EMPTY, MIXED], ids=["usual", "an empty part", "mixed ends of lines"])
def test_wherever_it_is_cut_it_is_the_same(form: bytes) -> None:
    """The fuzzer found two places where the end of a packet made another form of it."""
    whole = parts(io.BytesIO(form))
    assert [at for at in range(len(form) + 1) if parts(Cut(form, at)) != whole] == []


def test_a_form_is_read_as_it_was_written() -> None:
    """The test above does not compare nothing with nothing."""
    assert parts(io.BytesIO(USUAL)) == [("one", b"first"), ("two", b"--intak\r\n\r\n--intakes\r")]
    assert parts(io.BytesIO(EMPTY)) == [("one", b""), ("two", b"second")]


class Endless:
    """A form of fields without content, each with a name of its own."""

    def __init__(self, longer: int) -> None:
        self.given = 0
        self._longer = b"x" * longer
        self._numbers = itertools.count()
        self._rest = b"--intake"

    def read(self, size: int, /) -> bytes:
        while len(self._rest) < size:
            name = f"{next(self._numbers)}".encode() + self._longer
            self._rest += b'\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n\r\n--intake'
        given, self._rest = self._rest[:size], self._rest[size:]
        self.given += size
        assert self.given < 8_000_000, "it is read without an end"
        return given


@pytest.mark.parametrize(("longer", "refused"), [(0, BrokenFormError), (50_000, SealedError)], ids=["many", "long"])
def test_a_form_that_is_all_names_is_not_read_to_its_end(longer: int, refused: type[Exception]) -> None:
    """Every name is kept until the form has ended: its size counts as that of content does."""
    form = Form(Endless(longer), BOUNDARY)
    form.trusted = True
    with pytest.raises(refused):
        read_posting(form, form.events(), {}, Upload(None))
