"""The patients of the analysis set, one lane each: a swimmer plot."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from salvage.dashboard.chart import (
    COLOURS,
    GREY,
    INK,
    LIGHT,
    Chart,
    Section,
    Table,
    blank,
    label,
    title,
)
from salvage.dashboard.numbers import count, of
from salvage.dashboard.protocol import Protocol
from salvage.dashboard.remission import NOT_ASSESSED
from salvage.published import Marts, Row

# A death after the last visit is known, one after the cut-off is not: docs/decisions/0005.
_KNOWN_DEATHS = """
    with patients as (
        select
            dim_patients.patient_id,
            observation_end_date,
            case when death_date <= coalesce(data_cutoff_date, death_date) then death_date end
                as death_date
        from marts.dim_patients
        cross join publication.build
    )
"""
# Days are counted from the first day of the salvage drug. A sample is taken by the hash of the
# ids, which knows nothing of how the patients fared.
_LANES = f"""
    {_KNOWN_DEATHS}

    select
        episodes.patient_id,
        episodes.arm_id,
        failed_era_start_date - salvage_start_date as failed_start,
        failed_era_end_date - salvage_start_date as failed_end,
        salvage_end_date - salvage_start_date as salvage_end,
        gap_days,
        is_remission,
        remission_start_date - salvage_start_date as remission_start,
        remission_end_date - salvage_start_date as remission_end,
        loss_reason,
        colectomy_date - salvage_start_date as colectomy,
        is_censored,
        greatest(observation_end_date, death_date) - salvage_start_date as observation_end,
        death_date - salvage_start_date as death
    from marts.fct_salvage_episodes as episodes
    inner join marts.fct_remissions
        using (protocol_id, arm_id, patient_id, salvage_start_date)
    inner join patients using (patient_id)
    where protocol_id = $protocol and is_in_analysis_set
    order by md5(episodes.patient_id), episodes.patient_id
    limit $most
"""
_EVENTS = """
    select patient_id, onset_date - salvage_start_date as day, event_term
    from marts.fct_adverse_events
    inner join marts.fct_remissions using (protocol_id, arm_id, patient_id)
    where
        protocol_id = $protocol
        and is_serious
        and attribution = 'treatment_emergent'
        and list_contains($patients, patient_id)
    order by patient_id, day, event_term
"""
_TOTALS = f"""
    {_KNOWN_DEATHS}

    select
        count(*) as n_patients,
        count(*) filter (where is_remission) as n_remissions,
        count(*) filter (where is_censored) as n_kept,
        count(death_date) as n_deaths
    from marts.fct_remissions
    inner join patients using (patient_id)
    where protocol_id = $protocol
