"""What docs/format.md promises to whoever has the files and not this project: its lines are run as they stand."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from desk.conftest import PASSPHRASE
from desk.stick import Server
from intake.age.identities import HybridIdentity
from intake.desk.keys import signing_key
from intake.dispatch import write_dispatch
from intake.envelope import Acknowledgement, Reply

ROOT = Path(__file__).parent.parent.parent
FOREIGN = ROOT / "tests" / "foreign"
FORMAT = (ROOT / "docs" / "format.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of the document in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", FORMAT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def unpacked(identity: HybridIdentity, tmp_path: Path) -> tuple[Server, Path]:
    """A bundle as `tar xf` unpacks it."""
    server = Server([HybridIdentity.generate().recipient(), identity.recipient()])
    for story in ("La nuit. 夜 قصتي", "Two.", "Three."):
        server.receive(answers={"story.text": story})
    server.export(tmp_path / "bundle.tar")
    subprocess.run(["tar", "xf", "bundle.tar"], cwd=tmp_path, check=True)
    return server, tmp_path


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js: apt-get install nodejs npm")
@pytest.mark.skipif(
    not (FOREIGN / "node_modules" / "age-encryption").is_dir(),
    reason="needs the npm package: npm ci --prefix tests/foreign",
)
def test_ten_lines_open_a_record(unpacked: tuple[Server, Path], made: Path) -> None:
    server, folder = unpacked
    (lines,) = blocks("js")
    assert len(lines.splitlines()) <= 10
    record = folder / "records" / f"{next(iter(server.records))}.age"
    # Given as --eval, the lines find the package from the working folder, and no file is left there.
    command = ["node", "--input-type=module", "--eval", lines, "open.mjs", str(made / "duty.key"), str(record)]
    done = subprocess.run(
        command, cwd=FOREIGN, input=f"{PASSPHRASE}\n", capture_output=True, text=True, encoding="utf-8", check=True
    )
    envelope = json.loads(done.stdout)
    assert envelope["answers"] == {"story.text": "La nuit. 夜 قصتي"}
    assert envelope["format"] == "intake/1"


def test_the_shell_checks_the_log_and_the_edition(unpacked: tuple[Server, Path]) -> None:
    server, folder = unpacked
    log, edition = blocks("sh")

    def run(script: str, where: Path) -> list[str]:
        done = subprocess.run(["sh", "-c", script], cwd=where, capture_output=True, text=True, check=True)
        return [line.split()[0] for line in done.stdout.splitlines()]

    manifest = json.loads((folder / "manifest.json").read_text())["manifest"]
    assert run(log, folder) == manifest["log"] == [entry.digest for entry in server.entries]
    assert run(edition, folder / "editions" / server.edition.sha256) == [server.edition.sha256]


def test_the_document_names_every_field(unpacked: tuple[Server, Path]) -> None:
    server, folder = unpacked
    signed = json.loads((folder / "manifest.json").read_text())
    entry = json.loads((folder / "log.jsonl").read_text().splitlines()[0])
    envelope = vars(server.addition("0" * 32)) | vars(server.testimony())
    envelope |= (
        vars(server.attachment("0" * 32, b"")) | vars(server.consent("0" * 32)) | vars(server.withdrawal("0" * 32))
    )
    envelope |= {name: "" for kind in (Reply, Acknowledgement) for name in kind.__dataclass_fields__}
    for field in (*signed, *signed["manifest"], *entry, *envelope, *signed["manifest"]["recipients"][0]):
        assert f"`{field}`" in FORMAT or f'"{field}"' in FORMAT, field


def test_the_document_names_the_dispatch(identity: HybridIdentity, tmp_path: Path) -> None:
    path = tmp_path / "dispatch.tar"
    write_dispatch(path, signing_key(identity), "2026-11-21", [], {})
    subprocess.run(["tar", "xf", path], cwd=tmp_path, check=True)
    signed = json.loads((tmp_path / "manifest.json").read_text())
    for field in (*signed, *signed["manifest"]):
        assert f"`{field}`" in FORMAT or f'"{field}"' in FORMAT, field
