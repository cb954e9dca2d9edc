"""The files of `deploy/`, as they are shipped, but for where things are."""

import re
import shutil
from collections.abc import Mapping

from service import ROOT

_ELSEWHERE = re.compile(r"(?<![\w.])/(?:run|var|etc|opt|srv)/\S*")
_MARKED = re.compile("\0[^\0]*\0")


def deployed(name: str, places: Mapping[str, str]) -> str:
    """Return the text of a file of `deploy/` with other places; without its comments."""
    lines = (ROOT / "deploy" / name).read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#")) + "\n"
    for shipped in sorted(places, key=len, reverse=True):
        text = text.replace(shipped, f"\0{shipped}\0")
    assert not _ELSEWHERE.search(_MARKED.sub("", text)), f"deploy/{name} names a place that the tests do not know"
    for shipped, place in places.items():
        text = text.replace(f"\0{shipped}\0", place)
    return text


def find(name: str) -> str:
    """Return the path of one of Debian's daemons, or an empty string."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin") or ""
