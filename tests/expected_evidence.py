"""The evidence marts in plain Python: the published figures, and this build's beside them.

Written from the issue, SPEC 6, 7 and 9 and docs/decisions/0015, not from the SQL. The reference
seeds are read as data.
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from statistics import median
from typing import Any, NamedTuple

from scipy import stats

from salvage.project import PROJECT_DIR
from tests.expected_survival import Time, colectomy_at
from tests.harness import Marts
from tests.oracle.oracle import Reference, Row, Tables, account_for_rows, fold

Z_95 = float(stats.norm.ppf(0.975))


class Observed(NamedTuple):
    """What this build has beside a figure; without a value `reason` says why."""

    value: float | None = None
    n: int | None = None
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    interval_reason: str | None = None


class Reporting(NamedTuple):
    """The arm that reports a direction with its windows, or why none does."""

    arm_id: str | None
    windows: list[int]
    reason: str | None


NUMBERS: dict[str, Callable[[str], object]] = {
    "n_patients": int,
    "window_days": int,
    "horizon_months": int,
    "published_value": float,
    "printed_decimals": int,
    "numerator": int,
    "denominator": int,
    "standard_error": float,
    "standard_error_decimals": int,
    "interval_low": float,
    "interval_high": float,
    "interval_decimals": int,
}


@cache
def evidence_seed(name: str) -> tuple[Row, ...]:
    """The rows of a reference seed, typed; an empty cell is None."""
    path = PROJECT_DIR / "seeds" / "reference" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            {
                column: None if cell == "" else NUMBERS.get(column, str)(cell)
                for column, cell in row.items()
            }
            for row in csv.DictReader(file)
        )


def wilson(n_events: int, n: int) -> tuple[float | None, float | None]:
    """Wilson's interval; none of nobody."""
    if n == 0:
        return None, None
    interval = stats.binomtest(n_events, n).proportion_ci(method="wilson")
    # 0 of n and n of n have one bound exactly
    low = 0.0 if n_events == 0 else float(interval.low)
    return low, 1.0 if n_events == n else float(interval.high)


def prints_as(value: float, printed: float, decimals: int) -> bool:
    """Within half a unit of the last printed digit."""
    half_a_unit: float = 0.5 / 10**decimals
    return abs(value - printed) <= half_a_unit


# ---- The published side -------------------------------------------------------------------------


def _figure_s_study(figure: Row) -> Row:
    return next(
        row for row in evidence_seed("published_studies") if row["study_id"] == figure["study_id"]
    )


def _published_rate(figure: Row) -> float | None:
    if figure["numerator"] is not None:
        return float(figure["numerator"] / figure["denominator"])
    return float(figure["published_value"] / 100) if figure["unit"] == "percent" else None


def _published_interval(figure: Row) -> tuple[str | None, float | None, float | None]:
    """Source and bounds: from counts, else as printed, else from the printed standard error."""
    if figure["numerator"] is not None:
        return "wilson_from_counts", *wilson(figure["numerator"], figure["denominator"])
    if figure["interval_low"] is not None:
        return "printed", figure["interval_low"] / 100, figure["interval_high"] / 100
    if figure["standard_error"] is not None:
        centre, margin = figure["published_value"] / 100, Z_95 * figure["standard_error"] / 100
        return "standard_error", max(centre - margin, 0.0), min(centre + margin, 1.0)
    return None, None, None


# ---- The observed side --------------------------------------------------------------------------


def _reporting_arms(direction: str, arms: list[Mapping[str, Any]]) -> list[Reporting]:
    """The arms of one protocol that report a direction; else one entry that says why none does."""
    asked = {
        (row["failed_ingredient"], row["salvage_ingredient"])
        for row in evidence_seed("salvage_directions")
        if row["direction"] == direction
    }
    pair_of = {
        arm["arm_id"]: (fold(arm["failed_ingredient"]), fold(arm["salvage_ingredient"]))
        for arm in arms
    }
    windows = {arm["arm_id"]: int(arm["window_days"]) for arm in arms}
    if not asked <= set(pair_of.values()):
        return [Reporting(None, [], "direction_not_in_protocol")]
    if len(asked) == 1:
        return [
            Reporting(arm_id, [windows[arm_id]], None)
            for arm_id, pair in pair_of.items()
            if pair in asked
        ]
    if set(pair_of.values()) != asked:
        return [Reporting(None, [], "other_directions_in_protocol")]
    return [Reporting("all", list(windows.values()), None)]


