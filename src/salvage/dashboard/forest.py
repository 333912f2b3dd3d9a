"""Proportions with their intervals, one line each: a forest."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from salvage.dashboard.chart import (
    GREY,
    INK,
    LIGHT,
    Look,
    blank,
    error_bars,
    label,
    percent_axis,
)
from salvage.dashboard.numbers import percent
from salvage.dashboard.protocol import Protocol
from salvage.published import ALL_ARMS, Row

ALL_LOOK = Look(INK, "solid", "square")
PUBLISHED_LOOK = Look(GREY, "dot", "diamond-open")
# Pixels.
_ROW_HEIGHT, _HEADING_HEIGHT, _TEXT_HEIGHT, _MARKER_HEIGHT, _AXIS_HEIGHT = 53, 18, 31, 11, 30


@dataclass(frozen=True)
class ForestRow:
    """One proportion.

    Attributes:
        label: what it is the proportion of.
        look: how it is drawn.
        share: the proportion, 0-1; None: nobody to count.
        low: lower bound of the 95% interval; None: not known.
        high: upper bound.
        counts: the counts behind it, e.g. "4 of 10".
        role: `cohort` or `published`.
        arm_id: the arm, for rows of the cohort.
        heading: what this row and those after it have in common, written above it; None: as above.
    """

    label: str
    look: Look
    share: float | None
    low: float | None
    high: float | None
    counts: str
    role: str = "cohort"
    arm_id: str | None = None
    heading: str | None = None


def arm_row(
    protocol: Protocol, arm: Row, part: int, share: float | None, heading: str | None = None
) -> ForestRow:
    """The line of an arm, or of all: a mart's row with arm, number of patients and interval."""
    arm_id = arm["arm_id"]
    return ForestRow(
        arm["arm_label"],
        ALL_LOOK if arm_id == ALL_ARMS else protocol.looks[arm_id],
        share,
        arm["wilson_low"],
        arm["wilson_high"],
        f"{part:,} of {arm['n_patients']:,}",
        arm_id=arm_id,
        heading=heading,
    )


def forest(rows: Sequence[ForestRow]) -> go.Figure:
    """Draw the rows from top to bottom, each under its label."""
    places, cuts, depth = [], [], 0
    for row in rows:
        if row.heading or not any(other.heading for other in rows):
            cuts.append(depth + _MARKER_HEIGHT)
        depth += _ROW_HEIGHT + (_HEADING_HEIGHT if row.heading else 0)
        places.append(depth)
    # One unit of the vertical axis is one pixel.
    bottom = depth + _MARKER_HEIGHT
    figure = blank(
        bottom + _AXIS_HEIGHT,
        showlegend=False,
        margin={"l": 8, "r": 14, "t": 0, "b": _AXIS_HEIGHT},
        xaxis=percent_axis(range=[-0.02, 1.02]),
        yaxis={"visible": False, "range": [bottom, 0], "fixedrange": True},
        # Where a figure that is too high for a page can be cut.
        meta={"cuts": cuts[1:]},
    )
    for place, row in zip(places, rows, strict=True):
        if row.heading:
            _write(figure, place - _TEXT_HEIGHT, f"<b>{label(row.heading, 40)}</b>")
        _write(figure, place, f"{label(row.label)}<br>{_numbers(row)}")
        figure.add_shape(
            type="line", x0=0, x1=1, y0=place, y1=place, line={"color": LIGHT}, layer="below"
        )
        figure.add_scatter(
            x=[row.share],
            y=[place],
            mode="markers",
            marker={
                "symbol": row.look.marker,
                "size": 11,
                "color": row.look.colour,
                "line": {"width": 2, "color": row.look.colour},
            },
            error_x=error_bars(row.share, row.low, row.high, row.look.colour),
            hoverinfo="skip",
            meta={"role": row.role, "arm_id": row.arm_id},
        )
    return figure


def _write(figure: go.Figure, place: int, text: str) -> None:
    figure.add_annotation(
        x=0,
        y=place,
        yshift=8,
        xanchor="left",
        yanchor="bottom",
        align="left",
        text=text,
        showarrow=False,
        font={"size": 12},
        borderpad=0,
    )


def _numbers(row: ForestRow) -> str:
    if row.share is None:
        return f"{row.counts}, no rate"
    if row.low is None or row.high is None:
        return f"{row.counts}, {percent(row.share)}"
    return f"{row.counts}, {percent(row.share)} ({percent(row.low)}–{percent(row.high)})"
