"""ASCII armor: an age file as text (strict PEM, RFC 7468 section 3; age specification, "ASCII armor")."""

import binascii

from intake.age.errors import ArmorError
from intake.age.streams import Reader, Sink, Source, Writer

_BEGIN = b"-----BEGIN AGE ENCRYPTED FILE-----"
_END = b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_BYTES_PER_LINE = _COLUMNS // 4 * 3

# Room for the longest line there may be, the first, with its line ending.
_LINE_LIMIT = len(_BEGIN) + _COLUMNS
_WHITESPACE_LIMIT = 1024
_PLAIN_BEGINNING = b"age-encryption.org/"


class ArmorWriter(Writer):
    """Writes what it is given as armor, with LF line endings. Give it to an `Encryptor` as its sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self._kept = b""
        self._put(_BEGIN + b"\n")

    def _take(self, data: memoryview) -> None:
        text = self._kept + data
        whole = len(text) - len(text) % _BYTES_PER_LINE
        self._kept = text[whole:]
        self._put_lines(text[:whole])

    def _finish(self) -> None:
        self._put_lines(self._kept)
        self._put(_END + b"\n")

    def _put_lines(self, data: bytes) -> None:
        steps = range(0, len(data), _BYTES_PER_LINE)
        self._put(b"".join([binascii.b2a_base64(data[at : at + _BYTES_PER_LINE]) for at in steps]))


class ArmorReader:
    """Reads the bytes inside an armored source. Itself a source.

    Accepts LF and CRLF line endings, and up to 1 KiB of blank lines before and of whitespace after the armor. Bytes are
    handed out before the end of the armor has been seen, so they prove nothing until the end was reached.
    """

    def __init__(self, source: Source) -> None:
        self._reader = Reader(source)
        self._decoded = bytearray()
        self._started = False
        self._last_line_seen = False
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end. Raises ArmorError."""
        while len(self._decoded) < size and not self._ended:
            if self._started:
                self._decode_line()
            else:
                self._find_beginning()
        data = bytes(self._decoded[:size])
        del self._decoded[:size]
        return data

    def _line(self) -> bytes:
        line = self._reader.line(_LINE_LIMIT)
        if line is None:
            raise ArmorError("The armor has a line that is too long.")
        if not line:
            raise ArmorError("The armor is cut off: its END line is missing.")
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def _find_beginning(self) -> None:
        skipped = 0
        while not (line := self._line()).strip():
            skipped += len(line) + 1
            if skipped > _WHITESPACE_LIMIT:
                raise ArmorError("There are too many blank lines before the armor.")
        if line != _BEGIN:
            raise ArmorError("The armor does not start with its BEGIN line.")
        self._started = True

    def _decode_line(self) -> None:
        line = self._line()
        if line == _END:
            self._check_rest()
            self._ended = True
            return
        if self._last_line_seen or not line or len(line) > _COLUMNS:
            raise ArmorError(f"The armor is not made of lines of {_COLUMNS} characters.")
        try:
            data = binascii.a2b_base64(line)
        except binascii.Error:
            data = b""
        # Python's decoder is lenient; only what encodes to the very same line is strict Base64.
        if binascii.b2a_base64(data, newline=False) != line:
            raise ArmorError("The armor has a line that is not strict Base64.")
        self._last_line_seen = len(data) < _BYTES_PER_LINE
        self._decoded += data

    def _check_rest(self) -> None:
        rest = self._reader.read(_WHITESPACE_LIMIT + 1)
        if rest.strip():
            raise ArmorError("Something follows the armor's END line.")
        if len(rest) > _WHITESPACE_LIMIT:
            raise ArmorError("There is too much whitespace after the armor.")


def unarmored(source: Source) -> Reader:
    """Read a source that may be armored or not: what comes out is the binary file.

    Where it is armor, but not strictly, reading raises ArmorError.
    """
    reader = Reader(source)
    beginning = reader.peek(2 * _WHITESPACE_LIMIT)
    # A binary file has no dashes before its first line ends, so these mean armor, even misplaced ones.
    if b"-----" in beginning and not beginning.startswith(_PLAIN_BEGINNING):
        return Reader(ArmorReader(reader))
    return reader
