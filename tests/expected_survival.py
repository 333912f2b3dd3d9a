"""What the survival and comparison marts must hold, in plain Python from SPEC 6.

Survival is computed in exact fractions. p values are SciPy's and lifelines'.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from itertools import combinations
from typing import Any, NamedTuple

from scipy import stats

from tests.harness import Marts
from tests.oracle.oracle import Reference, Row, fold

Z = float(stats.norm.ppf(0.975))
HORIZON_MONTHS = (1, 3, 6, 12, 24)
CAUSES = ("remission_loss", "colectomy", "death")
LOG_LOG = "log-log"
# Longest window of a study, days (SPEC leaves it open; dbt_project.yml says it).
MAX_DAYS = 1_000_000


class Time(NamedTuple):
    """One followed patient: days, and what ended them; None is censored."""

    arm_id: str
    days: int
    event: str | None


class Step(NamedTuple):
    """A Kaplan-Meier step; `greenwood`: the variance over the square of survival."""

    day: int
    n_at_risk: int
    n_events: int
    n_censored: int
    survival: Fraction
    greenwood: Fraction


def add_survival_marts(
    marts: Marts,
    reference: Reference,
    accepted: Mapping[str, Sequence[Row]],
    data_cutoff_date: date | None,
) -> dict[str, list[Time]]:
    """Add the survival and comparison marts, and the median to agg_remission_by_arm.

    Returns the times to colectomy or death of each protocol.
    """
    groups = {fold(r["procedure_name"]): r["procedure_group"] for r in reference["procedure_names"]}
    colectomies: dict[str, list[date]] = defaultdict(list)
    for row in accepted["procedures"]:
        if groups.get(fold(row["procedure_name"])) == "colectomy":
            colectomies[row["patient_id"]].append(row["procedure_date"])
    patients = {row["patient_id"]: row for row in marts["dim_patients"]}

    remission: dict[str, list[Time]] = defaultdict(list)
    colectomy_free: dict[str, list[Time]] = defaultdict(list)
    for row in marts["fct_remissions"]:
        if row["is_remission"]:
            remission[row["protocol_id"]].append(
                Time(row["arm_id"], row["duration_days"], row["loss_reason"])
            )
        patient, start = row["patient_id"], row["salvage_start_date"]
        ends = [(day, "colectomy") for day in colectomies[patient] if day >= start]
        # A death after the last visit counts, one after the data cut-off is not known (0005).
        death = patients[patient]["death_date"]
        if death is not None and (data_cutoff_date is None or death <= data_cutoff_date):
            ends.append((death, "death"))
        end = min((day for day, _ in ends), default=patients[patient]["observation_end_date"])
        # On one day the later word of the alphabet, death, counts.
        event = max((event for day, event in ends if day == end), default=None)
        colectomy_free[row["protocol_id"]].append(Time(row["arm_id"], (end - start).days, event))

    for mart in (
        "agg_remission_survival",
        "agg_remission_survival_grid",
        "agg_colectomy_free_survival",
        "agg_remission_loss_incidence",
        "agg_survival_at_horizons",
        "agg_arm_comparison",
    ):
        marts[mart] = []
    for protocol in reference["protocols"]:
        protocol_id, days_per_month = protocol["protocol_id"], protocol["days_per_month"]
        labels = {
            arm["arm_id"]: arm["arm_label"]
            for arm in reference["protocol_arms"]
            if arm["protocol_id"] == protocol_id
        }
        for arm_id, label in [*labels.items(), ("all", "all arms")]:
            key = {"protocol_id": protocol_id, "arm_id": arm_id, "arm_label": label}
            mine = _of_arm(remission[protocol_id], arm_id)
            operated = _of_arm(colectomy_free[protocol_id], arm_id)
            marts["agg_remission_survival"] += _curve_rows(key, mine)
            marts["agg_colectomy_free_survival"] += _curve_rows(key, operated)
            marts["agg_remission_survival_grid"] += _grid_rows(key, mine, remission[protocol_id])
            marts["agg_remission_loss_incidence"] += _incidence_rows(key, mine)
            for outcome, times in (("remission", mine), ("colectomy_free", operated)):
                marts["agg_survival_at_horizons"] += [
                    _horizon_row(key | {"outcome": outcome}, times, months, days_per_month)
                    for months in HORIZON_MONTHS
                ]
            for row in marts["agg_remission_by_arm"]:
                if (row["protocol_id"], row["arm_id"]) == (protocol_id, arm_id):
                    row |= _median(mine, days_per_month)
        marts["agg_arm_comparison"] += _comparison_rows(
            protocol_id, sorted(labels), marts, remission[protocol_id], colectomy_free[protocol_id]
        )
    return colectomy_free


def colectomy_at(times: Sequence[Time], arm_id: str, day: int) -> Row:
    """Incidence of colectomy in an arm up to a day, death competing, with its interval."""
    rows = _incidence_rows({}, _of_arm(times, arm_id))
    return [r for r in rows if r["cause"] == "colectomy" and r["duration_days"] <= day][-1]


def _of_arm(times: Iterable[Time], arm_id: str) -> list[Time]:
    return [time for time in times if arm_id in (time.arm_id, "all")]


def _curve(times: Sequence[Time]) -> list[Step]:
    steps = []
    survival, greenwood = Fraction(1), Fraction(0)
    for day in sorted({0, *(time.days for time in times)} if times else ()):
        n_at_risk = sum(time.days >= day for time in times)
        n_events = sum(time.days == day and time.event is not None for time in times)
        n_censored = sum(time.days == day and time.event is None for time in times)
        survival *= 1 - Fraction(n_events, n_at_risk)
        if n_events < n_at_risk:
            greenwood += Fraction(n_events, n_at_risk * (n_at_risk - n_events))
        steps.append(Step(day, n_at_risk, n_events, n_censored, survival, greenwood))
    return steps


def _estimates(step: Step, n: int) -> Row:
    reason = None
    if n == 1:
        reason = "one_patient"
    elif step.survival == 1:
        reason = "no_events"
    elif step.survival == 0:
        reason = "no_survivors"
    low = high = None
    survival = float(step.survival)
    if reason is None:
        reach = Z * math.sqrt(step.greenwood) / math.log(survival)
        low, high = (
            math.exp(-math.exp(math.log(-math.log(survival)) + sign * reach)) for sign in (-1, 1)
        )
    return {
        "survival": survival,
        "std_error": survival * math.sqrt(step.greenwood) if step.survival > 0 else None,
        "ci_low": low,
        "ci_high": high,
        "ci_transform": LOG_LOG,
        "interval_missing_reason": reason,
    }


def _curve_rows(key: Row, times: Sequence[Time]) -> list[Row]:
    return [
        key
        | {
            "duration_days": step.day,
            "n_at_risk": step.n_at_risk,
            "n_events": step.n_events,
            "n_censored": step.n_censored,
        }
        | _estimates(step, len(times))
        for step in _curve(times)
    ]


def _unknown(estimates: Row) -> Row:
    return estimates | dict.fromkeys(("survival", "std_error", "ci_low", "ci_high"))


def _grid_rows(key: Row, times: Sequence[Time], all_times: Sequence[Time]) -> list[Row]:
    """The curve's value on every day on which anybody of the protocol has an end."""
    if not all_times:
        return []
    days = sorted({0, *(time.days for time in all_times)})
    if not times:
        nobody = {"n_at_risk": 0, "n_events": 0, "n_censored": 0, "ci_transform": LOG_LOG}
        nobody |= {"interval_missing_reason": "no_patients"}
        return [key | {"duration_days": day} | _unknown(nobody) for day in days]
    curve, rows = _curve(times), []
    last = max(time.days for time in times)
    for day in days:
        step = [step for step in curve if step.day <= day][-1]
        estimates = _estimates(step, len(times))
        if day > last and step.survival > 0:
            estimates = _unknown(estimates) | {"interval_missing_reason": "beyond_follow_up"}
        ended = [time for time in times if time.days == day]
        rows.append(
            key
            | {
                "duration_days": day,
                "n_at_risk": sum(time.days >= day for time in times),
                "n_events": sum(time.event is not None for time in ended),
                "n_censored": sum(time.event is None for time in ended),
            }
            | estimates
        )
    return rows


