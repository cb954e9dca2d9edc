"""Builds the one file to carry, `intake-desk`, and beside it its SHA-256, its signature and the list of its parts.

    python deploy/desk/build.py WHEELS OUT

WHEELS is the folder with the wheels that requirements/desk.lock names, OUT the folder for what is built. The same
checkout, wheels and signing key give the same bytes. SIGNING_KEY is the path of the SSH key that signs, with its public
half beside it in PATH.pub; without it, this checkout makes itself a key, once.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import parts

ROOT = Path(__file__).parent.parent.parent
NAME = "intake-desk"
_PYTHONS = {"cp311", "cp312", "cp313"}
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # of a zip: no clock of the building machine may show

# What the desk does not use: of this project, and of what its libraries bring along.
_SERVER = re.compile(r"intake/((site|store|operator)/|(instance|settings|code)\.py)|templates/site/")
_UNUSED = re.compile(r"(pygments|markdown_it|mdurl|pycparser|pypdfium2_cli)/")
_ABOUT = re.compile(r"[^/]+\.dist-info/(METADATA|LICENSE.*|licenses/.*)")
_INSTALLER = re.compile(r"[^/]+\.dist-info/")


def build(wheels: Path, out: Path) -> None:
    """Write everything to `out`. Raises SystemExit with one line if it cannot."""
    if shutil.which("ssh-keygen") is None:
        sys.exit("ssh-keygen is missing. To install it: sudo apt-get install openssh-client")
    used, members = _libraries(sorted(wheels.glob("*.whl")))
    members |= {f"all/{name}": data for name, data in _project().items()}
    members["__main__.py"] = Path(__file__).with_name("start.py").read_bytes()
    members["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    out.mkdir(parents=True, exist_ok=True)
    path = out / NAME
    _write(path, members)
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    path.with_suffix(".sha256").write_text(f"{digest}  {NAME}\n")
    path.with_suffix(".cdx.json").write_text(parts.listed(ROOT / "setup.cfg", NAME, digest, used))
    print(f"{path}: {path.stat().st_size / 2**20:.0f} MB, SHA-256 {digest}")
    print(f"signed by {_sign(path)}")


def _project() -> dict[str, bytes]:
    """This project's own code and pages."""
    found = (path for folder in ("intake", "templates") for path in (ROOT / folder).rglob("*") if path.is_file())
    names = {path.relative_to(ROOT).as_posix(): path for path in found if "__pycache__" not in path.parts}
    return {name: path.read_bytes() for name, path in names.items() if not _SERVER.match(name)}


def _libraries(wheels: list[Path]) -> tuple[list[Path], dict[str, bytes]]:
    """The wheels of which something is used, and what of them goes into the file.

    What all Pythons share lies under `all`, what only one can use under `cp311` and so on: wheels of the same library
    differ in their compiled modules alone. What says who wrote a library, and its licence, lies under `about`.
    """
    lock = (ROOT / "requirements" / "desk.lock").read_text()
    used = []
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    for wheel in wheels:
        data = wheel.read_bytes()
        if f"sha256:{hashlib.sha256(data).hexdigest()}" not in lock:
            sys.exit(f"{wheel} is not one that requirements/desk.lock names.")
        python, abi = wheel.stem.split("-")[2:4]
        with zipfile.ZipFile(wheel) as source:
            names = [name for name in source.namelist() if not name.endswith("/") and not _UNUSED.match(name)]
            if all(map(_INSTALLER.match, names)):
                continue
            used.append(wheel)
            for name in names:
                found[name][python if python == abi else "all"] = source.read(name)
    return used, _sorted_out(found)


def _sorted_out(found: dict[str, dict[str, bytes]]) -> dict[str, bytes]:
    members = {}
    for name, by_python in found.items():
        if _INSTALLER.match(name):
            if _ABOUT.fullmatch(name):
                members[f"about/{name}"] = next(iter(by_python.values()))
        elif by_python.keys() == _PYTHONS and len(set(by_python.values())) == 1:
            members[f"all/{name}"] = next(iter(by_python.values()))
        else:
            members |= {f"{python}/{name}": data for python, data in by_python.items()}
    return members


def _write(path: Path, members: dict[str, bytes]) -> None:
    """Write the executable: a line for the kernel that says what runs it, and then a zip."""
    with path.open("wb") as out:
        out.write(b"#!/usr/bin/env -S python3 -I -S -B\n")
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted(members):
                info = zipfile.ZipInfo(name, _EARLIEST)
                info.external_attr = 0o100644 << 16
                packed.writestr(info, members[name], zipfile.ZIP_DEFLATED)
    path.chmod(0o755)


def _sign(path: Path) -> str:
    """Sign the file with SSH's own tool, write beside it who may sign, and return the fingerprint of the key."""
    key = Path(os.environ.get("SIGNING_KEY") or ROOT / ".signing" / NAME)
    if not os.environ.get("SIGNING_KEY") and not key.exists():
        key.parent.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", key], check=True)
    signature = path.with_suffix(".sig")
    signature.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", NAME, "-f", key, path], check=True)
    kind, public = Path(f"{key}.pub").read_text().split()[:2]
    path.with_suffix(".signers").write_text(f'{NAME} namespaces="{NAME}" {kind} {public}\n')
    shown = subprocess.run(["ssh-keygen", "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True)
    return shown.stdout.split()[1]


if __name__ == "__main__":
    build(*map(Path, sys.argv[1:]))
