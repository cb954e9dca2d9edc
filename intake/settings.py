"""What an operator can set: `INTAKE_…` in the environment, or `intake.toml` in the instance folder."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from intake.store.engine import POSTGRESQL, SQLITE

PREFIX = "INTAKE_"
_PACKAGE = Path(__file__).resolve().parent
ROOT = _PACKAGE if (_PACKAGE / "templates").is_dir() else _PACKAGE.parent
"""Where `templates` and `translations` are: within the package in a wheel, beside it in a checkout."""
LANGUAGES = "en ar de es fa fr hi it pt ru uk zh"
MEGABYTE = 1_000_000
MOST_RETENTION_DAYS = 36_500
MOST_UPLOAD_MB = 4000
"""A file must fit on a FAT32 stick when it is sealed."""
NAMES = frozenset(
    {
        "instance",
        "database_url",
        "keys",
        "languages",
        "exit_url",
        "organisation",
        "max_upload_mb",
        "storage_quota_mb",
        "retention_days",
    }
)
"""What can be set, without the prefix."""


class SettingsError(Exception):
    """A setting is wrong. The message says which and why."""


@dataclass(frozen=True)
class Settings:
    """The settings of one instance."""

    instance: Path
    database_url: str
    """Of an SQLite file, by its absolute path, or of a PostgreSQL database. It may hold a password: never print it."""
    keys: Path
    languages: tuple[str, ...]
    exit_url: str
    organisation: str
    max_upload: int
    """The largest file (bytes) that a source can add."""
    storage_quota: int
    """All files of sources together may take this many bytes; 0 for as many as the disk has room for."""
    retention_days: int
    """What the desk has opened is deleted after at most this many days; 0 for never."""
    unknown: tuple[str, ...]
    """Names that were set and mean nothing here: a slip of the pen, most likely."""

    @property
    def database_file(self) -> Path | None:
        """The SQLite file; None for PostgreSQL."""
        return Path(self.database_url.removeprefix(SQLITE)) if self.database_url.startswith(SQLITE) else None


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings; the environment goes before `intake.toml`. Raises SettingsError."""
    given = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    instance = Path(given.pop("instance", "") or "instance").absolute()
    values = {**_read_file(instance / "intake.toml"), **given}
    languages = tuple((values.get("languages") or LANGUAGES).replace(",", " ").split())
    exit_url = values.get("exit_url", "")
    if exit_url and not exit_url.startswith(("https://", "http://")):
        raise SettingsError("INTAKE_EXIT_URL must start with https:// or http://")
    return Settings(
        instance=instance,
        database_url=database_url(values.get("database_url") or f"{SQLITE}{instance / 'intake.db'}"),
        keys=Path(values.get("keys", "keys")).absolute(),
        languages=languages,
        exit_url=exit_url,
        organisation=values.get("organisation", "CyberPeace Institute"),
        max_upload=_number(values, "max_upload_mb", 500, least=1, most=MOST_UPLOAD_MB) * MEGABYTE,
        storage_quota=_number(values, "storage_quota_mb", 0) * MEGABYTE,
        retention_days=_number(values, "retention_days", 0, most=MOST_RETENTION_DAYS),
        unknown=tuple(sorted(values.keys() - NAMES)),
    )


def database_url(given: str) -> str:
    """Return the URL of a database, as the program uses it. Raises SettingsError, and repeats nothing of the URL."""
    if given.startswith(SQLITE):
        return f"{SQLITE}{Path(given.removeprefix(SQLITE)).absolute()}"
    try:
        named = given.startswith(POSTGRESQL) and make_url(given).database
    except (ArgumentError, ValueError):
        named = None
    if not named:
        raise SettingsError(
            f"a database URL must be {SQLITE} and the path of a file, or {POSTGRESQL}USER:PASSWORD@HOST/DATABASE: "
            "see INTAKE_DATABASE_URL"
        )
    return given


def _number(values: Mapping[str, str], name: str, default: int, least: int = 0, most: int = 10**9) -> int:
    given = values.get(name, "").strip()
    if not given:
        return default
    if not (given.isascii() and given.isdigit() and len(given) <= len(str(most)) and least <= int(given) <= most):
        raise SettingsError(f"INTAKE_{name.upper()} must be a whole number from {least} to {most}")
    return int(given)


def _read_file(path: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: {error}") from None
    return {name: " ".join(value) if isinstance(value, list) else str(value) for name, value in content.items()}
