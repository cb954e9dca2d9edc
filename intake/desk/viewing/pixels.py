"""What a decoder gives, and how it says that it cannot."""

from dataclasses import dataclass

from intake.desk.viewing.protocol import Answer

MOST_PAGES = 10_000
"""Pages of one file that can be looked at."""


class DecodingError(Exception):
    """The answer says why."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


@dataclass(frozen=True)
class Pixels:
    """One page as RGB, three bytes a pixel, and how many pages there are."""

    pages: int
    width: int
    height: int
    rgb: bytes