"""
MOST_LANES = 60
OUTCOMES = {
    "kept": "in remission at the end",
    "lost": "remission, then lost",
    "none": "no remission",
}
_LANE_HEIGHT = 18
# Colectomy and death, which end a remission too, have a sign in every lane.
_LOSSES = {
    "relapse": ("relapse", "x-thin"),
    "new_rescue_therapy": ("new rescue drug", "diamond-tall-open"),
}


def section(marts: Marts, protocol: Protocol) -> Section:
    """The courses of the analysed patients, or of a sample of them."""
    totals = marts.row(_TOTALS, protocol=protocol.protocol_id)
    lanes = marts.rows(_LANES, protocol=protocol.protocol_id, most=MOST_LANES)
    if not lanes:
        finding = Markup("No patient is in the analysis set, so that there is no course to show.")
        return Section("patients", "The patients", finding)
    deaths = Markup("{} of all patients died.").format(count(totals["n_deaths"]))
    if marts.has_records("disease_assessments"):
        finding = Markup(
            "{} came into remission on the second drug, {} of them stayed in it while they were "
            "observed; {}"
        ).format(of(totals["n_remissions"], totals["n_patients"]), count(totals["n_kept"]), deaths)
    else:
        finding = NOT_ASSESSED + " " + deaths
    return Section("patients", "The patients", finding, [_swimmer(marts, protocol, lanes, totals)])


def outcome(lane: Row) -> str:
    """Return the key of OUTCOMES that a patient falls under."""
    if not lane["is_remission"]:
        return "none"
    return "kept" if lane["is_censored"] else "lost"


def _swimmer(marts: Marts, protocol: Protocol, lanes: list[Row], totals: Row) -> Chart:
    lanes = sorted(
        lanes, key=lambda lane: (lane["arm_id"], -lane["observation_end"], lane["patient_id"])
    )
    events = marts.rows(
        _EVENTS,
        protocol=protocol.protocol_id,
        patients=[lane["patient_id"] for lane in lanes],
    )
    place = {lane["patient_id"]: number for number, lane in enumerate(lanes)}
    names = [label(_short(lane["patient_id"]), 18) for lane in lanes]
    figure = blank(
        _LANE_HEIGHT * len(lanes) + 270,
        margin={"l": 8, "r": 12, "t": 110, "b": 8},
        # On a phone the legend is one column, of more than the half of a low chart.
        legend={"maxheight": 0.9},
        xaxis={
            "title": title("Days since the second drug began"),
            "zeroline": True,
            "zerolinecolor": GREY,
            "gridcolor": LIGHT,
            "linecolor": GREY,
            "fixedrange": True,
            "automargin": True,
        },
        yaxis={
            "range": [len(lanes) - 0.4, -0.6],
            "tickvals": list(range(len(lanes))),
            "ticktext": names,
            "tickfont": {"size": 11},
            "fixedrange": True,
            "automargin": True,
            "showgrid": False,
            "zeroline": False,
        },
        meta={
            "lanes": [
                {
                    "patient": lane["patient_id"],
                    "name": name,
                    "arm": lane["arm_id"],
                    "outcome": outcome(lane),
                }
                for lane, name in zip(lanes, names, strict=True)
            ],
            "laneHeight": _LANE_HEIGHT,
        },
    )

    def bars(name: str, start: str | None, end: str, width: int, colour: str) -> None:
        drawn = [lane for lane in lanes if lane[end] is not None]
        figure.add_scatter(
            x=[x for lane in drawn for x in (lane[start] if start else 0, lane[end], None)],
            y=[place[lane["patient_id"]] for lane in drawn for _ in range(3)],
            customdata=[lane["patient_id"] for lane in drawn for _ in range(3)],
            mode="lines+markers",
            line={"width": width, "color": colour},
            # A course of one day has no length: its marker shows it.
            marker={"symbol": "line-ns", "size": width / 2, "line": {"width": 2, "color": colour}},
            name=name,
            hoverinfo="skip",
            meta={"role": name},
        )

    def signs(name: str, points: Sequence[tuple[str, int, str]], symbol: str, colour: str) -> None:
        if points:
            figure.add_scatter(
                x=[day for _, day, _ in points],
                y=[place[patient] for patient, _, _ in points],
                customdata=[patient for patient, _, _ in points],
                text=[text for _, _, text in points],
                mode="markers",
                marker={
                    "symbol": symbol,
                    "size": 10,
                    "color": colour,
                    "line": {"width": 2, "color": colour},
                },
                name=name,
                hovertemplate="day %{x}: %{text}<extra></extra>",
                meta={"role": name},
            )

    bars("observed", None, "observation_end", 1, GREY)
    bars("first drug", "failed_start", "failed_end", 10, "#B3B3B3")
    bars("second drug", None, "salvage_end", 10, COLOURS[6])
    bars("remission", "remission_start", "remission_end", 4, COLOURS[2])
    for reason, (name, symbol) in _LOSSES.items():
        signs(
            name,
            [
                (lane["patient_id"], lane["remission_end"], name)
                for lane in lanes
                if lane["loss_reason"] == reason
            ],
            symbol,
            COLOURS[1],
        )
    signs(
        "colectomy",
        [
            (lane["patient_id"], lane["colectomy"], "colectomy")
            for lane in lanes
            if lane["colectomy"] is not None
        ],
        "square-open",
        COLOURS[1],
    )
    signs(
        "serious adverse event",
        [(event["patient_id"], event["day"], label(event["event_term"])) for event in events],
        "triangle-up",
        COLOURS[5],
    )
    signs(
        "death",
        [
            (lane["patient_id"], lane["death"], "death")
            for lane in lanes
            if lane["death"] is not None
        ],
        "x",
        INK,
    )
    signs(
        "end of observation",
        [
            (lane["patient_id"], lane["observation_end"], "end of observation")
            for lane in lanes
            if lane["death"] is None
        ],
        "triangle-right-open",
        GREY,
    )
    n_patients = totals["n_patients"]
    sample = (
        f"A sample: {len(lanes):,} of {n_patients:,} patients, taken by the hash of their ids."
        if n_patients > len(lanes)
        else ""
    )
    return Chart(
        id="swimmer",
        title="Course of each patient: both drugs, remission, loss, serious events, death",
        figure=figure,
        alt=f"Swimmer plot with one lane for each of {len(lanes)} patients: bars for the first "
        "drug, the second drug and remission, signs for loss of remission, serious events, death "
        "and the end of observation, by day since the second drug began.",
        table=Table(
            "swimmer",
            (
                "Patient",
                "Arm",
                "Gap, days",
                "Outcome",
                "Remission from day",
                "to day",
                "Lost by",
                "Serious events",
                "Colectomy on day",
                "Observed to day",
                "Died on day",
            ),
            [_table_row(protocol, lane, events) for lane in lanes],
        ),
        note=sample,
    )


def _short(patient_id: str) -> str:
    """Return a long id without its middle: those of one study often begin alike."""
    return patient_id if len(patient_id) <= 12 else f"{patient_id[:5]}…{patient_id[-6:]}"


def _table_row(protocol: Protocol, lane: Row, events: list[Row]) -> list[Any]:
    terms = [event["event_term"] for event in events if event["patient_id"] == lane["patient_id"]]
    return [
        lane["patient_id"],
        protocol.arm_label(lane["arm_id"]),
        count(lane["gap_days"]),
        OUTCOMES[outcome(lane)],
        count(lane["remission_start"]),
        count(lane["remission_end"]),
        (lane["loss_reason"] or "").replace("_", " "),
        ", ".join(terms),
        count(lane["colectomy"]),
        count(lane["observation_end"]),
        count(lane["death"]),
    ]
