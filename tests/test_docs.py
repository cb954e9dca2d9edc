"""The documents against the code: settings, commands, links and promises. Reviewers' words: tests/desk."""

import re
from pathlib import Path

import click
import pytest

from intake.operator.commands import main
from intake.settings import NAMES, PREFIX

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
OPERATORS = (DOCS / "operating.md").read_text()
SETTINGS = {PREFIX + name.upper() for name in NAMES}
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))) if path.exists()]
PROMISES = {
    "No plaintext at rest on the server": "test_no_plaintext_at_rest.py",
    "The server cannot open a testimony": "test_server_cannot_open.py",
    "Works without JavaScript and without cookies, over Tor": "test_without_scripts_and_cookies.py",
    "Acknowledged means durable": "test_acknowledged_is_durable.py",
    "Nothing that identifies": "test_nothing_identifies.py",
    "An open format": "test_open_format.py",
    "Tampering shows": "test_tampering_shows.py",
    "The source stays in charge": "test_source_in_charge.py",
    "Nothing is published that its consent does not cover": "test_nothing_without_consent.py",
    "Bad input gets a clear, translated error and keeps what the person typed": "test_bad_input_keeps_text.py",
}
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return _FENCE.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """What a link can name in a document: each heading in small letters, hyphens for spaces, no other marks."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(prose(path))}


def test_the_table_of_settings_is_complete() -> None:
    """Every setting has its row, and the document names no other."""
    assert set(re.findall(rf"^\| `({PREFIX}\w+)` \|", OPERATORS, re.MULTILINE)) == SETTINGS
    assert set(re.findall(rf"{PREFIX}[A-Z_]+", OPERATORS)) <= SETTINGS | {PREFIX}


@pytest.mark.parametrize("name", main.commands)
def test_every_command_and_option_is_documented(name: str) -> None:
    """Operators find each command, and each of its options, in their document."""
    assert re.search(rf"`?intake {name}\b", OPERATORS)
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in OPERATORS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    """The file that a link names is there, and so is the heading."""
    for link in _LINK.findall(_CODE.sub("", prose(path))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, heading = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), link
        if heading and target.suffix == ".md":
            assert heading in anchors(target), link


def test_every_promise_has_its_paragraph_and_its_test() -> None:
    """The ten promises stand in their order, and each names a file in tests/promises; no such file is left out."""
    text = (DOCS / "promises.md").read_text()
    assert re.findall(r"^## \d+\. (.+)$", text, re.MULTILINE) == list(PROMISES)
    for part, file in zip(text.split("\n## ")[1:], PROMISES.values(), strict=True):
        assert f"tests/promises/{file}" in part
    assert {path.name for path in (ROOT / "tests" / "promises").glob("test_*.py")} == set(PROMISES.values())
