"""What may leave of the charts: only what the gate let through, and nothing about fewer than ten people."""

from collections.abc import Collection, Iterator, Sequence

from intake.calls.edition import SOURCE_LANGUAGE
from intake.desk.counting import withholding
from intake.desk.counting.charts import CODES, Chart, asking, charts
from intake.desk.errors import DeskError
from intake.desk.finding import bitmaps, index
from intake.desk.leaving import gate
from intake.desk.leaving.tables import Row
from intake.desk.workspace import Workspace

WITHHELD = "withheld"
"""Stands for a number that may not leave: of fewer than ten people, or one that would give such a number away."""

_COLUMNS = ("chart", "group", "other", "label", "other_label", "count")
_OTHERS = "all others"
_TOGETHER = "together"


def table(workspace: Workspace, records: Collection[str], only: str = "") -> tuple[Sequence[str], Sequence[Row]]:
    """Return the columns and rows that may leave of every chart over some testimonies, or of the one named `only`.

    The gate has let all of them through for statistics. Raises DeskError when there are fewer than ten, or there is
    no such chart.
    """
    index.refresh(workspace)
    everyone = bitmaps.of_records(workspace, frozenset(records))
    if everyone.bit_count() < withholding.LEAST:
        raise DeskError(
            f"Fewer than {withholding.LEAST} testimonies may be counted: nothing can be said without speaking of few."
        )
    found = charts(workspace, everyone, SOURCE_LANGUAGE, leaving=True)
    rows = [_row("all", "", "all testimonies counted here", everyone.bit_count())]
    for chart in found:
        if not chart.question or _countable(workspace, chart.question):
            rows += _rows(chart, everyone)
    rows += _pairs(found, everyone)
    kept = [row for row in rows if only in ("", row["chart"]) or row["chart"] == "all"]
    if only and len(kept) == 1:
        raise DeskError("There is no such chart, or nothing of it may leave.")
    return _COLUMNS, kept


def _countable(workspace: Workspace, name: str) -> bool:
    """Tell whether every edition that asks a question lets its answers be counted."""
    return all(
        name in {question.id for question in gate.countable(edition.call)} for edition, _ in asking(workspace, name)
    )


def _rows(chart: Chart, everyone: int) -> Iterator[Row]:
    """Yield each group of a closed question, and of all else only those that may be shown: the rest is nameless."""
    groups = sorted(chart.groups, key=lambda group: group.code)  # their order by size would tell of what is withheld
    rest = next((at for at, group in enumerate(groups) if not group.code), None)
    shown = withholding.shown([group.size for group in groups], everyone.bit_count(), rest=rest)
    for group, visible in zip(groups, shown, strict=True):
        if visible or chart.closed:
            code = group.code or "not said"
            yield _row(chart.name, code, group.label, group.size if visible else WITHHELD)
    if not chart.closed:
        yield _row(chart.name, _OTHERS, "", WITHHELD)


def _pairs(found: Sequence[Chart], everyone: int) -> Iterator[Row]:
    groups = next((chart.groups for chart in found if chart.name == CODES), ())
    shown = withholding.shown([group.size for group in groups], everyone.bit_count())
    visible = [group for group, seen in zip(groups, shown, strict=True) if seen]
    for at, one in enumerate(visible):
        for other in visible[at + 1 :]:
            if withholding.shown_together(one.members, other.members, everyone):
                both = (one.members & other.members).bit_count()
                row = _row(_TOGETHER, one.code, one.label, both)
                yield {**row, "other": other.code, "other_label": other.label}
    if groups:
        yield _row(_TOGETHER, _OTHERS, "", WITHHELD)


def _row(chart: str, group: str, label: str, count: int | str) -> Row:
    return {"chart": chart, "group": group, "other": "", "label": label, "other_label": "", "count": count}
