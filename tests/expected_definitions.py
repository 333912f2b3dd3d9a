"""`agg_definition_sensitivity`, by brute force in plain Python.

For every definition each patient's episodes are tried in order with the definition's window,
boundary, overlap and failure rule in the place of the protocol's own (SPEC 3); remission and
serious events are then those of the first episode that passes, by the oracle's own functions
(SPEC 4, 5), asked once for each episode and remission limit.
"""

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import product
from typing import Any

from salvage.project import PROJECT_DIR
from tests.oracle.oracle import (
    Episode,
    Era,
    Reference,
    Row,
    attribution,
    fold,
    has_diagnosis,
    is_refractory,
    is_serious,
    observation_end,
    remission_of,
    wilson,
)

Protocol = Mapping[str, Any]
# What stands for "each arm's own window" among window choices
ARM_WINDOWS = "arm"


@dataclass
class _Patient:
    """A patient with all that is recorded of them."""

    row: Row
    eras: list[Era] = field(default_factory=list)
    episodes: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    records: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class _Candidate:
    """An episode with what becomes of it."""

    start: date
    arm_id: str
    gap_days: int
    has_failed: bool
    is_remission: dict[int | None, bool]  # by remission limit
    has_serious_event: bool


@cache
def _listed(dimension: str) -> tuple[Any, ...]:
    """The listed choices of a dimension, typed; `any` is None."""
    words = {"true": True, "false": False, "any": None}
    path = PROJECT_DIR / "seeds" / "reference" / "definition_choices.csv"
    with path.open(encoding="utf-8", newline="") as file:
        choices = [row["choice"] for row in csv.DictReader(file) if row["dimension"] == dimension]
    return tuple(words[choice] if choice in words else int(choice) for choice in choices)


def _choices(dimension: str, own: Any) -> list[Any]:
    listed = list(_listed(dimension))
    return listed if own in listed else [*listed, own]


def expected_definitions(
    marts: Mapping[str, Sequence[Row]],
    accepted: Mapping[str, Sequence[Row]],
    reference: Reference,
    data_cutoff_date: date | None,
) -> list[Row]:
    """All rows. `marts`: the oracle's eras and episodes; `accepted`: rows by input table."""
    patients = _patients(marts, accepted)
    rescue_ingredients = {
        fold(row["ingredient"]) for row in reference["ingredients"] if row["is_rescue"]
    }
    colectomy_names = {
        fold(row["procedure_name"])
        for row in reference["procedure_names"]
        if fold(row["procedure_group"]) == "colectomy"
    }
    rows = []
    for protocol in reference["protocols"]:
        arms = [
            arm
            for arm in reference["protocol_arms"]
            if arm["protocol_id"] == protocol["protocol_id"]
        ]
        limits = _choices("remission_within_days", protocol["remission_within_days"])

        def candidate(
            patient: _Patient,
            found: Row,
            protocol: Protocol = protocol,
            arms: Sequence[Protocol] = arms,
            limits: Sequence[int | None] = limits,
        ) -> _Candidate:
            episode = _episode(found, arms)
            return _Candidate(
                episode.salvage.start,
                episode.arm_id,
                episode.gap_days,
                episode.is_first_drug_failed,
                {
                    limit: remission_of(
                        episode,
                        {**protocol, "remission_within_days": limit},
                        patient.row,
                        patient.eras,
                        rescue_ingredients,
                        patient.records,
                        colectomy_names,
                        data_cutoff_date,
                    )["is_remission"]
                    for limit in limits
                },
                any(
                    is_serious(event)
                    and attribution(
                        event, episode, protocol, observation_end(patient.row, data_cutoff_date)
                    )
                    == "treatment_emergent"
                    for event in patient.records["adverse_events"]
                ),
            )

        courses = [
            sorted(
                (candidate(patient, found) for found in patient.episodes[protocol["protocol_id"]]),
                key=lambda one: (one.start, one.arm_id),
            )
            for patient in patients
            if has_diagnosis(protocol, patient.row) and is_refractory(protocol, patient.row)
        ]
        rows += _rows(protocol, arms, limits, [course for course in courses if course])
    return rows


def _patients(
    marts: Mapping[str, Sequence[Row]], accepted: Mapping[str, Sequence[Row]]
) -> list[_Patient]:
    patients = {row["patient_id"]: _Patient(row) for row in accepted["patients"]}
    for row in marts["fct_drug_eras"]:
        era = Era(
            row["patient_id"], row["ingredient"], row["era_start_date"], row["era_end_date"], []
        )
        patients[row["patient_id"]].eras.append(era)
    for row in marts["fct_salvage_episodes"]:
        patients[row["patient_id"]].episodes[row["protocol_id"]].append(row)
    for table in ("disease_assessments", "procedures", "adverse_events"):
        for row in accepted[table]:
            patients[row["patient_id"]].records[table].append(row)
    return list(patients.values())