class _Cohort:
    """The patients of the analysis sets, and what befell them, from the expected marts."""

    def __init__(
        self,
        marts: Marts,
        reference: Reference,
        tables: Tables,
        data_cutoff_date: date | None,
        colectomy_times: Mapping[str, Sequence[Time]],
    ) -> None:
        self.marts = marts
        self.colectomy_times = colectomy_times
        self.episodes = [row for row in marts["fct_salvage_episodes"] if row["is_in_analysis_set"]]
        self.patients = {row["patient_id"]: row for row in marts["dim_patients"]}
        self.cutoff = data_cutoff_date
        accepted, _, _ = account_for_rows(tables, data_cutoff_date)
        groups = {
            fold(row["procedure_name"]): fold(row["procedure_group"])
            for row in reference["procedure_names"]
        }
        self.colectomies: dict[str, list[date]] = {}
        for row in accepted["procedures"]:
            if groups.get(fold(row["procedure_name"])) == "colectomy":
                self.colectomies.setdefault(row["patient_id"], []).append(row["procedure_date"])

    def of_arm(self, protocol_id: str, arm_id: str) -> list[Row]:
        return [
            row
            for row in self.episodes
            if row["protocol_id"] == protocol_id and arm_id in (row["arm_id"], "all")
        ]

    def with_event(self, episodes: list[Row], asked: Callable[[Row], bool]) -> int:
        """Patients of these episodes with such a treatment-emergent event."""
        asked_of = {(row["protocol_id"], row["patient_id"]) for row in episodes}
        found = {
            (event["protocol_id"], event["patient_id"])
            for event in self.marts["fct_adverse_events"]
            if event["attribution"] == "treatment_emergent" and asked(event)
        }
        return len(asked_of & found)

    def is_dead(self, patient_id: str) -> bool:
        death = self.patients[patient_id]["death_date"]
        return death is not None and (self.cutoff is None or death <= self.cutoff)

    def count(self, outcome: str, term: str | None, episodes: list[Row]) -> int | None:
        """Patients with the outcome; None where it is not one of counted patients."""
        if outcome == "remission":
            keys = {(row["protocol_id"], row["patient_id"]) for row in episodes}
            return sum(
                bool(row["is_remission"])
                for row in self.marts["fct_remissions"]
                if (row["protocol_id"], row["patient_id"]) in keys
            )
        if outcome == "colectomy":
            return sum(
                any(
                    day >= row["salvage_start_date"]
                    for day in self.colectomies.get(row["patient_id"], [])
                )
                for row in episodes
            )
        if outcome == "death":
            return sum(self.is_dead(row["patient_id"]) for row in episodes)
        events: dict[str, Callable[[Row], bool]] = {
            "adverse_event": lambda _: True,
            "fatal_event": lambda event: bool(event["is_fatal"]),
            "serious_event": lambda event: bool(event["is_serious"]),
            "serious_event_term": lambda event: (
                event["is_serious"] and event["event_term"].lower() == term
            ),
        }
        return self.with_event(episodes, events[outcome]) if outcome in events else None

    def observed(self, figure: Row, measure: Row, protocol: Row, arm_id: str) -> Observed:
        """This build's figure of an arm."""
        protocol_id, outcome = protocol["protocol_id"], measure["outcome"]
        episodes = self.of_arm(protocol_id, arm_id)
        n = len(episodes)
        if outcome == "patients":
            return Observed(float(n), n)
        if outcome.endswith("_at_horizon"):
            return self.at_horizon(figure, measure, protocol_id, arm_id)
        if n == 0:
            return Observed(reason="no_patients")
        n_events = self.count(outcome, figure["event_term"], episodes)
        if n_events is not None:
            rate = n_events / n
            value = float(n_events) if measure["statistic"] == "count" else 100 * rate
            return Observed(value, n, rate, *wilson(n_events, n))
        if outcome == "median_gap_days":
            return Observed(float(median(row["gap_days"] for row in episodes)), n)
        if outcome == "median_follow_up_months":
            days = median(
                (
                    self.patients[row["patient_id"]]["observation_end_date"]
                    - row["salvage_start_date"]
                ).days
                for row in episodes
            )
            return Observed(days / protocol["days_per_month"], n)
        summary = next(
            row
            for row in self.marts["agg_remission_by_arm"]
            if (row["protocol_id"], row["arm_id"]) == (protocol_id, arm_id)
        )
        if summary["n_remissions"] == 0:
            return Observed(reason="no_remissions")
        return Observed(summary[outcome], summary["n_remissions"])

    def at_horizon(self, figure: Row, measure: Row, protocol_id: str, arm_id: str) -> Observed:
        """Share alive without colectomy some months after salvage, or with colectomy."""
        key = (protocol_id, arm_id, "colectomy_free", figure["horizon_months"])
        row = next(
            row
            for row in self.marts["agg_survival_at_horizons"]
            if (row["protocol_id"], row["arm_id"], row["outcome"], row["horizon_months"]) == key
        )
        if row["survival"] is None:
            return Observed(reason=row["missing_reason"])
        rate, low, high = row["survival"], row["ci_low"], row["ci_high"]
        reason = row["missing_reason"] if low is None else None
        if measure["outcome"] == "colectomy_at_horizon":
            times = self.colectomy_times[protocol_id]
            operated = colectomy_at(times, arm_id, row["horizon_days"])
            rate, low, high = operated["incidence"], operated["ci_low"], operated["ci_high"]
            reason = operated["interval_missing_reason"]
        return Observed(100 * rate, row["n_patients"], rate, low, high, interval_reason=reason)


