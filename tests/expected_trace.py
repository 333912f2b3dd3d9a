"""What the decision trace and the count of patients lost before salvage must hold.

In plain Python from issue 4 and docs/decisions/0016 and 0019, one patient at a time.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from tests.oracle.oracle import (
    Episode,
    Era,
    Reference,
    Row,
    build_eras,
    counts_as_failed,
    ended_in_failure,
    find_episodes,
    fold,
    has_diagnosis,
    is_refractory,
    wilson,
)

RULES = [
    "all_patients",
    "has_diagnosis",
    "steroid_refractory",
    "exposed_to_failed_drug",
    "received_alternate_drug",
    "first_drug_failed",
    "within_salvage_window",
]
DEFAULT_ERA_GAP_DAYS = 30

Arms = Sequence[Mapping[str, Any]]


def expected_trace_marts(
    reference: Reference,
    accepted: Mapping[str, Sequence[Row]],
    exposures: Sequence[Row],
    data_cutoff_date: date | None,
) -> dict[str, list[Row]]:
    """`fct_decision_trace` and `agg_lost_before_salvage`.

    accepted: accepted rows of each input table. exposures: the accepted exposures with their
    ingredient and the end date that counts.
    """
    eras = eras_by_patient(reference, exposures)
    colectomies = _colectomies_by_patient(reference, accepted["procedures"])
    trace: list[Row] = []
    lost: list[Row] = []
    for protocol in reference["protocols"]:
        arms = [
            arm
            for arm in reference["protocol_arms"]
            if arm["protocol_id"] == protocol["protocol_id"]
        ]
        fates: dict[str, list[str | None]] = {arm["arm_id"]: [] for arm in arms}
        fates["all"] = []
        for patient in accepted["patients"]:
            own_eras = eras.get(patient["patient_id"], [])
            episodes = find_episodes(protocol, arms, own_eras)
            trace += _trace(protocol, arms, patient, own_eras, episodes)
            if has_diagnosis(protocol, patient) and is_refractory(protocol, patient):
                operated = colectomies.get(patient["patient_id"], [])
                death = patient["death_date"]
                if death is not None and data_cutoff_date is not None and death > data_cutoff_date:
                    death = None
                for arm_id, fate in _fates(
                    protocol, arms, own_eras, episodes, death, operated
                ).items():
                    fates[arm_id].append(fate)
        labels = {arm["arm_id"]: arm["arm_label"] for arm in arms} | {"all": "all arms"}
        for arm_id, of_arm in fates.items():
            lost.append(
                {
                    "protocol_id": protocol["protocol_id"],
                    "arm_id": arm_id,
                    "arm_label": labels[arm_id],
                    **_lost_summary(of_arm),
                }
            )
    return {"fct_decision_trace": trace, "agg_lost_before_salvage": lost}


def eras_by_patient(reference: Reference, exposures: Sequence[Row]) -> dict[str, list[Era]]:
    """The eras of accepted exposures (`expected_marts.expected_exposures`), by patient."""
    gaps = {fold(row["ingredient"]): row["era_gap_days"] for row in reference["ingredients"]}

    def era_gap_days(ingredient: str) -> int:
        gap = gaps.get(ingredient)
        return DEFAULT_ERA_GAP_DAYS if gap is None else int(gap)

    of_patient: dict[str, list[Row]] = {}
    for exposure in exposures:
        if exposure["ingredient"] != "unmapped":
            row = exposure | {"end": exposure["end_date"]}
            of_patient.setdefault(exposure["patient_id"], []).append(row)
    return {patient_id: build_eras(rows, era_gap_days) for patient_id, rows in of_patient.items()}


def _colectomies_by_patient(
    reference: Reference, procedures: Sequence[Row]
) -> dict[str, list[date]]:
    names = {
        fold(row["procedure_name"])
        for row in reference["procedure_names"]
        if fold(row["procedure_group"]) == "colectomy"
    }
    found: dict[str, list[date]] = {}
    for procedure in procedures:
        if fold(procedure["procedure_name"]) in names:
            days = found.setdefault(procedure["patient_id"], [])
            days.append(procedure["procedure_date"])
    return found


# ---- The trace (docs/decisions/0016) ------------------------------------------------------------


def _trace(
    protocol: Mapping[str, Any],
    arms: Arms,
    patient: Row,
    eras: Sequence[Era],
    episodes: Sequence[Episode],
) -> list[Row]:
    """The rules asked of one patient, up to the one that excludes."""
    rows: list[Row] = []

    def add(outcome: str, explanation: str, *evidence: Era, **columns: Any) -> bool:
        """One rule; whether the patient stays. Without eras it rests on the patient's record."""
        ids = [exposure["exposure_id"] for era in evidence for exposure in era.exposures]
        rows.append(
            {
                "protocol_id": protocol["protocol_id"],
                "patient_id": patient["patient_id"],
                "rule_number": len(rows) + 1,
                "rule": RULES[len(rows)],
                "outcome": outcome,
                "arm_id": None,
                "failed_era_start_date": None,
                "failed_era_end_date": None,
                "salvage_start_date": None,
                "gap_days": None,
                "source_table": "drug_exposures" if evidence else "patients",
                "source_record_ids": ",".join(sorted(ids)) if evidence else patient["patient_id"],
                "explanation": explanation,
            }
            | columns
        )
        return outcome != "not_met"

    add("met", "the patient's record was accepted.")
    if not add(*_on_diagnosis(protocol, patient)):
        return rows
    if not add(*_on_refractoriness(protocol, patient)):
        return rows

    first_eras = sorted(
        (
            (era, arm)
            for arm in arms
            for era in eras
            if era.ingredient == fold(arm["failed_ingredient"])
        ),
        key=lambda pair: (pair[0].start, pair[1]["arm_id"]),
    )
    if not first_eras:
        names = sorted({fold(arm["failed_ingredient"]) for arm in arms})
        add(
            "not_met",
            f"no accepted record is of a first drug of the protocol ({', '.join(names)}).",
        )
        return rows
    era, arm = first_eras[0]
    of_era = {
        "arm_id": arm["arm_id"],
        "failed_era_start_date": era.start,
        "failed_era_end_date": era.end,
    }
    when = f"on {era.start}" if era.start == era.end else f"from {era.start} to {era.end}"
    add("met", f"{era.ingredient} was given {when}.", era, **of_era)

    if not episodes:
        sentence = (
            f"no accepted record has {fold(arm['salvage_ingredient'])} begin after {era.ingredient}"
        )
        sentence += f" began on {era.start}."
        if len({arm["arm_id"] for _, arm in first_eras}) > 1:
            sentence += " Nor the alternate drug of another arm whose drug was given."
        add("not_met", sentence, era, **of_era)
        return rows

    windows = {
        arm["arm_id"]: protocol["window_days"] if arm["window_days"] is None else arm["window_days"]
        for arm in arms
    }
    _add_episode(add, protocol, windows, episodes)
    return rows


