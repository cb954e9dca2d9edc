"""The codebook: the starter codes on every desk, and what reviewers make of it, whoever did it first."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.desk import projections, trail
from intake.desk.errors import DeskError
from intake.desk.passages import Passage
from intake.desk.schema import upgrade
from intake.desk.study import codebook, coding
from intake.desk.study.codebook import Node
from intake.desk.workspace import Reviewer, Workspace


def desk(name: str = "anna") -> Workspace:
    """An empty workspace in memory."""
    workspace = Workspace(Path(":memory:"), bytes(32))
    upgrade(workspace)
    workspace.reviewer = Reviewer(name, Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32)))
    return workspace


def node(workspace: Workspace, identifier: str) -> Node:
    (found,) = [node for node in codebook.tree(workspace) if node.id == identifier]
    return found


def below(workspace: Workspace, parent: str) -> list[str]:
    return [node.id for node in codebook.tree(workspace) if node.parent == parent]


def add(workspace: Workspace, name: str, parent: str = "", **more: str) -> str:
    with workspace.transaction():
        return codebook.add(workspace, name, parent, **more)


def test_the_starter_codebook_is_on_every_desk() -> None:
    nodes = codebook.tree(desk())
    assert nodes == codebook.tree(desk("ben"))
    groups = [node for node in nodes if not node.depth]
    assert [node.id for node in groups] == ["care", "staff", "patient", "org", "response", "accountability", "meta"]
    assert len({node.colour for node in groups}) == len(groups)
    assert [len(below(desk(), node.id)) for node in groups] == [15, 9, 9, 9, 6, 5, 6]
    assert {node.colour for node in nodes} <= set(codebook.COLOURS)
    for node in nodes:
        assert re.fullmatch(r"[a-z]+([.-][a-z]+)*", node.id)
        assert 20 < len(node.memo) < 200, node.id
        assert node.memo.endswith("."), node.id
        assert node.id.startswith(node.parent), node.id


def test_every_code_stands_below_its_parent() -> None:
    seen: dict[str, int] = {"": -1}
    for found in codebook.tree(desk()):
        assert found.depth == seen[found.parent] + 1
        seen[found.id] = found.depth


def test_codes_are_added_changed_and_moved() -> None:
    workspace = desk()
    own = add(workspace, "  Own\n group ", colour="sky", memo="  Why.\r\nMore. ")
    child = add(workspace, "Child", own)
    assert node(workspace, own).name == "Own group"
    assert node(workspace, own).memo == "Why.\nMore."
    assert (node(workspace, child).colour, node(workspace, child).own_colour, node(workspace, child).depth) == (
        "sky",
        "",
        1,
    )
    with workspace.transaction():
        codebook.change(workspace, own, "Other", "green", "")
        codebook.change(workspace, "care.delayed", "Late", "", "Later than it should be.")
        codebook.move(workspace, child, "care.delayed")
        codebook.move(workspace, "staff.blame", "")
    assert (node(workspace, own).name, node(workspace, own).colour, node(workspace, own).memo) == ("Other", "green", "")
    assert (node(workspace, child).colour, node(workspace, child).depth) == ("vermilion", 2)
    assert node(workspace, "care.delayed").name == "Late"
    assert node(workspace, "staff.blame").depth == 0
    assert below(workspace, "")[-2:] == ["meta", own] or below(workspace, "")[-1] == own


def test_what_is_as_it_was_leaves_no_trace() -> None:
    workspace = desk()
    found = node(workspace, "care.delayed")
    with workspace.transaction():
        codebook.change(workspace, found.id, found.name, found.own_colour, found.memo)
        codebook.move(workspace, found.id, found.parent)
    assert not list(trail.entries(workspace))


def test_what_was_merged_counts_as_the_other_for_ever() -> None:
    workspace = desk()
    child = add(workspace, "Child", "care.delayed")
    with workspace.transaction():
        codebook.merge(workspace, "care.delayed", "care.backlog")
        codebook.merge(workspace, "care.backlog", "care.near-miss")
    assert codebook.resolve(workspace, "care.delayed") == "care.near-miss"
    assert codebook.standing(workspace)["care.delayed"] == "care.near-miss"
    assert node(workspace, "care.near-miss").merged == ("Backlog", "Delayed care")
    assert node(workspace, child).parent == "care.near-miss"
    assert not [node for node in codebook.tree(workspace) if node.id in ("care.delayed", "care.backlog")]
    for change in (
        lambda: codebook.merge(workspace, "care.delayed", "care.paper"),
        lambda: codebook.merge(workspace, "care.near-miss", "care.delayed"),
        lambda: codebook.move(workspace, "care.delayed", ""),
        lambda: codebook.add(workspace, "New", "care.delayed"),
        lambda: codebook.retire(workspace, "care.delayed"),
    ):
        with pytest.raises(DeskError, match="merged into “Near miss”"):
            change()


def test_no_code_comes_to_be_below_itself() -> None:
    workspace = desk()
    child = add(workspace, "Child", "care.delayed")
    for above in ("care", "care.delayed", child):
        for refused in (codebook.move, codebook.merge):
            with pytest.raises(DeskError):
                refused(workspace, above, child)
    with pytest.raises(DeskError):
        codebook.merge(workspace, "care", "care.delayed")


@pytest.mark.parametrize("name", ["", " \n ", "x" * 81, "DELAYED care", "\ud800"])
def test_a_name_that_cannot_be_told_apart_is_refused(name: str) -> None:
    workspace = desk()
    with pytest.raises(DeskError):
        codebook.add(workspace, name, "care")
    with pytest.raises(DeskError):
        codebook.change(workspace, "care.backlog", name, "", "")
    assert not list(trail.entries(workspace))


def test_unknown_codes_and_colours_are_refused() -> None:
    workspace = desk()
    for refused in (
        lambda: codebook.resolve(workspace, "none"),
        lambda: codebook.add(workspace, "New", "none"),
        lambda: codebook.add(workspace, "New", colour="pink"),
        lambda: codebook.move(workspace, "care", "none"),
        lambda: codebook.merge(workspace, "none", "care"),
        lambda: codebook.retire(workspace, "none"),
    ):
        with pytest.raises(DeskError):
            refused()


def test_only_an_unused_code_is_retired(anna: Workspace, testimony: str) -> None:
    with anna.transaction():
        coding.add(anna, testimony, Passage(testimony, "story.text", 0, 2), ["care.delayed", "care.backlog"])
        codebook.merge(anna, "care.backlog", "care.delayed")
        assert codebook.uses(anna) == {"care.delayed": 2}
        with pytest.raises(DeskError, match="in use"):
            codebook.retire(anna, "care.delayed")
        with pytest.raises(DeskError, match="below"):
            codebook.retire(anna, "staff")
        codebook.retire(anna, "care.paper")
        assert node(anna, "care.paper").retired
        codebook.bring_back(anna, "care.paper")
        assert not node(anna, "care.paper").retired


CODES = ["care", "care.delayed", "staff", "org", "own-1", "own-2"]
CODE = st.sampled_from(CODES)
STEP = st.one_of(
    st.tuples(st.just("add"), CODE),
    st.tuples(st.just("change"), CODE, st.sampled_from(["One", "Two"]), st.sampled_from(["", "sky"])),
    st.tuples(st.just("move"), CODE, st.one_of(st.just(""), CODE)),
    st.tuples(st.just("merge"), CODE, CODE),
    st.tuples(st.just("retire"), CODE),
)
WORK = st.lists(st.tuples(st.sampled_from(["anna", "ben"]), STEP), max_size=14)


def do(workspace: Workspace, own: list[str], step: tuple[Any, ...]) -> None:
    """Do one thing if it can be done. `own-1` is the first code that was added, and so on."""
    name, *given = step
    codes = [
        own[int(code[-1]) - 1] if code[-1].isdigit() and int(code[-1]) <= len(own) else code for code in given if code
    ]
    try:
        with workspace.transaction():
            match name:
                case "add":
                    own.append(codebook.add(workspace, f"Own {len(own) + 1}", codes[0]))
                case "change":
                    codebook.change(workspace, codes[0], given[1], given[2], "A memo.")
                case "move":
                    codebook.move(workspace, codes[0], codes[1] if given[1] else "")
                case "merge":
                    codebook.merge(workspace, codes[0], codes[1])
                case "retire":
                    codebook.retire(workspace, codes[0])
    except DeskError:
        pass


def table(workspace: Workspace) -> list[tuple[Any, ...]]:
    return list(workspace.execute("SELECT * FROM codes ORDER BY id").fetchall())


def take(workspace: Workspace, *others: Workspace) -> None:
    """Take over what was done at other desks, as a merge does."""
    with workspace.transaction():
        for other in others:
            there = {entry.digest for entry in trail.entries(workspace)}
            for entry in list(trail.entries(other)):
                if entry.digest not in there:
                    trail.insert(workspace, entry)
        projections.rebuild(workspace)


@settings(deadline=None, max_examples=40)
@given(WORK, WORK)
@example([("anna", ("move", "care", "staff")), ("ben", ("move", "staff", "care"))], [])
@example([("anna", ("merge", "care", "staff")), ("ben", ("merge", "staff", "care"))], [])
@example([("anna", ("merge", "care", "staff")), ("ben", ("move", "staff", "care"))], [])
@example([("anna", ("move", "staff", "care")), ("ben", ("merge", "care", "staff"))], [])
@example(
    [
        ("anna", ("merge", "org", "care")),
        ("anna", ("merge", "care", "staff")),
        *[("ben", ("add", "care"))] * 3,
        ("ben", ("merge", "care", "org")),
    ],
    [],
)
def test_whatever_two_desks_do_at_once_they_end_with_one_codebook(first: Any, second: Any) -> None:
    """Twice they work apart and then take over what the other did: the same codes, no circle, nothing lost."""
    desks = {"anna": desk("anna"), "ben": desk("ben")}
    made: dict[str, list[str]] = {"anna": [], "ben": []}
    for work in (first, second):
        for who, step in work:
            do(desks[who], made[who], step)
        for workspace in desks.values():
            done = table(workspace)
            take(workspace)
            assert table(workspace) == done  # what was made step by step is what the trail comes to
        third = desk("cleo")
        take(third, desks["ben"], desks["anna"])
        take(desks["anna"], desks["ben"])
        take(desks["ben"], desks["anna"])
        assert table(third) == table(desks["anna"]) == table(desks["ben"])
        nodes = codebook.tree(third)
        standing = codebook.standing(third)
        assert len(nodes) == len({node.id for node in nodes})
        assert {node.id for node in nodes} == set(standing.values())
        assert set(itertools.chain(*made.values())) <= set(standing)
        assert all(codebook.resolve(third, code) == into for code, into in standing.items())
