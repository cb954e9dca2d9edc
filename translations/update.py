"""Brings every `.po` file up to date with the templates, the code and the calls. Run it with `make translations`.

`messages.po` holds the site's own words, `<call>.po` those of a questionnaire. English is the source and has no file.
A new language starts as an empty folder: `mkdir -p translations/de/LC_MESSAGES`, then `make translations`.
"""

import io
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from intake.calls.edition import CALLS
from intake.calls.load import load_call
from intake.calls.model import REFUSED_LABEL, UNKNOWN_LABEL

HERE = Path(__file__).parent
ROOT = HERE.parent
EXTRACT_FROM = [("intake/site/**.py", "python"), ("templates/site/**.html", "jinja2")]
KEYWORDS = {"gettext": None, "_": None, "ngettext": (1, 2), "lazy_gettext": None}


def interface_messages() -> Catalog:
    """Return what the site's templates and code say."""
    catalogue = Catalog(charset="utf-8")
    found = extract_from_dir(
        ROOT, EXTRACT_FROM, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    )
    for file, _, message, comments, context in found:
        catalogue.add(message, locations=[(file, 0)], auto_comments=comments, context=context)
    return catalogue


def call_messages(path: Path) -> Catalog:
    """Return what a call says, in its order."""
    catalogue = Catalog(charset="utf-8")
    for message in (*load_call(path.read_bytes(), path.name).messages(), UNKNOWN_LABEL, REFUSED_LABEL):
        catalogue.add(message)
    return catalogue


def update(folder: Path, domain: str, template: Catalog) -> None:
    """Write `<domain>.po` with the template's messages, and the translations that are there already."""
    path = folder / f"{domain}.po"
    language = folder.parent.name
    if path.exists():
        catalogue = read_po(io.BytesIO(path.read_bytes()), locale=language)
    else:
        catalogue = Catalog(locale=language, charset="utf-8")
        catalogue.header_comment = "# Machine-drafted, not yet reviewed by a native speaker."
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = io.BytesIO()
    write_po(written, catalogue, width=0, omit_header=False, no_location=True, sort_output=False)
    lines = written.getvalue().decode().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith(_CHANGES_EVERY_TIME)))


_CHANGES_EVERY_TIME = (
    '"POT-Creation-Date',
    '"PO-Revision-Date',
    '"Generated-By',
    '"Last-Translator',
    '"Language-Team',
    '"Report-Msgid',
    '"Project-Id',
)


if __name__ == "__main__":
    templates = {"messages": interface_messages()}
    templates.update({path.stem: call_messages(path) for path in sorted(CALLS.glob("*.yaml"))})
    for folder in sorted(HERE.glob("*/LC_MESSAGES")):
        for domain, template in templates.items():
            update(folder, domain, template)
