"""docs/threat-model.md against the tests that it names: in every document, a test that is named has to exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
ADVERSARIES = {
    heading: part
    for part in TEXT.split("\n## Who attacks\n")[1].split("\n## ")[0].split("\n### ")[1:]
    for heading in [part.splitlines()[0]]
}
ASKED_FOR = (
    "Hospital IT",
    "An abusive employer",
    "A criminal group",
    "A state with a global view",
    "A seized server",
    "A live compromised server",
    "A malicious operator",
    "A malicious reviewer",
    "A malicious submitter",
    "A border search",
    "A coerced source",
)
_NAMED = re.compile(r"`(tests/[\w/.]+)::(\w+)`")
_DEFINED = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that do not exist."""
    return [
        f"{path}::{name}"
        for path, name in _NAMED.findall(text)
        if not (ROOT / path).is_file() or name not in _DEFINED.findall((ROOT / path).read_text())
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_is_named_exists(path: Path) -> None:
    """Whoever follows a name finds the test."""
    assert missing(path.read_text()) == []


def test_a_test_that_does_not_exist_is_noticed() -> None:
    """The check above can fail."""
    assert missing("`tests/test_threat_model.py::test_nothing`, `tests/nothing.py::test_x`") == [
        "tests/test_threat_model.py::test_nothing",
        "tests/nothing.py::test_x",
    ]


def test_no_adversary_is_forgotten() -> None:
    """Those that the service was asked to think of are there."""
    assert set(ASKED_FOR) <= ADVERSARIES.keys()


@pytest.mark.parametrize("name", ADVERSARIES)
def test_each_has_a_promise_a_test_and_what_is_not_defended(name: str) -> None:
    """What holds, what shows it, and what does not hold: three lines at the end of each."""
    part = ADVERSARIES[name]
    holds, shown, not_defended = (
        re.search(rf"^\*\*{words}:\*\*(.*?)(?=^\*\*|\n\n|\Z)", part, re.MULTILINE | re.DOTALL)
        for words in ("Holds", "Shown by", "Not defended")
    )
    assert holds and "promises.md#" in holds[1]
    assert shown and _NAMED.search(shown[1])
    assert not_defended and len(not_defended[1].split()) > 3
    assert re.search(rf"\]\(#{re.sub(r'[^a-z0-9- ]', '', name.lower()).replace(' ', '-')}\)", TEXT.replace("\n", " "))
