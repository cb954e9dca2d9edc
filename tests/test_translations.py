"""Every text that a source reads is in every shipped language, as a catalogue's own reader would want it."""

import importlib.util
import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import bleach
import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from service import ROOT

from intake.settings import LANGUAGES
from intake.site.catalogue import unusable

specification = importlib.util.spec_from_file_location("update", ROOT / "translations" / "update.py")
assert specification and specification.loader
update = importlib.util.module_from_spec(specification)
sys.modules["update"] = update
specification.loader.exec_module(update)

TAG = re.compile(r"</?\w+>")
ALLOWED = {"p", "strong", "em", "ul", "li"}
PLACE = re.compile(r"at most (\d+) characters")
TRANSLATED = sorted(set(LANGUAGES.split()) - {"en"})
DOMAINS = ["messages", *sorted(path.stem for path in update.CALLS.glob("*.yaml"))]


def path_of(language: str, domain: str) -> Path:
    return ROOT / "translations" / language / "LC_MESSAGES" / f"{domain}.po"


def catalogue(language: str, domain: str) -> Catalog:
    with path_of(language, domain).open("rb") as file:
        return read_po(file, locale=language)


def template(domain: str) -> Catalog:
    call = update.CALLS / f"{domain}.yaml"
    found: Catalog = update.call_messages(call) if call.exists() else update.interface_messages()
    return found


def forms(text: object) -> list[str]:
    return [str(form) for form in text] if isinstance(text, (list, tuple)) else [str(text)]


def translations(language: str) -> Iterator[tuple[Message, str]]:
    for domain in DOMAINS:
        for message in catalogue(language, domain):
            if message.id:
                yield from ((message, form) for form in forms(message.string))


def test_the_languages_that_are_shipped_are_those_that_are_translated() -> None:
    assert sorted(path.parent.name for path in (ROOT / "translations").glob("*/LC_MESSAGES")) == TRANSLATED


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_catalogue_holds_what_is_said_and_nothing_else(language: str, domain: str) -> None:
    """Nothing is missing, fuzzy or left over from what is no longer said."""
    held = catalogue(language, domain)
    assert {message.id for message in held if message.id} == {message.id for message in template(domain) if message.id}
    assert not [message.id for message in held if message.id and (message.fuzzy or not all(forms(message.string)))]
    assert not held.obsolete


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_make_translations_would_change_nothing(language: str, domain: str, tmp_path: Path) -> None:
    folder = tmp_path / language / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / f"{domain}.po").write_bytes(path_of(language, domain).read_bytes())
    update.update(folder, domain, template(domain))
    assert (folder / f"{domain}.po").read_text() == path_of(language, domain).read_text()


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_catalogue_counts_as_its_language_does(language: str, domain: str) -> None:
    """The plural forms are those of CLDR, and every plural has each of them."""
    held = catalogue(language, domain)
    expected = Catalog(locale=language)
    assert held.plural_forms == expected.plural_forms
    for message in held:
        if message.id and message.pluralizable:
            assert len(forms(message.string)) == expected.num_plurals, message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_word_of_the_site_is_usable(language: str) -> None:
    """Placeholders are those of the English, every plural form is there, and nothing holds markup."""
    assert unusable(language) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_call_keeps_its_markup(language: str) -> None:
    """A translation has the tags of the English, in their order, and bleach would take nothing out of it."""
    for message, text in translations(language):
        assert TAG.findall(text) == TAG.findall(forms(message.id)[0]), message.id
        assert bleach.clean(text, tags=ALLOWED, attributes={}).replace("&amp;", "&") == text, message.id


@pytest.mark.parametrize("language", ["en", *TRANSLATED])
def test_a_text_fits_its_place(language: str) -> None:
    """What stands on a button or in a title is no longer than the note to translators allows."""
    too_long, bounded = [], 0
    held = {} if language == "en" else {str(message.id): message for message in catalogue(language, "messages")}
    for message in template("messages"):
        for most in (int(found) for note in message.auto_comments for found in PLACE.findall(note)):
            bounded += 1
            said = forms(message.id) if language == "en" else forms(held[str(message.id)].string)
            too_long += [text for text in said if len(text) > most]
    assert too_long == []
    assert bounded > 10


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_text_is_written_in_its_script(language: str) -> None:
    """No look-alike letters, no Arabic keyboard's letters in Persian, no Latin punctuation in Chinese."""
    for message, text in translations(language):
        for word in re.findall(r"\w+", TAG.sub(" ", text)):
            scripts = {unicodedata.name(letter).split()[0] for letter in word if letter.isalpha()}
            assert not ({"LATIN", "CYRILLIC"} <= scripts), (message.id, word)
        if language == "fa":
            assert not set(text) & set("كي٤٥٦"), message.id
        if language == "ar":
            assert not set(text) & set("کی"), message.id
        if language == "zh":
            assert not re.search(r"[\u4e00-\u9fff][,;:?!.]|[,;:?!][\u4e00-\u9fff]", TAG.sub("", text)), message.id


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_catalogue_says_whether_a_native_speaker_has_read_it(language: str, domain: str) -> None:
    first = path_of(language, domain).read_text().splitlines()[0]
    assert first.startswith(
        ("# Machine-drafted, not yet reviewed by a native speaker.", "# Reviewed by a native speaker")
    )


def outline(path: Path) -> list[str]:
    """Return the levels of a page's headings, and the kinds of its lists."""
    return re.findall(r"^(#+ |- |\d+\. |\|)", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_page_for_sources_is_as_long_as_the_english(language: str) -> None:
    """Every heading and every item of a list is there."""
    english = outline(ROOT / "docs" / "sources.md")
    assert outline(ROOT / "docs" / "sources" / f"{language}.md") == english
    assert len(english) > 40


@pytest.mark.parametrize("language", TRANSLATED)
def test_the_glossary_has_the_words_that_matter(language: str) -> None:
    """Each language has its table, with the same rows as the first."""
    tables = (ROOT / "translations" / "GLOSSARY.md").read_text().split("\n## ")[1:]
    rows = {
        table[table.index("(") + 1 : table.index(")")]: re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)
        for table in tables
    }
    assert rows[language] == rows["ar"]
    assert {"testimony", "consent", "withdraw", "locked (encrypted)", "return code"} <= set(rows[language])
