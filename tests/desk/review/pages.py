"""Every page of the desk: work for each to show something of, and the addresses that show it."""

from pathlib import Path

from desk.colleagues import identity_of, joined
from desk.review.telling import at_desk
from desk.stick import DAY, Desk
from intake.desk import passages
from intake.desk.finding import index, triage
from intake.desk.leaving.exporting import What, export
from intake.desk.leaving.gate import Use
from intake.desk.passages import Passage
from intake.desk.redacting import asking, confirming, marks, quotes
from intake.desk.review.app import create_app
from intake.desk.review.lock import Lock
from intake.desk.study import codebook, coding, links, memos, translating
from intake.desk.workspace import Workspace

NO_PAGES = {"/static/<path:filename>", "/file/<identifier>/picture"}
"""What answers with something else than a page."""


def rules() -> set[str]:
    """The rules of all addresses that the desk answers with a page."""
    app = create_app(Lock(Path(), Path()), 0)
    return {rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())} - NO_PAGES


def addresses(desk: Desk) -> dict[str, list[str]]:
    """Every page there is, by the rule it comes from: of each testimony, of each file, of a code."""
    with at_desk(desk) as workspace:
        testimonies = [record.id for record in workspace.records("kind = 'testimony'")]
        files = [record.id for record in workspace.records("kind = 'attachment'")]
        ((search,),) = workspace.execute("SELECT id FROM searches").fetchall()
    return {
        "/": ["", f"?search={search}", "?code=care.delayed&state=accepted", "?language=zz"],
        "/testimony/<identifier>": [f"testimony/{one}" for one in testimonies],
        "/testimony/<identifier>/redaction": [f"testimony/{one}/redaction" for one in testimonies],
        "/agreement": ["agreement"],
        "/agreement/<identifier>": [f"agreement/{one}" for one in testimonies],
        "/file/<identifier>": [f"file/{one}" for one in files],
        "/codebook": ["codebook"],
        "/codebook/<code>": ["codebook/care.delayed"],
        "/charts": ["charts"],
        "/journal": ["journal"],
        "/exports": ["exports"],
        "/trail": ["trail", "trail?check=yes"],
        "/locked": ["locked"],
    }


def work(desk: Desk, words: str) -> None:
    """Have two reviewers do all that can be done, with every testimony. Whatever they write, they write `words`."""
    ben = joined(desk, "ben")
    with at_desk(desk) as workspace:
        index.refresh(workspace)
        testimonies = [record.id for record in workspace.records("kind = 'testimony'")]
        with workspace.transaction():
            memos.add(workspace, words)
            memos.add(workspace, words, code="care.delayed")
            codebook.change(workspace, "care.delayed", words[: codebook.LONGEST_NAME], "sky", words)
            triage.keep_search(workspace, words)
            for one, other in zip(testimonies, (*testimonies[1:], testimonies[0]), strict=True):
                _work(workspace, one, words)
                if one != other:
                    links.link(workspace, one, other)
    with at_desk(ben, identity_of("ben")) as workspace, workspace.transaction():
        for one in testimonies:
            testimony = workspace.testimony(one)
            coding.add(workspace, one, _whole(workspace, one), ["care.delayed", "care.backlog"])
            coding.finish(workspace, one)
            confirming.confirm(workspace, testimony, confirming.state(workspace, testimony).sha256)
    with at_desk(desk) as workspace:
        export(workspace, "csv", desk.folder / "quotes.csv", DAY, What.QUOTES, Use.PUBLICATION)


def _work(workspace: Workspace, one: str, words: str) -> None:
    testimony = workspace.testimony(one)
    whole = _whole(workspace, one)
    start = Passage(whole.part, whole.question, 0, min(whole.last, 12))
    coding.add(workspace, one, start, ["care.delayed"])
    memos.add(workspace, words, record=one, passage=whole)
    memos.add(workspace, words, record=one)
    translating.translate(workspace, one, whole.part, whole.question, "fr", words)
    coding.finish(workspace, one)
    marks.mark(workspace, testimony, start, "person")
    quote = quotes.choose(workspace, testimony, whole)
    asking.ask(workspace, testimony, quote, "publication", asking.words(workspace, testimony, quote), DAY)


def _whole(workspace: Workspace, one: str) -> Passage:
    text = next(passages.texts(workspace, workspace.testimony(one)))
    return Passage(text.part, text.question, 0, len(text.text))
