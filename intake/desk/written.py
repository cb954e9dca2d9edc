"""Words that a reviewer wrote, made ready to be kept."""

from intake.desk.errors import DeskError
from intake.envelope import LONGEST_TEXT


def checked(text: str, most: int = LONGEST_TEXT) -> str:
    """Return the text with plain line ends and nothing blank around it.

    Raises DeskError when it is longer than `most` characters, or no valid Unicode.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > most:
        raise DeskError(f"The text has {len(text)} characters, and {most} are the most.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise DeskError("The text is not valid Unicode.")
    return text
