"""Reads files that are text, page by page, with nothing in it that could turn it around or hide."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass

from intake.desk.errors import harmless

CHARSETS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1252": "Western European (windows-1252)",
    "windows-1250": "Central European (windows-1250)",
    "windows-1251": "Cyrillic (windows-1251)",
    "windows-1253": "Greek (windows-1253)",
    "windows-1254": "Turkish (windows-1254)",
    "windows-1255": "Hebrew (windows-1255)",
    "windows-1256": "Arabic (windows-1256)",
    "gb18030": "Chinese, simplified (GB18030)",
    "big5": "Chinese, traditional (Big5)",
    "shift_jis": "Japanese (Shift_JIS)",
    "euc-kr": "Korean (EUC-KR)",
}
"""What a text can be read as: a guess cannot tell the older ones apart, a reader can."""

MOST_BYTES = 8 * 1024 * 1024
_PAGE = 40_000
_DEFAULT, _FALLBACK = "utf-8", "windows-1252"


@dataclass(frozen=True)
class Text:
    """One page of a text, harmless to show: read as one of CHARSETS. `cut` says that more of the file is not shown."""

    text: str
    page: int
    pages: int
    charset: str
    cut: bool


def read(pieces: Iterable[bytes], page: int, charset: str = "") -> Text:
    """Read a page of a text, counted from 1; the last one when there are fewer. Without a charset it is guessed."""
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > MOST_BYTES:
            break
    cut = len(data) > MOST_BYTES
    del data[MOST_BYTES:]
    if charset not in CHARSETS:
        charset = _guessed(data, cut=cut)
    # At the end of what is cut off, a character may be cut in two: a decoder that is not told of the end leaves it out.
    text = codecs.getincrementaldecoder(charset)("replace").decode(data, final=not cut)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    pages = max(1, -(-len(text) // _PAGE))
    page = min(max(page, 1), pages)
    return Text(harmless(text[(page - 1) * _PAGE : page * _PAGE]), page, pages, charset, cut)


def _guessed(data: bytearray, *, cut: bool) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder(_DEFAULT)().decode(data, final=not cut)
    except UnicodeDecodeError:
        return _FALLBACK
    return _DEFAULT
