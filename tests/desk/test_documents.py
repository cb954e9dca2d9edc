"""docs/reviewers.md against the commands and the pages, and docs/format.md against the tables of the workspace."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
import sqlcipher3.dbapi2 as sqlcipher

from intake.desk import projections
from intake.desk.commands import main
from intake.desk.review.app import NAVIGATION
from intake.desk.schema import VERSION, upgrade

DOCS = Path(__file__).parent.parent.parent / "docs"
REVIEWERS = (DOCS / "reviewers.md").read_text()
WORKSPACE = (DOCS / "format.md").read_text().partition("\n## The workspace\n")[2].partition("\n## ")[0]


def named(commands: Mapping[str, click.Command], before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by what is typed for it, those of groups included."""
    for name, command in commands.items():
        yield f"{before}{name}", command
        if isinstance(command, click.Group):
            yield from named(command.commands, f"{before}{name} ")


COMMANDS = dict(named(main.commands))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    assert f"intake-desk {name} " in REVIEWERS
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in REVIEWERS


def test_no_command_is_documented_that_does_not_exist() -> None:
    known = tuple(f"{name} " for name, command in COMMANDS.items() if not isinstance(command, click.Group))
    lines = re.findall(r"^    intake-desk (.+)$", REVIEWERS, re.MULTILINE)
    assert lines
    assert [line for line in lines if not line.startswith(known)] == []


def test_every_page_and_its_key_is_documented() -> None:
    for name, _, key in NAVIGATION:
        assert f"\n| {name} |" in REVIEWERS
        assert f"`{key}` " in REVIEWERS


def test_every_table_of_the_workspace_is_documented() -> None:
    """Each has one row; those that are made from the trail are where the document says so."""
    database = sqlcipher.connect(":memory:")
    upgrade(database)
    query = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')"
    tables = {name for (name,) in database.execute(query) if not name.startswith("sqlite_")}
    documented = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", WORKSPACE.partition("\n### ")[0], re.MULTILINE)
    assert sorted(name for row in documented for name in re.findall(r"\w+", row)) == sorted(tables)
    assert f"This is version {VERSION} of its tables" in WORKSPACE
    made = WORKSPACE.partition("**Made from the trail**")[2].partition("**Made from the records**")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", made, re.MULTILINE)) == set(projections._MADE)