def _median(times: Sequence[Time], days_per_month: float) -> Row:
    steps = _curve(times)
    estimates = [(step, _estimates(step, len(times))) for step in steps]

    def first(reaches_half: Callable[[Step, Row], bool]) -> float | None:
        days = [step.day for step, estimate in estimates if reaches_half(step, estimate)]
        return days[0] / days_per_month if days else None

    def bound_reaches_half(name: str) -> Callable[[Step, Row], bool]:
        return lambda _, row: row[name] is not None and row[name] <= 0.5 + 1e-9

    median = first(lambda step, _: step.survival <= Fraction(1, 2))
    low, high = first(bound_reaches_half("ci_low")), first(bound_reaches_half("ci_high"))
    reason = None
    if not times:
        reason = "no_remission"
    elif median is None:
        reason = "not_reached"
    elif len(times) == 1:
        reason = "one_patient"
    elif low is None or high is None:
        reason = "bound_not_reached"
    return {
        "km_median_months": median,
        "km_median_low_months": low,
        "km_median_high_months": high,
        "km_median_missing_reason": reason,
    }


def _horizon_row(key: Row, times: Sequence[Time], months: int, days_per_month: float) -> Row:
    horizon = min(math.floor(months * days_per_month + 0.5), MAX_DAYS)
    row = key | {
        "horizon_months": months,
        "horizon_days": horizon,
        "n_patients": len(times),
        "n_at_risk": sum(time.days >= horizon for time in times),
        "survival": None,
        "std_error": None,
        "ci_low": None,
        "ci_high": None,
        "ci_transform": LOG_LOG,
        "restricted_mean_days": None,
        "restricted_mean_std_error_days": None,
        "restricted_mean_low_days": None,
        "restricted_mean_high_days": None,
    }
    if not times:
        return row | {"missing_reason": "no_patients"}
    steps = [step for step in _curve(times) if step.day <= horizon]
    if max(time.days for time in times) < horizon and steps[-1].survival > 0:
        return row | {"missing_reason": "beyond_follow_up"}
    estimates = _estimates(steps[-1], len(times))
    reason = estimates.pop("interval_missing_reason")
    ends = [step.day for step in steps[1:]] + [horizon]
    areas = [step.survival * (end - step.day) for step, end in zip(steps, ends, strict=True)]
    variance = sum(
        (
            sum(areas[place:], Fraction(0)) ** 2
            * Fraction(step.n_events, step.n_at_risk * (step.n_at_risk - step.n_events))
            for place, step in enumerate(steps)
            if step.n_events < step.n_at_risk
        ),
        Fraction(0),
    )
    mean, error = float(sum(areas)), math.sqrt(variance)
    if variance > 0:
        row["restricted_mean_low_days"] = max(mean - Z * error, 0.0)
        row["restricted_mean_high_days"] = min(mean + Z * error, float(horizon))
    elif reason is None:
        reason = "no_variance"
    return (
        row
        | estimates
        | {
            "restricted_mean_days": mean,
            "restricted_mean_std_error_days": error,
            "missing_reason": reason,
        }
    )


