"""Serious adverse events, by arm and by term."""

from itertools import groupby

from markupsafe import Markup

from salvage.dashboard.chart import Chart, Section, Table
from salvage.dashboard.forest import arm_row, forest
from salvage.dashboard.numbers import count, decimal, interval, percent, rate
from salvage.dashboard.protocol import Protocol
from salvage.dashboard.remission import difference
from salvage.published import ALL_ARMS, Marts, Row

_ARMS = """
    select *
    from marts.agg_adverse_events_by_arm
    where protocol_id = $protocol
    order by arm_id = 'all', arm_id
"""
# The commonest terms first.
_TERMS = """
    select *, max(n_patients_with_event) over (partition by event_term) as most
    from marts.agg_adverse_events_by_term
    where protocol_id = $protocol
    order by most desc, event_term, arm_id = 'all', arm_id
"""
# Rows.
_MOST_DRAWN, _MOST_LISTED = 30, 1000


def section(marts: Marts, protocol: Protocol) -> Section:
    """Treatment-emergent serious adverse events."""
    arms = marts.rows(_ARMS, protocol=protocol.protocol_id)
    terms = marts.rows(_TERMS, protocol=protocol.protocol_id)
    total = arms[-1]
    if not marts.has_records("adverse_events"):
        finding = Markup("No adverse event was recorded, so that none is known.")
    elif total["n_patients"]:
        finding = Markup(
            "A serious adverse event while on the second drug or soon after it was recorded for "
            "{}; {} died of one."
        ).format(
            rate(
                total["n_patients_with_sae"],
                total["n_patients"],
                total["sae_rate"],
                total["wilson_low"],
                total["wilson_high"],
            ),
            count(total["n_deaths"]),
        )
    else:
        finding = Markup("No patient is in the analysis set, so that there is no rate of events.")
    finding += difference(marts, protocol, "serious_adverse_event", "Fisher's exact test")
    charts = [_arms_chart(protocol, arms)]
    notes = []
    if terms:
        charts.append(_terms_chart(protocol, terms))
    else:
        notes.append("No serious adverse event of the analysis set fell into the risk window.")
    return Section("safety", "Serious adverse events", finding, charts, notes=notes)


def _arms_chart(protocol: Protocol, arms: list[Row]) -> Chart:
    return Chart(
        id="adverse_events",
        title="Patients with a serious adverse event, with 95% intervals",
        figure=forest(
            [arm_row(protocol, arm, arm["n_patients_with_sae"], arm["sae_rate"]) for arm in arms]
        ),
        alt=f"Forest plot: share of patients with a serious adverse event in {len(arms) - 1} arms "
        "and in all, each a marker with a horizontal line for its 95% interval.",
        table=Table(
            "adverse_events",
            (
                "Arm",
                "Patients",
                "With event",
                "Share",
                "95% interval (Wilson)",
                "95% interval (exact)",
                "Events",
                "Deaths",
                "First events per 100 patient-years",
                "95% interval (exact Poisson)",
            ),
            [
                (
                    arm["arm_label"],
                    count(arm["n_patients"]),
                    count(arm["n_patients_with_sae"]),
                    percent(arm["sae_rate"]),
                    interval(percent(arm["wilson_low"]), percent(arm["wilson_high"])),
                    interval(percent(arm["exact_low"]), percent(arm["exact_high"])),
                    count(arm["n_sae_events"]),
                    count(arm["n_deaths"]),
                    decimal(arm["rate_per_100_person_years"]),
                    interval(decimal(arm["rate_low"]), decimal(arm["rate_high"])),
                )
                for arm in arms
            ],
        ),
    )


def _terms_chart(protocol: Protocol, terms: list[Row]) -> Chart:
    # Of many arms only their sum is drawn, and of many terms the commonest.
    by_arm = [row for row in terms if row["arm_id"] != ALL_ARMS]
    summed = [row for row in terms if row["arm_id"] == ALL_ARMS]
    drawn = (by_arm if len(by_arm) <= _MOST_DRAWN else summed)[:_MOST_DRAWN]
    heads = {id(next(rows)): term for term, rows in groupby(drawn, lambda row: row["event_term"])}
    is_all = drawn == by_arm
    return Chart(
        id="adverse_event_terms",
        title="Serious adverse events by term and arm, with 95% intervals",
        figure=forest(
            [
                arm_row(
                    protocol,
                    row,
                    row["n_patients_with_event"],
                    row["rate"],
                    heads.get(id(row)),
                )
                for row in drawn
            ]
        ),
        alt=f"Forest plot of {len({row['event_term'] for row in drawn})} event terms by arm, each "
        "a marker with a horizontal line for its 95% interval.",
        table=Table(
            "adverse_event_terms",
            ("Event", "Arm", "Patients", "With event", "Share", "95% interval (Wilson)", "Events"),
            [
                (
                    row["event_term"],
                    row["arm_label"],
                    count(row["n_patients"]),
                    count(row["n_patients_with_event"]),
                    percent(row["rate"]),
                    interval(percent(row["wilson_low"]), percent(row["wilson_high"])),
                    count(row["n_events"]),
                )
                for row in terms[:_MOST_LISTED]
            ],
            note=f"The {_MOST_LISTED} first rows of {len(terms):,}, the commonest events first; "
            "all are in the mart agg_adverse_events_by_term."
            if len(terms) > _MOST_LISTED
            else "",
        ),
        note=""
        if is_all
        else f"Drawn: the {len(drawn)} commonest over all arms; the table has more.",
    )
