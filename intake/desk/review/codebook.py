"""The codebook: the tree of codes to read and to add to, and a page for each code to change it."""

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from intake.desk.errors import DeskError
from intake.desk.review.desk import go_to, notice, workspace
from intake.desk.study import codebook, memos
from intake.desk.study.codebook import Node

codebook_page = Blueprint("codebook_page", __name__)


@codebook_page.get("/codebook")
def tree() -> str:
    """Show every code, with how often it is used."""
    desk = workspace()
    nodes = codebook.tree(desk)
    return render_template("codebook.html", nodes=nodes, uses=codebook.uses(desk), colours=codebook.COLOURS)


@codebook_page.post("/codebook")
def add() -> Response:
    """Add a code."""
    desk, form = workspace(), request.form
    with desk.transaction():
        code = codebook.add(desk, form["name"], form["parent"], form["colour"], form["memo"])
    notice("Added.")
    return go_to(f"/codebook#{code}")


@codebook_page.get("/codebook/<code>")
def show(code: str) -> str | Response:
    """Show one code, and what can be done with it. One that was merged leads to the code that it counts as."""
    desk = workspace()
    standing = codebook.resolve(desk, code)
    if standing != code:
        return go_to(f"/codebook/{standing}")
    nodes = codebook.tree(desk)
    node = next(node for node in nodes if node.id == code)
    inside = {found.id for found in _with_all_below(nodes, node)}
    return render_template(
        "code.html",
        node=node,
        above=_way_to(nodes, node),
        below=[found for found in nodes if found.parent == code],
        elsewhere=[found for found in nodes if found.id not in inside],
        uses=codebook.uses(desk),
        colours=codebook.COLOURS,
        memos=memos.of_code(desk, code),
    )


@codebook_page.post("/codebook/<code>")
def change(code: str) -> Response:
    """Give a code another name, colour or memo."""
    desk, form = workspace(), request.form
    with desk.transaction():
        codebook.change(desk, code, form["name"], form["colour"], form["memo"])
    notice("Saved.")
    return go_to(f"/codebook#{code}")


@codebook_page.post("/codebook/<code>/move")
def move(code: str) -> Response:
    """Put a code in another place."""
    desk = workspace()
    with desk.transaction():
        codebook.move(desk, code, request.form["parent"])
    notice("Moved.")
    return go_to(f"/codebook#{code}")


@codebook_page.post("/codebook/<code>/merge")
def merge(code: str) -> Response:
    """Let a code count as another for ever."""
    desk, into = workspace(), request.form["into"]
    if "sure" not in request.form:
        raise DeskError("Merging cannot be undone: say that you are sure.")
    with desk.transaction():
        codebook.merge(desk, code, into)
    notice("Merged.")
    return go_to(f"/codebook/{into}")


@codebook_page.post("/codebook/<code>/retire")
def retire(code: str) -> Response:
    """Offer a code no longer, or again."""
    desk = workspace()
    with desk.transaction():
        if request.form["retired"]:
            codebook.retire(desk, code)
            notice("Retired: it is no longer offered.")
        else:
            codebook.bring_back(desk, code)
            notice("Brought back: it is offered again.")
    return go_to(f"/codebook#{code}")


@codebook_page.post("/codebook/<code>/memos")
def write(code: str) -> Response:
    """Write down a thought about a code."""
    desk = workspace()
    with desk.transaction():
        memos.add(desk, request.form["text"], code=code)
    notice("Saved.")
    return go_to(f"/codebook/{code}#thoughts")


def _with_all_below(nodes: list[Node], node: Node) -> list[Node]:
    """Return a code and all codes below it, which follow it in the tree."""
    first = nodes.index(node)
    after = next((at for at in range(first + 1, len(nodes)) if nodes[at].depth <= node.depth), len(nodes))
    return nodes[first:after]


def _way_to(nodes: list[Node], node: Node) -> list[Node]:
    by_id = {found.id: found for found in nodes}
    way: list[Node] = []
    while node.parent:
        node = by_id[node.parent]
        way.insert(0, node)
    return way
