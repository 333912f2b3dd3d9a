"""The arms: how many patients came into remission, beside the published studies."""

from markupsafe import Markup

from salvage.dashboard.chart import Chart, Section, Table
from salvage.dashboard.forest import PUBLISHED_LOOK, ForestRow, arm_row, forest
from salvage.dashboard.numbers import count, decimal, interval, p_value, percent, rate
from salvage.dashboard.protocol import Protocol
from salvage.published import ALL_ARMS, Marts, Row

ARMS = """
    select *
    from marts.agg_remission_by_arm
    where protocol_id = $protocol
    order by arm_id = 'all', arm_id
"""
# Of the directions that the protocol has; one figure a study and direction: the count where it
# is printed, else the percentage.
_STUDIES = """
    select study_id, direction, arm_id, published_n, published_rate, published_low, published_high,
        window_difference, population_difference, definition_difference
    from marts.agg_published_comparison
    where
        protocol_id = $protocol
        and measure in ('n_remissions', 'remission_percent')
        and published_rate is not null
        and arm_id is not null
    qualify row_number() over (partition by study_id, direction order by measure, arm_id) = 1
    order by study_id, direction
"""
NOT_ASSESSED = Markup("No disease assessment was recorded, so that remission is not known.")
_COMPARISON = """
    select arm_id, other_arm_id, p_value, missing_reason
    from marts.agg_arm_comparison
    where protocol_id = $protocol and outcome = $outcome
    order by arm_id, other_arm_id
"""


def section(marts: Marts, protocol: Protocol) -> Section:
    """Remission by arm as a forest, with the published studies below."""
    arms = marts.rows(ARMS, protocol=protocol.protocol_id)
    studies = marts.rows(_STUDIES, protocol=protocol.protocol_id)
    total = next(arm for arm in arms if arm["arm_id"] == ALL_ARMS)
    if not marts.has_records("disease_assessments"):
        finding = NOT_ASSESSED
    elif total["n_patients"]:
        finding = Markup("Remission was reached by {}.").format(_rate(total))
    else:
        finding = Markup("No patient is in the analysis set, so that there is no remission rate.")
    finding += difference(marts, protocol, "remission", "Fisher's exact test")
    notes = [
        "A patient without any disease assessment counts as without remission: where assessments "
        "were never recorded, a rate of 0% means that remission is not known."
    ]
    return Section(
        id="arms",
        title="Remission on the second drug",
        finding=finding,
        charts=[_chart(protocol, arms, studies)],
        notes=notes,
    )


def difference(marts: Marts, protocol: Protocol, outcome: str, test: str) -> Markup:
    """Say what the test between the arms gives, where there are two arms and it can be made."""
    pairs = marts.rows(_COMPARISON, protocol=protocol.protocol_id, outcome=outcome)
    if len(pairs) != 1 or pairs[0]["p_value"] is None:
        return Markup("")
    return Markup(" Between the two arms, {} gives p = {}.").format(
        test, p_value(pairs[0]["p_value"])
    )


def _rate(arm: Row) -> Markup:
    return rate(
        arm["n_remissions"],
        arm["n_patients"],
        arm["remission_rate"],
        arm["wilson_low"],
        arm["wilson_high"],
    )


def _chart(protocol: Protocol, arms: list[Row], studies: list[Row]) -> Chart:
    rows = [arm_row(protocol, arm, arm["n_remissions"], arm["remission_rate"]) for arm in arms]
    rows += [
        ForestRow(
            _study_label(protocol, study),
            PUBLISHED_LOOK,
            study["published_rate"],
            study["published_low"],
            study["published_high"],
            f"n = {study['published_n']:,}" if study["published_n"] else "n not stated",
            role="published",
        )
        for study in studies
    ]
    published = f" and {len(studies)} published figures" if studies else ""
    return Chart(
        id="remission",
        title="Patients in remission, with 95% intervals"
        + (", beside published studies (open diamonds)" if studies else ""),
        figure=forest(rows),
        alt=f"Forest plot: remission rates of {len(arms) - 1} arms, of all arms{published}, each "
        "a marker with a horizontal line for its 95% interval.",
        table=Table(
            "remission",
            (
                "Arm or study",
                "Remissions",
                "Patients",
                "Rate",
                "95% interval (Wilson; published: as printed or Wilson)",
                "95% interval (exact)",
                "Mean months",
                "Range",
            ),
            [
                (
                    arm["arm_label"],
                    count(arm["n_remissions"]),
                    count(arm["n_patients"]),
                    percent(arm["remission_rate"]),
                    interval(percent(arm["wilson_low"]), percent(arm["wilson_high"])),
                    interval(percent(arm["exact_low"]), percent(arm["exact_high"])),
                    decimal(arm["mean_months"]),
                    interval(decimal(arm["min_months"]), decimal(arm["max_months"])),
                )
                for arm in arms
            ]
            + [
                (
                    _study_label(protocol, study),
                    "",
                    count(study["published_n"]),
                    percent(study["published_rate"]),
                    interval(percent(study["published_low"]), percent(study["published_high"])),
                    "",
                    "",
                    "",
                )
                for study in studies
            ],
        ),
        note="Published studies differ in window, population and definition; the mart "
        "agg_published_comparison says how each does."
        if studies
        else "",
    )


def _study_label(protocol: Protocol, study: Row) -> str:
    """Name a study and the arm that has its direction: Maser 2008, infliximab after ..."""
    name = str(study["study_id"]).replace("_", " ").capitalize()
    arm_id = study["arm_id"]
    return f"{name}, {'both directions' if arm_id == ALL_ARMS else protocol.arm_label(arm_id)}"
