"""Decodes images into plain RGB. Runs only in the process that `renderer` locks in."""

import contextlib
import io
import math
import warnings

from PIL import Image, MpoImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401 (importing them registers them)
from PIL.Image import Transpose

from intake.desk.viewing.pixels import MOST_PAGES, DecodingError, Pixels
from intake.desk.viewing.protocol import Answer, fitting

_MOST_PIXELS = 100_000_000
_PAGED = _TURNED_BY_PILLOW = "TIFF"
_ORIENTATION = 0x0112
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_SIDEWAYS = (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])

# Later this process can open no file, so nothing may be left to load on first use.
Image.preinit()
Image.MAX_IMAGE_PIXELS = _MOST_PIXELS // 2  # Pillow warns above it, and refuses above twice as many
warnings.simplefilter("ignore")


def decode(data: bytes, format_: str, page: int, widest: int) -> Pixels:
    """Decode an image of exactly this format, upright and over white; of an animation the first picture.

    Raises DecodingError, and whatever Pillow raises for what is damaged.
    """
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=[format_])
    except Image.DecompressionBombError:
        raise DecodingError(Answer.TOO_LARGE) from None
    pages = min(getattr(image, "n_frames", 1), MOST_PAGES) if format_ == _PAGED else 1
    if page > pages:
        raise DecodingError(Answer.NO_SUCH_PAGE)
    if page > 1:
        image.seek(page - 1)
    if image.width * image.height > _MOST_PIXELS:
        raise DecodingError(Answer.TOO_LARGE)
    scale = fitting(*_upright_size(image), widest)
    width, height = (max(1, int(side * scale)) for side in _upright_size(image))
    image.draft("RGB", (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    image.load()
    turn = _turn(image)
    if turn is not None:
        image = image.transpose(turn)
    flat = _flat(image)
    if flat.size != (width, height):
        flat = flat.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return Pixels(pages, width, height, flat.tobytes())


def _flat(image: Image.Image) -> Image.Image:
    """Return the image as RGB, what is transparent over white."""
    if image.mode[0] in "IF":  # more than eight bits a pixel: spread what there is over those that can be seen
        numbers = image if image.mode == "F" else image.convert("I")
        low, high = numbers.getextrema()
        factor = 255 / max(high - low, 1)  # type: ignore[operator]
        offset = 0.5 - low * factor  # type: ignore[operator]
        image = numbers.point(lambda value: value * factor + offset).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    over = image.convert("RGBA")
    white = Image.new("RGB", over.size, "white")
    white.paste(over, mask=over)
    return white


def _upright_size(image: Image.Image) -> tuple[int, int]:
    return image.size[::-1] if _turn(image) in _SIDEWAYS else image.size


def _turn(image: Image.Image) -> Transpose | None:
    """Return how the image is to be turned to stand upright."""
    if image.format == _TURNED_BY_PILLOW:
        return None
    with contextlib.suppress(Exception):  # damaged metadata is no reason to show nothing
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return None
