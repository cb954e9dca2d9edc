"""The countries one can choose, with their names in any language, from the Unicode CLDR that Babel carries."""

import unicodedata
from functools import cache

from babel import Locale

from intake.calls.model import COUNTRY_UNKNOWN

# What CLDR names besides ISO 3166-1: groups of countries, pseudo-regions and exceptional reservations.
_NOT_COUNTRIES = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])


@cache
def country_codes() -> frozenset[str]:
    """Return the codes: ISO 3166-1 alpha-2, Kosovo's XK, and ZZ for unknown."""
    codes = map(str, Locale("en").territories)
    countries = (code for code in codes if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES)
    return frozenset(countries) | {COUNTRY_UNKNOWN}


@cache
def country_names(language: str) -> tuple[tuple[str, str], ...]:
    """Return pairs of code and name in a language, sorted by name; ZZ is left to the caller."""
    names = Locale.parse(language).territories
    pairs = [(code, str(names.get(code, code))) for code in country_codes() if code != COUNTRY_UNKNOWN]
    return tuple(sorted(pairs, key=lambda pair: _sort_key(pair[1])))


def _sort_key(name: str) -> str:
    """Return the name without its accents, so that Éthiopie stands under E."""
    return "".join(part for part in unicodedata.normalize("NFD", name) if not unicodedata.combining(part)).casefold()
