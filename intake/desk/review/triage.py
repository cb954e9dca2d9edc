"""The list of testimonies: filtered by links, searched, sorted, and decided about several at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from intake.calls.countries import country_names
from intake.calls.edition import SOURCE_LANGUAGE
from intake.desk import exposure
from intake.desk.finding import bitmaps, triage
from intake.desk.finding.filters import Filter, Sort
from intake.desk.finding.triage import Row
from intake.desk.review import choices
from intake.desk.review.choices import Group
from intake.desk.review.desk import go_to, language, notice, workspace
from intake.desk.review.words import displayed, language_name
from intake.desk.workspace import Workspace

list_page = Blueprint("list_page", __name__)

_KIND = "inc.kind"


@list_page.get("/")
def show() -> str:
    """Show the testimonies that the filter in the address lets through."""
    desk = workspace()
    wanted = Filter.from_pairs(request.args.items(multi=True))
    page = triage.find(desk, wanted, request.args.get("page", 1, int))
    groups = choices.groups(desk, wanted, page.met, language())
    words = triage.searched(desk, wanted)
    read = exposure.today(desk)
    return render_template(
        "list.html",
        page=page,
        query=urlencode(wanted.pairs()),
        here=address(wanted, page.page),
        earlier=address(wanted, page.page - 1) if page.page > 1 else "",
        later=address(wanted, page.page + 1) if page.page < page.pages else "",
        kinds=_kinds(desk, page.rows, groups),
        country_name=dict(country_names(SOURCE_LANGUAGE)).get,
        language_name=language_name,
        groups=groups,
        toggled=lambda choice: address(wanted.toggled(choice.name, choice.value)),
        without_search=address(wanted.without("search")),
        sorts=[(sort.label, address(replace(wanted, sort=sort)), sort is wanted.sort) for sort in Sort],
        narrowed=wanted.narrowed,
        words=words,
        pairs=wanted.without("search").pairs(),
        displayed=displayed,
        read=read,
        pause=read >= exposure.ENOUGH,
    )


@list_page.post("/search")
def search() -> Response:
    """Search among what the other filters let through. The words stay in the workspace: its number is in the link."""
    desk = workspace()
    wanted = Filter.from_pairs(request.form.items(multi=True)).without("search")
    text = request.form.get("words", "")
    with desk.transaction():
        number = triage.keep_search(desk, text)
    if text.strip() and not number:
        notice("There is nothing to search for in that: give letters or digits.")
    return go_to(address(replace(wanted, search=number)))


def address(wanted: Filter, page: int = 1) -> str:
    """Return the address of a list, at a page of it."""
    pairs = [*wanted.pairs(), *([("page", str(page))] if page > 1 else [])]
    return f"/?{urlencode(pairs)}" if pairs else "/"


def _kinds(workspace: Workspace, rows: Sequence[Row], groups: Sequence[Group]) -> Mapping[str, Sequence[str]]:
    """Return what happened according to each testimony of a page, by its id."""
    asked = [choice for group in groups for choice in group.choices if choice.value.startswith(f"{_KIND}:")]
    labels = {choice.value.partition(":")[2]: choice.label for choice in asked}
    marks = ", ".join("?" * len(rows))
    query = f"SELECT record, number FROM testimonies WHERE record IN ({marks})"  # noqa: S608
    found = workspace.execute(query, [row.record for row in rows]).fetchall()
    members = bitmaps.answers(workspace, _KIND)
    return {record: [labels[code] for code in labels if members.get(code, 0) >> number & 1] for record, number in found}
