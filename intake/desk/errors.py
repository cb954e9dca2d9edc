"""The error of the desk, and text that is safe to print."""

import re

# C0 but for tab and newline, DEL, C1, and the marks that turn the direction of text around.
_DANGEROUS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class DeskError(Exception):
    """A command cannot do what was asked. The message is one sentence for the reviewer, without secret or answer."""


def harmless(text: str) -> str:
    """Return the text with everything that could command a terminal shown as an escape, like \\x1b or \\u202e."""
    return _DANGEROUS.sub(lambda match: _escape(match[0]), text)


def one_line(text: str) -> str:
    """Return the text harmless and without line breaks."""
    return " ".join(harmless(text).split("\n"))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
