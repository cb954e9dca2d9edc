"""Lists the parts of the server as CycloneDX: `server_parts.py WHEELS OUT`, beside its newest wheel in OUT.

WHEELS is a folder with those that requirements/run.lock names. Packages of npm are listed if something of them is in
what the pages run, as the build of the scripts tells.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import locks

sys.path.insert(0, str(locks.ROOT / "deploy" / "desk"))

import parts

_BROWSER = locks.ROOT / "intake" / "site" / "browser"


def bundled() -> Iterator[dict[str, Any]]:
    """Yield each package of npm that is in the scripts, as a component."""
    with tempfile.TemporaryDirectory() as out:
        command = ["node", str(_BROWSER / "build.mjs"), out]
        files = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    inside = {match[1] for file in files if (match := re.match(r"node_modules/((@[^/]+/)?[^/]+)/", file))}
    packages = json.loads((_BROWSER / "package-lock.json").read_text())["packages"]
    for name in sorted(inside):
        package = packages[f"node_modules/{name}"]
        purl = f"pkg:npm/{name.replace('@', '%40')}@{package['version']}"
        digest = base64.b64decode(package["integrity"].removeprefix("sha512-")).hex()
        yield {
            "type": "library",
            "bom-ref": purl,
            "name": name,
            "version": package["version"],
            "purl": purl,
            "licenses": [{"expression": package["license"]}],
            "hashes": [{"alg": "SHA-512", "content": digest}],
        }


def main() -> None:
    """Write the list, and say where."""
    wheels, out = map(Path, sys.argv[1:])
    wheel = max(out.glob("intake-*.whl"), key=lambda path: path.stat().st_mtime)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    listed = parts.listed(locks.ROOT / "setup.cfg", "intake", digest, sorted(wheels.glob("*.whl")), list(bundled()))
    path = wheel.with_name("intake.cdx.json")
    path.write_text(listed)
    print(f"{path}: {len(json.loads(listed)['components'])} parts")


if __name__ == "__main__":
    main()
