"""The one file to carry: built twice the same, signed, its parts listed; and run on a machine that has only Python."""

import ast
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from cyclonedx.model.bom import Bom

from desk.conftest import PASSPHRASE
from desk.machine import can_go_offline, offline, pythons, refused, worked
from desk.stick import Desk, Server
from desk.viewing.files import quarters, saved
from intake.age.recipients import HybridRecipient

ROOT = Path(__file__).parent.parent.parent
BUILD = ROOT / "deploy" / "desk" / "build.py"
START = ROOT / "deploy" / "desk" / "start.py"
WHEELS = ROOT / ".venv" / "desk"
BESIDE = ("", ".sha256", ".sig", ".signers", ".cdx.json")
BROWSER = """
import subprocess, sys, urllib.parse, urllib.request
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
desk = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True)
try:
    address = next(line for line in desk.stdout if line.startswith("http://")).strip()
    for path in ("", "/", f"/file/{sys.argv[1]}", f"/file/{sys.argv[1]}/picture"):
        with browser.open(urllib.parse.urljoin(address, path)) as answer:
            print(path, answer.status, answer.headers["Content-Type"])
finally:
    desk.terminate()
    desk.wait()
"""


@pytest.fixture(scope="session")
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is missing. To install it: sudo apt-get install openssh-client")
    path = tmp_path_factory.mktemp("signing") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory, signing_key: Path) -> Path:
    if not WHEELS.exists():
        pytest.skip("Its parts are missing. To fetch them: make .venv/desk.ready")
    if not can_go_offline():
        pytest.skip("No machine without a network can be made here. To try it: run the tests as root")
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(BUILD), str(WHEELS), str(folder)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SIGNING_KEY": str(signing_key)})
    return folder / "intake-desk"


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory like the one that each user has."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_twice_built_it_is_the_same(file: Path, signing_key: Path, tmp_path: Path) -> None:
    """Neither the clock, nor the folders, nor who builds can be seen in it."""
    shutil.copytree(WHEELS, tmp_path / "elsewhere")
    code = f"import os, sys; os.umask(0o077); os.execv({sys.executable!r}, [sys.executable, *sys.argv[1:]])"
    command = [sys.executable, "-c", code, str(BUILD), str(tmp_path / "elsewhere"), str(tmp_path / "again")]
    environment = {"PATH": os.environ["PATH"], "SIGNING_KEY": str(signing_key), "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd="/")
    for suffix in BESIDE:
        again = (tmp_path / "again" / f"intake-desk{suffix}").read_bytes()
        assert again == Path(f"{file}{suffix}").read_bytes(), suffix


def test_a_changed_byte_shows(file: Path, tmp_path: Path) -> None:
    """SHA-256 and signature are sound with the tools that every such machine has, and only for these bytes."""
    for suffix in BESIDE:
        shutil.copyfile(f"{file}{suffix}", tmp_path / f"intake-desk{suffix}")
    copy = tmp_path / "intake-desk"
    checks = (["sha256sum", "--check", "intake-desk.sha256"], ["sh", "-c", f"{_verify('intake-desk')} < intake-desk"])
    for check in checks:
        assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 0
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    for check in checks:
        assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode != 0
    assert subprocess.run(["sh", "-c", f"{_verify('other')} < {file}"], cwd=tmp_path, capture_output=True).returncode


def _verify(namespace: str) -> str:
    return f"ssh-keygen -Y verify -f intake-desk.signers -I intake-desk -n {namespace} -s intake-desk.sig"


def test_the_list_of_parts_is_complete(file: Path) -> None:
    """A reader of CycloneDX reads it. It names each library in the file, and each library that it names is there."""
    described = json.loads(Path(f"{file}.cdx.json").read_text())
    bom = Bom.from_json(described)  # type: ignore[attr-defined]
    assert {part.content for part in bom.metadata.component.hashes} == {hashlib.sha256(file.read_bytes()).hexdigest()}
    with zipfile.ZipFile(file) as packed:
        names = packed.namelist()
        metadata = [packed.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")]
    held = {(_field(text, "Name"), _field(text, "Version")) for text in metadata}
    listed = [part for library in bom.components for part in (library, *library.components)]
    python = {(part.name, part.version) for part in listed if part.purl and part.purl.type == "pypi"}
    assert python == {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in held}
    assert {"openssl", "sqlcipher", "pdfium", "libwebp"} <= {part.name for part in listed}
    lock = (ROOT / "requirements" / "desk.lock").read_text()
    wheels = [reference for part in described["components"] for reference in part["externalReferences"]]
    assert all(f"sha256:{reference['hashes'][0]['content']}" in lock for reference in wheels)
    given = set()
    for reference in wheels:
        with zipfile.ZipFile(WHEELS / reference["url"]) as wheel:
            given |= set(wheel.namelist())
    packed_names = {name.partition("/")[2] for name in names if name.startswith(("all/", "cp3"))}
    others = {name for name in packed_names - given if not name.startswith(("intake/", "templates/desk/"))}
    assert not others


def _field(metadata: str, name: str) -> str:
    found = re.search(rf"^{name}: (.+)$", metadata, re.MULTILINE)
    assert found
    return found[1]


def test_it_holds_nothing_of_the_server_and_fits_every_python(file: Path) -> None:
    """What all Pythons share is in it once; each has the same compiled modules of its own."""
    with zipfile.ZipFile(file) as packed:
        names = packed.namelist()
    assert "all/intake/desk/commands.py" in names
    assert not [name for name in names if re.match(r"all/intake/(site|store|operator|settings|instance)", name)]
    modules: dict[str, set[str]] = {version: set() for version in ("311", "312", "313")}
    for name in names:
        if name.startswith("cp"):
            found = re.fullmatch(r"cp(3\d+)/(.+)\.cpython-\1-x86_64-linux-gnu\.so", name)
            assert found, name
            modules[found[1]].add(found[2])
        else:
            assert ".cpython-" not in name
    assert modules["311"] == modules["312"] == modules["313"] >= {"sqlcipher3/_sqlite3", "_cffi_backend"}


def test_a_reviewer_works_with_it(file: Path, desk: Desk, stick: Path) -> None:
    """From the keys to the export and the pages, with the file itself as the command; a PDF is drawn by a process."""
    passphrase = {"input": f"{PASSPHRASE}\n"}
    keygen = ("keygen", desk.folder / "keys", "--name", "duty", "--passphrase-file", "-")
    assert "Fingerprint" in worked(offline(desk.folder, file, *keygen, **passphrase))
    public = next(line for line in (desk.folder / "keys/duty.pub").read_text().splitlines() if line[:1] != "#")
    server = Server([HybridRecipient.parse(public)])
    record = server.receive(answers={"story.text": "Il faisait noir 黑暗 ظلام", "inc.country": "FR"})
    scan, _ = server.attach(record, saved(quarters(), "PDF"), name="scan.pdf", media_type="application/pdf")
    server.export(stick)
    sealed = ("--workspace", desk.workspace, "--key", desk.folder / "keys/duty.key", "--passphrase-file", "-")
    assert "1 new" in worked(offline(desk.folder, file, "open", stick, *sealed, **passphrase))
    assert json.loads(worked(offline(desk.folder, file, "list", "--json", *sealed, **passphrase)))[0]["id"] == record
    shown = worked(offline(desk.folder, file, "show", record, "--language", "fr", *sealed, **passphrase))
    assert "Il faisait noir 黑暗 ظلام" in shown
    assert "Votre récit" in shown
    worked(offline(desk.folder, file, "export", "--format", "csv", desk.folder / "out.csv", *sealed, **passphrase))
    serve = (file, "serve", "--port", "0", *sealed)
    pages = worked(offline(desk.folder, sys.executable, "-c", BROWSER, scan, *serve, **passphrase))
    assert pages.splitlines()[1:] == [
        "/ 200 text/html; charset=utf-8",
        f"/file/{scan} 200 text/html; charset=utf-8",
        f"/file/{scan}/picture 200 image/png",
    ]


@pytest.mark.parametrize("python", ["", *pythons()])
def test_it_runs_with_each_python(python: str, file: Path, desk: Desk, server: Server, stick: Path) -> None:
    """Nothing but the file and Python's own library is loaded. Run as a command, Python itself is safe from traps."""
    record = server.receive()
    server.export(stick)
    traps = desk.folder / "traps"
    traps.mkdir()
    for name in ("click", "intake", "yaml") if python else ("click", "intake", "zipfile", "sitecustomize"):
        (traps / f"{name}.py").write_text("raise SystemExit('trapped')")
    command = ("env", f"PYTHONPATH={traps}", *filter(None, [python]), file)
    common = ("--workspace", desk.workspace, "--key", desk.key)
    worked(offline(desk.folder, *command, "open", stick, *common))
    assert record in worked(offline(desk.folder, *command, "list", *common))


def test_nothing_else_is_cleared_away(tmp_path: Path) -> None:
    """A folder may have a name of the reviewer's own that only begins like those that a start makes."""
    for name in ("intake-desk-0123456789abcdef", "intake-desk-workspace", "intake-desk-0123456789abcdef.old"):
        (tmp_path / name).mkdir()
    script = "import runpy, sys; runpy.run_path(sys.argv[1])['_sweep'](sys.argv[2])"
    subprocess.run([sys.executable, "-c", script, START, tmp_path], check=True)
    assert {path.name for path in tmp_path.iterdir()} == {"intake-desk-workspace", "intake-desk-0123456789abcdef.old"}


def test_what_was_killed_is_cleared_away(file: Path, desk: Desk, memory: Path) -> None:
    """A polite kill, Ctrl-C and a closed terminal leave nothing; after the other kind, the next start clears up."""
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with waiting(file, desk, memory) as (process, _):
            process.send_signal(ending)
            assert process.wait(60) != 0
        assert not list(memory.iterdir())
    with waiting(file, desk, memory) as (process, _):
        process.kill()
    assert len(list(memory.iterdir())) == 1
    with waiting(file, desk, memory) as (process, passphrase):
        (folder,) = memory.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        environment = {"XDG_RUNTIME_DIR": str(memory)}
        worked(subprocess.run([file, "--help"], capture_output=True, text=True, env=environment))
        assert list(memory.iterdir()) == [folder], "one that runs keeps what it needs"
        passphrase.write(f"{PASSPHRASE}\n")
        passphrase.close()
        assert process.wait(60) == 0
    assert not list(memory.iterdir())
    assert (desk.folder / "keys" / "duty.key").exists()


@contextlib.contextmanager
def waiting(file: Path, desk: Desk, memory: Path) -> Iterator[tuple[subprocess.Popen[bytes], TextIO]]:
    """The file as a process that waits for a passphrase, and where to write that."""
    pipe = desk.folder / "passphrase"
    if not pipe.exists():
        os.mkfifo(pipe)
    command = ["env", "--default-signal", file, "keygen", desk.folder / "keys", "--name", "duty"]
    with subprocess.Popen(
        list(map(str, [*command, "--passphrase-file", pipe])),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"XDG_RUNTIME_DIR": str(memory)},
    ) as process:
        while process.poll() is None:
            try:
                passphrase = os.fdopen(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK), "w")
            except OSError:  # nobody reads yet
                time.sleep(0.05)
                continue
            try:
                while not _asleep(process):
                    time.sleep(0.01)
                yield process, passphrase
                return
            finally:
                process.kill()
                passphrase.close()
        raise AssertionError("it ended before it asked")


