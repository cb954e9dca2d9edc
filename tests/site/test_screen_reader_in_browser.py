"""The form as a screen reader has it: by the browser's tree of roles, names and descriptions, and by nothing else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from service import Server
from visitor import STORY, TESTIMONIALS, visit

ACTING = {"button", "link", "textbox", "radio", "checkbox", "combobox", "DisclosureTriangle", "region"}
LANDMARKS = ("banner", "main", "contentinfo")


@dataclass(frozen=True)
class Node:
    """What a screen reader says of one element."""

    role: str
    name: str
    level: int


@pytest.fixture(params=[False, True], ids=["plain", "scripts"])
def page(chromium: Browser, request: pytest.FixtureRequest, shared_server: Server) -> Iterator[Page]:
    """A tab at the start page."""
    with visit(chromium, shared_server.address, java_script_enabled=request.param) as visitor:
        visitor.page.goto(f"{shared_server.address}/en/")
        yield visitor.page


def test_a_testimony_by_roles_and_names_alone(page: Page) -> None:
    """From the start page to the code: every step is a link or a button with a name, and a mistake leads to its field.

    On the way the tree of every section is in order: one heading on top, none skipped, nothing without a name.
    """
    tree = page.context.new_cdp_session(page)
    label = {name: question.label for name, question in TESTIMONIALS.questions.items()}
    when = page.get_by_role("group", name=label["inc.when"], exact=True)
    assert in_order(tree) == 1
    expect(page.get_by_role("navigation", name="Language")).to_have_count(1)
    page.get_by_role("link", name="Start", exact=True).click()
    for section in (each for each in TESTIMONIALS.sections if each.condition.always):
        expect(page.get_by_role("heading", name=section.title, exact=True, level=1)).to_be_visible()
        assert in_order(tree) == 1
        for question in section.questions:
            group = page.get_by_role("group", name=question.label, exact=True)
            if question.id in ("you.adult", "CINT"):
                group.get_by_role("radio", name=question.options[0].label, exact=True).check()
            elif question.id == "inc.kind":
                group.get_by_role("checkbox", name=question.options[0].label, exact=True).check()
            elif question.id == "story.text":
                page.get_by_role("textbox", name=question.label, exact=True).fill(STORY)
            elif question.id == "inc.when":
                expect(group).to_have_accessible_description(question.hint)
                group.get_by_role("textbox", name="Year", exact=True).fill("1")
        page.get_by_role("link", name=re.compile("^(Continue|Look over and send)$")).last.click()
    expect(page.get_by_role("heading", name="Look over and send", exact=True, level=1)).to_be_visible()
    in_order(tree)
    page.get_by_role("button", name="Send my testimony", exact=True).click()

    alert = page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(alert.get_by_role("heading", name="There is a problem", exact=True)).to_be_visible()
    assert page.title().startswith("Error:")
    in_order(tree)
    problem = alert.get_by_role("link")
    said = problem.inner_text()
    problem.click()
    expect(when).to_have_accessible_description(re.compile(re.escape(said)))
    when.get_by_role("textbox", name="Year", exact=True).fill("2025")
    page.get_by_text("All parts of this form", exact=True).click()
    page.get_by_role("link", name="Look over and send", exact=True).first.click()
    page.get_by_role("button", name="Send my testimony", exact=True).click()

    expect(page.get_by_role("heading", name="We have your testimony", exact=True, level=1)).to_be_visible()
    expect(page.get_by_role("status", name="Your return code", exact=True)).to_have_text(re.compile(r"(\d{4} ?){6}"))
    assert in_order(tree) == 1


def in_order(tree: CDPSession) -> int:
    """Check what the browser tells a screen reader of the whole page, and return how many top headings there are."""
    nodes = [_node(each) for each in tree.send("Accessibility.getFullAXTree")["nodes"] if not each["ignored"]]
    levels = [node.level for node in nodes if node.role == "heading"]
    assert [node for node in nodes if node.role in ACTING and not node.name] == []
    assert [pair for pair in pairwise(levels[levels.index(1) :]) if pair[1] > pair[0] + 1] == []
    assert [node.role for node in nodes if node.role in LANDMARKS] == list(LANDMARKS)
    return levels.count(1)


def _node(found: dict[str, Any]) -> Node:
    properties = {each["name"]: each["value"].get("value") for each in found.get("properties", [])}
    name = found.get("name", {}).get("value", "")
    return Node(found["role"]["value"], str(name).strip(), int(properties.get("level") or 0))
