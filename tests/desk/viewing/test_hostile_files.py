"""A bomb, a crash or a lie costs one message: bounded in memory, time and pixels."""

import random
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from desk.viewing.files import GREEN, RED, close, document, filled, opened, pdf, png, quarters, saved, stream
from intake.desk.viewing import limits, picture
from intake.desk.viewing.picture import ViewingError
from intake.desk.viewing.protocol import HEADER, MOST_PIXELS, Answer

EVERY = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PDF"]
_RESOURCES = b"/XObject <</X 4 0 R>>"


def refused(format_: str, data: bytes, page: int = 1) -> str:
    """Why it is not shown. It must not take longer than it may."""
    began = time.monotonic()
    with pytest.raises(ViewingError) as found:
        picture.draw(format_, [data], page, 1600)
    assert time.monotonic() - began < picture.SECONDS + 15
    return str(found.value)


def shown_or_refused(format_: str, data: bytes) -> None:
    try:
        shown = picture.draw(format_, [data], 1, 1600)
    except ViewingError:
        return
    assert opened(shown.png).size == (shown.width, shown.height)


def test_a_small_file_of_a_huge_image() -> None:
    assert "too much memory" in refused("PNG", png(200_000, 200_000, zlib.compress(bytes(10_000_000))))
    assert "too much memory" in refused("PNG", png(10_001, 10_000, b""))
    header = struct.pack("<IHHIIIIHH", 0, 0, 0, 54, 40, 2_000_000_000, 2_000_000_000, 1, 24)
    assert "too much memory" in refused("BMP", b"BM" + header[:-4] + struct.pack("<HH", 1, 24) + bytes(100))
    assert "too much memory" in refused(
        "GIF", saved(quarters(), "GIF").replace(struct.pack("<HH", 400, 200), b"\xff" * 4)
    )


def test_pixels_that_go_on_after_the_last_row() -> None:
    shown = picture.draw("PNG", [png(2, 2, zlib.compress(bytes(100_000_000), 1))], 1, 1600)
    assert (shown.width, shown.height) == (2, 2)


def test_compressed_text_that_unpacks_to_gigabytes() -> None:
    whole = png(2, 2, zlib.compress(bytes(14)))
    text = b"comment\0\0" + zlib.compress(bytes(100_000_000), 1)
    chunk = struct.pack("!I", len(text)) + b"zTXt" + text + struct.pack("!I", zlib.crc32(b"zTXt" + text))
    shown_or_refused("PNG", whole[:33] + chunk * 20 + whole[33:])


@pytest.mark.parametrize("format_", EVERY)
def test_a_file_that_ends_too_soon(format_: str) -> None:
    data = saved(quarters(), format_)
    for part in (0.05, 0.5, 0.9):
        shown_or_refused(format_, data[: int(len(data) * part)])
    refused(format_, data[:20])
    refused(format_, b"")


@pytest.mark.parametrize("format_", EVERY)
def test_a_file_with_wrong_bytes(format_: str) -> None:
    chance = random.Random(4)
    data = saved(quarters(), format_)
    for _ in range(12):
        spoilt = bytearray(data)
        for _ in range(chance.randrange(1, 40)):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        shown_or_refused(format_, bytes(spoilt))


@pytest.mark.parametrize("format_", EVERY)
def test_a_file_of_another_format(format_: str) -> None:
    for other in ("PNG", "PDF", "TIFF"):
        if other != format_:
            assert "not what its first bytes say" in refused(format_, saved(quarters(), other))


def test_only_the_formats_that_are_named_are_decoded() -> None:
    for other in ("PPM", "EPS", "ICO", "TGA", "PCX", "SGI", "MPO"):
        assert "not what its first bytes say" in refused("PNG", saved(quarters(64, 64), other))


def nested(levels: int) -> bytes:
    """A page that draws a form ten times, which draws another one ten times, and so on."""
    forms = {
        number: stream(
            b"/X Do " * 10,
            b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources <</XObject <</X %d 0 R>>>>" % (number + 1),
        )
        for number in range(100, 100 + levels)
    }
    forms[100 + levels] = stream(filled(RED), b"/Type /XObject /Subtype /Form /BBox [0 0 9 9]")
    return document(b"/X Do", more=forms, resources=b"/XObject <</X 100 0 R>>")


def test_a_drawing_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "SECONDS", 2)
    began = time.monotonic()
    assert "too long" in refused("PDF", nested(12))
    assert 1.5 < time.monotonic() - began < 15


def test_the_processor_time_is_bounded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the desk itself be gone."""
    monkeypatch.setattr(picture, "SECONDS", 100)
    code = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, (2, 2)); {DRAW}"
    began = time.monotonic()
    assert subprocess.run([sys.executable, "-c", code], input=nested(12), timeout=120).returncode == 0
    assert 1.5 < time.monotonic() - began < 90


DRAW = """
import sys
from intake.desk.viewing import picture
try:
    picture.draw("PDF", [sys.stdin.buffer.read()], 1, 1600)
except picture.ViewingError:
    sys.exit(0)
