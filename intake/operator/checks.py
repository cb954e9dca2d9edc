"""`intake check`: every reason not to call a set-up good, in words that say what to do."""

import re
from collections.abc import Iterator

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from intake.calls.edition import SOURCE_LANGUAGE
from intake.settings import Settings
from intake.site.keyring import Keyring, KeysError
from intake.site.languages import catalogue_file
from intake.site.service import NotReadyError, Service

DEMO_MARK = "demo"
"""A file of this name in the instance folder says that it is a demonstration. `make demo` puts it there."""
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_PLACEHOLDER = re.compile(r"%\(\w+\)\w")


def reasons(service: Service) -> Iterator[str]:
    """Yield each reason not to call this set-up good."""
    settings = service.settings
    for name in settings.unknown:
        yield f"INTAKE_{name.upper()} is not a setting of this program: take it away, or mend its name"
    yield from _keys(settings)
    yield from _permissions(settings)
    try:
        service.ready()
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
    for path in (settings.instance, settings.database):
        if path.exists() and path.stat().st_mode & _OTHERS:
            yield f"{path} can be read by other users: run `chmod go= {path}`"


def _translations(service: Service) -> Iterator[str]:
    for language in service.settings.languages:
        if language == SOURCE_LANGUAGE:
            continue
        path = catalogue_file(language)
        if not path.exists():
            yield f"there is no translation into {language}: take it out of INTAKE_LANGUAGES"
            continue
        with path.open("rb") as file:
            bad = [message.id for message in read_po(file, locale=language) if message.id and not _complete(message)]
        if bad:
            yield f"{path}: {len(bad)} texts not translated, or with other placeholders, such as {bad[0]!r}"
        for edition in service.editions.values():
            missing = edition.untranslated(language)
            if missing:
                where = f"the call {edition.call.name}: {len(missing)} texts"
                yield f"{where} not translated into {language}, such as {missing[0][:60]!r}"


def _complete(message: Message) -> bool:
    """Tell whether every form is translated and has the placeholders of the English."""
    originals = message.id if isinstance(message.id, (list, tuple)) else [message.id]
    forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    allowed = set(_PLACEHOLDER.findall(" ".join(originals)))
    needed = allowed if len(forms) == 1 else set()  # "one answer" may do without its number
    found = [set(_PLACEHOLDER.findall(form or "")) for form in forms]
    return not message.fuzzy and all(forms) and all(needed <= placeholders <= allowed for placeholders in found)
