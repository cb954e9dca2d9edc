"""Every page in every state and every shipped language, as axe-core judges it, on the smallest screen.

In light: everything, for every language, at 320 pixels (which is 1280 at 400 %), with and without a reader's own
spacing of text. In the dark and in forced colours: the contrasts, for one language of each kind of script. Without
scripts, which is another way through the same pages: everything, for the same languages.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from looks import AXE, faint, wrong
from person import Person, Reviewer
from playwright.sync_api import Browser
from service import Instance, Server
from visitor import NARROW, Visitor, visit
from walk import SHIPPED, Walk

KINDS = [language for language in ("de", "ar", "zh") if language in SHIPPED]
"""One language with long words, one written from the right, one without spaces."""

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="needs the npm package: npm ci --prefix tests/foreign")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that speaks every language there is."""
    with Instance.create(tmp_path_factory.mktemp("all")).serve(INTAKE_LANGUAGES=" ".join(SHIPPED)) as running:
        yield running


@pytest.fixture(scope="module")
def person(server: Server) -> Person:
    """Someone who has a reply, and news good and bad."""
    person, reviewer = Person.who_sent(server), Reviewer(server.instance).introduced()
    news = [reviewer.news(person, state) for state in ("received", "accepted", "used")]
    reviewer.deliver(*news, reviewer.news(person, "received", sha256="ab" * 32), reviewer.reply(person, "Thank you."))
    return person


@pytest.fixture(scope="module")
def gone(server: Server) -> Person:
    """Someone who has withdrawn."""
    person = Person.who_sent(server)
    assert person.act("withdraw", confirm="yes").status == 200
    return person


def on_a_phone(chromium: Browser, server: Server, language: str) -> AbstractContextManager[Visitor]:
    """A narrow page in a language, whose browser would run scripts."""
    return visit(chromium, server.address, language, viewport=NARROW, locale=language, java_script_enabled=True)


@pytest.mark.parametrize("language", SHIPPED)
def test_every_page_is_for_everyone(
    server: Server, chromium: Browser, person: Person, gone: Person, language: str
) -> None:
    found: dict[str, dict[str, object]] = {}
    with on_a_phone(chromium, server, language) as visitor:

        def look(name: str) -> None:
            found[name] = wrong(visitor.page)
            if language in KINDS:
                visitor.page.emulate_media(color_scheme="dark")
                found[f"{name}, dark"] = {"faint": faint(visitor.page)}
                visitor.page.emulate_media(color_scheme="light", forced_colors="active")
                found[f"{name}, forced colours"] = {"faint": faint(visitor.page)}
                visitor.page.emulate_media(color_scheme="light", forced_colors="none")

        Walk(visitor, look, person, gone).everywhere()
    assert_nothing(found)


@pytest.mark.parametrize("language", KINDS)
def test_every_page_of_the_plain_way(
    server: Server, chromium: Browser, person: Person, gone: Person, language: str
) -> None:
    found: dict[str, dict[str, object]] = {}
    with on_a_phone(chromium, server, language) as visitor:
        visitor.page.route("**/*.js", lambda route: route.abort())

        def look(name: str) -> None:
            found[name] = wrong(visitor.page)

        Walk(visitor, look, person, gone, scripts=False).everywhere()
    assert_nothing(found)


def assert_nothing(found: dict[str, dict[str, object]]) -> None:
    """Fail with all that was found, where anything was."""
    problems = {name: each for name, each in found.items() if any(each.values())}
    assert not problems, json.dumps(problems, indent=1, ensure_ascii=False)
