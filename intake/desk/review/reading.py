"""One testimony, for reading and coding: what its source wrote, what they agree to, and what reviewers made of it."""

from collections import Counter
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from intake.calls.edition import Edition
from intake.desk import exposure, messages, showing, trail
from intake.desk.finding import triage
from intake.desk.finding.filters import Filter
from intake.desk.review import desk, laid_out
from intake.desk.review.desk import go_to, own_path, workspace
from intake.desk.review.links import incident
from intake.desk.review.words import direction, displayed, language_name
from intake.desk.study import codebook, coding, memos
from intake.desk.workspace import Record, Workspace
from intake.envelope import STATES, Testimony, parse

reading = Blueprint("reading", __name__)

_LANGUAGE = "questions"
"""In the address: the language of the questions. The filter has its own `language`, that of the source."""


@reading.get("/testimony/<identifier>")
def show(identifier: str) -> str:
    """Show a testimony. One about death or violence is covered until the reviewer asks for it, on each day."""
    open_desk = workspace()
    testimony = open_desk.testimony(identifier)
    envelope = parse(testimony.content)
    if not isinstance(envelope, Testimony):
        raise TypeError(f"a record of the kind {envelope.kind} is filed as a testimony")
    covered = exposure.covered(open_desk, testimony.id)
    risk, hard = _flags(open_desk, testimony)
    if not covered:
        exposure.opened(open_desk, testimony.id)
    edition = showing.edition_of(envelope, open_desk)
    language = _language(edition)
    chosen = Filter.from_pairs(request.args.items(multi=True))
    agreed = laid_out.agreed(open_desk, testimony, edition, language)
    return render_template(
        "testimony.html",
        testimony=testimony,
        envelope=envelope,
        title=edition.translate(edition.call.title, language),
        parts=[] if covered else laid_out.parts(open_desk, testimony, language, triage.searched(open_desk, chosen)),
        agreed=agreed,
        tally=Counter(found.answer for found in agreed),
        risk=risk,
        hard=hard,
        covered=covered,
        language=language,
        languages=edition.languages,
        chosen=chosen.pairs(),
        ways=_ways(open_desk, testimony, chosen),
        acknowledged=STATES,
        codes=[node for node in codebook.tree(open_desk) if not node.retired],
        own=sum(found.reviewer == open_desk.reviewer.name for found in coding.visible(open_desk, testimony.id)),
        finished=coding.finished(open_desk, testimony.id),
        memos=[memo for memo in memos.of_testimony(open_desk, testimony.id) if not memo.passage],
        incident=incident(open_desk, testimony),
        sent=list(messages.sent(open_desk, testimony.id)),
        history=list(trail.entries(open_desk, "record = ?", (testimony.id,))),
        direction=direction,
        displayed=displayed,
        language_name=language_name,
    )


@reading.post("/testimony/<identifier>/uncover")
def uncover(identifier: str) -> Response:
    """Show what a testimony about death or violence says, for today."""
    testimony = workspace().testimony(identifier)
    exposure.opened(workspace(), testimony.id)
    return go_to(own_path(request.form.get("next", f"/testimony/{testimony.id}")))


def _flags(open_desk: Workspace, testimony: Record) -> tuple[bool, bool]:
    """Return whether its source is at risk, and whether it tells of death or violence."""
    query = "SELECT risk, hard FROM testimonies WHERE record = ?"
    risk, hard = open_desk.execute(query, (testimony.id,)).fetchone()
    return bool(risk), bool(hard)


def _language(edition: Edition) -> str:
    wanted = request.args.get(_LANGUAGE, "")
    return wanted if wanted in edition.languages else showing.language_of(edition, "", desk.language())


def _ways(open_desk: Workspace, testimony: Record, chosen: Filter) -> dict[str, str]:
    """Return the paths to the list that the reviewer came from, and to the testimonies around this one there."""
    before, after = triage.neighbours(open_desk, chosen, testimony.id)
    paths = {"list": "/", "before": before and f"/testimony/{before}", "after": after and f"/testimony/{after}"}
    pairs = chosen.pairs() + [(_LANGUAGE, wanted) for wanted in request.args.getlist(_LANGUAGE)[:1]]
    kept = f"?{urlencode(pairs)}" if pairs else ""
    return {name: f"{path}{kept}" for name, path in paths.items() if path}
