"""Languages: which one a request wants, and how the templates speak it."""

import re
from collections.abc import Sequence

from babel import Locale, negotiate_locale
from babel.support import Translations
from flask import Flask, g, request
from flask_babel import Babel, Domain
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from intake.site.catalogue import machine_drafted, words
from intake.site.service import service


class _Words(Domain):  # type: ignore[misc]
    """Flask-Babel's domain, reading `.po` files directly: there is no compiled file to forget."""

    def get_translations(self) -> Translations:
        """Return the catalogue of the request's language."""
        return words(current_language())


def current_language() -> str:
    """Return the language of this request: the one in its address, or else the best that the browser asks for."""
    if "language" not in g:
        languages = service().languages
        first = re.match(r"/([A-Za-z-]+)/", request.path)
        named = first.group(1) if first else ""
        accepted = request.headers.get("Accept-Language", "")
        g.language = named if named in languages else best_language(accepted, languages)
    return str(g.language)


def best_language(accepted: str, languages: Sequence[str]) -> str:
    """Return the language that fits a header `Accept-Language` best; the first one where none fits."""
    wanted = [name.lower() for name, quality in parse_accept_header(accepted, LanguageAccept) if quality > 0]
    spelled = {language.lower(): language for language in languages}
    return spelled.get(negotiate_locale(wanted, spelled, sep="-") or "", languages[0])


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
