"""True images and documents look as they are, and nothing of a picture but its colours comes from the file."""

import os
import struct
from collections.abc import Iterator

import pytest
from PIL import Image

from desk.viewing.files import BLUE, GREEN, RED, WHITE, close, document, filled, opened, quarters, saved, stream
from intake.desk.viewing import picture
from intake.desk.viewing.picture import ViewingError

MARKER = b"Ward 7, Dr. Example"


def look(format_: str, data: bytes, page: int = 1, widest: int = 1600) -> Image.Image:
    return opened(picture.draw(format_, [data], page, widest).png)


def corners(image: Image.Image) -> list[object]:
    """The colours a quarter of the way in from each corner."""
    x, y = image.width // 4, image.height // 4
    return [image.getpixel(place) for place in ((x, y), (3 * x, y), (x, 3 * y), (3 * x, 3 * y))]


def assert_quarters(image: Image.Image, *wanted: tuple[int, int, int]) -> None:
    found = corners(image)
    assert all(close(one, other) for one, other in zip(found, wanted, strict=True)), found


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PDF"])
def test_every_format_looks_right(format_: str) -> None:
    image = look(format_, saved(quarters(), format_))
    assert image.mode == "RGB"
    assert_quarters(image, RED, GREEN, BLUE, WHITE)
    if format_ != "PDF":
        assert image.size == (400, 200)


