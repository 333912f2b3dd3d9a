"""What every chart of the dashboard has in common: its parts, its colours, its layout."""

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from salvage.dashboard.numbers import Number

Cell = str | Number | Markup

# Okabe and Ito's colours, which stay apart in every kind of colour blindness; line and marker
# differ too, for those who see or print no colour.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "pentagon")
INK, GREY, LIGHT = "#222222", "#595959", "#E8E8E8"
# Width of the page's column; A4 leaves as much between its margins.
WIDTH = 700


@dataclass(frozen=True)
class Table:
    """The numbers of a chart, or of a section without one.

    Attributes:
        id: `table-<id>` in the page.
        headers: the column heads.
        rows: as many cells each.
        note: what is left out, if anything is.
    """

    id: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """A drawn figure with what makes it readable without seeing it.

    Attributes:
        id: `figure-<id>` and `plot-<id>` in the page; the file's name of `salvage figures`.
        title: what is drawn.
        figure: Plotly's figure.
        alt: what is seen, in words.
        table: the numbers drawn.
        note: how to read it.
        min_width: it has this width (pixels), and scrolls within its frame where that is too much;
            0: the width that there is.
    """

    id: str
    title: str
    figure: go.Figure
    alt: str
    table: Table
    note: str = ""
    min_width: int = 0


@dataclass(frozen=True)
class Section:
    """A part of the page: one finding and what it rests on.

    Attributes:
        id: the element's id.
        title: the heading.
        finding: one plain sentence, made from the data.
        charts: the drawn figures.
        tables: tables that are shown open, beside those of the charts.
        notes: further paragraphs.
    """

    id: str
    title: str
    finding: Markup
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[Markup | str] = ()


@dataclass(frozen=True)
class Look:
    """How an arm is drawn."""

    colour: str
    dash: str
    marker: str


def looks(arm_ids: Iterable[str]) -> dict[str, Look]:
    """Give each arm a look of its own, whatever the number of arms."""
    return {
        arm_id: Look(
            COLOURS[place % len(COLOURS)],
            DASHES[place % len(DASHES)],
            MARKERS[place % len(MARKERS)],
        )
        for place, arm_id in enumerate(arm_ids)
    }


def label(text: str, width: int = 44, lines: int = 1) -> str:
    """Make a name fit into a chart: shortened, in lines, and with no meaning of its own.

    Args:
        text: the name, any characters.
        width: characters a line, of a common breadth; fewer of broad ones.
        lines: lines at most; what does not fit ends in an ellipsis.
    """
    wrapped = textwrap.wrap(" ".join(text.split()), width, max_lines=lines, placeholder=" …")
    # A single long word is cut, not dropped.
    if wrapped == ["…"] or any(line.strip() == "…" for line in wrapped):
        wrapped = [text[: width - 1] + "…"]
    # Plotly reads mark-up in texts and, in some, `%{...}` as a template.
    return "<br>".join(
        escape(_cut(line, width), quote=False).replace("%{", "&#37;{") for line in wrapped
    )


def _cut(line: str, width: int) -> str:
    """Shorten a line until it is as broad as so many common characters."""
    kept = line
    while sum(map(_breadth, kept)) > width:
        kept = f"{kept.removesuffix('…')[:-1]}…"
    return kept


def _breadth(character: str) -> float:
    """Return how broad a character is, of a common one's breadth."""
    if character in "MW@%" or unicodedata.east_asian_width(character) in "WF":
        return 2
    return 1.4 if character.isupper() or character in "mw" else 1


def blank(height: int, **layout: Any) -> go.Figure:
    """A figure without traces in the house style, `height` pixels high."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        template="none",
        font={
            "family": "system-ui, 'Liberation Sans', Arial, sans-serif",
            "size": 13,
            "color": INK,
        },
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="white",
        plot_bgcolor="white",
        dragmode=False,
        hoverlabel={"bgcolor": "white", "font": {"color": INK}},
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
            "font": {"size": 12},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
    figure.update_layout(**layout)
    return figure


def percent_axis(**axis: Any) -> dict[str, Any]:
    """An axis of fractions from 0 to 1, in per cent."""
    return {
        "range": [0, 1],
        "tickvals": [0, 0.2, 0.4, 0.6, 0.8, 1],
        "tickformat": ".0%",
        "gridcolor": LIGHT,
        "zeroline": False,
        "linecolor": GREY,
        "fixedrange": True,
        "automargin": True,
        **axis,
    }


def title(text: str) -> dict[str, Any]:
    """The title of an axis."""
    return {"text": text, "standoff": 4, "font": {"size": 13, "color": INK}}


def error_bars(
    value: float | None, low: float | None, high: float | None, colour: str
) -> dict[str, Any] | None:
    """The error bar of one point, from its interval's bounds; None where a bound is missing."""
    if value is None or low is None or high is None:
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value],
        "arrayminus": [value - low],
        "color": colour,
        "thickness": 2,
        "width": 5,
    }
