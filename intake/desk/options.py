"""What the commands of `intake-desk` have in common: their options, errors in one line, the passphrase, the day."""

import contextlib
import datetime
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from intake.age.errors import AgeError
from intake.desk import keys
from intake.desk.access import open_workspace
from intake.desk.errors import DeskError, harmless, one_line
from intake.desk.workspace import Workspace
from intake.tar import BundleError

_SHORT = 15
"""Characters. Six words are about twice as many."""


class Group(click.Group):
    """Turns what can go wrong into one line on stderr and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(one_line(f"{error.filename or 'the disk'}: {error.strerror or error}")) from None
        except (DeskError, BundleError, AgeError) as error:
            raise click.ClickException(one_line(str(error))) from None


key_option = click.option("--key", type=click.Path(path_type=Path), required=True, help="Your key file.")
workspace_option = click.option(
    "--workspace", type=click.Path(path_type=Path), required=True, help="Folder of the encrypted workspace."
)
passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(allow_dash=True),
    help="Read the passphrase from the first line of this file, or of the standard input (-).",
)


@contextlib.contextmanager
def opened(workspace: Path, key: Path, passphrase_file: str | None) -> Iterator[Workspace]:
    """Open the workspace with a key file: the reviewer who comes for the first time is called as the file is."""
    with open_workspace(workspace, keys.read_reviewer_key(key, ask(passphrase_file)), key.stem) as desk:
        yield desk


def say(line: str) -> None:
    """Print a line that cannot command the terminal."""
    click.echo(harmless(line))


def today() -> str:
    """Return the day, in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def ask(passphrase_file: str | None, *, twice: bool = False) -> Callable[[], str]:
    """Return what gives the passphrase once it is needed: from the file, or from the person at the terminal."""

    def answer() -> str:
        if passphrase_file is not None:
            try:
                with click.open_file(passphrase_file, encoding="utf-8") as source:
                    passphrase = str(source.readline()).rstrip("\r\n")
            except UnicodeDecodeError:
                raise DeskError("The passphrase file is not text in UTF-8.") from None
            if not passphrase:
                raise DeskError("The passphrase is empty.")
            return passphrase
        if not sys.stdin.isatty():
            raise DeskError("There is no terminal to ask for the passphrase: use --passphrase-file.")
        return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True))

    return answer


def ask_new(passphrase_file: str | None, *, demo: bool) -> Callable[[], str]:
    """Return what gives a passphrase for a new key, as `ask` does, and says so if it is short."""
    asked = ask(passphrase_file, twice=True)

    def answer() -> str:
        passphrase = asked()
        if len(passphrase) < _SHORT and not demo:
            words = (
                "This passphrase is short: whoever copies the key file can try many. Make a new key with a longer one."
            )
            click.echo(words, err=True)
        return passphrase

    return answer
