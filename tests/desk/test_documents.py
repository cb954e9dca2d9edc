"""docs/reviewers.md against the command: every command and option is there."""

from pathlib import Path

import click
import pytest

from intake.desk.commands import main

REVIEWERS = (Path(__file__).parent.parent.parent / "docs" / "reviewers.md").read_text()


@pytest.mark.parametrize("name", main.commands)
def test_every_command_and_option_is_documented(name: str) -> None:
    assert f"intake-desk {name} " in REVIEWERS
    for parameter in main.commands[name].params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[0] in REVIEWERS
