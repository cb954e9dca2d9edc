"""A file is what its content says, whatever it is called."""

import io
import tarfile
import zipfile

import pytest

from desk.viewing.files import document, filled, quarters, saved
from intake.desk.viewing.kinds import EMPTY, HEAD, UNKNOWN, Shown, kind_of


def zipped(*names: str, first: str = "") -> bytes:
    """An archive with these entries."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        if first:
            archive.writestr("mimetype", first)
        for name in names:
            archive.writestr(name, "x" * 100)
    return sink.getvalue()


def tarred() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("report.txt"))
    return sink.getvalue()


PE = b"MZ" + bytes(58) + b"\x80\0\0\0" + bytes(200)
OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
FILES = [
    (saved(quarters(), "PNG"), "PNG image", Shown.PIXELS),
    (saved(quarters(), "JPEG"), "JPEG image", Shown.PIXELS),
    (saved(quarters(), "GIF"), "GIF image", Shown.PIXELS),
    (saved(quarters(), "WEBP"), "WebP image", Shown.PIXELS),
    (saved(quarters(), "BMP"), "BMP image", Shown.PIXELS),
    (saved(quarters(), "TIFF"), "TIFF image", Shown.PIXELS),
    (saved(quarters(), "TIFF", big_tiff=True), "TIFF image", Shown.PIXELS),
    (document(filled((0, 0, 0))), "PDF document", Shown.PIXELS),
    (b"\r\n" + document(filled((0, 0, 0))), "PDF document", Shown.PIXELS),
    (saved(quarters(64, 64), "AVIF"), "AVIF image", Shown.NOT),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC image, as iPhones make them", Shown.NOT),
    (b"\0\0\0\x18ftypisom\0\0\0\0", "MPEG-4 video", Shown.NOT),
    (b"\0\0\0\x18ftypqt  \0\0\0\0", "QuickTime video", Shown.NOT),
    (b"RIFF\x24\0\0\0WAVEfmt ", "WAV audio", Shown.NOT),
    (b"ID3\x04\0\0", "MP3 audio", Shown.NOT),
    (b"OggS\0\2", "Ogg audio or video", Shown.NOT),
    (zipped("a.txt"), "ZIP archive", Shown.NOT),
    (zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"), "Word document", Shown.NOT),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel sheet", Shown.NOT),
    (zipped("[Content_Types].xml", "ppt/presentation.xml"), "PowerPoint slides", Shown.NOT),
    (zipped("content.xml", first=OPEN_DOCUMENT + "text"), "OpenDocument text", Shown.NOT),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99),
        "Old Microsoft Office document, Outlook message or installer",
        Shown.NOT,
    ),
    (b"{\\rtf1 hello}", "RTF document", Shown.TEXT),
    (tarred(), "tar archive", Shown.NOT),
    (b"\x1f\x8b\x08\0", "gzip archive", Shown.NOT),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive", Shown.NOT),
    (b"Rar!\x1a\x07\x01\0", "RAR archive", Shown.NOT),
    (b"\x7fELF\2\1\1\0", "Linux program", Shown.NOT),
    (PE, "Windows program", Shown.NOT),
    (b"#!/bin/sh\nrm -rf ~\n", "Script", Shown.TEXT),
    (b"L\0\0\0\x01\x14\x02\0", "Windows shortcut", Shown.NOT),
    (b"ElfFile\0" + bytes(20), "Windows event log", Shown.NOT),
    (b"SQLite format 3\0", "SQLite database", Shown.NOT),
    (b"\xd4\xc3\xb2\xa1\2\0\4\0", "Network capture", Shown.NOT),
    (bytes(128) + b"DICM", "DICOM medical image", Shown.NOT),
    (b"age-encryption.org/v1\n-> X25519", "File encrypted with age", Shown.NOT),
    (b"-----BEGIN PGP MESSAGE-----\n", "Key, certificate or signed message", Shown.TEXT),
    (b"  <!DOCTYPE html><p>x", "HTML page", Shown.TEXT),
    (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "SVG drawing", Shown.TEXT),
    (b'<?xml version="1.0"?><report/>', "XML", Shown.TEXT),
    (b"Received: from mail.example\r\nSubject: x\r\n\r\n", "Email", Shown.TEXT),
    ("Le 3 mai, tout s'est arrêté.".encode(), "Text", Shown.TEXT),
    ("Le 3 mai, tout s'est arrêté.".encode("latin-1"), "Text", Shown.TEXT),
    ("三月三日".encode("gb18030"), "Text", Shown.TEXT),
    ("三月三日".encode("utf-16"), "Text", Shown.TEXT),
    (b"MZ is how the log begins, and it goes on for longer than a header would be", "Text", Shown.TEXT),
    (b"a\x1b[2Jb", "Text", Shown.TEXT),
    (b"\x01\x02\x03\xff" * 10, UNKNOWN.name, Shown.NOT),
    (b"", EMPTY.name, Shown.NOT),
]


@pytest.mark.parametrize(("data", "name", "shown"), FILES, ids=[f"{name} {n}" for n, (_, name, _) in enumerate(FILES)])
def test_a_kind_is_recognised(data: bytes, name: str, shown: Shown) -> None:
    kind = kind_of(data[:HEAD])
    assert (kind.name, kind.shown) == (name, shown)
    assert bool(kind.format) == (shown is Shown.PIXELS)


@pytest.mark.parametrize(
    ("data", "declared", "differs"),
    [
        (saved(quarters(), "PNG"), "image/png", False),
        (saved(quarters(), "JPEG"), "image/jpg", False),
        (saved(quarters(), "JPEG"), "IMAGE/JPEG; charset=x", False),
        (saved(quarters(), "JPEG"), "image/png", True),
        (saved(quarters(), "JPEG"), "application/octet-stream", False),
        (saved(quarters(), "JPEG"), "", False),
        (b"<html><script>alert(1)</script>", "image/png", True),
        (zipped("a"), "image/png", True),
        (b"\x7fELF\2", "image/png", True),
        (PE, "application/pdf", True),
        (b"#!/bin/sh", "image/jpeg", True),
        (b"a;b\r\n1;2", "application/vnd.ms-excel", False),
        (b"a,b", "text/csv", False),
        (b"\x01\x02\x03\xff", "image/png", False),
    ],
)
def test_what_a_file_is_called_is_compared(data: bytes, declared: str, differs: bool) -> None:
    assert kind_of(data).is_called(declared) is not differs


def test_of_two_files_in_one_the_first_counts() -> None:
    picture, paper, archive = saved(quarters(), "GIF"), document(filled((0, 0, 0))), zipped("a")
    assert kind_of(picture + paper + archive).name == "GIF image"
    assert kind_of(paper + archive + picture).name == "PDF document"
    assert kind_of(archive + picture).name == "ZIP archive"


def test_hostile_beginnings_take_no_time() -> None:
    for data in (
        b"<?xml" + b"<!--" * 16_000,
        b"PK\3\4" * 16_000,
        b" " * HEAD,
        b"<" * HEAD,
        b"x-" * 32_000,
        b"\xff" * HEAD,
    ):
        kind_of(data)
