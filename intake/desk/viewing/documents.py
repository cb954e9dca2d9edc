"""Draws pages of PDF as plain RGB. Runs only in the process that `renderer` locks in."""

import math

from pypdfium2 import PdfDocument, PdfiumError
from pypdfium2.raw import FPDF_ERR_PASSWORD

from intake.desk.viewing.pixels import MOST_PAGES, DecodingError, Pixels
from intake.desk.viewing.protocol import CHANNELS, Answer, fitting

_LARGEST_SCALE = 20.0
"""What is smaller than a stamp is not drawn as wide as a page."""
_ROOM_TO_ROUND_UP = 0.999


def decode(data: bytes, _format: str, page: int, widest: int) -> Pixels:
    """Draw one page, with what was filled into its forms. Raises DecodingError, and PdfiumError for what is damaged."""
    try:
        document = PdfDocument(data)
    except PdfiumError as error:
        raise DecodingError(Answer.LOCKED if error.err_code == FPDF_ERR_PASSWORD else Answer.DAMAGED) from None
    pages = min(len(document), MOST_PAGES)
    if page > pages:
        raise DecodingError(Answer.NO_SUCH_PAGE)
    document.init_forms()
    shown = document[page - 1]
    width, height = shown.get_size()
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise DecodingError(Answer.DAMAGED)
    scale = fitting(width, height, widest, _LARGEST_SCALE) * _ROOM_TO_ROUND_UP
    drawn = shown.render(scale=scale, rev_byteorder=True)
    row, used = drawn.stride, drawn.width * CHANNELS
    filled = memoryview(drawn.buffer)
    rgb = b"".join(filled[start : start + used] for start in range(0, row * drawn.height, row))
    return Pixels(pages, drawn.width, drawn.height, rgb)
