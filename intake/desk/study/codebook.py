"""The codebook: a tree of codes. Every desk begins with the starter codebook, and reviewers make it their own.

The table holds the codes that reviewers made or changed; a starter code that nobody touched is as `starters` has it.
A code that was merged into another counts as that one for ever: its codings are not rewritten, but read as the other's.
Nothing here knows what is coded, except how often.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from intake.desk import trail
from intake.desk.errors import DeskError
from intake.desk.study.starters import Code, starters
from intake.desk.trail import Entry, Handler
from intake.desk.workspace import Workspace
from intake.desk.written import checked

COLOURS = ("vermilion", "orange", "yellow", "green", "sky", "blue", "purple", "grey")
"""Eight that people with any colour vision tell apart (Okabe and Ito 2008); the style sheet gives them their shades."""
LONGEST_NAME = 80

_ADDED = "code added"
_CHANGED = "code changed"
_MOVED = "code moved"
_MERGED = "code merged"
_UNKNOWN = "There is no such code in the codebook."


@dataclass(frozen=True)
class Node:
    """A code that stands, in its place: `depth` 0 is the top. `parent` stands, too, or is empty.

    `colour` is the one it is shown in, `own_colour` the one it was given, or empty. `merged` names those that count as
    this one. One that is `retired` is no longer offered, and where it was given it stays.
    """

    id: str
    parent: str
    name: str
    colour: str
    own_colour: str
    memo: str
    retired: bool
    depth: int
    merged: tuple[str, ...]


def tree(workspace: Workspace) -> list[Node]:
    """Return the codes that stand, each after the one above it."""
    codes = _codes(workspace)
    below: defaultdict[str, list[Code]] = defaultdict(list)
    merged: defaultdict[str, list[str]] = defaultdict(list)
    for code in codes.values():
        if code.merged:
            merged[_standing(codes, code.id)].append(code.name)
        else:
            below[_parent(codes, code)].append(code)
    nodes = []
    waiting = [(code, 0, COLOURS[-1]) for code in _ordered(below[""])]
    while waiting:
        code, depth, inherited = waiting.pop()
        colour = code.colour or inherited
        node = Node(
            id=code.id,
            parent=_parent(codes, code),
            name=code.name,
            colour=colour,
            own_colour=code.colour,
            memo=code.memo,
            retired=bool(code.retired),
            depth=depth,
            merged=tuple(sorted(merged[code.id])),
        )
        nodes.append(node)
        waiting += [(child, depth + 1, colour) for child in _ordered(below[code.id])]
    return nodes


def resolve(workspace: Workspace, code: str) -> str:
    """Return the id of the code that this one counts as: itself, unless it was merged. Raises DeskError for no code."""
    row = workspace.execute("SELECT merged FROM codes WHERE id = ?", (code,)).fetchone()
    while row and row[0]:
        code = row[0]
        row = workspace.execute("SELECT merged FROM codes WHERE id = ?", (code,)).fetchone()
    if row is None and code not in starters():
        raise DeskError(_UNKNOWN)
    return code


def standing(workspace: Workspace) -> dict[str, str]:
    """Return, for the id of every code there ever was, the id of the one that it counts as."""
    codes = _codes(workspace)
    return {code: _standing(codes, code) for code in codes}


def uses(workspace: Workspace) -> Counter[str]:
    """Return how many passages have each code that stands, as far as this reviewer may see codings."""
    query = (
        "SELECT code, count(*) FROM codings WHERE reviewer = ? OR EXISTS "
        "(SELECT 1 FROM finished WHERE finished.record = codings.record AND finished.reviewer = ?) GROUP BY code"
    )
    name = workspace.reviewer.name
    counts_as = standing(workspace)
    found: Counter[str] = Counter()
    for code, number in workspace.execute(query, (name, name)):
        found[counts_as.get(code, code)] += number
    return found


def add(workspace: Workspace, name: str, parent: str = "", colour: str = "", memo: str = "") -> str:
    """Add a code below another, or at the top, in the caller's transaction. Return its id.

    Raises DeskError when the name is empty, too long or there already, or there is no such parent or colour.
    """
    codes = _codes(workspace)
    if parent:
        _found(codes, parent)
    detail = {
        "id": secrets.token_hex(16),
        "parent": parent,
        "name": _new_name(codes, name, parent),
        "colour": _colour(colour),
        "memo": checked(memo),
    }
    _added(workspace, trail.write(workspace, _ADDED, detail=detail))
    return str(detail["id"])


def change(workspace: Workspace, identifier: str, name: str, colour: str, memo: str) -> None:
    """Give a code another name, colour or memo, in the caller's transaction. What is as it was is left alone.

    Raises DeskError when there is no such code or colour, or the name is empty, too long or there already.
    """
    codes = _codes(workspace)
    code = _found(codes, identifier)
    wanted = {"name": _name(name), "colour": _colour(colour), "memo": checked(memo)}
    changed = {field: value for field, value in wanted.items() if value != getattr(code, field)}
    if "name" in changed:
        _new_name(codes, name, _parent(codes, code), identifier)
    if changed:
        _changed(workspace, trail.write(workspace, _CHANGED, detail={"id": identifier, **changed}))


def move(workspace: Workspace, identifier: str, parent: str) -> None:
    """Put a code, with all below it, under another, or at the top, in the caller's transaction.

    Raises DeskError when there is no such code, or the new place is the code itself or below it.
    """
    codes = _codes(workspace)
    code = _found(codes, identifier)
    if parent and _is_under(codes, _found(codes, parent).id, code.id):
        raise DeskError("A code cannot be moved below itself.")
    if parent != _parent(codes, code):
        _moved(workspace, trail.write(workspace, _MOVED, detail={"id": identifier, "parent": parent}))


def merge(workspace: Workspace, identifier: str, into: str) -> None:
    """Let a code count as another from now on, in the caller's transaction. The codes below it go to the other.

    There is no way back. Raises DeskError when there is no such code, or the other is the code itself or below it.
    """
    codes = _codes(workspace)
    _found(codes, identifier)
    if _is_under(codes, _found(codes, into).id, identifier):
        raise DeskError("A code cannot be merged into itself or into one below it: move that one out first.")
    _merged(workspace, trail.write(workspace, _MERGED, detail={"id": identifier, "into": into}))


def retire(workspace: Workspace, identifier: str) -> None:
    """Offer a code no longer, in the caller's transaction.

    Raises DeskError when there is no such code, some passage has it, or a code below it is still offered.
    """
    codes = _codes(workspace)
    _found(codes, identifier)
    given = workspace.execute("SELECT DISTINCT code FROM codings").fetchall()
    if any(_standing(codes, code) == identifier for (code,) in given if code in codes):
        raise DeskError("This code is in use: merge it into another one, or leave it.")
    offered = [code for code in codes.values() if not code.merged and not code.retired]
    if any(_parent(codes, code) == identifier for code in offered):
        raise DeskError("There are codes below this one: move or retire them first.")
    _retire(workspace, identifier, True)


def bring_back(workspace: Workspace, identifier: str) -> None:
    """Offer a code again that was retired, in the caller's transaction. Raises DeskError when there is no such code."""
    _found(_codes(workspace), identifier)
    _retire(workspace, identifier, False)


