"""The commands of `intake-desk` that write to sources: reply, acknowledge, dispatch."""

from pathlib import Path

import click

from intake.desk import messages
from intake.desk.errors import DeskError
from intake.desk.options import key_option, opened, passphrase_option, say, today, workspace_option
from intake.envelope import LONGEST_TEXT, STATES

_MOST_TEXT_FILE = 8 * LONGEST_TEXT  # bytes: no text that may be sent is longer in UTF-8

_text_file = click.Path(path_type=Path)


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--text-file", type=_text_file, required=True, help="File with the text, in UTF-8.")
@workspace_option
@key_option
@passphrase_option
def reply(identifier: str, text_file: Path, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Write to the source of testimony ID. The next dispatch brings it."""
    text = _read(text_file)
    with opened(workspace, key, passphrase_file) as desk:
        new = messages.reply(desk, identifier, text, today())
    say("The reply is sealed. The next dispatch brings it." if new else "This reply is there already.")


@click.command()
@click.argument("identifier", metavar="ID")
@click.option("--state", type=click.Choice([*STATES, "set-aside"]), required=True, help="What became of the testimony.")
@click.option("--text-file", type=_text_file, help="File with a text for the source, in UTF-8.")
@click.option("--line", default="", metavar="TEXT", help="A line for the source.")
@workspace_option
@key_option
@passphrase_option
def acknowledge(
    identifier: str,
    state: str,
    text_file: Path | None,
    line: str,
    workspace: Path,
    key: Path,
    passphrase_file: str | None,
) -> None:
    """Tell the source of testimony ID what became of it. The next dispatch brings it."""
    if text_file and line:
        raise click.UsageError("Give --text-file or --line, not both.")
    text = _read(text_file) if text_file else line
    with opened(workspace, key, passphrase_file) as desk:
        new = messages.acknowledge(desk, identifier, state.replace("-", " "), text, today())
    say("The acknowledgement is sealed. The next dispatch brings it." if new else "This is acknowledged already.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@workspace_option
@key_option
@passphrase_option
def dispatch(file: Path, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Write FILE for the operator: all replies and acknowledgements, sealed to each source, signed by this desk."""
    with opened(workspace, key, passphrase_file) as desk:
        count = messages.dispatch(desk, file, today())
    say(f"{count} message(s) are in {file}. Give it to the operator, for `intake deliver`.")


def _read(path: Path) -> str:
    with path.open("rb") as source:
        content = source.read(_MOST_TEXT_FILE + 1)
    if len(content) > _MOST_TEXT_FILE:
        raise DeskError(f"The text in {path} is too long: {LONGEST_TEXT} characters are the most.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise DeskError(f"{path} is not text in UTF-8.") from None