@pytest.mark.parametrize(
    ("format_", "mode"),
    [
        ("PNG", "1"),
        ("PNG", "L"),
        ("PNG", "P"),
        ("PNG", "LA"),
        ("PNG", "RGBA"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("TIFF", "1"),
        ("TIFF", "L"),
        ("TIFF", "CMYK"),
        ("BMP", "1"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
    ],
)
def test_every_mode_is_shown(format_: str, mode: str) -> None:
    shown = corners(look(format_, saved(quarters(mode=mode), format_)))
    assert close(shown[3], WHITE)
    assert not close(shown[0], WHITE)


@pytest.mark.parametrize(("format_", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I"), ("TIFF", "F")])
def test_what_has_more_than_eight_bits_is_neither_black_nor_white(format_: str, mode: str) -> None:
    deep = Image.new(mode, (3, 1))
    for x, value in enumerate((100, 2000, 3900)):
        deep.putpixel((x, 0), value)
    image = look(format_, saved(deep, format_))
    assert [image.getpixel((x, 0)) for x in range(3)] == [(0,) * 3, (128,) * 3, (255,) * 3]


@pytest.mark.parametrize(
    ("orientation", "wanted"),
    [
        (1, (RED, GREEN, BLUE, WHITE)),
        (2, (GREEN, RED, WHITE, BLUE)),
        (3, (WHITE, BLUE, GREEN, RED)),
        (4, (BLUE, WHITE, RED, GREEN)),
        (5, (RED, BLUE, GREEN, WHITE)),
        (6, (BLUE, RED, WHITE, GREEN)),
        (7, (WHITE, GREEN, BLUE, RED)),
        (8, (GREEN, WHITE, RED, BLUE)),
    ],
)
@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_a_photograph_is_upright(format_: str, orientation: int, wanted: tuple[tuple[int, int, int], ...]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = look(format_, saved(quarters(), format_, exif=exif))
    assert image.size == ((400, 200) if orientation < 5 else (200, 400))
    assert_quarters(image, *wanted)


def test_metadata_stays_behind() -> None:
    exif = Image.Exif()
    exif[0x010E] = MARKER.decode()
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (46.0, 12.0, 0.0)
    data = saved(quarters(), "JPEG", exif=exif, comment=MARKER, icc_profile=MARKER)
    assert data.count(MARKER) == 3
    shown = picture.draw("JPEG", [data], 1, 1600)
    assert MARKER not in shown.png
    assert chunks(shown.png) == [b"IHDR", b"IDAT", b"IEND"]
    assert not opened(shown.png).getexif()


def chunks(png: bytes) -> list[bytes]:
    """The names of the chunks of a PNG that has nothing before or behind them."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    names, place = [], 8
    while place < len(png):
        (size,) = struct.unpack("!I", png[place : place + 4])
        names.append(png[place + 4 : place + 8])
        place += 12 + size
    assert place == len(png)
    return names


def test_what_is_transparent_is_white() -> None:
    image = quarters(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 100))
    assert_quarters(look("PNG", saved(image, "PNG")), WHITE, GREEN, BLUE, WHITE)


def test_an_animation_shows_its_first_picture() -> None:
    frames = [Image.new("RGB", (50, 50), colour) for colour in (RED, GREEN)]
    shown = picture.draw("GIF", [saved(frames[0], "GIF", save_all=True, append_images=frames[1:])], 1, 1600)
    assert shown.pages == 1
    assert close(opened(shown.png).getpixel((25, 25)), RED)


@pytest.mark.parametrize("format_", ["TIFF", "PDF"])
def test_pages_are_shown_one_at_a_time(format_: str) -> None:
    pages = [Image.new("RGB", (50, 50), colour) for colour in (RED, GREEN, BLUE)]
    data = saved(pages[0], format_, save_all=True, append_images=pages[1:])
    for page, wanted in enumerate((RED, GREEN, BLUE), 1):
        shown = picture.draw(format_, [data], page, 1600)
        assert shown.pages == 3
        assert close(opened(shown.png).getpixel((25, 25)), wanted)
    with pytest.raises(ViewingError, match="no such page"):
        picture.draw(format_, [data], 4, 1600)


def test_a_large_photograph_is_made_smaller_and_can_be_had_larger() -> None:
    data = saved(quarters(4000, 3000), "JPEG")
    for widest, wanted in ((1600, (1600, 1200)), (3200, (3200, 2400))):
        image = look("JPEG", data, widest=widest)
        assert image.size == wanted
        assert_quarters(image, RED, GREEN, BLUE, WHITE)


def test_a_long_screenshot_stays_readable() -> None:
    assert look("PNG", saved(quarters(1080, 12_000), "PNG")).size == (1080, 12_000)


def test_a_page_of_vectors_is_drawn_as_wide_as_asked() -> None:
    data = document(filled(RED, "0 50 100 50") + b" " + filled(BLUE, "0 0 100 50"))
    for widest in (1600, 3200):
        image = look("PDF", data, widest=widest)
        assert widest - 5 <= image.width <= widest
        assert_quarters(image, RED, WHITE, BLUE, WHITE)


def test_a_page_whose_fonts_are_not_inside_still_shows_its_words() -> None:
    font = b"/Font <</F <</Type /Font /Subtype /TrueType /BaseFont /NoSuchFont>>>>"
    data = document(b"BT /F 40 Tf 10 40 Td (Ward seven) Tj ET", resources=font)
    colours = look("PDF", data).getcolors(100_000)
    assert colours is not None
    assert sum(count for count, colour in colours if close(colour, (0, 0, 0))) > 10_000


def test_what_was_filled_into_a_form_is_shown() -> None:
    widget = b"<</Type /Annot /Subtype /Widget /FT /Tx /T (a) /V (x) /Rect [0 0 200 100] /F 4 /AP <</N 5 0 R>>>>"
    objects = {
        1: b"<</Type /Catalog /Pages 2 0 R /AcroForm <</Fields [4 0 R]>>>>",
        4: widget,
        5: stream(filled(GREEN), b"/Type /XObject /Subtype /Form /BBox [0 0 200 100]"),
    }
    data = document(b"", more=objects).replace(b"/MediaBox", b"/Annots [4 0 R] /MediaBox")
    assert close(look("PDF", data).getpixel((800, 400)), GREEN)


def test_a_file_is_given_in_pieces() -> None:
    data = saved(quarters(), "BMP")

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    assert opened(picture.draw("BMP", pieces(), 1, 1600).png).size == (400, 200)


def test_a_page_is_there_in_a_moment() -> None:
    data = saved(quarters(4000, 3000), "JPEG")
    before = os.times()
    picture.draw("JPEG", [data], 1, 1600)
    assert sum(os.times()[:4]) - sum(before[:4]) < 5  # seconds of the processor