def _add_episode(
    add: Any, protocol: Mapping[str, Any], windows: Mapping[str, int], episodes: Sequence[Episode]
) -> None:
    """The rules on the switch, told of the episode nearest to the analysis set."""

    def days_outside(episode: Episode) -> int:
        too_late = episode.gap_days - windows[episode.arm_id]
        too_early = -protocol["max_overlap_days"] - episode.gap_days
        return max(0, int(too_late), int(too_early))

    left = [episode for episode in episodes if counts_as_failed(protocol, episode)]
    episode = min(left or episodes, key=lambda e: (days_outside(e), e.salvage.start, e.arm_id))
    failed, salvage, gap = episode.failed, episode.salvage, episode.gap_days
    columns = {
        "arm_id": episode.arm_id,
        "failed_era_start_date": failed.start,
        "failed_era_end_date": failed.end,
        "salvage_start_date": salvage.start,
        "gap_days": gap,
    }
    n = len(episodes)

    sentence = f"{salvage.ingredient} began on {salvage.start}, after {failed.ingredient} began on"
    sentence += f" {failed.start}."
    if n > 1:
        sentence += f" Of {n} episodes this one is traced."
    add("met", sentence, failed, salvage, **columns)

    outcome, sentence = _on_failure(protocol, failed)
    if not left and n > 1:
        sentence += f" None of the {n} episodes meets the rule; this one is nearest to the window."
    if not add(outcome, sentence, failed, **columns):
        return

    window = f"; the window is {_days(windows[episode.arm_id])}"
    if gap < 0:
        when = f"{_days(-gap)} before"
        window = f"; an overlap of {_days(protocol['max_overlap_days'])} is allowed"
    else:
        when = f"{_days(gap)} after" if gap else "on"
    sentence = f"{salvage.ingredient} began {when} the last {failed.ingredient} day{window}."
    is_met = episode.salvage_class == "acute_salvage"
    if is_met and n > 1:
        sentence += f" Of {n} episodes this is the first that meets every rule."
    if not is_met and len(left) > 1:
        sentence += f" None of the {len(left)} episodes that are left meets the rule;"
        sentence += " this one is nearest."
    add("met" if is_met else "not_met", sentence, failed, salvage, **columns)


def _days(n_days: int) -> str:
    return "1 day" if n_days == 1 else f"{n_days} days"


