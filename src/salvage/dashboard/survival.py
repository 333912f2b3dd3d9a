"""Time to an event: Kaplan-Meier curves, and what they say."""

from collections.abc import Sequence

import plotly.graph_objects as go
from markupsafe import Markup

from salvage.dashboard.chart import (
    GREY,
    INK,
    Chart,
    Section,
    Table,
    blank,
    label,
    percent_axis,
    title,
)
from salvage.dashboard.numbers import count, decimal, interval, of, percent
from salvage.dashboard.protocol import Protocol
from salvage.dashboard.remission import ARMS, NOT_ASSESSED, difference
from salvage.published import ALL_ARMS, Marts, Row

_CURVES = """
    select arm_id, duration_days, n_at_risk, n_events, n_censored, survival, ci_low, ci_high
    from marts.{mart}
    where protocol_id = $protocol
    order by arm_id = 'all', arm_id, duration_days
"""
_HORIZONS = """
    select *
    from marts.agg_survival_at_horizons
    where protocol_id = $protocol and outcome = $outcome
    order by arm_id = 'all', arm_id, horizon_days
"""
_TICKS_OF_MONTHS = (1, 2, 3, 6, 12, 24, 36, 60, 120)
_MOST_TICKS = 7
# More bands than these hide each other.
_MOST_BANDS = 3
_HORIZON_TOLD = 12
# Pixels.
_CURVE_HEIGHT, _AXIS_HEIGHT, _RISK_ROW, _LEGEND_ROW = 270, 56, 34, 20


def remission_section(marts: Marts, protocol: Protocol) -> Section:
    """How long remissions lasted."""
    total = marts.rows(ARMS, protocol=protocol.protocol_id)[-1]
    n_remissions = total["n_remissions"]
    if not marts.has_records("disease_assessments"):
        finding = NOT_ASSESSED
    elif not n_remissions:
        finding = Markup("No patient came into remission, so that there is no duration to show.")
    elif total["km_median_months"] is None:
        finding = Markup(
            "Of {} remissions, fewer than half were lost while they were observed, so that no "
            "median duration can be given."
        ).format(count(n_remissions))
    else:
        finding = Markup(
            "Half of the {} remissions were lost by {} months (Kaplan-Meier; 95% interval {})."
        ).format(
            count(n_remissions),
            decimal(total["km_median_months"]),
            interval(
                decimal(total["km_median_low_months"]),
                decimal(total["km_median_high_months"]),
                "not reached",
            ),
        )
    finding += difference(marts, protocol, "remission_duration", "the log-rank test")
    chart = _chart(
        marts,
        protocol,
        "remission_survival",
        "agg_remission_survival",
        "remission",
        "Patients still in remission",
        "Months since remission began",
    )
    return Section("duration", "How long remission lasts", finding, [chart])


def colectomy_section(marts: Marts, protocol: Protocol) -> Section:
    """Life without colectomy from the day of salvage."""
    horizons = [
        row
        for row in marts.rows(_HORIZONS, protocol=protocol.protocol_id, outcome="colectomy_free")
        if row["arm_id"] == ALL_ARMS and row["survival"] is not None
    ]
    if horizons:
        told = next(
            (row for row in horizons if row["horizon_months"] == _HORIZON_TOLD), horizons[-1]
        )
        bounds = (
            Markup(" (95% interval {})").format(
                interval(percent(told["ci_low"]), percent(told["ci_high"]))
            )
            if told["ci_low"] is not None
            else ""
        )
        finding = Markup(
            "After {} months on the second drug, an estimated {} of patients were alive without "
            "colectomy{}; {} were still observed."
        ).format(
            count(told["horizon_months"]),
            percent(told["survival"]),
            bounds,
            of(told["n_at_risk"], told["n_patients"]),
        )
    else:
        finding = Markup("Too few patients were observed to estimate life without colectomy.")
    finding += difference(marts, protocol, "colectomy_free_survival", "the log-rank test")
    if not marts.has_records("procedures"):
        finding += Markup(" No procedure was recorded, so that a colectomy would not be known.")
    chart = _chart(
        marts,
        protocol,
        "colectomy_free_survival",
        "agg_colectomy_free_survival",
        "colectomy_free",
        "Patients alive without colectomy",
        "Months since the second drug began",
    )
    return Section("colectomy", "Life without colectomy", finding, [chart])


