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
from intake.operator import copying, delivery, deployment, trial
from intake.operator import status as report
from intake.operator.checks import reasons, scripts
from intake.operator.export import export as write_export
from intake.operator.server import Server, forbid_core_dumps
from intake.settings import Settings, SettingsError, database_url, load_settings
from intake.site.app import create_app
from intake.site.service import service
from intake.site.sweeping import purge_by_age
from intake.store import erasing
from intake.store.engine import DAMAGED, SQLITE, is_damaged, open_engine
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
    copying.CopyError,
)


def _explained(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn an expected failure into one line on standard error and exit code 1."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except _EXPECTED as error:
            raise click.ClickException(str(error)) from None
        except SQLAlchemyError as error:
            words = "the database cannot be opened and written: see INTAKE_DATABASE_URL"
            raise click.ClickException(DAMAGED if is_damaged(error) else words) from None
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
    if settings.database_file:
        create_file(settings.database_file)
    upgrade(open_engine(settings.database_url, patient=True))
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
@click.option("--deploy", is_flag=True, help="As root: also look at tor, nginx and systemd, as deploy/ sets them up.")
@click.option("--send-test", is_flag=True, help="Also send a marked test testimony, to be seen on the desk.")
@_explained
def check(deploy: bool, send_test: bool) -> None:
    """Refuse, with reasons, to call a broken set-up good."""
    settings = _settings()
    found = list(deployment.reasons(settings)) if deploy else []
    deployment.become_owner(settings.instance)
    app = create_app()
    with app.app_context():
        found += reasons(service())
    for line in scripts():
        click.echo(line)
    for reason in found:
        click.echo(" ".join(reason.splitlines()), err=True)
    if found:
        raise SystemExit(1)
    click.echo("All is well: keys, instance, database, translations" + (", deployment." if deploy else "."))
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
        done = write_export(engine, key, file, since)
    except OSError as error:
        raise BundleError(f"{file} cannot be written: {error.strerror}") from None
    for path in done.paths:
        click.echo(path)
    if done.damaged:
        raise click.ClickException(f"{DAMAGED}; all else was exported, but for the records {' '.join(done.damaged)}")


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
    help="Purge what was received before this day (YYYY-MM-DD), and not what INTAKE_RETENTION_DAYS says.",
)
@_explained
def purge(before: datetime.datetime | None) -> None:
    """Delete the ciphertext of old records that the desk has opened. Log entries and mailbox keys stay."""
    engine = _engine()
    if before is None:
        purged = purge_by_age(engine, _settings())
    else:
        day = before.date().isoformat()
        purged = erasing.purge(engine, today(), lambda _record, received: received < day)
    while erasing.erase(engine):
        erasing.empty_log(engine)
    erasing.empty_log(engine)
    click.echo(f"{purged} record(s) purged.")


@main.command()
@click.option("--to", "url", required=True, metavar="URL", help="The new database, as in INTAKE_DATABASE_URL.")
@_explained
def copy(url: str) -> None:
    """Copy the instance into an empty database, on either engine, and compare them. Stop the service first."""
    settings, to = _settings(), database_url(url)
    if to == settings.database_url:
        raise copying.CopyError("--to names the database that is in use: name another")
    source, target = _engine(), open_engine(to, patient=True)
    if to.startswith(SQLITE):
        create_file(Path(to.removeprefix(SQLITE)))
    done = copying.copy(source, target, settings.instance)
    click.echo(f"{done.rows} row(s) are copied, and read again: both databases hold the same.")
    click.echo(f"{done.records} record(s) have their digest, in both.")
    click.echo(f"{done.linked} entries of the log make one chain, in both. {done.head}".rstrip())
    click.echo("Set INTAKE_DATABASE_URL to the new database, run `intake check`, and start the service.")


def _engine() -> Engine:
    """Return the engine of an instance that is ready. Raises SchemaError."""
    engine = open_engine(_settings().database_url, patient=True)
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