def _on_diagnosis(protocol: Mapping[str, Any], patient: Row) -> tuple[str, str]:
    if protocol["diagnosis"] is None:
        return "not_asked", "the protocol takes any diagnosis."
    asked = fold(protocol["diagnosis"])
    if has_diagnosis(protocol, patient):
        return "met", f"the diagnosis recorded is {asked}."
    if patient["diagnosis"] is None:
        return "not_met", f"no diagnosis is recorded; the protocol asks for {asked}."
    return "not_met", f"the diagnosis recorded is not {asked}."


def _on_refractoriness(protocol: Mapping[str, Any], patient: Row) -> tuple[str, str]:
    if not protocol["require_steroid_refractory"]:
        return "not_asked", "the protocol does not ask for steroid-refractory disease."
    if patient["steroid_refractory"] is None:
        return "not_met", "it is not recorded whether the disease is steroid-refractory."
    if patient["steroid_refractory"]:
        return "met", "the disease is recorded as steroid-refractory."
    return "not_met", "the disease is recorded as not steroid-refractory."


def _on_failure(protocol: Mapping[str, Any], era: Era) -> tuple[str, str]:
    if not protocol["require_failure"]:
        return "not_asked", "the protocol does not ask that the first drug failed."
    last = max(era.exposures, key=lambda e: (e["end"], e["start_date"], e["exposure_id"]))
    exposure = f"the last {era.ingredient} exposure (to {last['end']})"
    if last["stop_reason"] == "failure":
        return "met", f"{exposure} was stopped for failure."
    if last["stop_reason"] is None:
        return "not_met", f"no stop reason is recorded for {exposure}."
    return "not_met", f"{exposure} has the stop reason {last['stop_reason']}, not failure."


# ---- Lost before salvage (docs/decisions/0019) --------------------------------------------------

DEATH, COLECTOMY = "died", "colectomy"  # on one day death is first


def _fates(
    protocol: Mapping[str, Any],
    arms: Arms,
    eras: Sequence[Era],
    episodes: Sequence[Episode],
    death: date | None,
    colectomies: Sequence[date],
) -> dict[str, str | None]:
    """`salvaged`, `died`, `colectomy` or None of an eligible patient in each arm at risk."""
    salvaged = {
        episode.arm_id
        for episode in episodes
        if episode.salvage_class == "acute_salvage" and counts_as_failed(protocol, episode)
    }
    happened = [(day, 1, COLECTOMY) for day in colectomies]
    if death is not None:
        happened.append((death, 0, DEATH))
    fates: dict[str, str | None] = {}
    alternates: dict[str, set[str]] = defaultdict(set)
    for arm in arms:
        alternates[fold(arm["failed_ingredient"])].add(fold(arm["salvage_ingredient"]))
    in_windows: list[tuple[date, int, str]] = []
    for arm in arms:
        window_days = arm["window_days"]
        if window_days is None:
            window_days = protocol["window_days"]
        at_risk = [
            era
            for era in eras
            if era.ingredient == fold(arm["failed_ingredient"])
            and (not protocol["require_failure"] or ended_in_failure(era))
        ]
        if not at_risk:
            continue
        of_arm: list[tuple[date, int, str]] = []
        for failed in at_risk:
            closes = failed.end.toordinal() + window_days
            is_given = any(
                era.ingredient in alternates[fold(arm["failed_ingredient"])]
                and failed.start < era.start
                and era.start.toordinal() <= closes
                for era in eras
            )
            if not is_given:
                of_arm += [
                    event
                    for event in happened
                    if failed.end <= event[0] and event[0].toordinal() <= closes
                ]
        in_windows += of_arm
        is_salvaged = arm["arm_id"] in salvaged
        fates[arm["arm_id"]] = "salvaged" if is_salvaged else _first_event(of_arm)
    if fates:
        fates["all"] = "salvaged" if salvaged else _first_event(in_windows)
    return fates


def _first_event(events: Sequence[tuple[date, int, str]]) -> str | None:
    return min(events)[2] if events else None


def _lost_summary(fates: Sequence[str | None]) -> Row:
    n, n_died, n_colectomy = len(fates), fates.count(DEATH), fates.count(COLECTOMY)
    n_lost, n_salvaged = n_died + n_colectomy, fates.count("salvaged")
    low, high = wilson(n_lost, n)
    return {
        "n_at_risk": n,
        "n_salvaged": n_salvaged,
        "n_lost_before_salvage": n_lost,
        "n_died": n_died,
        "n_colectomy": n_colectomy,
        "n_other": n - n_salvaged - n_lost,
        "lost_share": n_lost / n if n else None,
        # 0 of n and n of n have one bound exactly
        "wilson_low": 0.0 if n and n_lost == 0 else low,
        "wilson_high": 1.0 if n and n_lost == n else high,
    }
