"""The process that draws: it locks itself in, then reads a file from the standard input and writes pixels.

It is started anew for each page, and knows nothing but the bytes of one file.
"""

import importlib
import os
import sys
from types import ModuleType

from intake.desk.viewing.confining import confine
from intake.desk.viewing.pixels import DecodingError, Pixels
from intake.desk.viewing.protocol import HEADER, PDF, Answer

_NOTHING = Pixels(0, 0, 0, b"")


def main() -> None:
    """Answer once."""
    format_, page, widest = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    # The other decoder stays away: importing it takes as long as drawing.
    decoder = importlib.import_module(f"intake.desk.viewing.{'documents' if format_ == PDF else 'images'}")
    answer, pixels = _draw(decoder, format_, page, widest) if confine() else (Answer.UNCONFINED, _NOTHING)
    sys.stdout.buffer.write(HEADER.pack(answer, pixels.pages, pixels.width, pixels.height))
    sys.stdout.buffer.write(pixels.rgb)
    sys.stdout.buffer.flush()
    os._exit(0)  # nothing that hostile bytes left behind is run on the way out


def _draw(decoder: ModuleType, format_: str, page: int, widest: int) -> tuple[Answer, Pixels]:
    try:
        return Answer.DRAWN, decoder.decode(sys.stdin.buffer.read(), format_, page, widest)
    except DecodingError as error:
        return error.answer, _NOTHING
    except MemoryError:
        return Answer.TOO_LARGE, _NOTHING
    except Exception:  # noqa: BLE001 (a decoder raises anything at all for what is damaged)
        return Answer.DAMAGED, _NOTHING


if __name__ == "__main__":
    main()
