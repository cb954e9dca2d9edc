"""The whole at a glance: charts over all that is filed, each with its table, and the way out for what may leave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from flask import Blueprint, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from intake.desk.counting import charts, svg
from intake.desk.counting.charts import Chart, Group
from intake.desk.counting.svg import Bar
from intake.desk.counting.withholding import LEAST
from intake.desk.errors import DeskError
from intake.desk.leaving import tables
from intake.desk.leaving.exporting import What, export
from intake.desk.options import today
from intake.desk.review.desk import go_to, language, notice, workspace
from intake.desk.review.words import displayed, language_name
from intake.desk.study import codebook

charts_page = Blueprint("charts_page", __name__)

_MOST_BARS = 15
_MOST_CODES = 10
_MOST_PAIRS = 45


@dataclass(frozen=True)
class _Shown:
    """A chart as the page has it: the drawing, and what is not in it, in words."""

    chart: Chart
    drawing: Markup
    left_out: str


@charts_page.get("/charts")
def show() -> str:
    """Show every chart."""
    desk = workspace()
    everyone = charts.on_screen(desk)
    found = [_named(chart) for chart in charts.charts(desk, everyone, language())]
    codes = charts.most_used(found, _MOST_CODES)
    pairs = [(one, other, (one.members & other.members).bit_count()) for one, other in combinations(codes, 2)]
    return render_template(
        "charts.html",
        count=everyone.bit_count(),
        shown=[_drawn(chart) for chart in found],
        together=_matrix(codes) if len(codes) > 1 else None,
        pairs=sorted((pair for pair in pairs if pair[2]), key=lambda pair: -pair[2])[:_MOST_PAIRS],
        formats=tables.FORMATS[:2],
        least=LEAST,
    )


@charts_page.post("/charts")
def write() -> Response:
    """Write what may leave of one chart, or of all, to a file on this machine."""
    path = request.form.get("path", "").strip()
    if not path.startswith("/"):
        raise DeskError("Write the whole path of the new file, from the first slash on.")
    name, only = request.form.get("format", ""), request.form.get("chart", "")
    try:
        done = export(workspace(), name, Path(path), today(), What.CHARTS, chart=only)
    except OSError as error:
        raise DeskError(f"The file could not be written: {error.strerror or error}.") from None
    notice(f"{done.rows} rows were written. The file is not encrypted: delete it when you no longer need it.")
    return go_to("/charts")


def _named(chart: Chart) -> Chart:
    """Return a chart with its labels as a page may show them."""
    name_of = language_name if chart.name == "language" else displayed
    return replace(chart, groups=tuple(replace(group, label=name_of(group.label)) for group in chart.groups))


def _drawn(chart: Chart) -> _Shown:
    identifier = f"chart-{chart.name.replace('.', '-')}"
    if chart.over_time:
        rest = sum(group.size for group in chart.groups if not group.code)
        bars = [Bar(group.label, group.size) for group in chart.groups if group.code]
        drawing = svg.columns(identifier, chart.title, _description(chart), bars)
        return _Shown(chart, drawing, f"{rest} did not say it." if rest else "")
    colours = {node.id: f"code-{node.colour}" for node in codebook.tree(workspace())} if chart.name == "codes" else {}
    told = [group for group in chart.groups if group.size]
    bars = [Bar(group.label, group.size, colours.get(group.code, "")) for group in told[:_MOST_BARS]]
    more = len(told) - _MOST_BARS
    drawing = svg.bars(identifier, chart.title, _description(chart), bars)
    return _Shown(chart, drawing, f"{more} smaller ones are in the table only." if more > 0 else "")


def _description(chart: Chart) -> str:
    """Say what a chart shows to whoever does not see it."""
    told = sorted((group for group in chart.groups if group.size), key=lambda group: -group.size)[:3]
    most = "; ".join(f"{group.label}: {group.size}" for group in told)
    return f"The largest are {most}. All numbers are in the table below." if told else "There is nothing to show yet."


def _matrix(codes: Sequence[Group]) -> Markup:
    sizes = [[(one.members & other.members).bit_count() for other in codes] for one in codes]
    words = "How many testimonies have both of two codes. All numbers are in the table below."
    return svg.matrix("chart-together", "Codes that occur together", words, [code.label for code in codes], sizes)