def _incidence_rows(key: Row, times: Sequence[Time]) -> list[Row]:
    """Aalen-Johansen, the variance as the double sum of the delta method."""
    rows = []
    for cause in CAUSES:
        ended = [
            time._replace(event="remission_loss")
            if time.event in ("relapse", "new_rescue_therapy")
            else time
            for time in times
        ]
        incidence, before = Fraction(0), Fraction(1)
        past: list[tuple[Step, int, Fraction, Fraction]] = []
        for step in _curve(ended):
            n_cause = sum(time.days == step.day and time.event == cause for time in ended)
            incidence += before * Fraction(n_cause, step.n_at_risk)
            past.append((step, n_cause, before, incidence))
            before = step.survival
            variance = _incidence_variance(past)
            rows.append(
                key
                | {
                    "cause": cause,
                    "duration_days": step.day,
                    "n_at_risk": step.n_at_risk,
                    "n_events": n_cause,
                    "incidence": float(incidence),
                    "std_error": math.sqrt(variance) if incidence < 1 else None,
                    "ci_transform": LOG_LOG,
                }
                | _incidence_interval(incidence, math.sqrt(variance), len(times))
            )
    return rows


def _incidence_variance(past: Sequence[tuple[Step, int, Fraction, Fraction]]) -> Fraction:
    now = past[-1][3]
    variance = Fraction(0)
    for step, n_cause, before, then in past:
        n, n_any = step.n_at_risk, step.n_events
        if n_any < n:
            variance += (now - then) ** 2 * Fraction(n_any, n * (n - n_any))
        variance += before**2 * Fraction(n_cause * (n - n_cause), n**3)
        variance -= 2 * (now - then) * before * Fraction(n_cause, n**2)
    return variance


