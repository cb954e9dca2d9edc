"""What is built for the browser: the same bytes wherever it is built, small, and nothing in it that must not be."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from core import BROWSER, needs_node

pytestmark = needs_node
BUDGETS = {"form.js": 60_000, "leave.js": 1_500}
FORBIDDEN = re.compile(
    r"\beval\b|\bFunction\(|WebAssembly|localStorage|sessionStorage|indexedDB|\bsubtle\b|serviceWorker|sendBeacon|"
    r"document\.cookie|\bcaches\b|https?://|XMLHttpRequest|WebSocket|innerHTML|outerHTML|insertAdjacentHTML"
)
ONCE = ("@noble/ciphers", "@noble/curves", "@noble/hashes", "@noble/post-quantum", "@scure/base", "age-encryption")


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, list[str]]]:
    """Two builds, in two folders with names of different lengths, and what went into each."""
    found = []
    for name in ("here", "in/another/place"):
        folder = tmp_path_factory.mktemp("build") / name
        folder.mkdir(parents=True)
        for part in ("package.json", "package-lock.json", "build.mjs", "src"):
            copy = shutil.copytree if (BROWSER / part).is_dir() else shutil.copy
            copy(BROWSER / part, folder / part)
        skipped = shutil.ignore_patterns("typescript", ".bin")
        shutil.copytree(BROWSER / "node_modules", folder / "node_modules", ignore=skipped)
        done = subprocess.run(
            ["node", folder / "build.mjs", folder / "out"], check=True, capture_output=True, text=True, cwd=folder
        )
        found.append((folder / "out", json.loads(done.stdout)))
    return found


@pytest.mark.parametrize("name", BUDGETS)
def test_the_same_bytes_wherever_they_are_built(builds: list[tuple[Path, list[str]]], name: str) -> None:
    """So that anyone can compare their own build with what a server gives out."""
    first, second = ((folder / name).read_bytes() for folder, _ in builds)
    assert first == second
    assert (BROWSER.parent / "static" / name).read_bytes() == first, "stale: run `make scripts`"


@pytest.mark.parametrize(("name", "budget"), BUDGETS.items())
def test_no_heavier_than_the_budget(builds: list[tuple[Path, list[str]]], name: str, budget: int) -> None:
    """Compressed as it is sent."""
    assert len(gzip.compress((builds[0][0] / name).read_bytes(), mtime=0)) <= budget


@pytest.mark.parametrize("name", BUDGETS)
def test_nothing_in_it_that_it_must_not_use(builds: list[tuple[Path, list[str]]], name: str) -> None:
    """Code or markup from text, storage beyond the tab, other addresses; crypto.subtle, which is not everywhere."""
    assert FORBIDDEN.findall((builds[0][0] / name).read_text()) == []


def test_one_copy_of_each_library(builds: list[tuple[Path, list[str]]]) -> None:
    """Two versions of the same would double the weight, and be two things to audit."""
    folders = {_package(path) for path in builds[0][1] if "node_modules/" in path}
    assert folders == {f"node_modules/{name}" for name in ONCE}


def _package(path: str) -> str:
    """Return the folder of the library that a file belongs to."""
    before, _, inside = path.rpartition("node_modules/")
    parts = inside.split("/")
    return f"{before}node_modules/" + "/".join(parts[: 2 if parts[0].startswith("@") else 1])
