"""`intake check`: every reason not to call a set-up good, in words that say what to do."""

from collections.abc import Iterator

from intake.settings import Settings
from intake.site import catalogue
from intake.site.assets import script_digests
from intake.site.keyring import Keyring, KeysError
from intake.site.service import NotReadyError, Service
from intake.store.engine import DAMAGED
from intake.store.shortcomings import shortcomings
from intake.store.space import is_sound

DEMO_MARK = "demo"
"""A file of this name in the instance folder says that it is a demonstration. `make demo` puts it there."""
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


def scripts() -> Iterator[str]:
    """Yield a line on each script that this service gives out, to be published and compared."""
    digests = script_digests()
    for name, digest in digests.items():
        yield f"{name}, SHA-256: {digest}"
    if not digests:
        yield "The pages' scripts are not built: everyone sends the plain way. To build them: `make scripts`"


def reasons(service: Service) -> Iterator[str]:
    """Yield each reason not to call this set-up good."""
    settings = service.settings
    for name in settings.unknown:
        yield f"INTAKE_{name.upper()} is not a setting of this program: take it away, or mend its name"
    yield from _keys(settings)
    yield from _permissions(settings)
    try:
        service.ready()
        yield from _server(service)
    except NotReadyError as error:
        if not any(str(error) == reason for reason in _keys(settings)):
            yield str(error)
    yield from _translations(service)


def _keys(settings: Settings) -> Iterator[str]:
    try:
        keys = Keyring(settings.keys).keys()
    except KeysError as error:
        yield str(error)
        return
    if any(key.demo for key in keys) and not (settings.instance / DEMO_MARK).exists():
        yield f"{settings.keys} holds demonstration keys: their private half is no secret; replace them"
    for path in (settings.keys, *settings.keys.iterdir()):
        if path.stat().st_mode & _OTHERS_WRITE:
            yield f"{path} can be changed by other users: run `chmod go-w {path}`"


def _permissions(settings: Settings) -> Iterator[str]:
    for path in (settings.instance, settings.database_file):
        if path and path.exists() and path.stat().st_mode & _OTHERS:
            yield f"{path} can be read by other users: run `chmod go= {path}`"


def _server(service: Service) -> Iterator[str]:
    if service.settings.database_file is None:
        yield from shortcomings(service.records.engine)
    elif not is_sound(service.records.engine):
        yield DAMAGED


def _translations(service: Service) -> Iterator[str]:
    for language in service.settings.languages:
        if not catalogue.exists(language):
            yield f"there is no translation into {language}: take it out of INTAKE_LANGUAGES"
            continue
        bad = catalogue.unusable(language)
        if bad:
            path = catalogue.catalogue_file(language)
            what = f"{len(bad)} texts not translated, with other placeholders, or with markup"
            yield f"{path}: {what}, such as {bad[0]!r}"
        for edition in service.editions.values():
            missing = edition.untranslated(language)
            if missing:
                where = f"the call {edition.call.name}: {len(missing)} texts"
                yield f"{where} not translated into {language}, such as {missing[0][:60]!r}"
