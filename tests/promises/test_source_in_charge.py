"""Promise 8: the source stays in charge.

Coming back with the code is not built yet; what it will need is kept from now on.
"""

import hashlib
import json
import sqlite3
from contextlib import closing

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from service import CALL, ENOUGH, Instance, Server

from intake import code, envelope
from intake.age.decrypt import decrypt
from intake.age.identities import HybridIdentity
from intake.encoding import EnvelopeError, encode_base64


def instance_id(instance: Instance) -> bytes:
    """The salt of every code of this instance."""
    with closing(sqlite3.connect(instance.database)) as database:
        return bytes.fromhex(database.execute("SELECT id FROM instance").fetchone()[0])


def test_only_the_code_leads_to_the_mailbox(server: Server) -> None:
    """The mailbox is named by a digest of the access token, and its consents open with the code's own key."""
    receipt = server.client.send(CSTAT="Y")
    keys = code.derive(receipt.return_code, instance_id(server.instance))
    columns = "id, recipient, authority, consents"
    with closing(sqlite3.connect(server.instance.database)) as database:
        ((identifier, recipient, authority, consents),) = database.execute(f"SELECT {columns} FROM mailbox").fetchall()
    identity = HybridIdentity.from_seed(keys.mailbox)
    assert identifier == hashlib.sha256(keys.access).hexdigest()
    assert recipient == str(identity.recipient())
    found = json.loads(decrypt(consents, [identity]))
    assert (found["consent"]["CSTAT"], found["consent"]["CARCH"]) == ("Y", "N")
    signing = Ed25519PrivateKey.from_private_bytes(keys.authority)
    assert authority == encode_base64(signing.public_key().public_bytes_raw())


def test_the_code_itself_is_stored_nowhere(server: Server) -> None:
    """No file of the instance holds the return code or what is derived from it in secret."""
    receipt = server.client.send()
    keys = code.derive(receipt.return_code, instance_id(server.instance))
    secrets = [receipt.return_code.encode(), code.groups(receipt.return_code).encode()]
    for key in (keys.access, keys.mailbox, keys.authority, keys.draft, keys.retry):
        secrets += [key, key.hex().encode()]
    for path in (server.instance.folder / "instance").rglob("*"):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret in content], path


def test_an_addition_is_signed_by_the_person_who_sent_the_testimony(server: Server) -> None:
    """What is added later carries the signature of the key that the testimony names; another key's does not pass."""
    client = server.client
    form = client.form()
    first = client.post(CALL, {**form, **ENOUGH})
    fields = {**ENOUGH, "story.text": "I remember more.", "earlier": "1", "earlier_code": first.return_code}
    assert client.post(CALL, {**client.form(), **fields}).status == 200
    sealed = [envelope.parse(server.instance.opened(ciphertext)) for ciphertext in server.instance.ciphertexts()]
    testimony = next(found for found in sealed if isinstance(found, envelope.Testimony))
    addition = next(found for found in sealed if isinstance(found, envelope.Addition))
    assert addition.parent == testimony.id
    addition.verify(testimony.authority)
    stranger = Ed25519PrivateKey.generate()
    forged = addition.signed(stranger)
    with pytest.raises(EnvelopeError):
        forged.verify(testimony.authority)


def test_an_addition_needs_the_code_of_a_testimony(server: Server) -> None:
    """With a code that leads nowhere, nothing is added and the text is kept."""
    client = server.client
    page = client.post(CALL, {**client.form(), **ENOUGH, "earlier": "1", "earlier_code": code.make()})
    assert page.status == 422
    assert "The screens went dark." in page.text
    assert server.instance.ciphertexts() == []
