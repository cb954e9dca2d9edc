"""The return code: making it, reading it in any digits, and deriving keys from it.

A source gets one code with each testimony: 23 random decimal digits (76 bits) and a Damm check digit. There is
no account; whoever holds the code holds the mailbox. Digits, because every keyboard has them and every language
can say them.
"""

import hashlib
import secrets
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from stdnum import damm

LENGTH = 24
_GROUP = 4


class Rule(Enum):
    """What a typed code breaks. The site has words for each."""

    DIGITS = auto()
    LENGTH = auto()
    CHECK = auto()


class CodeError(ValueError):
    """The text is not a return code. The message never repeats the text; `rule` says what is wrong."""

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def make() -> str:
    """Return a fresh return code: 24 ASCII digits."""
    digits = f"{secrets.randbelow(10 ** (LENGTH - 1)):0{LENGTH - 1}d}"
    return digits + damm.calc_check_digit(digits)


def read(text: str) -> str:
    """Return the 24 ASCII digits of a code as a person typed it.

    Any script's decimal digits count. Spaces, punctuation and invisible direction marks between them are ignored.

    Raises CodeError where a letter or symbol stands among the digits, the length is wrong or the check digit
    does not fit.
    """
    digits = []
    for character in text:
        value = unicodedata.decimal(character, None)
        if value is not None:
            digits.append(str(value))
        elif unicodedata.category(character)[0] not in "ZPC":
            raise CodeError(Rule.DIGITS, "A code has only digits.")
    code = "".join(digits)
    if len(code) != LENGTH:
        raise CodeError(Rule.LENGTH, f"A code has {LENGTH} digits.")
    if not damm.is_valid(code):
        raise CodeError(Rule.CHECK, "One of the digits is not right.")
    return code


def count_digits(text: str) -> int:
    """Return how many digits, of any script, a person typed."""
    return sum(unicodedata.decimal(character, None) is not None for character in text)


def groups(code: str) -> str:
    """Return the code in six groups of four digits, as it is shown."""
    return " ".join(code[start : start + _GROUP] for start in range(0, LENGTH, _GROUP))


@dataclass(frozen=True, repr=False)
class Keys:
    """What a return code opens. Each value is 32 bytes."""

    access: bytes
    """The access token. The server stores only its SHA-256, as the mailbox id."""
    mailbox: bytes
    """Seed of the hybrid age identity that replies are sealed to."""
    authority: bytes
    """Ed25519 seed: signs what the source adds, changes or withdraws later."""
    draft: bytes
    """Passphrase of a draft that the person saved."""
    retry: bytes
    """Key that tells a second sending of the same answers from one with other answers, without storing them."""

    @property
    def mailbox_id(self) -> str:
        """SHA-256 of the access token, in hex."""
        return hashlib.sha256(self.access).hexdigest()


def derive(code: str, instance_id: bytes) -> Keys:
    """Derive the keys of a code (24 ASCII digits) for one instance of the service.

    scrypt (RFC 7914, N=2^10, r=8, p=1) stretches the code with the instance id as salt; HKDF-SHA256 (RFC 5869)
    without salt draws one key a purpose. The code's own 76 bits do the work: see docs/format.md.
    """
    master = hashlib.scrypt(code.encode("ascii"), salt=instance_id, n=2**10, r=8, p=1, dklen=32)
    pseudorandom_key = HKDF.extract(SHA256(), None, master)

    def expand(purpose: str) -> bytes:
        return HKDFExpand(SHA256(), 32, f"intake/1 {purpose}".encode()).derive(pseudorandom_key)

    return Keys(*(expand(purpose) for purpose in ("access", "mailbox", "authority", "draft", "retry")))