def _chart(
    marts: Marts,
    protocol: Protocol,
    chart_id: str,
    mart: str,
    outcome: str,
    heading: str,
    axis: str,
) -> Chart:
    steps = marts.rows(_CURVES.format(mart=mart), protocol=protocol.protocol_id)
    horizons = marts.rows(_HORIZONS, protocol=protocol.protocol_id, outcome=outcome)
    curves = {
        arm.arm_id: [step for step in steps if step["arm_id"] == arm.arm_id]
        for arm in protocol.arms
    }
    last_day = max((step["duration_days"] for step in steps), default=0) or 1
    n_lost = sum(step["n_events"] for step in steps if step["arm_id"] == ALL_ARMS)
    drawn = sum(1 for curve in curves.values() if curve)
    return Chart(
        id=chart_id,
        title=f"{heading} (Kaplan-Meier, with 95% bands, censoring marks and numbers at risk)",
        figure=_curves(protocol, curves, last_day, axis),
        alt=f"Falling step curves of {drawn} arms over {last_day:,} days with {n_lost:,} events; "
        "the numbers at risk stand below the time axis.",
        table=Table(
            chart_id,
            (
                "Arm",
                "Months",
                "At risk",
                "Estimate",
                "95% interval",
                "Restricted mean, days",
                "95% interval",
            ),
            [
                (
                    protocol.arm_label(row["arm_id"]),
                    count(row["horizon_months"]),
                    count(row["n_at_risk"]),
                    percent(row["survival"]),
                    interval(percent(row["ci_low"]), percent(row["ci_high"])),
                    decimal(row["restricted_mean_days"]),
                    interval(
                        decimal(row["restricted_mean_low_days"]),
                        decimal(row["restricted_mean_high_days"]),
                    ),
                )
                for row in horizons
            ],
            note=f"Every step of the curves is in the mart {mart}.",
        ),
    )


