"""The translations of the site's own words. They are untrusted input: a text that could do harm is not used."""

import re
from functools import cache
from pathlib import Path

from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from babel.support import Translations

from intake.calls.edition import SOURCE_LANGUAGE, read_catalogue
from intake.settings import ROOT

TRANSLATIONS = ROOT / "translations"
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def catalogue_file(language: str) -> Path:
    """Return the `.po` file of the site's own words."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def exists(language: str) -> bool:
    """Tell whether the site can speak a language."""
    return language == SOURCE_LANGUAGE or catalogue_file(language).exists()


@cache
def words(language: str) -> Translations:
    """Return the words in a language; what is not usable is shown in English."""
    return read_catalogue(b"" if language == SOURCE_LANGUAGE else catalogue_file(language).read_bytes(), usable)


def unusable(language: str) -> list[str]:
    """Return the English of what is not translated, or not so that it can be used."""
    if language == SOURCE_LANGUAGE:
        return []
    with catalogue_file(language).open("rb") as file:
        return [str(message.id) for message in read_po(file, locale=language) if message.id and not usable(message)]


@cache
def machine_drafted(language: str) -> bool:
    """Tell whether the language's file still says that no person has reviewed it."""
    return language != SOURCE_LANGUAGE and b"Machine-drafted" in catalogue_file(language).read_bytes()[:400]


def usable(message: Message) -> bool:
    """Tell whether every form is translated, has the placeholders of the English, and holds no markup.

    Jinja takes a translation for markup, and formats it with `%`.
    """
    originals = message.id if isinstance(message.id, (list, tuple)) else [message.id]
    forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    allowed = set(_PLACEHOLDER.findall(" ".join(originals)))
    needed = allowed if len(forms) == 1 else set()  # "one answer" may do without its number
    return not message.fuzzy and all(
        form
        and needed <= set(_PLACEHOLDER.findall(form)) <= allowed
        and "%" not in _PLACEHOLDER.sub("", form)
        and "<" not in form
        for form in forms
    )
