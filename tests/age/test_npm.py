"""Both directions with the npm package age-encryption, classic and hybrid."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from intake.age.decrypt import decrypt
from intake.age.encrypt import encrypt
from intake.age.identities import HybridIdentity, SecretKeyIdentity, X25519Identity

FOREIGN = Path(__file__).parent.parent / "foreign"
SIZES = [0, 1, 65535, 65536, 65537, 300001]

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js: apt-get install nodejs npm"),
    pytest.mark.skipif(
        not (FOREIGN / "node_modules" / "age-encryption").is_dir(),
        reason="needs the npm package: npm ci --prefix tests/foreign",
    ),
]


def run(key: str, text: str, files: list[bytes]) -> list[bytes]:
    """Have the package do the same to each file: with the key "recipient" encrypt it, with "identity" decrypt it."""
    cases = [{key: text, "data": base64.b64encode(file).decode()} for file in files]
    done = subprocess.run(
        ["node", FOREIGN / "age.mjs"], input=json.dumps(cases), check=True, capture_output=True, text=True
    )
    return [base64.b64decode(result) for result in json.loads(done.stdout)]


@pytest.mark.parametrize("identity", [HybridIdentity.generate(), X25519Identity.generate()], ids=["hybrid", "classic"])
def test_both_directions(identity: SecretKeyIdentity) -> None:
    plaintexts = [os.urandom(size) for size in SIZES]
    ours = [encrypt(plaintext, [identity.recipient()]) for plaintext in plaintexts]
    assert run("identity", str(identity), ours) == plaintexts
    theirs = run("recipient", str(identity.recipient()), plaintexts)
    assert [decrypt(file, [identity]) for file in theirs] == plaintexts
