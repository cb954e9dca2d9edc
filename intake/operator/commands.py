"""The command `intake`."""

import datetime
import json
import os
import socket
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from intake.calls.load import CallError
from intake.instance import InstanceError, create_secret, fingerprint, read_secret, signing_key
from intake.operator import delivery, trial
from intake.operator import status as report
from intake.operator.checks import reasons, scripts
from intake.operator.export import export as write_export
from intake.operator.server import Server, forbid_core_dumps
from intake.settings import Settings, SettingsError, load_settings
from intake.site.app import create_app
from intake.site.service import service
from intake.store import erasing
from intake.store.engine import open_engine
from intake.store.records import today
from intake.store.schema import SchemaError, create_file, instance_id, upgrade
from intake.tar import BundleError

_EXPECTED = (
    SettingsError,
    CallError,
    InstanceError,
    SchemaError,
    BundleError,
    trial.TrialError,
    delivery.DeliveryError,
)


def _explained(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an expected failure into one line on standard error and exit code 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except _EXPECTED as error:
            raise click.ClickException(str(error)) from None
        except SQLAlchemyError:
            raise click.ClickException("the database cannot be opened and written: see INTAKE_DATABASE_URL") from None
        except OSError as error:
            raise click.ClickException(f"{error.filename or 'the system'}: {error.strerror}") from None

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the intake service. Settings come from INTAKE_… in the environment, or intake.toml in the instance."""
    os.umask(0o077)


@main.command()
@_explained
def init() -> None:
    """Create or upgrade the database and the instance secret; print the server key's fingerprint."""
    settings = _settings()
    create_secret(settings.instance)
    create_file(settings.database)
    upgrade(open_engine(settings.database))
    click.echo("The instance is ready. Tell the reviewers the fingerprint of this server's key:")
    click.echo(fingerprint(signing_key(read_secret(settings.instance))))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@_explained
def run(host: str, port: int) -> None:
    """Serve this machine."""
    forbid_core_dumps()
    _settings()
    _check_free(host, port)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    Server(create_app, address).run()


@main.command()
@click.option("--send-test", is_flag=True, help="Also send a marked test testimony, to be seen on the desk.")
@_explained
def check(send_test: bool) -> None:
    """Refuse, with reasons, to call a broken set-up good."""
    app = create_app()
    with app.app_context():
        found = list(reasons(service()))
    for line in scripts():
        click.echo(line)
    for reason in found:
        click.echo(" ".join(reason.splitlines()), err=True)
    if found:
        raise SystemExit(1)
    click.echo("All is well: keys, instance, database, translations.")
    if send_test:
        click.echo(
            f"A test testimony is stored. After the next export, the desk shows it as TEST: {trial.send_test(app)}"
        )


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--since", default=0, type=click.IntRange(min=0), help="Only what comes after this sequence number.")
@_explained
def export(file: Path, since: int) -> None:
    """Write everything complete to FILE, for the desk; a large export becomes several files."""
    settings = _settings()
    key = signing_key(read_secret(settings.instance))
    engine = _engine()
    try:
        paths = write_export(engine, key, file, since)
    except OSError as error:
        raise BundleError(f"{file} cannot be written: {error.strerror}") from None
    for path in paths:
        click.echo(path)


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_explained
def trust(file: Path) -> None:
    """Install the desk's signing key from FILE (NAME.sign.pub), once."""
    delivery.trust(_engine(), file)
    click.echo("The desk's signing key is installed.")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_explained
def deliver(file: Path) -> None:
    """Put what the desk sent in FILE into the mailboxes of sources. Repeating it is harmless."""
    done = delivery.deliver(_engine(), file)
    click.echo(f"{done.new} message(s) delivered, {done.known} were there already.")
    if done.unknown:
        click.echo(f"{done.unknown} message(s) are for testimonies that were withdrawn or are not known here.")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_explained
def status(as_json: bool) -> None:
    """Show counts, storage, ages of keys and the last export, and warn before space runs out."""
    found = report.status(_settings(), _engine())
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for line in report.lines(found):
        click.echo(line)


@main.command()
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="Purge what was received before this day (YYYY-MM-DD).",
)
@_explained
def purge(before: datetime.datetime) -> None:
    """Delete the ciphertext of old records that the desk has opened. Log entries and mailbox keys stay."""
    engine = _engine()
    day = before.date().isoformat()
    purged = erasing.purge(engine, today(), lambda _record, received: received < day)
    while erasing.erase(engine):
        erasing.empty_log(engine)
    erasing.empty_log(engine)
    click.echo(f"{purged} record(s) purged.")


def _engine() -> Engine:
    """Return the engine of an instance that is ready. Raises SchemaError."""
    engine = open_engine(_settings().database)
    instance_id(engine)
    return engine


def _check_free(host: str, port: int) -> None:
    """Say in one line that a port is taken: gunicorn would try for six seconds, and say so six times."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise click.ClickException(f"cannot listen at {host}, port {port}: {error.strerror}") from None


def _settings() -> Settings:
    return load_settings(os.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