def _episode(row: Row, arms: Sequence[Protocol]) -> Episode:
    """The oracle's episode of a row of fct_salvage_episodes."""
    arm = next(arm for arm in arms if arm["arm_id"] == row["arm_id"])
    failed, salvage = (
        Era(
            row["patient_id"],
            fold(arm[f"{which}_ingredient"]),
            row[f"{which}_era_start_date" if which == "failed" else "salvage_start_date"],
            row[f"{which}_era_end_date" if which == "failed" else "salvage_end_date"],
            [],
        )
        for which in ("failed", "salvage")
    )
    return Episode(
        row["protocol_id"],
        row["arm_id"],
        row["patient_id"],
        failed,
        salvage,
        row["gap_days"],
        row["salvage_class"],
        row["is_first_drug_failed"],
    )


def _rows(
    protocol: Protocol,
    arms: Sequence[Protocol],
    limits: Sequence[int | None],
    courses: Sequence[Sequence[_Candidate]],
) -> list[Row]:
    """The rows of one protocol; `courses`: candidates of each patient, in order."""
    own_windows = {
        arm["arm_id"]: protocol["window_days"] if arm["window_days"] is None else arm["window_days"]
        for arm in arms
    }
    is_one_window = len(set(own_windows.values())) == 1
    own_window = next(iter(own_windows.values())) if is_one_window else ARM_WINDOWS
    own = (own_window, True, protocol["max_overlap_days"], protocol["require_failure"])
    rows = []
    for window, is_inclusive, overlap, require_failure in product(
        _choices("window_days", own_window),
        _choices("is_window_inclusive", True),
        _choices("max_overlap_days", protocol["max_overlap_days"]),
        _choices("require_failure", protocol["require_failure"]),
    ):
        counted = []
        for course in courses:
            for candidate in course:
                gap = candidate.gap_days
                most = own_windows[candidate.arm_id] if window == ARM_WINDOWS else window
                is_within = gap <= most if is_inclusive else gap < most
                if -overlap <= gap and is_within and (candidate.has_failed or not require_failure):
                    counted.append(candidate)
                    break
        for arm_id, arm_label in [
            *((arm["arm_id"], arm["arm_label"]) for arm in arms),
            ("all", "all arms"),
        ]:
            members = [one for one in counted if arm_id in (one.arm_id, "all")]
            shown_window = own_windows.get(arm_id) if window == ARM_WINDOWS else window
            n = len(members)
            n_with_sae = sum(one.has_serious_event for one in members)
            sae_low, sae_high = _interval(n_with_sae, n)
            for limit in limits:
                n_remissions = sum(one.is_remission[limit] for one in members)
                low, high = _interval(n_remissions, n)
                rows.append(
                    {
                        "protocol_id": protocol["protocol_id"],
                        "arm_id": arm_id,
                        "arm_label": arm_label,
                        "definition_id": (
                            f"window={window},inclusive={str(is_inclusive).lower()},"
                            f"overlap={overlap},failure={str(require_failure).lower()},"
                            f"remission={'any' if limit is None else limit}"
                        ),
                        "has_arm_windows": window == ARM_WINDOWS,
                        "window_days": shown_window,
                        "is_window_inclusive": is_inclusive,
                        "max_overlap_days": overlap,
                        "require_failure": require_failure,
                        "remission_within_days": limit,
                        "is_protocol_definition": (
                            (window, is_inclusive, overlap, require_failure) == own
                            and limit == protocol["remission_within_days"]
                        ),
                        "n_patients": n,
                        "n_remissions": n_remissions,
                        "remission_rate": n_remissions / n if n else None,
                        "wilson_low": low,
                        "wilson_high": high,
                        "n_patients_with_sae": n_with_sae,
                        "sae_rate": n_with_sae / n if n else None,
                        "sae_wilson_low": sae_low,
                        "sae_wilson_high": sae_high,
                    }
                )
    return rows


@cache
def _interval(n_events: int, n: int) -> tuple[float | None, float | None]:
    """Wilson's interval; 0 of n and n of n have one bound exactly."""
    low, high = wilson(n_events, n)
    if n and n_events == 0:
        low = 0.0
    if n and n_events == n:
        high = 1.0
    return low, high
