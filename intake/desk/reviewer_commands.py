"""The commands of `intake-desk` for working together: who may open the workspace, and merging two of them."""

from pathlib import Path

import click

from intake.desk import access, keys, merging
from intake.desk.options import Group, ask, key_option, opened, passphrase_option, say, workspace_option


@click.group(cls=Group)
def reviewer() -> None:
    """Say who may open the workspace."""


@reviewer.command("add")
@click.argument("public_file", metavar="PUB", type=click.Path(path_type=Path))
@workspace_option
@key_option
@passphrase_option
def add(public_file: Path, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Let another reviewer open the workspace: PUB is their NAME.pub, best with their NAME.sign.pub beside it."""
    with opened(workspace, key, passphrase_file) as desk:
        name = access.add_reviewer(desk, workspace, public_file)
    say(f"{name} can open this workspace now, with their own key.")


@reviewer.command("remove")
@click.argument("name", metavar="NAME")
@workspace_option
@key_option
@passphrase_option
def remove(name: str, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Take away a reviewer's way into the workspace. It is encrypted anew, with another key."""
    with opened(workspace, key, passphrase_file) as desk:
        access.remove_reviewer(desk, workspace, name)
    say(f"{name} can no longer open this workspace. Delete the copies of it that {name} has.")


@reviewer.command("list")
@workspace_option
@key_option
@passphrase_option
def list_(workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """List those who may open the workspace, and those who were removed."""
    with opened(workspace, key, passphrase_file) as desk:
        for name, removed in access.reviewers(desk):
            you = " (you)" if name == desk.reviewer.name else ""
            say(f"{name}{you}" + (f"  removed on {removed}" if removed else ""))


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Write FILE for another desk, instead of merging what it wrote.")
@workspace_option
@key_option
@passphrase_option
def merge(file: Path, write: bool, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Merge the work of another desk, from the FILE that it wrote with --write."""
    identities = keys.read_reviewer_key(key, ask(passphrase_file))
    with access.open_workspace(workspace, identities, key.stem) as desk:
        if write:
            count = merging.write(desk, file)
            say(f"{count} entries of work are in {file}, sealed to the reviewers of this workspace.")
            return
        done = merging.merge(desk, file, identities)
    for line in done.lines():
        say(line)
