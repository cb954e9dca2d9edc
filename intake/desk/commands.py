"""The command `intake-desk`."""

import datetime
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from intake.age.errors import AgeError
from intake.bundle import BundleError
from intake.desk import keys, showing
from intake.desk.errors import DeskError, harmless, one_line
from intake.desk.opening import Opening
from intake.desk.workspace import open_workspace

_WIDEST = 100


class _Group(click.Group):
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


_key = click.option("--key", type=click.Path(path_type=Path), required=True, help="Your key file.")
_workspace = click.option(
    "--workspace", type=click.Path(path_type=Path), required=True, help="Folder of the encrypted workspace."
)
_passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(allow_dash=True),
    help="Read the passphrase from the first line of this file, or of the standard input (-).",
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=_Group, help="Open, check and read testimonies on a machine that never touches a network.")
def main() -> None:
    """Nothing that a command writes is for anybody else, and no text can fail to be printed."""
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


@main.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the key files are called, such as duty-2026.")
@click.option("--demo", is_flag=True, help="Mark the keys as demonstration keys.")
@_passphrase_file
def keygen(directory: Path, name: str, demo: bool, passphrase_file: str | None) -> None:
    """Make keys in DIRECTORY: NAME.key to keep here, NAME.pub and NAME.sign.pub to give to the operator."""
    identity, paths = keys.keygen(directory, name, _today(), _ask(passphrase_file, twice=True), demo=demo)
    _say(f"Keep {paths[0]} and its passphrase: without both, nothing can be read.")
    _say(f"Give {paths[1]} and {paths[2]} to the operator.")
    _say(f"Fingerprint of the key: {identity.recipient().fingerprint}")


@main.command("open")
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_workspace
@_key
@_passphrase_file
@click.option("--server-key", default="", metavar="FINGERPRINT", help="Fingerprint that the server's key must have.")
@click.option("--accept-restore", default="", metavar="REASON", help="Accept a server that was restored from a backup.")
def open_(
    bundles: tuple[Path, ...],
    workspace: Path,
    key: Path,
    passphrase_file: str | None,
    server_key: str,
    accept_restore: str,
) -> None:
    """Check bundles from the server, decrypt what is sound, and file it in the workspace."""
    opening = Opening(keys.read_reviewer_key(key, _ask(passphrase_file)), _today(), _say, accept_restore)
    try:
        opening.run(bundles, workspace, server_key)
    finally:  # what was found before a failure is not to be lost with it
        for trouble in opening.troubles:
            click.echo(one_line(str(trouble)), err=True)
    if opening.troubles:
        sys.exit(1)


@main.command("list")
@_workspace
@_key
@_passphrase_file
@_as_json
def list_(workspace: Path, key: Path, passphrase_file: str | None, as_json: bool) -> None:
    """List the records in the workspace, in the order of the server's log."""
    with open_workspace(workspace, keys.read_reviewer_key(key, _ask(passphrase_file))) as desk:
        if as_json:
            click.echo(json.dumps([showing.listed(record) for record in desk.records()], indent=2))
            return
        for record in desk.records():
            _say(showing.list_line(record))


@main.command()
@click.argument("identifier", metavar="ID")
@_workspace
@_key
@_passphrase_file
@_as_json
@click.option("--language", default="", help="Language of the questions (default: that of your system, or English).")
def show(
    identifier: str, workspace: Path, key: Path, passphrase_file: str | None, as_json: bool, language: str
) -> None:
    """Show one testimony, with what its source added later, or one addition."""
    with open_workspace(workspace, keys.read_reviewer_key(key, _ask(passphrase_file))) as desk:
        record = showing.find(desk, identifier)
        if as_json:
            click.echo(json.dumps(showing.as_json(record, desk), indent=2))
            return
        preferred = os.environ.get("LC_ALL") or os.environ.get("LANG", "")
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        for line in showing.as_text(record, desk, language, preferred, width):
            _say(line)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@_key
@_passphrase_file
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write; it must not exist.")
def decrypt(file: Path, key: Path, passphrase_file: str | None, out: Path) -> None:
    """Decrypt one age FILE by hand. On failure nothing is written."""
    keys.decrypt_file(file, keys.read_key(key, _ask(passphrase_file)), out)


def _say(line: str) -> None:
    click.echo(harmless(line))


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _ask(passphrase_file: str | None, *, twice: bool = False) -> Callable[[], str]:
    """Return what gives the passphrase once it is needed: from the file, or from the person at the terminal."""

    def ask() -> str:
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

    return ask


if __name__ == "__main__":
    main()
