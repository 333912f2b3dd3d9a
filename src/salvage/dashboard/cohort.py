"""The cohort: how many patients each rule leaves in."""

import plotly.graph_objects as go
from markupsafe import Markup

from salvage.dashboard.chart import GREY, INK, LIGHT, Chart, Section, Table, blank
from salvage.dashboard.numbers import count, of, percent, rate
from salvage.dashboard.protocol import Protocol
from salvage.published import ALL_ARMS, Marts, Row

_STEPS = """
    select step_number, step, n_remaining, n_excluded
    from marts.agg_cohort_attrition
    where protocol_id = $protocol
    order by step_number
"""
_LOST = """
    select n_at_risk, n_lost_before_salvage, lost_share, wilson_low, wilson_high
    from marts.agg_lost_before_salvage
    where protocol_id = $protocol and arm_id = $arm
"""
# What a step of SPEC 3 asks, for a reader.
STEPS = {
    "all_patients": "Accepted patients",
    "has_diagnosis": "With the diagnosis",
    "steroid_refractory": "Steroid-refractory",
    "exposed_to_failed_drug": "Given a first drug",
    "received_alternate_drug": "Then the second drug",
    "first_drug_failed": "First drug failed",
    "within_salvage_window": "Within the window",
}
# Of whom a step leaves out.
EXCLUDED = {
    "has_diagnosis": "not the diagnosis",
    "steroid_refractory": "not refractory",
    "exposed_to_failed_drug": "no first drug",
    "received_alternate_drug": "no second drug",
    "first_drug_failed": "first not failed",
    "within_salvage_window": "not in the window",
}
_ROW_HEIGHT = 62
# Edges of the boxes, as shares of the width.
_LEFT, _EXCLUDED = (0.0, 0.60), (0.67, 1.0)


def section(marts: Marts, protocol: Protocol) -> Section:
    """Attrition as a flow diagram, and who was lost before salvage could begin."""
    steps = marts.rows(_STEPS, protocol=protocol.protocol_id)
    first, last = steps[0], steps[-1]
    total, included = first["n_remaining"], last["n_remaining"]
    finding = Markup("{} ({}) meet every rule of the protocol.").format(
        of(included, total, "accepted patients"), percent(included / total if total else None)
    )
    worst = max(steps, key=lambda step: (step["n_excluded"], -step["step_number"]))
    if worst["n_excluded"]:
        finding += Markup(" The step “{}” leaves out most: {}.").format(
            STEPS[worst["step"]].lower(), count(worst["n_excluded"])
        )
    lost = marts.row(_LOST, protocol=protocol.protocol_id, arm=ALL_ARMS)
    note = Markup(
        "Before the second drug could begin, {} who had been given a first drug died, had a "
        "colectomy or were otherwise lost to it within the window: they are in no arm, so that "
        "the arms hold survivors."
    ).format(
        rate(
            lost["n_lost_before_salvage"],
            lost["n_at_risk"],
            lost["lost_share"],
            lost["wilson_low"],
            lost["wilson_high"],
        )
    )
    return Section(
        id="cohort",
        title="Who is counted",
        finding=finding,
        charts=[_flow(steps)],
        notes=[note],
    )


def _flow(steps: list[Row]) -> Chart:
    figure = blank(
        _ROW_HEIGHT * len(steps) + 8,
        margin={"l": 1, "r": 1, "t": 4, "b": 4},
        showlegend=False,
        # A little more than the boxes, whose outer lines would be cut in half.
        xaxis={"visible": False, "range": [-0.004, 1.004], "fixedrange": True},
        yaxis={"visible": False, "range": [len(steps) - 0.5, -0.5], "fixedrange": True},
    )
    middle = sum(_LEFT) / 2
    for place in range(len(steps)):
        figure.add_shape(
            type="rect",
            **_box(_LEFT, place),
            line={"color": INK, "width": 1},
            fillcolor=LIGHT if place in (0, len(steps) - 1) else "white",
            layer="below",
        )
        if place:
            figure.add_shape(
                type="rect",
                **_box(_EXCLUDED, place),
                line={"color": GREY, "width": 1, "dash": "dot"},
                layer="below",
            )
            _arrow(figure, (middle, place - 0.68), (middle, place - 0.32))
            _arrow(figure, (_LEFT[1], place), (_EXCLUDED[0], place))
    figure.add_scatter(
        x=[middle] * len(steps),
        y=list(range(len(steps))),
        mode="text",
        text=[f"{STEPS[step['step']]}<br><b>n = {step['n_remaining']:,}</b>" for step in steps],
        customdata=[step["n_remaining"] for step in steps],
        hoverinfo="skip",
        meta={"role": "remaining"},
    )
    figure.add_scatter(
        x=[sum(_EXCLUDED) / 2] * (len(steps) - 1),
        y=list(range(1, len(steps))),
        mode="text",
        text=[
            f"{EXCLUDED[step['step']]}<br><b>n = {step['n_excluded']:,}</b>" for step in steps[1:]
        ],
        customdata=[step["n_excluded"] for step in steps[1:]],
        textfont={"size": 12},
        hoverinfo="skip",
        meta={"role": "excluded"},
    )
    ends = f"from {steps[0]['n_remaining']:,} to {steps[-1]['n_remaining']:,} patients"
    return Chart(
        id="attrition",
        title="Attrition: patients that each rule leaves in, and those that it excludes",
        figure=figure,
        alt=f"Flow diagram of {len(steps)} steps {ends}; beside each step the patients excluded.",
        table=Table(
            "attrition",
            ("Step", "Remaining", "Excluded", "as"),
            [
                (
                    STEPS[step["step"]],
                    count(step["n_remaining"]),
                    count(step["n_excluded"]),
                    EXCLUDED.get(step["step"], ""),
                )
                for step in steps
            ],
        ),
    )


def _box(edges: tuple[float, float], place: int) -> dict[str, float]:
    return {"x0": edges[0], "x1": edges[1], "y0": place - 0.32, "y1": place + 0.32}


def _arrow(figure: go.Figure, start: tuple[float, float], end: tuple[float, float]) -> None:
    figure.add_annotation(
        x=end[0],
        y=end[1],
        ax=start[0],
        ay=start[1],
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        text="",
        showarrow=True,
        arrowhead=2,
        arrowwidth=1,
        arrowcolor=GREY,
    )
