"""Draws charts as SVG: names and numbers as text, colours by classes of the style sheet, nothing that runs.

Widths are parts of whatever room there is, heights are pixels: so the text has the same size on every screen.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_LONGEST = 40
_ROW, _BAR = 46, 16
_PLOT, _ABOVE, _BELOW = 150, 22, 26
_MOST_TIMES = 6
_MOST_NUMBERS = 12
_NAMES = 34  # per cent of the width that the names beside a matrix have
_CELL = 32
_SHADES = 5


@dataclass(frozen=True)
class Bar:
    """What is measured: its name, how much, and a class that colours it, if it has a colour of its own."""

    name: str
    size: int
    colour: str = ""


def bars(identifier: str, title: str, description: str, found: Sequence[Bar]) -> Markup:
    """Return one bar below another, each under its name."""
    most = max((bar.size for bar in found), default=0) or 1
    drawn = []
    for number, bar in enumerate(found):
        top = number * _ROW
        part = bar.size / most * 88
        drawn.append(
            Markup('<g>{}{}<rect class="bar {}" x="0" y="{}" width="{}%" height="{}"/>{}</g>').format(
                _tooltip(f"{bar.name}: {bar.size}"),
                _text(bar.name, "0", top + 15),
                bar.colour,
                top + 22,
                _number(part),
                _BAR,
                Markup('<text class="size" x="{}%" dx="6" y="{}">{}</text>').format(_number(part), top + 35, bar.size),
            )
        )
    return _drawing(identifier, title, description, len(found) * _ROW, drawn)


def columns(identifier: str, title: str, description: str, found: Sequence[Bar]) -> Markup:
    """Return one column beside another, as time goes by."""
    most = max((bar.size for bar in found), default=0) or 1
    room = 100 / max(len(found), 1)
    base = _ABOVE + _PLOT
    drawn = [Markup('<line class="axis" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(base)]
    every = -(-len(found) // _MOST_TIMES)
    for number, bar in enumerate(found):
        height = round(bar.size / most * _PLOT)
        middle = _number((number + 0.5) * room)
        parts = [
            _tooltip(f"{bar.name}: {bar.size}"),
            Markup('<rect class="bar" x="{}%" y="{}" width="{}%" height="{}"/>').format(
                _number((number + 0.1) * room), base - height, _number(room * 0.8), height
            ),
        ]
        if len(found) <= _MOST_NUMBERS or bar.size == most:
            parts.append(_centred(str(bar.size), middle, base - height - 6))
        if number % every == 0:
            parts.append(_centred(bar.name, middle, base + 18))
        drawn.append(Markup("<g>{}</g>").format(Markup().join(parts)))
    return _drawing(identifier, title, description, base + _BELOW, drawn)


def matrix(
    identifier: str, title: str, description: str, names: Sequence[str], sizes: Sequence[Sequence[int]]
) -> Markup:
    """Return how much each two have in common: row and column are numbered, and below the diagonal it is told once.

    `sizes[row][column]` is the size of both together; on the diagonal stands that of one alone.
    """
    most = max((size for row, each in enumerate(sizes) for size in each[:row]), default=0) or 1
    room = (100 - _NAMES) / max(len(names), 1)
    drawn = [_centred(str(column + 1), _number(_NAMES + (column + 0.5) * room), 18) for column in range(len(names))]
    for row, name in enumerate(names):
        top = (row + 1) * _CELL
        drawn.append(_text(f"{row + 1}  {name}", "0", top + 21, longest=26))
        for column in range(row + 1):
            size = sizes[row][column]
            alone = column == row
            shade = "alone" if alone else f"shade-{-(-size * _SHADES // most)}"
            told = f"{name}: {size}" if alone else f"{name}, and {names[column]}: {size}"
            drawn.append(
                Markup('<g>{}<rect class="cell {}" x="{}%" y="{}" width="{}%" height="{}"/>{}</g>').format(
                    _tooltip(told),
                    shade,
                    _number(_NAMES + column * room),
                    top,
                    _number(room),
                    _CELL,
                    _centred(str(size), _number(_NAMES + (column + 0.5) * room), top + 21, shade),
                )
            )
    return _drawing(identifier, title, description, (len(names) + 1) * _CELL, drawn)


def _drawing(identifier: str, title: str, description: str, height: int, drawn: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="drawing" role="img" aria-labelledby="{0}-title {0}-description" width="100%" height="{1}" '
        'xmlns="http://www.w3.org/2000/svg"><title id="{0}-title">{2}</title><desc id="{0}-description">{3}</desc>{4}'
        "</svg>"
    ).format(identifier, height, title, description, Markup().join(drawn))


def _text(name: str, left: str, line: int, longest: int = _LONGEST) -> Markup:
    """Return a name that begins where its script does, and stands at the left all the same."""
    first = next((unicodedata.bidirectional(character) for character in name if character.isalpha()), "L")
    turned = Markup(' direction="rtl" text-anchor="end"') if first in ("R", "AL") else Markup()
    shown = name if len(name) <= longest else f"{name[: longest - 1].rstrip()}…"
    return Markup('<text x="{}" y="{}"{}>{}</text>').format(left, line, turned, shown)


def _centred(text: str, middle: str, line: int, colour: str = "") -> Markup:
    return Markup('<text class="middle {}" x="{}%" y="{}" text-anchor="middle">{}</text>').format(
        colour, middle, line, text
    )


def _tooltip(text: str) -> Markup:
    return Markup("<title>{}</title>").format(escape(text))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
