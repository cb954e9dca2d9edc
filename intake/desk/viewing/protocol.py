"""What the desk and the process that draws say to each other.

The desk gives a format, a page and a width as arguments, and the bytes of the file on the standard input. It gets back
a header, then the pixels as RGB. That process has read hostile bytes: it may choose numbers and colours, never words.
"""

import math
import struct
from enum import IntEnum

HEADER = struct.Struct("!BIII")
"""An answer, how many pages the file has, and the width and the height of the pixels that follow."""
CHANNELS = 3
MOST_PIXELS = 16_000_000
"""Pixels of what is drawn; how many the file itself has is bounded where it is decoded."""
PDF = "PDF"
"""What is drawn by pdfium; everything else is called as Pillow calls the format."""


class Answer(IntEnum):
    """What became of it."""

    DRAWN = 0
    DAMAGED = 1
    TOO_LARGE = 2
    LOCKED = 3
    NO_SUCH_PAGE = 4
    UNCONFINED = 5


def fitting(width: float, height: float, widest: int, largest: float = 1.0) -> float:
    """Return the scale, `largest` or less, at which something is not wider than `widest` nor has over MOST_PIXELS."""
    return min(largest, widest / width, math.sqrt(MOST_PIXELS / (width * height)))
