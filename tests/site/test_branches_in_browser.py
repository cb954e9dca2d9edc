"""Branches open and close by CSS alone, by the very rules that the call states and the server keeps."""

import json
import random
from collections.abc import Iterator, Mapping

from playwright.sync_api import Browser, Page, expect
from service import Server
from visitor import (
    DESKTOP,
    ENOUGH,
    STORY,
    TESTIMONIALS,
    Visitor,
    conditions,
    open_names,
    opening,
    page_id,
    question_id,
    section_with,
    visit,
)

from intake.calls.model import Kind, Question

Chosen = Mapping[str, set[str]]
CONDITIONAL = {name: condition for name, condition in conditions() if not condition.always}


def places() -> dict[str, str]:
    """Return what to look at for each name but options: an element, or for a section the links that lead to it."""
    found = {section.id: f'.go[href="#{page_id(section.id)}"]' for section in TESTIMONIALS.sections}
    for section in TESTIMONIALS.sections:
        for number, item in enumerate(section.items):
            if isinstance(item, Question):
                found[item.id] = f"#{question_id(item.id)}"
            else:
                found[f"{section.id}#{number}"] = (
                    f"#{page_id(section.id)} > :nth-child({number + 1} of .question, .note)"
                )
    return found


def open_in(page: Page) -> set[str]:
    """Return the names of what no rule closes in the browser, wherever the person is."""
    names: list[str] = page.evaluate(
        """places => {
            const open = element => getComputedStyle(element).display !== "none";
            const found = Object.entries(places).filter(([, at]) => [...document.querySelectorAll(at)].some(open));
            const options = [...document.querySelectorAll("[name][type=radio],[name][type=checkbox]")];
            return found.map(([name]) => name).concat(
                options.filter(each => open(each.parentElement)).map(each => each.name + "=" + each.value));
        }""",
        places(),
    )
    return set(names)


def seen_in(page: Page) -> set[str]:
    """Return the names of what the browser would show once its section is, leaving out what is in something closed."""
    found = open_in(page)
    return {name for name in found if found.issuperset(around(name))}


def around(name: str) -> set[str]:
    """Return the names of the question and the section that something is in."""
    if name in {section.id for section in TESTIMONIALS.sections}:
        return set()
    question = name.split("=")[0]
    return {name.split("#")[0]} if "#" in name else {question, section_with(question).id}


def states() -> Iterator[tuple[Chosen, str, bool]]:
    """Return choices, with the name of something that they open or leave closed: every code of every condition."""
    for name, condition in CONDITIONAL.items():
        for question, codes in condition.when.items():
            yield from ((opening(condition, {question: code}), name, True) for code in codes)
        for question, codes in condition.unless.items():
            yield from (({**opening(condition), question: {code}}, name, False) for code in codes)
        for question in opening(condition):
            # One choice anywhere up the chain is taken back; those below stay made, and must count no more.
            yield {**opening(condition), question: set()}, name, False


def test_every_branch_opens_and_closes(shared_server: Server, chromium: Browser) -> None:
    """Each code that a condition names opens what it should; taking it back closes that, and what hung on it."""
    seen: dict[str, set[str]] = {}
    with visit(chromium, shared_server.address) as visitor:
        visitor.open()
        for chosen, name, opens in states():
            expected = open_names(chosen)
            assert (name in expected) is opens, (name, chosen)
            key = str({question: sorted(codes) for question, codes in sorted(chosen.items()) if codes})
            if key not in seen:
                visitor.set(chosen)
                seen[key] = seen_in(visitor.page)
            assert seen[key] == expected, chosen


def test_any_answers_at_all_open_what_the_server_would_keep(shared_server: Server, chromium: Browser) -> None:
    """Over many answers chosen at random, the browser shows exactly the questions that the server takes answers to."""
    dice = random.Random(7)
    asked = [question for question in TESTIMONIALS.questions.values() if question.options]
    with visit(chromium, shared_server.address) as visitor:
        visitor.open()
        for _ in range(15):
            chosen = {each.id: some_of(dice, each) for each in asked if dice.random() < 0.8}
            visitor.set(chosen)
            assert seen_in(visitor.page) == open_names(chosen), chosen


def some_of(dice: random.Random, question: Question) -> set[str]:
    """Return an answer by chance."""
    codes = [option.code for option in question.options]
    return set(dice.sample(codes, 3 if question.kind is Kind.CHECKBOXES else 1))


def test_what_is_open_can_be_seen_and_pressed(shared_server: Server, chromium: Browser) -> None:
    """By real clicks: a question under another appears and goes, and so does a page, and one choice within a list."""
    with visit(chromium, shared_server.address, viewport=DESKTOP) as visitor:
        visitor.open().at("money")
        under = visitor.page.locator(f"#{question_id('inc.paid')}")
        expect(under).to_be_hidden()
        visitor.option("inc.ransom", "Y").check()
        expect(under).to_be_visible()
        visitor.option("inc.ransom", "N").check()
        expect(under).to_be_hidden()

        visitor.at("care").option("care.effects", "DIVERT").check()
        assert continues_to(visitor) == "care_numbers"
        expect(visitor.page.locator(f"#{question_id('care.divert_n')}")).to_be_visible()
        expect(visitor.page.locator(f"#{question_id('care.cancel_n')}")).to_be_hidden()
        visitor.at("care").option("care.effects", "DIVERT").uncheck()
        assert continues_to(visitor) == "care_area"

        visitor.at("consent").option("CCONT", "Y").check()
        assert continues_to(visitor) == "consent_publish"
        expect(visitor.option("CPUB_ANON", "ASK")).to_be_visible()
        visitor.at("consent").option("CCONT", "N").check()
        assert continues_to(visitor) == "consent_publish"
        expect(visitor.option("CPUB_ANON", "ASK")).to_be_hidden()


def continues_to(visitor: Visitor) -> str:
    """Press `Continue` and return the section that comes."""
    visitor.press_continue()
    (section,) = visitor.shown()
    return section


def test_answers_of_a_closed_branch_are_never_stored(shared_server: Server, chromium: Browser) -> None:
    """Who answers in a branch and then closes it sends nothing of it, however deep it was."""
    with visit(chromium, shared_server.address) as visitor:
        visitor.open()
        visitor.set({**ENOUGH, "inc.data": ["YES"], "inc.data_kind": ["MEDICAL"], "inc.data_n": ["1-499"]})
        visitor.at("data_fate").field("inc.data_number").fill("250")
        visitor.at("message").field("story.line").fill(STORY)
        visitor.at("data").option("inc.data", "NO").check()
        visitor.look_over()
        expect(visitor.page.locator(f"#{question_id('inc.data_number')}")).to_be_hidden()
        visitor.send()
        assert visitor.return_code()
    records = [json.loads(shared_server.instance.opened(each)) for each in shared_server.instance.ciphertexts()]
    assert [record["answers"] for record in records if "answers" in record] == [
        {"you.adult": "Y", "inc.kind": ["RANSOM"], "inc.data": "NO", "story.line": STORY}
    ]
