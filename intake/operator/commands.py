"""The command `intake`."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError

from intake.calls.load import CallError
from intake.instance import InstanceError, create_secret, fingerprint, read_secret, signing_key
from intake.operator.server import Server, forbid_core_dumps
from intake.settings import Settings, SettingsError, load_settings
from intake.site.app import create_app
from intake.store.engine import open_engine
from intake.store.schema import SchemaError, create_file, upgrade

_EXPECTED = (SettingsError, CallError, InstanceError, SchemaError)


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


@main.command()
@_explained
def init() -> None:
    """Create or upgrade the database and the instance secret; print the server key's fingerprint."""
    settings = _settings()
    create_secret(settings.instance)
    create_file(settings.database_url)
    upgrade(open_engine(settings.database_url))
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
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    Server(create_app, address).run()


def _settings() -> Settings:
    return load_settings(os.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
