"""Which testimonies may be of the same incident, and why: the answers about when, where and what it was are compared.

The index says which are worth reading, so that it takes as long with a hundred testimonies as with 100,000.
"""

import datetime
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from intake.calls.model import COUNTRY_UNKNOWN
from intake.desk.deciding import SPAM
from intake.desk.finding import bitmaps
from intake.desk.study import links
from intake.desk.workspace import Record, Workspace
from intake.envelope import REFUSED, UNKNOWN, Answer, Testimony, parse

MOST = 5
"""How many are suggested."""

_MOST_READ = 200
_MOST_DAYS = 31
_ENOUGH = 4
_NOTHING = (UNKNOWN, REFUSED, COUNTRY_UNKNOWN, "OTHER", "")
"""Two who both gave one of these have nothing in common."""


@dataclass(frozen=True)
class Suggestion:
    """A testimony that may be of the same incident, and what speaks for it, the strongest first."""

    record: str
    reasons: tuple[str, ...]


def suggestions(workspace: Workspace, testimony: Record) -> list[Suggestion]:
    """Return testimonies that may be of the same incident and are not linked with this one yet, the likeliest first.

    Each happened at about the same time, or names the same organisation; and something else speaks for it, too. The
    index is to be up to date.
    """
    answers, words = _answers(testimony), _words(workspace, testimony)
    there = {testimony.id, *links.linked(workspace, testimony.id)}
    others = (other for other in _candidates(workspace, testimony, answers) if other not in there)
    found = []
    for identifier in islice(others, _MOST_READ):
        other = workspace.record(identifier)
        if other and other.filed:
            reasons = sorted(_reasons(answers, _answers(other), words), key=lambda reason: -reason[0])
            weights = [weight for weight, _ in reasons]
            if sum(weights) >= _ENOUGH:
                found.append((sum(weights), weights, Suggestion(identifier, tuple(reason for _, reason in reasons))))
    found.sort(key=lambda weighed: weighed[:2], reverse=True)
    return [suggestion for *_, suggestion in found[:MOST]]


def _candidates(workspace: Workspace, testimony: Record, answers: Mapping[str, Answer]) -> Iterator[str]:
    """Yield ids: first those that share the most answers, and of these those that came in at about the same time."""
    row = workspace.execute("SELECT number FROM testimonies WHERE record = ?", (testimony.id,)).fetchone()
    near = [_having(workspace, "inc.country", answers), _in_months_around(workspace, _text(answers, "inc.when"))]
    pool = -1
    for bitmap in filter(None, near):
        pool &= bitmap
    if row is None or pool == -1:
        return
    for question, code in ((bitmaps.STATE, SPAM), (bitmaps.TEST, bitmaps.YES)):
        pool &= ~bitmaps.having(workspace, question, code)
    kind, org = _having(workspace, "inc.kind", answers), _having(workspace, "inc.org", answers)
    for tier in (pool & kind & org, pool & kind & ~org, pool & org & ~kind, pool & ~kind & ~org):
        for number in sorted(bitmaps.numbers(tier), key=lambda number: abs(number - row[0])):
            yield workspace.execute("SELECT record FROM testimonies WHERE number = ?", (number,)).fetchone()[0]


def _having(workspace: Workspace, question: str, answers: Mapping[str, Answer]) -> int:
    found = 0
    for code in _codes(answers, question):
        found |= bitmaps.having(workspace, question, code)
    return found


def _in_months_around(workspace: Workspace, when: str) -> int:
    """Return who says that it happened in the month of this one, or in the one before or after it."""
    if len(when) < len("2026-11"):
        return bitmaps.having(workspace, "inc.when", when) if when else 0
    months = int(when[:4]) * 12 + int(when[5:7]) - 1
    found = 0
    for month in (months - 1, months, months + 1):
        found |= bitmaps.having(workspace, bitmaps.INCIDENT, f"{month // 12:04}-{month % 12 + 1:02}")
    return found


def _reasons(
    one: Mapping[str, Answer], other: Mapping[str, Answer], words: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Yield what two testimonies have in common, and how much it weighs; nothing when neither time nor name do."""
    near = list(filter(None, (_time(_text(one, "inc.when"), _text(other, "inc.when")), _name(one, other))))
    if not near:
        return
    yield from near
    if kinds := _common(one, other, "inc.kind"):
        yield 2, f"both: {', '.join(words.get(kind, kind) for kind in kinds)}"
    if _common(one, other, "inc.country"):
        yield 1, "same country"
    if orgs := _common(one, other, "inc.org"):
        yield 1, f"same kind of organisation ({words.get(orgs[0], orgs[0])})"


def _time(one: str, other: str) -> tuple[int, str] | None:
    month, day = len("2026-11"), len("2026-11-21")
    if min(len(one), len(other)) < day:
        same = min(len(one), len(other)) == month and one[:month] == other[:month]
        return (2, "the same month") if same else None
    days = abs((datetime.date.fromisoformat(one) - datetime.date.fromisoformat(other)).days)
    if days > _MOST_DAYS:
        return None
    words = "the same day" if not days else "one day apart" if days == 1 else f"{days} days apart"
    return (4 if not days else 3 if days <= 3 else 2 if days <= 14 else 1), words


def _name(one: Mapping[str, Answer], other: Mapping[str, Answer]) -> tuple[int, str] | None:
    names = {_plain(_text(answers, "inc.name")) for answers in (one, other)}
    return (4, "the same name of the organisation") if len(names) == 1 and names != {""} else None


def _plain(name: str) -> str:
    """Return only the letters and digits of a name, without their accents."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def _common(one: Mapping[str, Answer], other: Mapping[str, Answer], question: str) -> list[str]:
    return [code for code in _codes(one, question) if code in _codes(other, question)]


def _codes(answers: Mapping[str, Answer], question: str) -> list[str]:
    answer = answers.get(question, "")
    given = answer if isinstance(answer, list) else [str(answer)]
    return [code for code in given if code not in _NOTHING]


def _text(answers: Mapping[str, Answer], question: str) -> str:
    return next(iter(_codes(answers, question)), "")


def _answers(testimony: Record) -> Mapping[str, Answer]:
    envelope = parse(testimony.content)
    return envelope.answers if isinstance(envelope, Testimony) else {}


def _words(workspace: Workspace, testimony: Record) -> dict[str, str]:
    """Return the words of the options that reasons name, as the testimony's call has them."""
    envelope = parse(testimony.content)
    edition = workspace.edition(envelope.edition) if isinstance(envelope, Testimony) else None
    questions = [question for section in (edition.call.sections if edition else ()) for question in section.questions]
    named = [question for question in questions if question.id in ("inc.kind", "inc.org")]
    return {option.code: option.label for question in named for option in question.options}