sys.exit(1)
"""


def test_a_document_of_very_many_pages() -> None:
    one = document(filled(RED))
    many = one.replace(b"/Count 1 /Kids [10 0 R]", b"/Count 2000000000 /Kids [%s]" % (b"10 0 R " * 200_000))
    shown = picture.draw("PDF", [many], 1, 1600)
    assert close(opened(shown.png).getpixel((800, 400)), RED)
    assert shown.pages == 10_000
    assert "no such page" in refused("PDF", many, 2_000_000)


@pytest.mark.parametrize(
    "box",
    [b"0 0 1e30 1e30", b"0 0 14400 14400", b"0 0 1 1e9", b"0 0 0 0", b"100 100 0 0", b"0 0 -5 nan", b"0 0 .001 .001"],
)
def test_a_page_of_any_size(box: bytes) -> None:
    shown_or_refused("PDF", document(filled(GREEN), box=box))


def test_a_document_nested_deep() -> None:
    refused("PDF", pdf({1: b"[" * 1_000_000 + b"]" * 1_000_000}))
    refused("PDF", pdf({1: b"<</Type /Catalog /Pages 1 0 R /Kids [1 0 R] /Parent 1 0 R /Count 9>>"}))
    chain = {n: b"<</Type /Pages /Count 1 /Kids [%d 0 R]>>" % (n + 1) for n in range(2, 10_000)}
    shown_or_refused("PDF", pdf({1: b"<</Type /Catalog /Pages 2 0 R>>", **chain}))
    shown_or_refused("PDF", document(b"q " * 1_000_000))


def test_a_stream_that_unpacks_to_gigabytes() -> None:
    packed = zlib.compress(bytes(2**29), 9)
    for _ in range(2):
        packed = zlib.compress(packed, 9)
    filters = b"<</Length %d /Filter [/FlateDecode /FlateDecode /FlateDecode]>>\nstream\n%s\nendstream"
    objects = {
        1: b"<</Type /Catalog /Pages 2 0 R>>",
        2: b"<</Type /Pages /Count 1 /Kids [3 0 R]>>",
        3: b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Contents [%s]>>" % (b"4 0 R " * 50),
        4: filters % (len(packed), packed),
    }
    shown_or_refused("PDF", pdf(objects))


def test_an_image_in_a_document_that_is_huge() -> None:
    entries = b"/Type /XObject /Subtype /Image /Width 60000 /Height 60000 /BitsPerComponent 8 /ColorSpace /DeviceRGB"
    image = stream(bytes(10_000_000), entries)
    shown_or_refused("PDF", document(b"200 0 0 100 0 0 cm /X Do", more={4: image}, resources=_RESOURCES))


def test_what_a_password_protects() -> None:
    handler = b"<</Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s>>>" % (b"11" * 32, b"22" * 32)
    data = document(filled(RED), more={4: handler})
    data = data.replace(b"trailer\n<<", b"trailer\n<</Encrypt 4 0 R /ID [<00><00>] ")
    assert "protected by a password" in refused("PDF", data)


def test_a_document_runs_nothing_and_fetches_nothing(tmp_path: Path) -> None:
    target = tmp_path / "made"
    action = b"<</S /JavaScript /JS (app.launchURL\\('http://127.0.0.1:9/'\\))>>"
    launch = b"<</S /Launch /F (%s)>>" % str(target).encode()
    catalogue = b"<</Type /Catalog /Pages 2 0 R /OpenAction %s /AA <</WC %s>>>>" % (action, launch)
    shown = picture.draw("PDF", [document(filled(RED), more={1: catalogue})], 1, 1600)
    assert close(opened(shown.png).getpixel((800, 400)), RED)
    assert not target.exists()


DRAW_BOTH = """
import resource, sys
from intake.desk.viewing import picture
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in sys.argv[1:]:
    try:
        picture.draw("PNG", [open(name, "rb").read()], 1, 3200)
    except picture.ViewingError:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_is_bounded(tmp_path: Path) -> None:
    """The desk holds a picture a few times, and never the whole image; the process that draws has its limit."""
    names = [tmp_path / "deep.png", tmp_path / "large.png"]
    names[0].write_bytes(saved(quarters(9_000, 7_000, "RGBA"), "PNG", compress_level=1))
    names[1].write_bytes(png(9_000, 9_000, zlib.compress(bytes(243_009_000), 1)))
    result = subprocess.run([sys.executable, "-c", DRAW_BOTH, *names], stdout=subprocess.PIPE, text=True, check=True)
    desk, drawing = (int(number) * 1024 for number in result.stdout.split())
    assert desk < 20 * MOST_PIXELS
    assert 200_000_000 < drawing < limits.MEMORY


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"short",
        HEADER.pack(Answer.DRAWN, 1, 2, 2) + b"\0" * 11,
        HEADER.pack(Answer.DRAWN, 1, 0, 2),
        HEADER.pack(Answer.DRAWN, 0, 2, 2) + b"\0" * 12,
        HEADER.pack(Answer.DRAWN, 1, 1601, 1) + b"\0" * 4803,
        HEADER.pack(Answer.DRAWN, 1, 1600, MOST_PIXELS) + b"\0" * 4800,
        HEADER.pack(Answer.DRAWN, 1, 2**32 - 1, 2**32 - 1),
        HEADER.pack(77, 1, 2, 2) + b"\0" * 12,
    ],
)
def test_a_process_in_hostile_hands_is_not_believed(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(tmp_path, monkeypatch, f"import sys; sys.stdout.buffer.write({answer!r})")
    refused("PNG", b"a file")


def test_a_process_in_hostile_hands_can_choose_nothing_but_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = HEADER.pack(Answer.DRAWN, 3, 2, 1) + bytes(range(6))
    pretend(tmp_path, monkeypatch, f"import sys; sys.stdout.buffer.write({flood!r} + b'<script>' * 9_000_000)")
    shown = picture.draw("PNG", [b"a file"], 1, 1600)
    assert list(opened(shown.png).tobytes()) == list(range(6))
    assert b"script" not in shown.png


def test_a_process_that_answers_before_it_has_read_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "SECONDS", 2)
    pretend(tmp_path, monkeypatch, "import sys, time; sys.stdout.buffer.write(bytes(9_000_000)); time.sleep(99)")
    refused("PNG", bytes(9_000_000))
    assert threading.active_count() < 5


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let other code answer in the place of the process that draws."""
    program = folder / "python"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
