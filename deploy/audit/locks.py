"""What the lock files pin: for Python with the digests of its files, for npm with that of each package."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent.parent
PYTHON = tuple(sorted((ROOT / "requirements").glob("*.lock")))
SERVER, DESK = (ROOT / "requirements" / f"{name}.lock" for name in ("run", "desk"))
NPM = tuple(ROOT / folder / "package-lock.json" for folder in ("intake/site/browser", "tests/foreign"))
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")


@dataclass(frozen=True)
class Pinned:
    """One package: where it comes from ("pypi" or "npm"), and whether a digest of ours holds it to its bytes."""

    source: str
    name: str
    version: str
    hashed: bool
    here: bool = True
    """Whether it is for this machine."""
    licence: str = ""
    """What the lock file says; those for Python do not."""


def name_of(requirement: str) -> str:
    """Return the name of the library that a line asks for, as lock files write it."""
    return re.sub(r"[-_.]+", "-", Requirement(requirement).name).lower()


def python(lock: Path) -> Iterator[Pinned]:
    """Yield what a lock file for Python pins."""
    for entry in re.split(r"\n(?=[^\s#])", lock.read_text()):
        wanted = Requirement(re.split(r"\s\\\n|\n", entry)[0])
        exact = [part.version for part in wanted.specifier if part.operator == "=="]
        here = wanted.marker is None or wanted.marker.evaluate()
        yield Pinned("pypi", name_of(wanted.name), "".join(exact), bool(exact) and bool(_HASH.search(entry)), here)


def npm(lock: Path) -> Iterator[Pinned]:
    """Yield what a lock file for npm pins."""
    for path, package in json.loads(lock.read_text())["packages"].items():
        if path:
            name, hashed = path.rpartition("node_modules/")[2], _INTEGRITY.fullmatch(package.get("integrity", ""))
            yield Pinned("npm", name, package["version"], bool(hashed), licence=package.get("license", ""))
