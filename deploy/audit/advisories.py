"""Asks the registries which of the pinned packages have known vulnerabilities: `advisories.py PIP_AUDIT`.

A vulnerability fails. A registry that gives no answer is named, with how much was not checked: that is no failure of
the packages, and no clean bill either.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import locks


@dataclass
class Told:
    """What a registry told about the packages of one lock file."""

    lock: Path
    checked: int = 0
    unchecked: int = 0
    vulnerable: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        name = self.lock.relative_to(locks.ROOT)
        unchecked = f", {self.unchecked} NOT CHECKED: the registry gave no answer" if self.unchecked else ""
        return f"{name}: {self.checked} checked, {len(self.vulnerable)} vulnerable{unchecked}"


def python(lock: Path, answer: str) -> Told:
    """Read what pip-audit says as JSON. It skips what its service does not know; nothing at all means no service."""
    told = Told(lock)
    try:
        packages = list(json.loads(answer)["dependencies"])
    except (ValueError, LookupError, TypeError):
        told.unchecked = len(list(locks.python(lock)))
        return told
    for package in packages:
        told.checked += "vulns" in package
        told.unchecked += "vulns" not in package
        if names := sorted(found["id"] for found in package.get("vulns", ())):
            told.vulnerable.append(f"{package['name']} {package['version']}: {', '.join(names)}")
    return told


def npm(lock: Path, answer: str) -> Told:
    """Read what `npm audit` says as JSON."""
    pinned = len(list(locks.npm(lock)))
    try:
        found = dict(json.loads(answer)["vulnerabilities"])
    except (ValueError, LookupError, TypeError):
        return Told(lock, unchecked=pinned)
    return Told(lock, checked=pinned, vulnerable=[f"{name}: {found[name]['severity']}" for name in sorted(found)])


def ask(pip_audit: str) -> Iterable[Told]:
    """Yield what the registries tell about each lock file."""
    for lock in locks.PYTHON:
        options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
        yield python(lock, _said([pip_audit, "--requirement", str(lock), *options]))
    for lock in locks.NPM:
        yield npm(lock, _said(["npm", "audit", "--json", "--package-lock-only", "--prefix", str(lock.parent)]))


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=300).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def main() -> None:
    """Print a line for each lock file, and fail with what is vulnerable."""
    vulnerable = []
    for told in ask(sys.argv[1]):
        print(told, flush=True)
        vulnerable += told.vulnerable
    if vulnerable:
        sys.exit("Known vulnerabilities: " + "; ".join(sorted(set(vulnerable))))


if __name__ == "__main__":
    main()
