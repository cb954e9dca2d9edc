"""Files as sources attach them, and as nobody should."""

import io
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 160, 20), (20, 20, 220), (255, 255, 255)


def quarters(width: int = 400, height: int = 200, mode: str = "RGB") -> Image.Image:
    """Red and green above, blue and white below."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image.convert(mode, dither=Image.Dither.NONE)


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    """The image as a file."""
    sink = io.BytesIO()
    image.save(sink, format_, **options)
    return sink.getvalue()


def png(width: int, height: int, compressed: bytes) -> bytes:
    """A PNG that claims a size, and has these compressed rows."""
    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = b"".join(
        struct.pack("!I", len(data)) + name + data + struct.pack("!I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", head), (b"IDAT", compressed), (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + chunks


def pdf(objects: Mapping[int, bytes]) -> bytes:
    """A PDF of these objects; the first is its catalogue."""
    body, places = b"%PDF-1.7\n", {}
    for number, content in objects.items():
        places[number] = len(body)
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%d 1\n%010d 00000 n \n" % item for item in sorted(places.items()))
    trailer = b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (max(objects) + 1, len(body))
    return body + b"xref\n0 1\n0000000000 65535 f \n" + table + trailer


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A compressed stream."""
    packed = zlib.compress(content, 9)
    return b"<</Length %d /Filter /FlateDecode %s>>\nstream\n%s\nendstream" % (len(packed), entries, packed)


def document(
    *pages: bytes, box: bytes = b"0 0 200 100", more: Mapping[int, bytes] = {}, resources: bytes = b""
) -> bytes:
    """A PDF with pages that draw this."""
    numbers = range(10, 10 + 2 * len(pages), 2)
    objects = {
        1: b"<</Type /Catalog /Pages 2 0 R>>",
        2: b"<</Type /Pages /Count %d /Kids [%s]>>" % (len(pages), b" ".join(b"%d 0 R" % n for n in numbers)),
        **more,
    }
    page = b"<</Type /Page /Parent 2 0 R /MediaBox [%s] /Contents %d 0 R /Resources <<%s>>>>"
    for number, content in zip(numbers, pages, strict=True):
        objects[number] = page % (box, number + 1, resources)
        objects[number + 1] = stream(content)
    return pdf(objects)


def filled(colour: tuple[int, int, int], box: str = "0 0 200 100") -> bytes:
    """Draws a rectangle."""
    return "{} {} {} rg {} re f".format(*(part / 255 for part in colour), box).encode()


def close(found: Any, wanted: Iterable[int]) -> bool:
    """Whether two colours look the same."""
    return all(abs(one - other) <= 12 for one, other in zip(found, wanted, strict=True))


def opened(data: bytes) -> Image.Image:
    """A picture that the desk made."""
    image = Image.open(io.BytesIO(data), formats=["PNG"])
    image.load()
    return image
