"""Prints the page that nginx shows when the service does not answer: one sentence, in every language it is there in."""

from html import escape

from intake.settings import LANGUAGES
from intake.site.catalogue import words
from intake.site.languages import direction

TEXT = "Something went wrong on our side. Please try again in a few minutes."


def main() -> None:
    """Print the page."""
    print('<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">')
    print(f"<title>{TEXT.partition('.')[0]}</title>")
    for language in LANGUAGES.split():
        print(f'<p lang="{language}" dir="{direction(language)}">{escape(words(language).gettext(TEXT))}</p>')


if __name__ == "__main__":
    main()
