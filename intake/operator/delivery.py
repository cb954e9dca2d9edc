"""What comes back from the desk: its signing key, once, and then its dispatches."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine

from intake.dispatch import Dispatch
from intake.encoding import EnvelopeError, decode_base64
from intake.store import mailboxes

_LARGEST = 64 * 1024


class DeliveryError(Exception):
    """The key or the dispatch cannot be used. The message says why and what to do."""


def trust(engine: Engine, path: Path) -> None:
    """Install the desk's signing key from its `NAME.sign.pub`. Safe to repeat. Raises DeliveryError and OSError."""
    with path.open("rb") as source:
        text = source.read(_LARGEST).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if lines and lines[0].startswith("age1"):
        raise DeliveryError(f"{path} is a recipient: the signing key is in the file that ends in .sign.pub")
    try:
        (key,) = lines
        Ed25519PublicKey.from_public_bytes(decode_base64(key, 32))
    except (EnvelopeError, ValueError):
        raise DeliveryError(f"{path} is not a signing key of the desk: it has one line of 44 characters") from None
    if mailboxes.trust(engine, key) != key:
        raise DeliveryError("another signing key is installed, and stays: a key of the desk is trusted once")


def deliver(engine: Engine, path: Path) -> mailboxes.Delivered:
    """Put what the desk sent into the mailboxes. Repeating it changes nothing.

    Raises DeliveryError before `intake trust`, BundleError for anything but a dispatch of the desk, and OSError.
    """
    key = mailboxes.trusted_key(engine)
    if not key:
        raise DeliveryError("no signing key of the desk is installed: run `intake trust NAME.sign.pub` first")
    with path.open("rb") as source:
        dispatch = Dispatch(source, decode_base64(key, 32))
        messages = [(message.id, message.record, message.ciphertext) for message in dispatch.messages()]
    return mailboxes.deliver(engine, messages, dispatch.opened)
