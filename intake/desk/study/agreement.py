"""How far reviewers agree who coded the same testimonies, each without seeing what the others did.

What counts is the blind round: the codes that each had given when they said they had finished. What they changed
afterwards, when they had seen the others' codes, is in the trail after that and is no sign of agreement.

A reviewer sees this only of testimonies that they have finished themselves, and numbers are made of these only: what
others made of a testimony that one may still code shows nowhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from intake.desk.passages import Passage
from intake.desk.study import codebook, coding
from intake.desk.study.alpha import alpha
from intake.desk.study.codebook import Node
from intake.desk.study.coding import Coding
from intake.desk.workspace import Workspace

RELIABLE = 0.8
TENTATIVE = 0.667
"""What Krippendorff asks for (Content Analysis, chapter on reliability): to rely on, and for tentative conclusions."""
FEW = 20
"""With fewer testimonies than this, one difference more or less moves alpha a lot."""

_DETAIL = ("id", "code", "part", "question", "first", "last")
_EVENTS = (coding.CODED, coding.REMOVED, coding.FINISHED)
# Details are taken apart by the database, which does it three times as fast as `trail.entries`: all of them are read.
_WORK = f"""
    SELECT event, reviewer, at, {", ".join(f"detail ->> '$.{name}'" for name in _DETAIL)}
    FROM trail WHERE record = ? AND event IN (?, ?, ?) ORDER BY at, number, digest
"""  # noqa: S608


@dataclass(frozen=True)
class Unit:
    """A testimony that several reviewers finished: what each had given then, in the order they finished."""

    record: str
    given: Mapping[str, Sequence[Coding]]

    def has(self, code: str) -> list[bool]:
        """Return whether each of them gave a code, anywhere in the testimony."""
        return [code in codes for codes in self._codes]

    @property
    def codes(self) -> set[str]:
        """The codes that any of them gave."""
        return set().union(*self._codes)

    @property
    def differing(self) -> set[str]:
        """The codes that some of them gave, and some did not."""
        return {code for code in self.codes if not all(self.has(code))}

    @cached_property
    def _codes(self) -> list[set[str]]:
        return [{coding.code for coding in codings} for codings in self.given.values()]

    def alone(self, coding: Coding) -> bool:
        """Tell whether nobody else gave the code to a passage that shares a character with this one."""
        return not any(
            other.code == coding.code and _overlap(other.passage, coding.passage)
            for reviewer, codings in self.given.items()
            for other in (codings if reviewer != coding.reviewer else ())
        )


@dataclass(frozen=True)
class Agreement:
    """How far reviewers agree on which testimonies have a code. `alpha` is None where all or none have it.

    `together` counts the testimonies that all gave it to, `apart` those that only some did, of `units`.
    """

    code: Node
    alpha: float | None
    units: int
    together: int
    apart: int


def units(workspace: Workspace) -> list[Unit]:
    """Return the testimonies that this reviewer and another have finished, in the order of the log."""
    query = """
        SELECT record FROM finished JOIN records ON record = records.id
        GROUP BY record HAVING count(*) > 1 AND max(reviewer = ?) ORDER BY sequence
    """
    counts_as = codebook.standing(workspace)
    found = workspace.execute(query, (workspace.reviewer.name,)).fetchall()
    return [_unit(workspace, record, counts_as) for (record,) in found]


def unit(workspace: Workspace, testimony: str) -> Unit | None:
    """Return one of them, or None when this reviewer or all others have not finished it."""
    finished = coding.finished(workspace, testimony)
    if workspace.reviewer.name not in finished or len(finished) == 1:
        return None
    return _unit(workspace, testimony, codebook.standing(workspace))


def waiting(workspace: Workspace) -> int:
    """Return how many testimonies others have finished and this reviewer has not: they stay closed."""
    query = "SELECT count(*) FROM (SELECT 1 FROM finished GROUP BY record HAVING NOT max(reviewer = ?))"
    return int(workspace.execute(query, (workspace.reviewer.name,)).fetchone()[0])


def by_code(workspace: Workspace, units: Iterable[Unit]) -> list[Agreement]:
    """Return how far reviewers agree on each code that somebody gave, in the order of the codebook."""
    units = list(units)
    used = {code for unit in units for code in unit.codes}
    found = []
    for node in codebook.tree(workspace):
        if node.id in used:
            values = [unit.has(node.id) for unit in units]
            together = sum(all(value) for value in values)
            apart = sum(any(value) for value in values) - together
            found.append(Agreement(node, alpha(values), len(units), together, apart))
    return found


def in_words(found: Agreement) -> str:
    """Say what an alpha means to someone who decides whether to rely on a code, if it is of FEW testimonies or more."""
    if found.alpha is None:
        return "Everyone gave it every time: there is nothing to compare it with."
    if found.alpha >= RELIABLE:
        return "Good enough to rely on."
    if found.alpha >= TENTATIVE:
        return "Good enough for tentative conclusions."
    if found.alpha > 0:
        return "Too low to rely on: talk about what belongs under it, and write it into its memo."
    return "No better than chance: talk about what belongs under it, and write it into its memo."


def _unit(workspace: Workspace, record: str, counts_as: Mapping[str, str]) -> Unit:
    given: dict[str, dict[str, Coding]] = {}
    closed: dict[str, list[Coding]] = {}
    for event, reviewer, at, identifier, code, *place in workspace.execute(_WORK, (record, *_EVENTS)):
        own = given.setdefault(reviewer, {})
        if event == coding.FINISHED:
            closed.setdefault(reviewer, list(own.values()))
        elif event == coding.CODED:
            own[identifier] = Coding(identifier, record, Passage(*place), counts_as.get(code, code), reviewer, at)
        else:
            own.pop(identifier, None)
    return Unit(record, closed)


def _overlap(one: Passage, other: Passage) -> bool:
    same = (one.part, one.question) == (other.part, other.question)
    return same and one.first < other.last and other.first < one.last
