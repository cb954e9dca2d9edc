"""What tells who somebody is without a name: what they do, where, when and in what kind of place, taken together."""

from dataclasses import dataclass

from intake.desk import showing
from intake.desk.finding import bitmaps
from intake.desk.workspace import Record, Workspace
from intake.envelope import Testimony, parse

_TOGETHER = ("you.role", "you.country", "inc.country", "inc.when", "inc.org", "inc.size", "inc.owner")
_COUNTED = ("you.role", "inc.country", "inc.org")


@dataclass(frozen=True)
class Together:
    """Answers by their questions, and how many testimonies here share role, country and kind of place, with this one.

    `sharing` is None when none of these was answered.
    """

    facts: tuple[tuple[str, str], ...]
    sharing: int | None


def together(workspace: Workspace, testimony: Record, language: str) -> Together:
    """Return what a testimony answers to questions that identify together. `index.refresh` is to have run.

    Raises DeskError when its edition is not in the workspace.
    """
    envelope = parse(testimony.content)
    if not isinstance(envelope, Testimony):
        raise TypeError(f"a record of the kind {envelope.kind} is filed as a testimony")
    edition = showing.edition_of(envelope, workspace)
    language = showing.language_of(edition, "", language)
    facts = []
    for name in _TOGETHER:
        question, answer = edition.call.questions.get(name), envelope.answers.get(name)
        if question and answer is not None:
            words = ", ".join(showing.words_of(question, answer, edition, language))
            facts.append((edition.translate(question.label, language), words))
    given = [(name, str(envelope.answers[name])) for name in _COUNTED if name in envelope.answers]
    sharing = None
    for question_id, code in given:
        having = bitmaps.having(workspace, question_id, code)
        sharing = having if sharing is None else sharing & having
    return Together(tuple(facts), None if sharing is None else sharing.bit_count())