def _retire(workspace: Workspace, identifier: str, retired: bool) -> None:
    _changed(workspace, trail.write(workspace, _CHANGED, detail={"id": identifier, "retired": retired}))


def _codes(workspace: Workspace) -> dict[str, Code]:
    names = ", ".join(field.name for field in fields(Code))
    rows = workspace.execute(f"SELECT {names} FROM codes").fetchall()  # noqa: S608
    return {**starters(), **{row[0]: Code(*row) for row in rows}}


def _found(codes: Mapping[str, Code], identifier: str) -> Code:
    code = codes.get(identifier)
    if code is None:
        raise DeskError(_UNKNOWN)
    if code.merged:
        raise DeskError(f"This code was merged into “{codes[_standing(codes, identifier)].name}”.")
    return code


def _standing(codes: Mapping[str, Code], identifier: str) -> str:
    while codes[identifier].merged:
        identifier = codes[identifier].merged
    return identifier


def _parent(codes: Mapping[str, Code], code: Code) -> str:
    return _standing(codes, code.parent) if code.parent in codes else ""


def _is_under(codes: Mapping[str, Code], identifier: str, above: str) -> bool:
    """Whether a code is another one, or below it. Every way up ends: handlers let no circle in."""
    identifier = _standing(codes, identifier)
    while identifier and identifier != above:
        identifier = _parent(codes, codes[identifier])
    return identifier == above


