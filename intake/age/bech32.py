"""Bech32 (BIP 173) without its length limit, as age keys are written. Written to be fast with long keys."""

from functools import lru_cache

from intake.age.errors import KeyFormatError

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_TO_VALUES = bytes.maketrans(_ALPHABET.encode(), bytes(range(32)))
# Python reads base 32 natively, with these digits.
_TO_DIGITS = bytes.maketrans(_ALPHABET.encode(), b"0123456789abcdefghijklmnopqrstuv")
_FROM_VALUES = bytes.maketrans(bytes(range(32)), _ALPHABET.encode())

_CHECKSUM_LENGTH = 6
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def _step(checksum: int, value: int) -> int:
    """Append one group of five bits to the checksum."""
    top = checksum >> 25
    checksum = (checksum & 0x1FFFFFF) << 5 ^ value
    for bit, generator in enumerate(_GENERATOR):
        if top >> bit & 1:
            checksum ^= generator
    return checksum


def _times(one: int, other: int) -> int:
    """Multiply in the field of 32 elements that BIP 173 uses: modulo x^5 + x^3 + 1 over the field of two."""
    product = 0
    for bit in range(5):
        product ^= (one << bit) * (other >> bit & 1)
    for bit in range(8, 4, -1):
        product ^= (0b101001 << bit - 5) * (product >> bit & 1)
    return product


# Each translates a whole string of elements into their products with one of them.
_PRODUCTS = [bytes(_times(factor, value & 31) for value in range(256)) for factor in range(32)]
_SHORT = 64


@lru_cache(maxsize=64)
def _power(exponent: int) -> tuple[int, ...]:
    """The checksum of 1 and so many zeros: its six groups, the last one first."""
    checksum = 1
    for _ in range(exponent):
        checksum = _step(checksum, 0)
    return tuple(checksum >> shift & 31 for shift in range(0, 30, 5))


def _polymod(values: bytes) -> int:
    """The BIP 173 checksum of groups of five bits: the remainder of a polynomial, highest power first.

    Its upper half is reduced as a whole and added to the lower one, until little is left.
    """
    values = b"\1" + values
    while len(values) > _SHORT:
        lower = (len(values) + 1) // 2
        half = values[:-lower]
        total = int.from_bytes(values[-lower:], "big")
        for place, factor in enumerate(_power(lower)):
            total ^= int.from_bytes(half.translate(_PRODUCTS[factor]), "big") << 8 * place
        values = total.to_bytes(lower + len(_GENERATOR), "big")
    checksum = 0
    for value in values:
        checksum = _step(checksum, value)
    return checksum


def _expand(prefix: str) -> bytes:
    """The prefix as it enters the checksum."""
    letters = prefix.encode("ascii")
    return bytes(letter >> 5 for letter in letters) + b"\0" + bytes(letter & 31 for letter in letters)


def _groups_of_five(data: bytes) -> bytes:
    """Cut bytes into groups of five bits, the last one filled up with zeros."""
    size = 8 * len(data)
    # One byte for each bit; the leading 1 keeps the zeros that follow it.
    bits = f"{1 << size | int.from_bytes(data, 'big'):b}"[1:].encode("ascii") + b"0" * (-size % 5)
    bits = bits.translate(bytes.maketrans(b"01", b"\0\1"))
    # All groups at once: every fifth bit is a long number whose bytes have room to be shifted into place.
    number = sum(int.from_bytes(bits[place::5], "big") << 4 - place for place in range(5))
    return number.to_bytes(len(bits) // 5, "big")


def encode(prefix: str, data: bytes) -> str:
    """Write `data` of any length in lower case, behind the lower-case `prefix`.

    For the upper-case form that identities have, call `.upper()` on the result.
    """
    values = _groups_of_five(data)
    remainder = _polymod(_expand(prefix) + values + bytes(_CHECKSUM_LENGTH)) ^ 1
    values += bytes(remainder >> shift & 31 for shift in range(25, -1, -5))
    return f"{prefix}1{values.translate(_FROM_VALUES).decode('ascii')}"


def decode(text: str) -> tuple[str, bytes]:
    """Read a string that `encode` wrote, all lower or all upper case.

    Returns the prefix, in the case it was written in, and the data.
    Raises KeyFormatError; its message holds no part of the text, which may be a private key.
    """
    if not text.isascii() or not text.isprintable() or " " in text:
        raise KeyFormatError("A key cannot contain spaces, line breaks or characters other than ASCII.")
    if text not in (text.lower(), text.upper()):
        raise KeyFormatError("The key mixes upper-case and lower-case letters.")
    prefix, _, tail = text.rpartition("1")
    encoded = tail.lower().encode("ascii")
    if not prefix or len(encoded) < _CHECKSUM_LENGTH:
        raise KeyFormatError("This is not a key, or a part of it is missing.")
    if encoded.translate(None, _ALPHABET.encode()):
        raise KeyFormatError("The key contains a character that no key has.")
    if _polymod(_expand(prefix.lower()) + encoded.translate(_TO_VALUES)) != 1:
        raise KeyFormatError("The key's checksum does not match: a character is wrong, missing or added.")
    digits = encoded[:-_CHECKSUM_LENGTH].translate(_TO_DIGITS)
    size, spare = divmod(5 * len(digits), 8)
    number = int(digits or b"0", 32)
    if spare > 4 or number & (1 << spare) - 1:
        raise KeyFormatError("The key does not hold a whole number of bytes.")
    return prefix, (number >> spare).to_bytes(size, "big")
