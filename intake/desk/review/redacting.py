"""Redaction and quotes of one testimony: mark, confirm, choose what may leave, ask the person again."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from intake.desk import exposure, showing
from intake.desk.errors import DeskError
from intake.desk.leaving import gate
from intake.desk.leaving.gate import QUOTING, Use
from intake.desk.options import today
from intake.desk.passages import Passage
from intake.desk.redacting import asking, confirming, identifying, marks, quotes, suggesting
from intake.desk.redacting.suggesting import Suggestion
from intake.desk.review import desk, laid_out, redaction_laid_out
from intake.desk.review.desk import go_to, notice, workspace
from intake.desk.review.words import language_name
from intake.envelope import Testimony, parse

redacting = Blueprint("redacting", __name__)

_INTRODUCTIONS = {
    Use.PUBLICATION: "We would like to publish these words of yours, without anything that identifies you.",
    Use.NAME: "We would like to publish these words of yours, with the name below them.",
    Use.PARTNER: "We would like to share these words of yours with research partners, without anything that "
    "identifies you.",
}
_QUESTION = "May we? Please answer yes or no. We use nothing without your yes, and you can take it back later."


@redacting.get("/testimony/<identifier>/redaction")
def show(identifier: str) -> str | Response:
    """Show the original beside the working copy, and the quotes."""
    open_desk = workspace()
    testimony = open_desk.testimony(identifier)
    if exposure.covered(open_desk, testimony.id):
        return redirect(f"/testimony/{testimony.id}")
    exposure.opened(open_desk, testimony.id)
    envelope = parse(testimony.content)
    if not isinstance(envelope, Testimony):
        raise TypeError(f"a record of the kind {envelope.kind} is filed as a testimony")
    edition = showing.edition_of(envelope, open_desk)
    language = showing.language_of(edition, "", desk.language())
    suggestions = suggesting.suggest(open_desk, testimony)
    copies = redaction_laid_out.copies(open_desk, testimony, suggestions, language)
    return render_template(
        "redaction.html",
        testimony=testimony,
        written_in=language_name(envelope.language),
        language=language,
        copies=copies,
        kinds=marks.KINDS,
        pseudonyms=redaction_laid_out.pseudonyms(copies),
        suggestions=_by_kind(suggestions),
        confirmation=confirming.state(open_desk, testimony),
        together=identifying.together(open_desk, testimony, language),
        chosen=redaction_laid_out.chosen(open_desk, testimony),
        agreed=laid_out.agreed(open_desk, testimony, edition, language),
        at_risk=gate.at_risk(open_desk, testimony),
        introductions={use: f"{words} {_QUESTION}" for use, words in _INTRODUCTIONS.items()},
        reviewer=open_desk.reviewer.name,
        place=_place,
    )


@redacting.post("/testimony/<identifier>/redactions")
def mark(identifier: str) -> Response:
    """Mark a passage, or choose it as a quote."""
    open_desk = workspace()
    testimony, passage = open_desk.testimony(identifier), _passage()
    with open_desk.transaction():
        if request.form.get("do") == "quote":
            quotes.choose(open_desk, testimony, passage)
        else:
            marks.mark(open_desk, testimony, passage, *_what())
    return _back(testimony.id, _place(passage))


@redacting.post("/redaction/<identifier>")
def change(identifier: str) -> Response:
    """Change what a marked passage is, or whose pseudonym it has, or take the mark away."""
    open_desk = workspace()
    with open_desk.transaction():
        found = marks.get(open_desk, identifier)
        if request.form.get("do") == "remove":
            marks.remove(open_desk, identifier)
        else:
            marks.change(open_desk, identifier, *_what())
    return _back(found.record, _place(found.passage))


@redacting.post("/testimony/<identifier>/suggestions")
def take(identifier: str) -> Response:
    """Mark what was suggested, or never suggest it again: one passage, or all of a kind."""
    open_desk = workspace()
    testimony = open_desk.testimony(identifier)
    do, _, wanted = request.form.get("do", "").partition(":")
    with open_desk.transaction():
        found = [
            suggestion
            for suggestion in suggesting.suggest(open_desk, testimony)
            if wanted in (suggestion.kind, _place(suggestion.passage))
        ]
        if not found:
            raise DeskError("This is suggested no longer: look at the page again.")
        for suggestion in found:
            if do == "mark":
                marks.mark(open_desk, testimony, suggestion.passage, suggestion.kind)
            else:
                suggesting.dismiss(open_desk, testimony, suggestion.passage)
    return _back(testimony.id, "suggestions")


@redacting.post("/testimony/<identifier>/confirmation")
def confirm(identifier: str) -> Response:
    """Confirm what was read as the outcome, or take that back."""
    open_desk = workspace()
    testimony = open_desk.testimony(identifier)
    with open_desk.transaction():
        if request.form.get("do") == "take back":
            confirming.take_back(open_desk, testimony)
        elif request.form.get("read") != "yes" or request.form.get("apart") != "yes":
            raise DeskError("Read every word of it first, then tick both boxes.")
        else:
            confirming.confirm(open_desk, testimony, request.form.get("sha256", ""))
    return _back(testimony.id, "confirmation")


@redacting.post("/quote/<identifier>/drop")
def drop(identifier: str) -> Response:
    """Choose a quote no longer."""
    open_desk = workspace()
    with open_desk.transaction():
        quote = quotes.get(open_desk, identifier)
        quotes.drop(open_desk, identifier)
    return _back(quote.record, "quotes")


@redacting.post("/quote/<identifier>/ask")
def ask(identifier: str) -> Response:
    """Write to the source, and show them the exact text."""
    open_desk = workspace()
    use = _use(request.form.get("use", ""))
    with open_desk.transaction():
        quote = quotes.get(open_desk, identifier)
        testimony = open_desk.testimony(quote.record)
        if not gate.may_ask(open_desk, quote, use):
            raise DeskError("This source does not want to be asked about this.")
        name = request.form.get("name", "").strip()
        if use is Use.NAME and not name:
            raise DeskError("Write the name that would stand below their words: they have to see it.")
        text = asking.exact(asking.words(open_desk, testimony, quote), name if use is Use.NAME else "")
        message = f"{request.form.get('introduction', '').strip()}\n\n{text}"
        asking.ask(open_desk, testimony, quote, use, message, today(), name if use is Use.NAME else "")
    notice("The question is sealed. The next dispatch brings it, and the answer comes with a later bundle.")
    return _back(quote.record, f"quote-{quote.id}")


@redacting.post("/asked/<identifier>")
def read_answer(identifier: str) -> Response:
    """Sign that an answer was read as a yes, or take back that it was."""
    open_desk = workspace()
    with open_desk.transaction():
        question = asking.get(open_desk, identifier)
        if request.form.get("do") == "take back":
            asking.disagree(open_desk, identifier)
        else:
            asking.agree(open_desk, identifier, request.form.get("answer", ""))
    return _back(question.record, f"quote-{question.quote}")


def _passage() -> Passage:
    try:
        first, last = int(request.form["first"]), int(request.form["last"])
    except ValueError:
        raise DeskError("Select the words first.") from None
    return Passage(request.form["part"], request.form["question"], first, last)


def _what() -> tuple[str, str | None]:
    """Return the kind that was chosen, or nothing and the mark whose pseudonym was."""
    same_as, _, kind = request.form.get("what", "").rpartition(":")
    return kind, same_as or None


def _use(name: str) -> Use:
    if name not in QUOTING:
        raise DeskError("Choose what the words are to be used for.")
    return Use(name)


def _place(passage: Passage) -> str:
    """Return the name of the place in the page where a passage ends."""
    return f"at-{passage.part}-{passage.question}-{passage.first}-{passage.last}"


def _by_kind(suggestions: list[Suggestion]) -> dict[str, list[Suggestion]]:
    found: dict[str, list[Suggestion]] = {}
    for kind in marks.KINDS:
        of_kind = [suggestion for suggestion in suggestions if suggestion.kind == kind]
        if of_kind:
            found[kind] = of_kind
    return found


def _back(testimony: str, place: str) -> Response:
    return go_to(f"/testimony/{testimony}/redaction#{place}")
