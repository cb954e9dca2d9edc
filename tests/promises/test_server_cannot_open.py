"""Promise 2: the server cannot open a testimony."""

import subprocess
import sys
import tomllib

import pytest
from service import ROOT, Instance, Server

from intake.age.errors import AgeError
from intake.age.identities import HybridIdentity

DECRYPTING = ("intake.age.decrypt", "intake.age.identities")


def test_a_submission_runs_no_code_that_decrypts(instance: Instance) -> None:
    """With everything that opens an age file broken, a testimony is still taken, and its receipt shown."""
    program = (
        "import intake.age.decrypt, intake.age.identities, intake.age.primitives, intake.age.header\n"
        "def broken(*arguments, **named): raise AssertionError('something decrypts')\n"
        "intake.age.decrypt.decrypt = intake.age.decrypt.decrypt_stream = intake.age.decrypt._file_key = broken\n"
        "intake.age.identities.HybridIdentity.unwrap = intake.age.identities.HybridIdentity.__init__ = broken\n"
        "from intake.site.app import create_app\n"
        "from intake.operator.trial import send_test\n"
        "print(send_test(create_app()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=instance.environment, check=False
    )
    assert done.returncode == 0, done.stderr


def test_one_module_may_decrypt_and_no_other() -> None:
    """Only site/mailbox.py is let off the import rule, and only to the decrypting half."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rule,) = [rule for rule in configured if "decrypt" in rule["name"]]
    assert set(rule["source_modules"]) == {"intake.site", "intake.operator", "intake.store"}
    assert set(rule["forbidden_modules"]) == set(DECRYPTING)
    assert set(rule["ignore_imports"]) == {f"intake.site.mailbox -> {module}" for module in DECRYPTING}


def test_the_rules_of_who_imports_whom_hold() -> None:
    """import-linter's contracts are kept: the decrypting half is out of the server's reach."""
    done = subprocess.run([ROOT / ".venv/bin/lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Nothing on the server can decrypt but the mailbox KEPT" in done.stdout


def test_only_the_recipients_open_what_is_stored(server: Server) -> None:
    """What is stored opens with the recipient's identity, and with nothing that lies on the server."""
    server.client.send()
    (ciphertext,) = server.instance.ciphertexts()
    assert server.instance.testimony(ciphertext).answers["story.text"]
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
