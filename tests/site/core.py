"""The browser's core, run by Node.js from its source."""

import base64
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

BROWSER = Path(__file__).parents[2] / "intake" / "site" / "browser"
VECTORS: Mapping[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "browser.json").read_text()
)
needs_node = [
    pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js: apt-get install nodejs npm"),
    pytest.mark.skipif(
        not (BROWSER / "node_modules" / "age-encryption").is_dir(),
        reason="needs the npm packages: npm ci --prefix intake/site/browser",
    ),
]


class Refused:
    """What was thrown."""

    def __init__(self, message: str) -> None:
        self.message = message


def core(calls: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return what each call gives, as core.mjs describes them, or Refused."""
    done = subprocess.run(
        ["node", Path(__file__).with_name("core.mjs")],
        input=json.dumps(list(calls)),
        check=True,
        capture_output=True,
        text=True,
    )
    return [item["result"] if "result" in item else Refused(item["refused"]) for item in json.loads(done.stdout)]


def encoded(data: bytes) -> str:
    """Return bytes as a call takes them."""
    return base64.b64encode(data).decode()
