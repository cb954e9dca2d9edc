"""What a file is by its content, whatever it is called and whatever its source says that it is."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from intake.desk.viewing.protocol import PDF

HEAD = 64 * 1024
"""Bytes from the beginning that decide."""


class Shown(Enum):
    """How a file can be looked at."""

    PIXELS = "pixels"
    TEXT = "text"
    NOT = "not"


@dataclass(frozen=True)
class Kind:
    """A kind of file: what a reviewer calls it, its media types, how it is shown, and its format if it is drawn."""

    name: str
    media_types: tuple[str, ...] = ()
    shown: Shown = Shown.NOT
    format: str = ""

    def is_called(self, media_type: str) -> bool:
        """Tell whether this kind of file may have that media type; also when either is not known well enough."""
        called = media_type.partition(";")[0].strip().lower()
        if called in _SAYS_NOTHING or not self.media_types:
            return True
        return called in self.media_types or (self.shown is Shown.TEXT and called.startswith("text/"))


UNKNOWN = Kind("Unknown kind of file")
EMPTY = Kind("Empty file")
_SAYS_NOTHING = ("", "application/octet-stream", "binary/octet-stream")


def _drawn(name: str, format_: str, *media_types: str) -> Kind:
    return Kind(name, media_types, Shown.PIXELS, format_)


def _text(name: str, *media_types: str) -> Kind:
    return Kind(name, media_types, Shown.TEXT)


# Windows calls a CSV file after the program that opens it.
_TEXT = _text("Text", "text/plain", "application/json", "application/vnd.ms-excel")
_ZIP = ("application/zip", "application/x-zip-compressed", "application/x-zip")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_PROGRAM = ("application/x-executable", "application/x-msdownload", "application/vnd.microsoft.portable-executable")

_BEGINNINGS: Mapping[bytes, Kind] = {
    rb"\x89PNG\r\n\x1a\n": _drawn("PNG image", "PNG", "image/png"),
    rb"\xff\xd8\xff": _drawn("JPEG image", "JPEG", "image/jpeg", "image/jpg", "image/pjpeg"),
    rb"GIF8[79]a": _drawn("GIF image", "GIF", "image/gif"),
    rb"RIFF....WEBP": _drawn("WebP image", "WEBP", "image/webp"),
    rb"BM....\0\0\0\0....[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0": _drawn(
        "BMP image", "BMP", "image/bmp", "image/x-ms-bmp"
    ),
    rb"II\x2a\0|MM\0\x2a|II\x2b\0|MM\0\x2b": _drawn("TIFF image", "TIFF", "image/tiff"),
    rb"(\xef\xbb\xbf)?\s*%PDF-": _drawn("PDF document", PDF, "application/pdf", "application/x-pdf"),
    rb"....ftyp(hei[cxmsf]|hev[cxms]|mif1|msf1)": Kind(
        "HEIC image, as iPhones make them", ("image/heic", "image/heif")
    ),
    rb"....ftypavi[fs]": Kind("AVIF image", ("image/avif",)),
    rb"....ftypqt": Kind("QuickTime video", ("video/quicktime",)),
    rb"....ftypM4[AB]": Kind("MPEG-4 audio", ("audio/mp4", "audio/x-m4a", "audio/m4a")),
    rb"....ftyp": Kind("MPEG-4 video", ("video/mp4", "video/3gpp", "video/3gpp2", "audio/mp4", "audio/3gpp")),
    rb"\x1a\x45\xdf\xa3": Kind("Matroska or WebM video", ("video/webm", "video/x-matroska", "audio/webm")),
    rb"RIFF....AVI ": Kind("AVI video", ("video/x-msvideo", "video/avi")),
    rb"RIFF....WAVE": Kind("WAV audio", ("audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave")),
    rb"ID3[\2-\4]|\xff[\xfb\xf3\xf2]": Kind("MP3 audio", ("audio/mpeg", "audio/mp3")),
    rb"OggS": Kind("Ogg audio or video", ("audio/ogg", "video/ogg", "application/ogg", "audio/opus")),
    rb"fLaC": Kind("FLAC audio", ("audio/flac", "audio/x-flac")),
    rb"#!AMR": Kind("AMR audio", ("audio/amr",)),
    rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": Kind(
        "Old Microsoft Office document, Outlook message or installer",
        (
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook",
        ),
    ),
    rb"\{\\rtf": _text("RTF document", "application/rtf"),
    rb"7z\xbc\xaf\x27\x1c": Kind("7-Zip archive", ("application/x-7z-compressed",)),
    rb"Rar!\x1a\x07": Kind("RAR archive", ("application/vnd.rar", "application/x-rar-compressed", "application/x-rar")),
    rb"\x1f\x8b\x08": Kind("gzip archive", ("application/gzip", "application/x-gzip")),
    rb"BZh[1-9]": Kind("bzip2 archive", ("application/x-bzip2", "application/bzip2")),
    rb"\xfd7zXZ\0": Kind("xz archive", ("application/x-xz",)),
    rb"\x28\xb5\x2f\xfd": Kind("Zstandard archive", ("application/zstd",)),
    rb"MSCF\0": Kind("Windows cabinet archive", ("application/vnd.ms-cab-compressed",)),
    rb".{257}ustar": Kind("tar archive", ("application/x-tar",)),
    rb"\x7fELF": Kind("Linux program", _PROGRAM),
    rb"MZ.{58}..\0\0": Kind("Windows program", _PROGRAM),
    rb"\xcf\xfa\xed\xfe|\xfe\xed\xfa\xcf|\xca\xfe\xba\xbe": Kind("macOS or Java program", _PROGRAM),
    rb"#!": _text("Script", "application/x-sh", "application/x-python"),
    rb"L\0\0\0\x01\x14\x02\0": Kind("Windows shortcut", ("application/x-ms-shortcut",)),
    rb"ElfFile\0": Kind("Windows event log", ("application/x-ms-evtx",)),
    rb"regf": Kind("Windows registry", ("application/x-ms-registry",)),
    rb"SQLite format 3\0": Kind("SQLite database", ("application/vnd.sqlite3", "application/x-sqlite3")),
    rb"\xa1\xb2[\xc3\x3c][\xd4\x4d]|[\xd4\x4d][\xc3\x3c]\xb2\xa1|\x0a\x0d\x0d\x0a": Kind(
        "Network capture", ("application/vnd.tcpdump.pcap", "application/x-pcapng")
    ),
    rb".{128}DICM": Kind("DICOM medical image", ("application/dicom",)),
    rb"age-encryption\.org/v1\n": Kind("File encrypted with age", ("application/age",)),
    rb"-----BEGIN ": _text("Key, certificate or signed message", "application/pgp-encrypted", "application/x-pem-file"),
}
# A ZIP archive is what its first entries are called.
_IN_ZIP: Mapping[bytes, Kind] = {
    rb"mimetypeapplication/vnd\.oasis\.opendocument\.text": Kind("OpenDocument text", (_OPEN + "text",)),
    rb"mimetypeapplication/vnd\.oasis\.opendocument\.spreadsheet": Kind("OpenDocument sheet", (_OPEN + "spreadsheet",)),
    rb"mimetypeapplication/vnd\.oasis\.opendocument\.presentation": Kind(
        "OpenDocument slides", (_OPEN + "presentation",)
    ),
    rb"mimetypeapplication/epub": Kind("EPUB book", ("application/epub+zip",)),
    rb"word/": Kind("Word document", (_OFFICE + "wordprocessingml.document",)),
    rb"xl/": Kind("Excel sheet", (_OFFICE + "spreadsheetml.sheet",)),
    rb"ppt/": Kind("PowerPoint slides", (_OFFICE + "presentationml.presentation",)),
}
_IN_TEXT: Mapping[str, Kind] = {
    r"<!doctype html|<html|<head|<body|<script": _text("HTML page", "application/xhtml+xml"),
    r"<svg[\s>]|(<\?xml|<!--|<!doctype svg).{0,1000}<svg[\s>]": _text("SVG drawing", "image/svg+xml"),
    r"<\?xml": _text("XML", "application/xml"),
    r"(return-path|received|from|date|subject|mime-version|delivered-to|x-[a-z-]+): ": _text("Email", "message/rfc822"),
}
_BINARY = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def kind_of(head: bytes) -> Kind:
    """Return the kind of a file, given its first HEAD bytes, or all of them."""
    if not head:
        return EMPTY
    for pattern, kind in _BEGINNINGS.items():
        if re.match(pattern, head, re.DOTALL):
            return kind
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(head)
    if text := _readable(head):
        beginning = text.lstrip("\ufeff \t\r\n").lower()
        return next((kind for p, kind in _IN_TEXT.items() if re.match(p, beginning, re.DOTALL)), _TEXT)
    return UNKNOWN


def _in_zip(head: bytes) -> Kind:
    names = re.findall(rb"PK\x03\x04.{26}(.{1,100})", head, re.DOTALL)
    for pattern, kind in _IN_ZIP.items():
        if any(re.match(pattern, name) for name in names):
            return kind
    return Kind("ZIP archive", _ZIP)


def _readable(head: bytes) -> str:
    """Return the beginning as text if it is text in any encoding, or nothing."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return head.decode(encoding, "replace")
    return "" if _BINARY.search(head) else head.decode("utf-8", "replace")