def _asleep(process: subprocess.Popen[bytes]) -> bool:
    """Whether it reads already: Python sees a signal that comes just before a read only once that read is over."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] in "SZ"


@pytest.mark.parametrize(
    ("pretended", "named"),
    [
        ("sys.version_info = (3, 9, 2)", "cpython 3.9"),
        ("sys.version_info = (3, 14, 0)", "cpython 3.14"),
        ("os.uname = lambda: os.uname_result(('Linux', '', '', '', 'aarch64'))", "aarch64"),
        ("os.confstr_names = {}", "GNU C library"),
    ],
)
def test_another_machine_is_refused(pretended: str, named: str, file: Path) -> None:
    """In one line, and before anything is unpacked. The words are ones that an old Python understands."""
    code = f"import os, runpy, sys; {pretended}; runpy.run_path({str(file)!r}, run_name='__main__')"
    assert named in refused(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True))
    ast.parse(START.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("before", ["mount -o remount,noexec /dev/shm", "mount -o remount,size=20M /dev/shm"])
def test_without_a_place_in_memory_it_is_refused(before: str, file: Path, desk: Desk) -> None:
    """A folder on the disk is never taken, even where the system calls it the place for such things."""
    runtime = desk.folder / "runtime"
    runtime.mkdir(mode=0o700)
    result = offline(desk.folder, "env", f"XDG_RUNTIME_DIR={runtime}", file, "--help", before=before)
    assert "/dev/shm" in refused(result)


def test_a_damaged_file_is_refused(file: Path, desk: Desk) -> None:
    """A stick that lost some of it: one line, and nothing stays behind."""
    data = bytearray(file.read_bytes())
    start = data.index(b"all/babel/locale-data/")
    data[start + 200 : start + 400] = bytes(200)
    copy = desk.folder / "intake-desk"
    copy.write_bytes(data)
    copy.chmod(0o755)
    assert "damaged" in refused(offline(desk.folder, copy, "--help"))
