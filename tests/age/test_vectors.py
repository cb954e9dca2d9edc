"""The public age test vectors: each ends in its exact class of outcome and releases exactly the plaintext it may."""

import hashlib
import io
import zlib
from pathlib import Path

import pytest

from intake.age.armor import unarmored
from intake.age.decrypt import decrypt_stream
from intake.age.errors import AgeError, ArmorError, HeaderError, HmacError, NoMatchError, PayloadError
from intake.age.header import encode_header, read_header
from intake.age.identities import Identity, ScryptIdentity, parse_identity

VECTORS = [path for path in sorted((Path(__file__).parent / "vectors").iterdir()) if path.name != "README.md"]
OUTCOMES = {
    "success": None,
    "no match": NoMatchError,
    "HMAC failure": HmacError,
    "header failure": HeaderError,
    "payload failure": PayloadError,
    "armor failure": ArmorError,
}


def fields_and_file(path: Path) -> tuple[list[tuple[str, str]], bytes]:
    head, _, file = path.read_bytes().partition(b"\n\n")
    fields = [(key, value) for key, value in (line.split(": ", 1) for line in head.decode().splitlines())]
    return fields, zlib.decompress(file) if ("compressed", "zlib") in fields else file


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_outcome_and_released_plaintext(path: Path) -> None:
    fields, file = fields_and_file(path)
    identities: list[Identity] = [parse_identity(value) for key, value in fields if key == "identity"]
    identities += [ScryptIdentity(value) for key, value in fields if key == "passphrase"]

    released = hashlib.sha256()
    outcome: type[AgeError] | None = None
    try:
        for chunk in decrypt_stream(io.BytesIO(file), identities):
            released.update(chunk)
    except AgeError as error:
        outcome = type(error)

    assert outcome is OUTCOMES[dict(fields)["expect"]]
    assert released.hexdigest() == dict(fields).get("payload", hashlib.sha256().hexdigest())


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.name)
def test_a_header_that_was_read_is_written_back_the_same(path: Path) -> None:
    fields, file = fields_and_file(path)
    if dict(fields)["expect"] in ("header failure", "armor failure", "HMAC failure"):
        return
    file_key = bytes.fromhex(dict(fields)["file key"])
    header = read_header(io.BytesIO(file))
    assert unarmored(io.BytesIO(file)).read(1 << 20).startswith(encode_header(header.stanzas, file_key))
