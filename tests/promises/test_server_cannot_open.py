"""Promise 2: the server cannot open a testimony."""

import subprocess
import sys

import pytest
from service import ROOT, Instance, Server

from intake.age.errors import AgeError
from intake.age.identities import HybridIdentity
from intake.envelope import parse

DECRYPTING = ("intake.age.decrypt", "intake.age.identities", "intake.desk")


def test_the_server_loads_no_code_that_decrypts(instance: Instance) -> None:
    """After a submission, the process has imported nothing that opens an age file."""
    program = (
        "import sys, os\n"
        "from intake.site.app import create_app\n"
        "import intake.operator.commands\n"
        "from intake.operator.trial import send_test\n"
        "print(send_test(create_app()))\n"
        "print([name for name in sys.modules if name.startswith('intake.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=instance.environment, check=True
    )
    assert "intake.age.encrypt" in done.stdout
    assert not [name for name in DECRYPTING if name in done.stdout]


def test_the_rules_of_who_imports_whom_hold() -> None:
    """import-linter's contracts are kept: the decrypting half is out of the server's reach."""
    done = subprocess.run([ROOT / ".venv/bin/lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Nothing on the server can decrypt KEPT" in done.stdout


def test_only_the_recipients_open_what_is_stored(server: Server) -> None:
    """What is stored opens with the recipient's identity, and with nothing that lies on the server."""
    server.client.send()
    (ciphertext,) = server.instance.ciphertexts()
    assert parse(server.instance.opened(ciphertext)).answers["story.text"]
    secret = bytes.fromhex((server.instance.folder / "instance" / "secret").read_text())
    for other in (HybridIdentity.generate(), HybridIdentity.from_seed(secret)):
        with pytest.raises(AgeError):
            server.instance.opened(ciphertext, other)


def test_no_key_on_the_server_is_private(server: Server) -> None:
    """No file in the instance or in keys/ holds an age identity."""
    server.client.send()
    for folder in ("instance", "keys"):
        for path in (server.instance.folder / folder).rglob("*"):
            assert b"AGE-SECRET-KEY" not in path.read_bytes().upper()