# ---- Side by side -------------------------------------------------------------------------------


def expected_comparison(
    reference: Reference,
    marts: Marts,
    tables: Tables,
    data_cutoff_date: date | None,
    colectomy_times: Mapping[str, Sequence[Time]],
) -> list[Row]:
    """`agg_published_comparison`."""
    cohort = _Cohort(marts, reference, tables, data_cutoff_date, colectomy_times)
    measures = {row["measure"]: row for row in evidence_seed("published_measures")}
    rows = []
    for protocol in reference["protocols"]:
        arms = [
            {**arm, "window_days": protocol["window_days"]} if arm["window_days"] is None else arm
            for arm in reference["protocol_arms"]
            if arm["protocol_id"] == protocol["protocol_id"]
        ]
        for figure in evidence_seed("published_outcomes"):
            measure = measures[figure["measure"]]
            for reporting in _reporting_arms(figure["direction"], arms):
                if reporting.arm_id is None:
                    observed = Observed(reason=reporting.reason)
                elif measure["not_compared_reason"] is not None:
                    observed = Observed(reason=measure["not_compared_reason"])
                else:
                    observed = cohort.observed(figure, measure, dict(protocol), reporting.arm_id)
                rows.append(_row(figure, measure, protocol, reporting, observed))
    return rows


def _row(
    figure: Row,
    measure: Row,
    protocol: Mapping[str, Any],
    reporting: Reporting,
    observed: Observed,
) -> Row:
    study = _figure_s_study(figure)
    published_rate = _published_rate(figure)
    source, low, high = _published_interval(figure)
    is_reference = study["reference_protocol_id"] == protocol["protocol_id"]
    printed, decimals = figure["published_value"], figure["printed_decimals"]
    difference = None
    if observed.rate is not None and published_rate is not None:
        difference = observed.rate - published_rate
    return {
        "study_id": figure["study_id"],
        "protocol_id": protocol["protocol_id"],
        "arm_id": reporting.arm_id,
        "direction": figure["direction"],
        "measure": figure["measure"],
        "event_term": figure["event_term"],
        "horizon_months": figure["horizon_months"],
        "unit": figure["unit"],
        "published_value": printed,
        "published_n": figure["denominator"],
        "published_rate": published_rate,
        "published_low": low,
        "published_high": high,
        "interval_source": source,
        "observed_value": observed.value,
        "observed_n": observed.n,
        "observed_rate": observed.rate,
        "observed_low": observed.low,
        "observed_high": observed.high,
        "observed_interval_missing_reason": observed.interval_reason,
        "rate_difference": difference,
        "is_reference_study": is_reference,
        "is_match": (
            observed.value is not None and prints_as(observed.value, printed, decimals)
            if is_reference
            else None
        ),
        "window_difference": _window_difference(figure, reporting),
        "population_difference": (
            None
            if is_reference or observed.reason is not None
            else f"Published: {study['population'] or 'population not given'};"
            f" here: {_population(protocol)}."
        ),
        "definition_difference": (
            None
            if is_reference or observed.reason is not None
            else _definition_difference(figure, measure, protocol)
        ),
        "not_compared_reason": observed.reason,
    }


def _window_difference(figure: Row, reporting: Reporting) -> str | None:
    key = (figure["study_id"], figure["direction"])
    direction = next(
        row
        for row in evidence_seed("published_directions")
        if (row["study_id"], row["direction"]) == key
    )
    if reporting.arm_id is None or set(reporting.windows) == {direction["window_days"]}:
        return None
    windows = sorted(set(reporting.windows))
    here = str(windows[0]) if len(windows) == 1 else f"{windows[0]} to {windows[-1]}"
    published = direction["window_description"] or "window not given"
    return f"Published: {published}; here: within {here} days."


