"""The multiverse: the same patients under every combination of definitions."""

from itertools import groupby
from typing import Any

from markupsafe import Markup

from salvage.dashboard.chart import (
    COLOURS,
    GREY,
    LIGHT,
    Chart,
    Section,
    Table,
    blank,
    error_bars,
    percent_axis,
    title,
)
from salvage.dashboard.numbers import count, interval, percent
from salvage.dashboard.protocol import Protocol
from salvage.dashboard.remission import NOT_ASSESSED
from salvage.published import Marts, Row

_DEFINITIONS = """
    select *
    from marts.agg_definition_sensitivity
    where protocol_id = $protocol and arm_id = 'all'
    order by
        is_window_inclusive, max_overlap_days, require_failure, remission_within_days nulls last,
        window_days nulls last
"""
_CHOICES = ("is_window_inclusive", "max_overlap_days", "require_failure", "remission_within_days")


def section(marts: Marts, protocol: Protocol) -> Section:
    """The remission rate against the window, the protocol's own definition marked."""
    definitions = marts.rows(_DEFINITIONS, protocol=protocol.protocol_id)
    own = next(row for row in definitions if row["is_protocol_definition"])
    rates = [row["remission_rate"] for row in definitions if row["remission_rate"] is not None]
    if not marts.has_records("disease_assessments"):
        finding = NOT_ASSESSED
    elif rates:
        finding = Markup(
            "Under {} combinations of definitions the remission rate of all arms lies between {} "
            "and {}; the protocol's own {}."
        ).format(
            count(len(definitions)),
            percent(min(rates)),
            percent(max(rates)),
            "has no patient"
            if own["remission_rate"] is None
            else Markup("gives {}").format(percent(own["remission_rate"])),
        )
    else:
        finding = Markup("No definition has a patient, so that there is no rate under any.")
    return Section(
        "definitions",
        "What if the definitions were others?",
        finding,
        [_chart(definitions, own)],
        notes=[
            "One set of patients seen through many definitions: a test of how firm the answer is, "
            "not a menu to choose the best one from."
        ],
    )


def _chart(definitions: list[Row], own: Row) -> Chart:
    def choices(row: Row) -> tuple[Any, ...]:
        return tuple(row[choice] for choice in _CHOICES)

    last = max((row["window_days"] or 0 for row in definitions), default=0)
    figure = blank(
        400,
        xaxis={
            "title": title("Window after the first drug, days"),
            "range": [0, last * 1.03 + 1],
            "linecolor": GREY,
            "ticks": "outside",
            "gridcolor": LIGHT,
            "zeroline": False,
            "fixedrange": True,
            "automargin": True,
        },
        yaxis=percent_axis(title=title("Remission rate, all arms")),
        margin={"l": 8, "r": 12, "t": 66, "b": 8},
        # One below the other: on a phone they would be, and cover the axis.
        legend={"orientation": "v", "x": 0, "y": 1.01, "yanchor": "bottom"},
    )
    others, alike = [], []
    for key, group in groupby(definitions, key=choices):
        rows = [row for row in group if row["window_days"] is not None]
        if key == choices(own):
            alike = rows
        else:
            others += [*rows, None]
    figure.add_scatter(
        x=[row and row["window_days"] for row in others],
        y=[row and row["remission_rate"] for row in others],
        mode="lines",
        line={"color": "#B3B3B3", "width": 1, "dash": "dot"},
        name="other definitions",
        hoverinfo="skip",
        meta={"role": "other"},
    )
    figure.add_scatter(
        x=[row["window_days"] for row in alike],
        y=[row["remission_rate"] for row in alike],
        mode="lines+markers",
        line={"color": COLOURS[0], "width": 2.5},
        marker={"symbol": "circle", "size": 7, "color": COLOURS[0]},
        name="the protocol's, at other windows",
        hovertemplate="%{x} days: %{y:.1%}<extra></extra>",
        meta={"role": "own_choices"},
    )
    # Where each arm has a window of its own there is no one day to draw it at: the left edge.
    figure.add_scatter(
        x=[own["window_days"] or 0],
        y=[own["remission_rate"]],
        mode="markers",
        marker={"symbol": "diamond", "size": 15, "color": COLOURS[1]},
        error_y=error_bars(
            own["remission_rate"], own["wilson_low"], own["wilson_high"], COLOURS[1]
        ),
        name="the protocol's own, with its 95% interval"
        + ("" if own["window_days"] is not None else " (windows by arm)"),
        hovertemplate="%{x} days: %{y:.1%}<extra></extra>",
        meta={"role": "own"},
    )
    shown = alike if own["window_days"] is not None else [*alike, own]
    return Chart(
        id="definitions",
        title="Remission rate against the window, under every other choice",
        figure=figure,
        alt=f"Lines of the remission rate against the window for {len(definitions)} definitions; "
        "the protocol's own is marked with a diamond and its 95% interval.",
        table=Table(
            "definitions",
            ("Window, days", "Patients", "Remissions", "Rate", "95% interval (Wilson)", ""),
            [
                (
                    count(row["window_days"]),
                    count(row["n_patients"]),
                    count(row["n_remissions"]),
                    percent(row["remission_rate"]),
                    interval(percent(row["wilson_low"]), percent(row["wilson_high"])),
                    "the protocol's own" if row["is_protocol_definition"] else "",
                )
                for row in shown
            ],
            note="The protocol's other choices at every window; all definitions are in the mart "
            "agg_definition_sensitivity.",
        ),
    )