def _ordered(codes: list[Code]) -> list[Code]:
    """Return siblings in reverse, for a stack: starter codes as in the file, then others as they were made."""
    return sorted(codes, key=lambda code: (code.position, code.id), reverse=True)


def _name(name: str) -> str:
    name = " ".join(checked(name).split())
    if not name:
        raise DeskError("A code needs a name.")
    if len(name) > LONGEST_NAME:
        raise DeskError(f"The name has {len(name)} characters, and {LONGEST_NAME} are the most.")
    return name


def _new_name(codes: Mapping[str, Code], name: str, parent: str, own: str = "") -> str:
    name = _name(name)
    for code in codes.values():
        same = code.name.casefold() == name.casefold() and _parent(codes, code) == parent
        if same and not code.merged and code.id != own:
            raise DeskError("There is a code with this name in the same place already.")
    return name


def _colour(colour: str) -> str:
    if colour and colour not in COLOURS:
        raise DeskError(f"There is no such colour: it is one of {', '.join(COLOURS)}.")
    return colour


def _added(workspace: Workspace, entry: Entry) -> None:
    codes = _codes(workspace)
    new = {field: entry.detail[field] for field in ("id", "parent", "name", "colour", "memo")}
    if new["id"] not in codes:
        new["parent"] = new["parent"] if new["parent"] in codes else ""
        _keep(workspace, Code(**new, position=max(code.position for code in codes.values()) + 1))


def _changed(workspace: Workspace, entry: Entry) -> None:
    changed = {field: entry.detail[field] for field in ("name", "colour", "memo", "retired") if field in entry.detail}
    _update(workspace, entry.detail["id"], **changed)


def _moved(workspace: Workspace, entry: Entry) -> None:
    codes = _codes(workspace)
    identifier, parent = entry.detail["id"], entry.detail["parent"]
    # Two desks may each have moved one below the other: what counts first stays.
    if not parent or (parent in codes and not _is_under(codes, parent, identifier)):
        _update(workspace, identifier, parent=parent)


def _merged(workspace: Workspace, entry: Entry) -> None:
    codes = _codes(workspace)
    code, into = codes.get(entry.detail["id"]), entry.detail["into"]
    if code and not code.merged and into in codes and not _is_under(codes, into, code.id):
        _update(workspace, code.id, merged=into)


def _update(workspace: Workspace, identifier: str, **changed: object) -> None:
    if identifier in starters():
        _keep(workspace, starters()[identifier])
    for field, value in changed.items():
        workspace.execute(f"UPDATE codes SET {field} = ? WHERE id = ?", (value, identifier))  # noqa: S608


def _keep(workspace: Workspace, code: Code) -> None:
    """Put a code into the table unless it is there already."""
    columns = ", ".join(field.name for field in fields(Code))
    values = astuple(code)
    marks = ", ".join("?" * len(values))
    workspace.execute(f"INSERT OR IGNORE INTO codes ({columns}) VALUES ({marks})", values)  # noqa: S608


EVENTS: dict[str, Handler] = {_ADDED: _added, _CHANGED: _changed, _MOVED: _moved, _MERGED: _merged}
