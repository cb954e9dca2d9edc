"""The command `intake-desk`."""

import json
import os
import shutil
import sys
from pathlib import Path

import click

from intake.desk import evidence, keys, message_commands, reviewer_commands, showing, spam
from intake.desk.bundles.opening import Opening
from intake.desk.bundles.progress import on_terminal
from intake.desk.errors import one_line
from intake.desk.leaving import export_command
from intake.desk.options import Group, ask, ask_new, key_option, opened, passphrase_option, say, today, workspace_option

_WIDEST = 100


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Group, help="Open, check and read testimonies on a machine that never touches a network.")
def main() -> None:
    """Nothing that a command writes is for anybody else, and no text can fail to be printed."""
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


@main.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="What the key files are called, such as duty-2026.")
@click.option("--demo", is_flag=True, help="Mark the keys as demonstration keys.")
@passphrase_option
def keygen(directory: Path, name: str, demo: bool, passphrase_file: str | None) -> None:
    """Make keys in DIRECTORY: NAME.key to keep here, NAME.pub and NAME.sign.pub to give to the operator."""
    identity, paths = keys.keygen(directory, name, today(), ask_new(passphrase_file, demo=demo), demo=demo)
    say(f"Keep {paths[0]} and its passphrase: without both, nothing can be read.")
    say(f"Give {paths[1]} and {paths[2]} to the operator.")
    say(f"Fingerprint of the key: {identity.recipient().fingerprint}")


@main.command("open")
@click.argument("bundles", metavar="BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@workspace_option
@key_option
@passphrase_option
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
    identities = keys.read_reviewer_key(key, ask(passphrase_file))
    opening = Opening(identities, today(), say, accept_restore, key.stem, on_terminal)
    try:
        opening.run(bundles, workspace, server_key)
    finally:  # what was found before a failure is not to be lost with it
        for trouble in opening.troubles:
            click.echo(one_line(str(trouble)), err=True)
    if opening.troubles:
        sys.exit(1)


@main.command("list")
@workspace_option
@key_option
@passphrase_option
@_as_json
def list_(workspace: Path, key: Path, passphrase_file: str | None, as_json: bool) -> None:
    """List the records in the workspace, in the order of the server's log."""
    with opened(workspace, key, passphrase_file) as desk:
        if as_json:
            found = [showing.listed(record, desk) for record in showing.records(desk)]
            click.echo(json.dumps(found, indent=2))
            return
        for record in showing.records(desk):
            say(showing.list_line(record, desk))


@main.command()
@click.argument("identifier", metavar="ID")
@workspace_option
@key_option
@passphrase_option
@_as_json
@click.option("--language", default="", help="Language of the questions (default: that of your system, or English).")
def show(
    identifier: str, workspace: Path, key: Path, passphrase_file: str | None, as_json: bool, language: str
) -> None:
    """Show one testimony, with what its source added later, or one addition."""
    with opened(workspace, key, passphrase_file) as desk:
        record = showing.find(desk, identifier)
        if as_json:
            click.echo(json.dumps(showing.as_json(record, desk), indent=2))
            return
        preferred = os.environ.get("LC_ALL") or os.environ.get("LANG", "")
        width = min(shutil.get_terminal_size().columns, _WIDEST)
        for line in showing.as_text(record, desk, language, preferred, width):
            say(line)


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="Port on this machine.")
@workspace_option
@key_option
@passphrase_option
def serve(port: int, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Serve the review desk to the browser of this machine, until Ctrl-C. It prints the address, which works once."""
    from intake.desk.review.serving import serve as serve_pages  # slow to load, and no other command needs it

    serve_pages(workspace, key, ask(passphrase_file), say, port)


@main.command()
@click.argument("identifier", metavar="ID")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write; it must not exist.")
@workspace_option
@key_option
@passphrase_option
def attachment(identifier: str, out: Path, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Write the file of the attachment ID, not encrypted. The workspace remembers where it went."""
    with opened(workspace, key, passphrase_file) as desk:
        taken = evidence.take_out(desk, identifier, out, today())
    say(f"{out} is not encrypted: delete it when you no longer need it. Its source called it {one_line(taken.name)}")


@main.command("spam")
@click.argument("identifier", metavar="ID")
@click.option("--undo", is_flag=True, help="Take back the marking that this testimony was marked in.")
@workspace_option
@key_option
@passphrase_option
def spam_(identifier: str, undo: bool, workspace: Path, key: Path, passphrase_file: str | None) -> None:
    """Mark testimony ID as spam, and all new ones that look like it."""
    with opened(workspace, key, passphrase_file) as desk:
        if undo:
            for name in spam.unmark(desk, identifier):
                say(f"no longer spam: {name}")
        else:
            for record in spam.mark(desk, identifier):
                say(f"spam: {record.id}  {record.day}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@key_option
@passphrase_option
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write; it must not exist.")
def decrypt(file: Path, key: Path, passphrase_file: str | None, out: Path) -> None:
    """Decrypt one age FILE by hand. On failure nothing is written."""
    keys.decrypt_file(file, keys.read_key(key, ask(passphrase_file)), out)


for command in (
    export_command.export,
    message_commands.reply,
    message_commands.acknowledge,
    message_commands.dispatch,
    reviewer_commands.reviewer,
    reviewer_commands.merge,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
