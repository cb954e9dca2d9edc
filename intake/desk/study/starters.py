"""A code as it is kept, and the starter codebook: the codes that every desk begins with, read from `codebook.yaml`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("codebook.yaml")


@dataclass(frozen=True)
class Code:
    """A code as it is kept. Without a `colour` it has its parent's; `merged` is the code it was merged into."""

    id: str
    parent: str
    name: str
    colour: str
    memo: str
    position: int
    merged: str = ""
    retired: int = 0


@cache
def starters() -> Mapping[str, Code]:
    """Return the codes of the starter codebook by their ids, each after the one above it."""
    return {code.id: code for code in _numbered(yaml.safe_load(_FILE.read_bytes()))}


def _numbered(items: list[dict[str, Any]]) -> Iterator[Code]:
    """Yield codes with their places in the file."""
    waiting = [("", item) for item in reversed(items)]
    position = 0
    while waiting:
        parent, item = waiting.pop()
        yield Code(item["id"], parent, item["name"], item.get("colour", ""), item["memo"], position)
        waiting += [(item["id"], child) for child in reversed(item.get("codes", []))]
        position += 1
