"""The operating guide: few commands, of which each names what is there."""

import re
import subprocess

import pytest
from service import ROOT

DEPLOY = ROOT / "deploy"
TEXT = (ROOT / "docs" / "operating.md").read_text()
MOST_COMMANDS = 20


def guide() -> list[str]:
    """Return the commands from a bare machine to a running onion."""
    section = TEXT.split("## From a bare Debian 12 to a running onion\n")[1].split("\n## ")[0]
    return [line.strip() for line in section.splitlines() if line.startswith("       ")]


def test_a_person_gets_there_in_twenty_commands() -> None:
    """They are numbered, one command each."""
    section = TEXT.split("## From a bare Debian 12 to a running onion\n")[1].split("\n## ")[0]
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", section, re.MULTILINE)]
    assert numbers == list(range(1, len(guide()) + 1))
    assert len(guide()) <= MOST_COMMANDS
    assert not any(joined in line for line in guide() for joined in ("&&", ";", "||"))


def test_every_file_that_the_guide_names_is_there() -> None:
    """In `deploy/`, or made by `install.sh`; and scripts can be run."""
    for name in re.findall(r"/opt/intake/(deploy/[\w./-]+[\w])", TEXT):
        assert (ROOT / name).exists(), name
        assert not name.endswith(".sh") or (ROOT / name).stat().st_mode & 0o111, name
    for unit in set(re.findall(r"intake-(?:site|evidence|onion|clearnet|export)\.(?:socket|service|timer)", TEXT)):
        assert (DEPLOY / "systemd" / unit).exists(), unit


def test_everything_in_deploy_is_brought_to_its_place() -> None:
    """By `install.sh`, or by a command of the guide; nothing lies about unused."""
    told = TEXT + (ROOT / "Makefile").read_text()
    told += "".join(path.read_text() for path in DEPLOY.rglob("*") if path.suffix in (".sh", ".conf", ".service"))
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):  # those are parts of the build
            by_kind = f"deploy/systemd/*{path.suffix}"
            assert path.name in told or by_kind in told, path


@pytest.mark.parametrize("name", ["install.sh", "backup.sh", "intake.sh", "certificate.sh"])
def test_a_shell_reads_the_scripts(name: str) -> None:
    """They stop at the first failure, and say what they are for."""
    assert subprocess.run(["sh", "-n", DEPLOY / name], check=False).returncode == 0
    lines = (DEPLOY / name).read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[1].startswith("# ")
    assert "set -eu" in lines
