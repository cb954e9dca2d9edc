"""Encrypting: `encrypt` for what is in memory, `Encryptor` for what arrives piece by piece."""

import io
import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from intake.age.errors import RecipientsError
from intake.age.header import MAX_HEADER_SIZE, encode_header
from intake.age.primitives import CHUNK_SIZE, FILE_KEY_SIZE, PAYLOAD_NONCE_SIZE, chunk_nonce, payload_key
from intake.age.recipients import Recipient, ScryptRecipient
from intake.age.streams import Sink, Writer


class Encryptor(Writer):
    """Encrypts what is written to it, and writes the file to `sink`, in constant memory.

    Each recipient can open the file. It is complete, and opens without an error, only after `close`; used in a `with`
    statement, an exception leaves it incomplete. For a file as text, make the sink an `ArmorWriter`.
    """

    def __init__(self, sink: Sink, recipients: Sequence[Recipient]) -> None:
        """Write the header and the payload's nonce.

        Raises RecipientsError if there is no recipient, if hybrid and classic ones are mixed (the file would be no
        safer than with the classic ones alone), or if a passphrase is not alone. Raises as `write` does.
        """
        _check(recipients)
        super().__init__(sink)
        file_key = os.urandom(FILE_KEY_SIZE)
        nonce = os.urandom(PAYLOAD_NONCE_SIZE)
        header = encode_header([recipient.wrap(file_key) for recipient in recipients], file_key)
        if len(header) > MAX_HEADER_SIZE:
            raise RecipientsError("There are too many recipients for one file.")
        self._cipher = ChaCha20Poly1305(payload_key(file_key, nonce))
        self._counter = 0
        self._kept = bytearray(CHUNK_SIZE)
        self._filled = 0
        self._put(header + nonce)

    def _take(self, data: memoryview) -> None:
        # A full chunk is kept until more follows: only then is it known not to be the last.
        while self._filled + len(data) > CHUNK_SIZE:
            room = CHUNK_SIZE - self._filled
            if self._filled:
                self._kept[self._filled :] = data[:room]
                self._put_chunk(self._kept, last=False)
                self._filled = 0
            else:
                self._put_chunk(data[:room], last=False)
            data = data[room:]
        self._kept[self._filled : self._filled + len(data)] = data
        self._filled += len(data)

    def _finish(self) -> None:
        self._put_chunk(self._kept[: self._filled], last=True)

    def _put_chunk(self, chunk: bytearray | memoryview, *, last: bool) -> None:
        self._put(self._cipher.encrypt(chunk_nonce(self._counter, last=last), chunk, None))
        self._counter += 1


def encrypt(plaintext: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Encrypt `plaintext` so that each recipient can open it. Raises RecipientsError, as `Encryptor` does."""
    file = io.BytesIO()
    with Encryptor(file, recipients) as encryptor:
        encryptor.write(plaintext)
    return file.getvalue()


def _check(recipients: Sequence[Recipient]) -> None:
    if not recipients:
        raise RecipientsError("There is no recipient to encrypt to.")
    if len(recipients) == 1:
        return
    if any(isinstance(recipient, ScryptRecipient) for recipient in recipients):
        raise RecipientsError("A passphrase must be the only recipient of a file.")
    if len({type(recipient) for recipient in recipients}) > 1:
        raise RecipientsError("Hybrid recipients (age1pq1…) and classic ones (age1…) cannot share a file.")
