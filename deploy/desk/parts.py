"""The list of parts of the one file or of the server, as CycloneDX: libraries, what is in them, licences, digests."""

import configparser
import email
import email.message
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
_SBOM = re.compile(r"[^/]+\.dist-info/sboms/.+\.json")
_VENDORED = re.compile(r".+/[^/]+\.dist-info/METADATA")

# What is compiled into libraries that bring no list of it, by what their files say.
_COMPILED_IN = {
    "pypdfium2": {"pdfium": rb'"major": (\d+),\s+"minor": (\d+),\s+"build": (\d+),\s+"patch": (\d+)'},
    "sqlcipher3": {"sqlcipher": rb"community\0(\d+\.\d+\.\d+)\0", "openssl": rb"OpenSSL (\d+\.\d+\.\d+) \d+ [A-Z]"},
}


def listed(setup: Path, name: str, digest: str, wheels: list[Path], others: Sequence[dict[str, Any]] = ()) -> str:
    """Return the list as JSON. `digest` is the SHA-256 of the whole; `setup` says its version and licence.

    `others` are the components that are not from wheels.
    """
    config = configparser.ConfigParser()
    config.read(setup)
    whole = {
        "type": "application",
        "bom-ref": name,
        "name": name,
        "version": config["metadata"]["version"],
        "licenses": [{"license": {"id": config["metadata"]["license"]}}],
        "hashes": [_sha256(digest)],
    }
    libraries: dict[str, dict[str, Any]] = {}
    for wheel in wheels:
        library = _library(wheel)
        first = libraries.setdefault(library["purl"], library)
        if first is not library:
            first["externalReferences"] += library["externalReferences"]
    components = sorted((*libraries.values(), *others), key=lambda library: str(library["purl"]))
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": whole},
        "components": components,
        "dependencies": [{"ref": name, "dependsOn": [library["bom-ref"] for library in components]}],
    }
    return json.dumps(bom, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _library(wheel: Path) -> dict[str, Any]:
    with zipfile.ZipFile(wheel) as source:
        names = source.namelist()
        metadata = next(source.read(name) for name in names if _METADATA.fullmatch(name))
        boms = [json.loads(source.read(name)) for name in names if _SBOM.fullmatch(name)]
        vendored = [_described(source.read(name)) for name in names if _VENDORED.fullmatch(name)]
        library = _described(metadata)
        compiled = list(_compiled_in(library["name"], source))
    parts = (*vendored, *compiled, *_inside(boms, library["name"]))
    inside = {(part["name"].lower(), part.get("version", "")): part for part in parts}
    if inside:
        library["components"] = [inside[part] for part in sorted(inside)]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    library["externalReferences"] = [{"type": "distribution", "url": wheel.name, "hashes": [_sha256(digest)]}]
    return {**library, "bom-ref": library["purl"]}


def _described(metadata: bytes) -> dict[str, Any]:
    """What a Python library says about itself."""
    fields = email.message_from_bytes(metadata)
    name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
    described = {"type": "library", "name": name, "version": fields["Version"]}
    return {**described, "purl": f"pkg:pypi/{name}@{fields['Version']}", **_licence(fields)}


def _licence(fields: email.message.Message) -> dict[str, Any]:
    if expression := fields["License-Expression"]:
        return {"licenses": [{"expression": expression}]}
    classified = [value for value in fields.get_all("Classifier", []) if value.startswith("License ::")]
    named = [value.rpartition(" :: ")[2] for value in classified] or list(filter(None, [fields["License"]]))
    return {"licenses": [{"license": {"name": name}} for name in named]} if named else {}


def _inside(boms: list[dict[str, Any]], library: str) -> Iterator[dict[str, Any]]:
    """What is compiled into a library, by the lists of parts that came with it."""
    for bom in boms:
        for part in bom["components"]:
            if part.get("scope") != "excluded" and not part.get("purl", "").startswith(f"pkg:pypi/{library}@"):
                yield {
                    key: part[key] for key in ("type", "name", "version", "scope", "purl", "licenses") if key in part
                }


def _compiled_in(library: str, source: zipfile.ZipFile) -> Iterator[dict[str, Any]]:
    for name, pattern in _COMPILED_IN.get(library, {}).items():
        found = next(filter(None, (re.search(pattern, source.read(member)) for member in source.namelist())), None)
        if found is None:
            sys.exit(f"{library} does not say any more which {name} it holds.")
        version = b".".join(found.groups()).decode()
        yield {"type": "library", "name": name, "version": version, "purl": f"pkg:generic/{name}@{version}"}


def _sha256(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest}
