"""Every text that a source reads is in every shipped language, and no catalogue holds what nobody says any more."""

import importlib.util
import re
import sys

import pytest
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
TRANSLATED = LANGUAGES.split()[1:]


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize("domain", ["messages", *sorted(path.stem for path in update.CALLS.glob("*.yaml"))])
def test_a_catalogue_holds_what_is_said_and_nothing_else(language: str, domain: str) -> None:
    """`make translations` would change nothing, and nothing is left to translate."""
    call = update.CALLS / f"{domain}.yaml"
    template = update.call_messages(call) if call.exists() else update.interface_messages()
    path = ROOT / "translations" / language / "LC_MESSAGES" / f"{domain}.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert {message.id for message in catalogue if message.id} == {message.id for message in template if message.id}
    assert not [message.id for message in catalogue if message.id and (message.fuzzy or not message.string)]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_word_of_the_site_is_usable(language: str) -> None:
    """Placeholders are those of the English, every plural form is there, and nothing holds markup."""
    assert unusable(language) == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_call_keeps_its_markup(language: str) -> None:
    """A translation has the tags of the English, in their order."""
    for call in update.CALLS.glob("*.yaml"):
        with (ROOT / "translations" / language / "LC_MESSAGES" / f"{call.stem}.po").open("rb") as file:
            for message in read_po(file, locale=language):
                assert TAG.findall(str(message.string)) == TAG.findall(str(message.id)), message.id
