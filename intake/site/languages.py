"""Languages: which the site speaks, which one a request wants, and the catalogue of the site's own words."""

import re
from functools import cache
from pathlib import Path

from babel import Locale, negotiate_locale
from babel.support import Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain

from intake.calls.edition import SOURCE_LANGUAGE, read_catalogue
from intake.site.service import TRANSLATIONS, service


@cache
def catalogue_file(language: str) -> Path:
    """Return the `.po` file of the site's own words."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


class _Words(Domain):  # type: ignore[misc]
    """Flask-Babel's domain, reading `.po` files directly: there is no compiled file to forget."""

    def get_translations(self) -> Translations:
        """Return the catalogue of the request's language."""
        return _catalogue(current_language())


@cache
def _catalogue(language: str) -> Translations:
    return read_catalogue(b"" if language == SOURCE_LANGUAGE else catalogue_file(language).read_bytes())


@cache
def machine_drafted(language: str) -> bool:
    """Tell whether the language's file still says that no person has reviewed it."""
    return language != SOURCE_LANGUAGE and b"Machine-drafted" in catalogue_file(language).read_bytes()[:400]


def current_language() -> str:
    """Return the language of this request: the one in its address, or else the best that the browser asks for."""
    if "language" not in g:
        languages = service().settings.languages
        first = re.match(r"/([A-Za-z-]+)/", request.path)
        named = first.group(1) if first else ""
        wanted = [name for name, quality in request.accept_languages if quality > 0]
        best = negotiate_locale(wanted, languages, sep="-") or languages[0]
        g.language = named if named in languages else best
    return str(g.language)


def direction(language: str) -> str:
    """Return `rtl` or `ltr`."""
    return str(Locale.parse(language).text_direction)


def own_name(language: str) -> str:
    """Return what a language calls itself."""
    name = Locale.parse(language).get_display_name(language) or language
    return name[0].upper() + name[1:]


def init_languages(app: Flask) -> None:
    """Give the templates their words."""
    babel = Babel(app, locale_selector=current_language)
    babel.domain_instance = _Words()
    app.jinja_env.globals.update(
        current_language=current_language,
        direction=direction,
        own_name=own_name,
        machine_drafted=machine_drafted,
    )
