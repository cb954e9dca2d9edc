"""What goes wrong is said kindly, in the person's language, where they can mend it; and nothing typed is lost."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, expect
from service import ROOT, Server
from visitor import ENOUGH, LANGUAGES, STORY, Visitor, question_id, section_with, visit

TYPED = {"inc.name": "Hôpital مستشفى", "story.text": f'{STORY}\n\n<b>&amp; "1"', "con.times": "never"}
ERROR = {"en": "Error:", "fr": "Erreur", "ar": "خطأ"}


def type_all(visitor: Visitor) -> dict[str, list[str]]:
    """Answer questions of every kind, two of them wrongly. Return what the fields then hold."""
    visitor.open().set({"safe.device": ["SHARED"], "inc.kind": ["DDOS", "SPY"], "CCONT": ["Y"], "con.via": ["PHONE"]})
    for name, text in TYPED.items():
        visitor.at(section_with(name).id).field(name).fill(text)
    visitor.at("when_where").field("inc.when.day").fill("31")
    visitor.field("inc.when.month").select_option("2")
    visitor.field("inc.when.year").fill("2025")
    visitor.field("inc.country").select_option("LB")
    return visitor.values()


@pytest.mark.parametrize("language", LANGUAGES)
def test_mistakes_are_listed_linked_and_mended(shared_server: Server, chromium: Browser, language: str) -> None:
    """The summary says each problem in the words at the question, leads there, and keeps every answer."""
    with visit(chromium, shared_server.address, language) as visitor:
        typed = type_all(visitor)
        visitor.look_over().send()
        page = visitor.page
        assert page.title().startswith(ERROR[language])
        assert visitor.values() == typed
        summary = page.locator(".summary.error")
        expect(summary).to_be_focused()
        assert summary.get_attribute("role") == "alert"
        wrong = ["you.adult", "inc.when", "CINT"]
        links = summary.locator("a")
        assert [links.nth(n).get_attribute("href") for n in range(3)] == [f"#{question_id(name)}" for name in wrong]
        assert visitor.shown() == ["age"]
        for number, name in enumerate(wrong):
            visitor.follow(links.nth(number))
            assert visitor.shown() == [section_with(name).id]
            at_question = page.locator(f"#{question_id(name)} .problem")
            assert at_question.inner_text() == links.nth(number).inner_text()
            group = page.locator(f"#{question_id(name)}")
            assert (at_question.get_attribute("id") or "?") in (group.get_attribute("aria-describedby") or "")
        warning = {"en": "Back button", "fr": "bouton de retour", "ar": "زر الرجوع"}[language]
        assert warning in summary.inner_text()

        visitor.at("age").option("you.adult", "Y").check()
        visitor.at("when_where").field("inc.when.day").fill("")
        visitor.at("consent").option("CINT", "Y").check()
        visitor.look_over().send()
        assert re.fullmatch(r"\d{4}( \d{4}){5}", visitor.return_code())


@pytest.mark.parametrize("other", LANGUAGES)
def test_changing_the_language_keeps_every_answer(shared_server: Server, chromium: Browser, other: str) -> None:
    """The same answers stand in the other language, at the last section that has one, and can be sent from there."""
    start = "fr" if other == "en" else "en"
    with visit(chromium, shared_server.address, start) as visitor:
        typed = type_all(visitor)
        visitor.page.locator(".languages summary").click()
        with visitor.page.expect_navigation():
            visitor.page.locator(f".languages button[value={other}]").click()
        html = visitor.page.locator("html")
        assert html.get_attribute("lang") == other
        assert html.get_attribute("dir") == ("rtl" if other == "ar" else "ltr")
        assert visitor.values() == typed
        assert visitor.shown() == ["contact"]
        assert visitor.page.locator("[role=alert]").is_visible()
        assert shared_server.address + f"/{other}/testimonials" == visitor.page.url.split("#")[0]
        visitor.set(ENOUGH)
        visitor.at("when_where").field("inc.when.day").fill("")
        visitor.look_over().send()
        assert visitor.return_code()
        assert html.get_attribute("lang") == other


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms(shared_server: Server, language: str) -> None:
    """One problem, two, three and eleven are counted as the language counts, not with an English plural."""
    path = f"/{language}/testimonials"
    bad = {
        "you.role": "nobody",
        "inc.when.year": "1",
        "inc.days": "1-3D",
        "inc.days_number": "x",
        "inc.data": "YES",
        "inc.data_n": "1-499",
        "inc.data_number": "x",
        "inc.name": "x" * 300,
        "story.change": "x" * 5000,
        "story.line": "x" * 600,
        "CCONT": "Y",
        "con.via": "EMAIL",
        "con.value": "x" * 300,
        "con.times": "x" * 600,
        "con.name": "x" * 300,
        "con.language": "x" * 300,
    }
    met = set()
    for number in (1, 2, 3, 11):
        names = [name for name in bad if name not in ("inc.days", "inc.data", "inc.data_n", "CCONT", "con.via")]
        fields = {name: value for name, value in bad.items() if name not in names[number:]}
        page = shared_server.client.send(path, **fields)
        assert page.status == 422
        (words,) = [counted for counted in counted_words(language, number) if counted in page.text]
        met.add(words.replace(str(number), "%"))
    assert len(met) == {"en": 2, "fr": 2, "ar": 4}[language]


def counted_words(language: str, number: int) -> set[str]:
    """Return the sentence that counts problems, in the form that the language has for this number."""
    sentence = "%(num)d answer needs a look. Everything you wrote is still here."
    if language == "en":
        return {f"{number} answer{'s need' if number > 1 else ' needs'} a look. Everything you wrote is still here."}
    path: Path = ROOT / "translations" / language / "LC_MESSAGES" / "messages.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    message = catalogue.get(sentence)
    strings = list(message.string or ()) if message else []
    assert len(strings) == catalogue.num_plurals
    forms = {"fr": {1: 0, 2: 1, 3: 1, 11: 1}, "ar": {1: 1, 2: 2, 3: 3, 11: 4}}[language]
    return {strings[forms[number]].replace("%(num)d", str(number))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_dates_are_written_as_the_language_writes_them(shared_server: Server, chromium: Browser, language: str) -> None:
    """The day on the receipt has the month in words, in its place; and the list of months has its own words."""
    pattern = {
        "en": r"[A-Z][a-z]+ \d{1,2}, 20\d\d",
        "fr": r"\d{1,2} (janvier|février|mars|avril|mai|juin|juillet|août|\w+bre) 20\d\d",
        "ar": r"\d{1,2} [\u0600-\u06ff]+ 20\d\d",
    }[language]
    with visit(chromium, shared_server.address, language) as visitor:
        visitor.open().set(ENOUGH)
        months = visitor.field("inc.when.month").locator("option").all_text_contents()
        assert [months[3], months[12]] == {
            "en": ["March", "December"],
            "fr": ["mars", "décembre"],
            "ar": ["مارس", "ديسمبر"],
        }[language]
        visitor.look_over().send()
        assert re.search(pattern, visitor.page.locator("main").inner_text())


def test_a_full_stop_on_our_side_keeps_what_was_typed(server: Server, chromium: Browser) -> None:
    """When nothing can be stored, the answers come back with a calm word, and the same page sends them later."""
    key = server.instance.folder / "keys" / "duty.pub"
    with visit(chromium, server.address) as visitor:
        typed = type_all(visitor)
        visitor.set(ENOUGH)
        typed = visitor.values()
        kept = key.read_text()
        key.unlink()
        server.settle()
        visitor.look_over().send()
        assert "Your answers are still here" in visitor.page.locator("[role=alert]").inner_text()
        assert visitor.values() == typed
        other = visitor.page.context.new_page()
        other.goto(f"{server.address}/en/testimonials")
        assert other.locator("h1").inner_text() == "We cannot take testimonies just now"
        assert other.locator("a.exit").is_visible()
        key.write_text(kept)
        server.settle()
        visitor.at("when_where").field("inc.when.day").fill("")
        visitor.look_over().send()
        assert visitor.return_code()