def _population(protocol: Mapping[str, Any]) -> str:
    days = protocol["max_overlap_days"]
    words = [fold(protocol["diagnosis"] or "any diagnosis")]
    if protocol["require_steroid_refractory"]:
        words.append("steroid-refractory")
    words.append(
        "after failure of the first drug"
        if protocol["require_failure"]
        else "whether the first drug failed or not"
    )
    words.append(f"with an overlap of at most {days} day{'' if days == 1 else 's'}")
    return ", ".join(words)


def _definition_difference(figure: Row, measure: Row, protocol: Mapping[str, Any]) -> str:
    within = protocol["remission_within_days"]
    limit = "at any time after salvage" if within is None else f"within {within} days of salvage"
    here = measure["observed_definition"].replace("{remission_limit}", limit)
    here = here.replace("{ae_risk_window_days}", str(protocol["ae_risk_window_days"]))
    return f"Published: {figure['definition_note'] or 'definition not given'}; here: {here}."


# ---- What the papers print, recomputed ----------------------------------------------------------


@cache
def _integrity() -> tuple[Row, ...]:
    figures = evidence_seed("published_outcomes")
    rows: list[Row] = []

    def add(
        figure: Row, kind: str, printed: float, decimals: int, recomputed: float, n: int
    ) -> None:
        follows = prints_as(recomputed, printed, decimals)
        keys = ("study_id", "direction", "measure", "event_term", "horizon_months")
        rows.append(
            {key: figure[key] for key in keys}
            | {
                "check_kind": kind,
                "printed_value": float(printed),
                "printed_decimals": decimals,
                "recomputed_value": float(recomputed),
                "follows": follows,
                "explanation": explanation(kind, follows, printed > recomputed, n),
            }
        )

    for figure in figures:
        value, n = figure["published_value"], figure["denominator"]
        n = n or _figure_s_study(figure)["n_patients"]
        if figure["unit"] == "percent":
            share = value / 100
            error = 100 * math.sqrt(share * (1 - share) / n)
            if figure["numerator"] is not None:
                again = 100 * figure["numerator"] / n
                decimals = figure["printed_decimals"]
                add(figure, "percentage_from_counts", value, decimals, again, n)
            if figure["standard_error"] is not None:
                printed, decimals = figure["standard_error"], figure["standard_error_decimals"]
                add(figure, "standard_error_from_proportion", printed, decimals, error, n)
            if figure["interval_low"] is not None:
                for end, again in (
                    ("low", max(value - Z_95 * error, 0.0)),
                    ("high", min(value + Z_95 * error, 100.0)),
                ):
                    printed, decimals = figure[f"interval_{end}"], figure["interval_decimals"]
                    kind = f"interval_{end}_from_proportion"
                    add(figure, kind, printed, decimals, again, n)
        parts = [
            part["published_value"]
            for row in evidence_seed("published_parts")
            for part in figures
            if row["study_id"] == figure["study_id"] == part["study_id"]
            and (row["whole_direction"], row["whole_measure"])
            == (figure["direction"], figure["measure"])
            and (row["part_direction"], row["part_measure"]) == (part["direction"], part["measure"])
        ]
        if parts:
            decimals = figure["printed_decimals"]
            add(figure, "parts_sum_to_whole", value, decimals, sum(parts), len(parts))
    return tuple(rows)


def explanation(kind: str, follows: bool, is_larger: bool, n: int) -> str:
    """The sentence beside a check; is_larger: the printed value than the recomputed one."""
    if kind == "percentage_from_counts":
        which = "this" if follows else "another"
        return f"The patients with it are {which} percentage of {n}."
    if kind == "parts_sum_to_whole":
        return f"Its {n} parts add up to {'it' if follows else 'something else'}."
    if kind == "standard_error_from_proportion":
        error = f"binomial error of {n} patients"
        if follows:
            return f"The {error}, as if none was censored before."
        if is_larger:
            return f"Larger than the {error}, which only holds without censoring."
        return f"Smaller than the {error}, which censoring does not explain."
    if follows:
        return f"The normal 95% limits of {n} patients, within 0 and 100%."
    return f"Not the normal 95% limits of {n} patients: another method, or other patients."


def expected_integrity() -> list[Row]:
    """`dq_published_integrity`: the same for every cohort."""
    return [dict(row) for row in _integrity()]


def add_evidence(
    reference: Reference,
    marts: Marts,
    tables: Tables,
    data_cutoff_date: date | None,
    colectomy_times: Mapping[str, Sequence[Time]],
) -> None:
    """Add the evidence marts to the expected ones."""
    marts["agg_published_comparison"] = expected_comparison(
        reference, marts, tables, data_cutoff_date, colectomy_times
    )
    marts["dq_published_integrity"] = expected_integrity()
