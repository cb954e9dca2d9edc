"""An edition: one call with its translations, exactly as people were asked, and the digest that names it.

The digest is what `sha256sum call.yaml *.po | sha256sum` prints in the edition's folder (names in byte order), so that
the words that were shown can be checked against it with two commands.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import bleach
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, PoFileParser
from babel.support import Translations

from intake.calls.load import CallError, load_call
from intake.calls.model import REFUSED_LABEL, UNKNOWN_LABEL, Call

SOURCE_LANGUAGE = "en"
CALL_FILE = "call.yaml"
CALLS = Path(__file__).parent
_RICH_TAGS = frozenset({"p", "strong", "em", "ul", "li"})
_MOST_TAGS = 1000  # nested ones take bleach a time that grows with their square
_MOST_FORMS = 6  # Arabic has so many


class _Catalogue(Catalog):
    """A catalogue that does not set aside room for more plural forms than a language has."""

    @property
    def num_plurals(self) -> int:
        if super().num_plurals > _MOST_FORMS:
            raise ValueError("no language has so many plural forms")
        return super().num_plurals


def read_catalogue(source: bytes, usable: Callable[[Message], bool] = lambda _: True) -> Translations:
    """Return the usable translations in a `.po` file, which is UTF-8. There is no compiled file to forget.

    Raises CallError.
    """
    try:
        catalogue = _Catalogue()
        PoFileParser(catalogue, abort_invalid=True).parse(source.decode("utf-8").split("\n"))
        catalogue.charset = "utf-8"
        for message in list(catalogue):
            if message.id and not usable(message):
                catalogue.delete(message.id)
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        return Translations(compiled)
    except (ValueError, PoFileError) as error:
        raise CallError(f"not a catalogue of translations: {error}") from None


@lru_cache(maxsize=1024)
def rich(text: str) -> str:
    """Return HTML with nothing but p, strong, em, ul and li: a translation file is untrusted input."""
    tags = _RICH_TAGS if text.count("<") <= _MOST_TAGS else ()
    cleaned = bleach.clean(text, tags=tags, attributes={})
    return cleaned if cleaned.startswith("<") else f"<p>{cleaned}</p>"


@dataclass(frozen=True, eq=False)
class Edition:
    """`files` holds `call.yaml` and a `<language>.po` for each translation. `source` is what messages call the first.

    A translation is read when it is needed first.
    """

    files: Mapping[str, bytes]
    source: str = "call"

    @cached_property
    def sha256(self) -> str:
        """The digest that names this edition, in hex."""
        lines = (f"{hashlib.sha256(self.files[name]).hexdigest()}  {name}\n" for name in sorted(self.files))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def call(self) -> Call:
        """The checked call. Raises CallError."""
        return load_call(self.files[CALL_FILE], self.source)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages it can be read in."""
        return (SOURCE_LANGUAGE, *sorted(name.removesuffix(".po") for name in self.files if name.endswith(".po")))

    @cached_property
    def _read(self) -> dict[str, Translations]:
        return {}

    def _catalogue(self, language: str) -> Translations | None:
        if language not in self._read:
            file = self.files.get(f"{language}.po")
            if file is None:
                return None
            self._read[language] = read_catalogue(file)
        return self._read[language]

    def shown_in(self, language: str) -> str:
        """Return the language that someone sees this edition in who asked for `language`."""
        return language if language in self.languages else SOURCE_LANGUAGE

    def translate(self, text: str, language: str) -> str:
        """Return a text of the call in a language, or as it is where there is no translation."""
        catalogue = self._catalogue(language)
        return str(catalogue.gettext(text)) if catalogue else text

    def notice(self, language: str) -> str:
        """Return the consent notice exactly as it is shown: HTML."""
        return rich(self.translate(self.call.notice, language))

    def notice_sha256(self, language: str) -> str:
        """Return the SHA-256, in hex, of the notice as it is shown in a language."""
        return hashlib.sha256(self.notice(language).encode()).hexdigest()

    def untranslated(self, language: str) -> list[str]:
        """Return the texts that have no translation in a language, in order."""
        catalogue = self._catalogue(language)
        texts = dict.fromkeys([*self.call.messages(), UNKNOWN_LABEL, REFUSED_LABEL])
        return (
            []
            if language == SOURCE_LANGUAGE
            else [text for text in texts if catalogue is None or not catalogue._catalog.get(text)]
        )


def read_editions(translations: Path, languages: tuple[str, ...], calls: Path = CALLS) -> dict[str, Edition]:
    """Return the current edition of every call by its name.

    `calls` is the folder of `<name>.yaml`, `translations` that of `<language>/LC_MESSAGES/<name>.po`. Raises CallError.
    """
    editions = {}
    for path in sorted(calls.glob("*.yaml")):
        catalogues = {
            f"{language}.po": catalogue.read_bytes()
            for language in languages
            if (catalogue := translations / language / "LC_MESSAGES" / f"{path.stem}.po").exists()
        }
        edition = Edition({CALL_FILE: path.read_bytes(), **catalogues}, path.name)
        name = edition.call.name
        if name != path.stem:
            raise CallError(f"{path.name}: the call's name is {name!r}; name the file {name}.yaml")
        editions[name] = edition
    return editions