def _curves(
    protocol: Protocol, curves: dict[str, list[Row]], last_day: int, axis: str
) -> go.Figure:
    risk_height = _RISK_ROW * (len(curves) + 1)
    legend_height = _LEGEND_ROW * len(curves) + 4
    inner_height = _CURVE_HEIGHT + _AXIS_HEIGHT + risk_height
    months = _month_ticks(last_day / protocol.days_per_month)
    days = [month * protocol.days_per_month for month in months]
    figure = blank(
        legend_height + inner_height + 4,
        margin={"l": 8, "r": 14, "t": legend_height, "b": 4},
        xaxis={
            "range": [-last_day * 0.03, last_day * 1.03],
            "tickvals": days,
            "ticktext": [str(month) for month in months],
            "title": title(axis),
            "linecolor": GREY,
            "ticks": "outside",
            "zeroline": False,
            "showgrid": False,
            "anchor": "y",
            "fixedrange": True,
        },
        yaxis=percent_axis(range=[0, 1.03], domain=[1 - _CURVE_HEIGHT / inner_height, 1]),
        yaxis2={
            "domain": [0, risk_height / inner_height],
            "range": [len(curves) - 0.4, -1],
            "visible": False,
            "fixedrange": True,
        },
        legend={"orientation": "v", "x": 0, "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
    )
    looks = protocol.looks
    for arm in protocol.arms:
        curve, look = curves[arm.arm_id], looks[arm.arm_id]
        if sum(1 for one in curves.values() if one) <= _MOST_BANDS:
            _add_band(figure, arm.arm_id, curve, look.colour)
        figure.add_scatter(
            x=[step["duration_days"] for step in curve] or [None],
            y=[step["survival"] for step in curve] or [None],
            mode="lines",
            line={"shape": "hv", "color": look.colour, "dash": look.dash, "width": 2.5},
            name=label(arm.label) if curve else f"{label(arm.label, 34)} (none)",
            hovertemplate="day %{x}: %{y:.1%}<extra></extra>",
            meta={"role": "curve", "arm_id": arm.arm_id},
        )
        censored = [step for step in curve if step["n_censored"]]
        figure.add_scatter(
            x=[step["duration_days"] for step in censored],
            y=[step["survival"] for step in censored],
            mode="markers",
            marker={
                "symbol": "line-ns",
                "size": 11,
                "line": {"width": 2, "color": look.colour},
            },
            customdata=[step["n_censored"] for step in censored],
            hovertemplate="day %{x}: %{customdata} censored<extra></extra>",
            showlegend=False,
            meta={"role": "censored", "arm_id": arm.arm_id},
        )
    _add_numbers_at_risk(figure, protocol, curves, days)
    return figure


def _add_band(figure: go.Figure, arm_id: str, curve: Sequence[Row], colour: str) -> None:
    """Draw the interval of each step until the next one; a step without interval has none."""
    bounds: list[tuple[int, float, float]] = []
    for place, step in enumerate(curve):
        if step["ci_low"] is not None:
            bounds.append((step["duration_days"], step["ci_low"], step["ci_high"]))
        elif bounds and curve[place - 1]["ci_low"] is not None:
            bounds.append((step["duration_days"], *bounds[-1][1:]))
    for role, column in (("band_low", 1), ("band_high", 2)):
        figure.add_scatter(
            x=[bound[0] for bound in bounds],
            y=[bound[column] for bound in bounds],
            mode="lines",
            line={"shape": "hv", "width": 0, "color": colour},
            fill="tonexty" if role == "band_high" else None,
            fillcolor=f"rgba{(*bytes.fromhex(colour[1:]), 0.15)}",
            hoverinfo="skip",
            showlegend=False,
            meta={"role": role, "arm_id": arm_id},
        )


def _add_numbers_at_risk(
    figure: go.Figure, protocol: Protocol, curves: dict[str, list[Row]], days: Sequence[float]
) -> None:
    """Write under each tick how many are still observed without the event."""
    figure.add_annotation(
        x=0, y=-0.85, yref="y2", xref="paper", xanchor="left", showarrow=False,
        text="Number at risk", font={"size": 12},
    )  # fmt: skip
    for place, (arm_id, curve) in enumerate(curves.items()):
        figure.add_annotation(
            x=0, y=place - 0.1, yref="y2", xref="paper", xanchor="left", yanchor="bottom",
            text=label(protocol.arm_label(arm_id)), showarrow=False,
            font={"size": 11},
        )  # fmt: skip
        figure.add_scatter(
            x=list(days),
            y=[place + 0.15] * len(days),
            yaxis="y2",
            mode="text",
            text=[f"{at_risk(curve, day):,}" for day in days],
            textfont={"color": INK, "size": 12},
            hoverinfo="skip",
            showlegend=False,
            meta={"role": "at_risk", "arm_id": arm_id},
        )


def at_risk(curve: Sequence[Row], day: float) -> int:
    """Return how many are at risk on a day: those of the first step on it or after it."""
    return next((step["n_at_risk"] for step in curve if step["duration_days"] >= day), 0)


def _month_ticks(last_month: float) -> list[int]:
    """Return whole months from 0 on, at a round distance, few enough for a phone."""
    distance = next(
        (step for step in _TICKS_OF_MONTHS if last_month / step <= _MOST_TICKS),
        _TICKS_OF_MONTHS[-1],
    )
    return list(range(0, int(last_month) + 1, distance))