def _incidence_interval(incidence: Fraction, error: float, n: int) -> Row:
    reason = (
        "one_patient"
        if n == 1
        else "no_events"
        if incidence == 0
        else "everybody"
        if incidence == 1
        else None
    )
    low = high = None
    if reason is None:
        value = float(incidence)
        reach = Z * error / (value * math.log(value))
        low, high = (value ** math.exp(sign * reach) for sign in (-1, 1))
    return {"ci_low": low, "ci_high": high, "interval_missing_reason": reason}


def _comparison_rows(
    protocol_id: str,
    arm_ids: Sequence[str],
    marts: Marts,
    remission: Sequence[Time],
    colectomy_free: Sequence[Time],
) -> list[Row]:
    rows = []
    for one, other in combinations(arm_ids, 2):
        key = {"protocol_id": protocol_id, "arm_id": one, "other_arm_id": other}
        for outcome, mart, column in (
            ("remission", "agg_remission_by_arm", "n_remissions"),
            ("serious_adverse_event", "agg_adverse_events_by_arm", "n_patients_with_sae"),
        ):
            of_arm = {
                row["arm_id"]: (row["n_patients"], row[column])
                for row in marts[mart]
                if row["protocol_id"] == protocol_id
            }
            rows.append(key | {"outcome": outcome} | _fisher(of_arm[one], of_arm[other]))
        for outcome, times in (
            ("remission_duration", remission),
            ("colectomy_free_survival", colectomy_free),
        ):
            tested = _log_rank(_of_arm(times, one), _of_arm(times, other))
            rows.append(key | {"outcome": outcome} | tested)
    return rows


def _fisher(one: tuple[int, int], other: tuple[int, int]) -> Row:
    p_value: Any = None
    if one[0] and other[0]:
        table = [[one[1], one[0] - one[1]], [other[1], other[0] - other[1]]]
        p_value = float(stats.fisher_exact(table)[1])
    return {
        "n_patients": one[0],
        "other_n_patients": other[0],
        "n_events": one[1],
        "other_n_events": other[1],
        "test": "fisher_exact",
        "chi_square": None,
        "p_value": p_value,
        "missing_reason": None if p_value is not None else "no_patients",
    }


def _log_rank(one: Sequence[Time], other: Sequence[Time]) -> Row:
    both = [*one, *other]
    excess, variance = Fraction(0), Fraction(0)
    for day in {time.days for time in both if time.event is not None}:
        n_one = sum(time.days >= day for time in one)
        n = sum(time.days >= day for time in both)
        n_events = sum(time.days == day and time.event is not None for time in both)
        excess += sum(time.days == day and time.event is not None for time in one)
        excess -= Fraction(n_events * n_one, n)
        if n > 1:
            variance += Fraction(n_events * n_one * (n - n_one) * (n - n_events), n**2 * (n - 1))
    chi_square = float(excess**2 / variance) if variance else None
    return {
        "n_patients": len(one),
        "other_n_patients": len(other),
        "n_events": sum(time.event is not None for time in one),
        "other_n_events": sum(time.event is not None for time in other),
        "test": "log_rank",
        "chi_square": chi_square,
        "p_value": None if chi_square is None else float(stats.chi2.sf(chi_square, 1)),
        "missing_reason": None
        if chi_square is not None
        else "no_patients"
        if not (one and other)
        else "nothing_to_compare"
        if any(time.event is not None for time in both)
        else "no_events",
    }
