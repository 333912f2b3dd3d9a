"""The macros of survival statistics, each on tables of its own, against others' results.

References: lifelines, statsmodels, and R's survival package (../shared/data/survival). Many cohorts
are put to a macro at once, each as one group of its relation.
"""

import csv
import json
import math
import random
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test
from lifelines.utils import restricted_mean_survival_time
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight, survdiff

from salvage.project import PROJECT_DIR
from tests.harness import Compile, named_rows
from tests.oracle.oracle import Row

R_RESULTS = PROJECT_DIR.parent / "shared" / "data" / "survival"
DATA_SETS = ("aml", "lung", "veteran")
needs_r_results = pytest.mark.skipif(
    not R_RESULTS.is_dir(), reason=f"R's reference results are not at {R_RESULTS}"
)
# Cohorts of an example, and examples: 500 random cohorts at least for every statistic.
N_TOGETHER, N_EXAMPLES = 25, 20
# A batch that fails is reported as drawn: to shrink it takes minutes, and its first fault is named.
many = settings(max_examples=N_EXAMPLES, phases=[Phase.explicit, Phase.generate])


class Subject(NamedTuple):
    arm: str
    duration: int
    cause: str | None  # None: censored


Cohort = list[Subject]
Macro = Callable[[Sequence[Cohort]], list[Row]]

# Few days make ties, many make none; none, some or all are censored.
subjects = st.builds(
    Subject,
    st.sampled_from(["A", "B", "C"]),
    st.integers(0, 6) | st.integers(0, 1000),
    st.sampled_from([None, "loss", "death", "colectomy"]),
)
cohort_lists = st.lists(
    st.lists(subjects, min_size=1, max_size=30), min_size=N_TOGETHER, max_size=N_TOGETHER
)


def close(found: float | None, expected: float, tolerance: float = 1e-6) -> bool:
    return found is not None and math.isclose(found, expected, rel_tol=0, abs_tol=tolerance)


@pytest.fixture(scope="session")
def macro(compile_inline: Compile) -> Callable[[str], Macro]:
    """Runs a macro's SQL on cohorts: the table `subjects`, grouped by `cohort`."""

    def compiled(sql: str) -> Macro:
        query, said = compile_inline(sql)
        assert query, said

        def run(cohorts: Sequence[Cohort]) -> list[Row]:
            rows = [
                [str(number), subject.arm, str(subject.duration), subject.cause]
                for number, cohort in enumerate(cohorts)
                for subject in cohort
            ]
            with duckdb.connect() as connection:
                connection.execute(
                    "create table subjects as select cast(cells[1] as integer) as cohort,"
                    " cells[2] as arm, cast(cells[3] as integer) as duration, cells[4] as cause,"
                    " cells[4] is not null as is_event"
                    " from (select unnest(cast(? as varchar[][])) as cells)",
                    [rows],
                )
                return named_rows(connection.execute(query))

        return run

    return compiled


def by_cohort(rows: Sequence[Row], n_cohorts: int) -> list[list[Row]]:
    """The rows of each cohort, by time where they have one."""
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        for value in row.values():
            assert not isinstance(value, float) or math.isfinite(value), row
        found[row["cohort"]].append(row)
    return [
        sorted(found[n], key=lambda row: (str(row.get("cause")), row.get("duration", 0)))
        for n in range(n_cohorts)
    ]


def fitted(cohort: Cohort) -> KaplanMeierFitter:
    durations, events = times_and_events(cohort)
    return KaplanMeierFitter().fit(durations, events)


def times_and_events(cohort: Cohort) -> tuple[list[int], list[bool]]:
    return [s.duration for s in cohort], [s.cause is not None for s in cohort]


# ---- Kaplan-Meier --------------------------------------------------------------------------------

CURVES = "{{ kaplan_meier('subjects', ['cohort'], 'duration', 'is_event') }}"


@pytest.fixture(scope="session")
def kaplan_meier(macro: Callable[[str], Macro]) -> Macro:
    return macro(CURVES)


def expected_reason(row: Row, cohort: Cohort) -> str | None:
    if len(cohort) == 1:
        return "one_patient"
    if all(s.cause is None for s in cohort if s.duration <= row["duration"]):
        return "no_events"
    return "no_survivors" if row["n_events"] == row["n_at_risk"] else None


def assert_curve(rows: Sequence[Row], cohort: Cohort) -> None:
    estimate = fitted(cohort)
    table = estimate.event_table
    assert [row["duration"] for row in rows] == list(table.index)
    assert [row["n_at_risk"] for row in rows] == list(table["at_risk"])
    assert [row["n_events"] for row in rows] == list(table["observed"])
    assert [row["n_censored"] for row in rows] == list(table["censored"])
    survival = list(estimate.survival_function_.iloc[:, 0])
    bounds = estimate.confidence_interval_.to_numpy()
    durations, events = times_and_events(cohort)
    with np.errstate(all="ignore"):
        greenwood = SurvfuncRight(np.array(durations), np.array(events, dtype=int))
    errors = dict(zip(greenwood.surv_times, greenwood.surv_prob_se, strict=True))
    error = 0.0
    for row, expected, (low, high) in zip(rows, survival, bounds, strict=True):
        assert close(row["survival"], expected), row
        error = errors.get(row["duration"], error)
        reason = expected_reason(row, cohort)
        assert row["interval_missing_reason"] == reason, row
        if row["n_events"] == row["n_at_risk"]:
            assert row["std_error"] is None and row["survival"] == 0.0
        else:
            assert close(row["std_error"], error), row
        if reason is None:
            assert close(row["ci_low"], low) and close(row["ci_high"], high), row
        else:
            assert row["ci_low"] is None and row["ci_high"] is None


@many
@given(cohort_lists)
def test_kaplan_meier_of_random_cohorts(kaplan_meier: Macro, cohorts: list[Cohort]) -> None:
    found = by_cohort(kaplan_meier(cohorts), len(cohorts))
    for rows, cohort in zip(found, cohorts, strict=True):
        assert_curve(rows, cohort)


def test_kaplan_meier_of_a_large_cohort(kaplan_meier: Macro) -> None:
    chance = random.Random(1)
    cohort = [
        Subject("A", int(chance.expovariate(1 / 700)), chance.choice([None, "loss"]))
        for _ in range(20_000)
    ]
    assert_curve(by_cohort(kaplan_meier([cohort]), 1)[0], cohort)


def test_subject_without_a_time_is_left_out(compile_inline: Compile) -> None:
    subjects = (
        "(select 1 as cohort, 5 as duration, true as is_event"
        " union all select 1, null, true union all select 1, 7, null"
        " union all select 2, null, false)"
    )
    query, said = compile_inline(
        f"with subjects as {subjects}, curves as ({CURVES}) select * from curves"
    )
    assert query, said
    rows = duckdb.sql(f"select duration, n_at_risk from ({query}) order by duration").fetchall()
    assert rows == [(0, 1), (5, 1)]


# ---- Medians and restricted means ----------------------------------------------------------------

HORIZON = 90


@pytest.fixture(scope="session")
def medians(macro: Callable[[str], Macro]) -> Macro:
    return macro(
        f"with curves as ({CURVES}), medians as ("
        "{{ survival_medians('curves', ['cohort'], 'duration') }}) select * from medians"
    )


@pytest.fixture(scope="session")
def restricted_means(macro: Callable[[str], Macro]) -> Macro:
    return macro(
        f"with curves as ({CURVES}), horizons as (select distinct cohort, horizon from subjects,"
        f" (values (3), ({HORIZON}), (1022)) as stated (horizon)), means as ("
        "{{ restricted_means('curves', ['cohort'], 'duration', 'horizons', 'horizon') }})"
        " select * from means"
    )


def none_if_infinite(value: float) -> float | None:
    return None if math.isinf(value) or math.isnan(value) else value


@many
@given(cohort_lists)
def test_medians_of_random_cohorts(medians: Macro, cohorts: list[Cohort]) -> None:
    found = by_cohort(medians(cohorts), len(cohorts))
    for [row], cohort in zip(found, cohorts, strict=True):
        estimate = fitted(cohort)
        survival = estimate.survival_function_.iloc[:, 0]
        reached = survival.index[survival <= 0.5 + 1e-9]
        assert row["median"] == (min(reached) if len(reached) else None)
        # lifelines forgives nothing: a survival of one half may be rounded to a little more.
        if row["median"] is None or abs(survival[row["median"]] - 0.5) > 1e-9:
            assert row["median"] == none_if_infinite(estimate.median_survival_time_)
        # Where survival is 0 or 1, lifelines gives an interval of that point; we give none.
        bounds = estimate.confidence_interval_.copy()
        bounds[(survival == 0) | (survival == 1)] = np.nan
        for column, name in zip(bounds, ("median_low", "median_high"), strict=True):
            reached = bounds.index[bounds[column] <= 0.5 + 1e-9]
            assert row[name] == (min(reached) if len(reached) else None), row
        n_below = survival.index[survival < 0.5 - 1e-9]
        if row["median"] is not None:
            upper = min(n_below) if len(n_below) else row["median"]
            at_half = survival[row["median"]] >= 0.5 - 1e-9
            middle = (row["median"] + upper) / 2 if at_half else row["median"]
            assert row["median_midpoint"] == middle


def area_and_error(cohort: Cohort, horizon: float) -> tuple[float, float]:
    """Restricted mean and its standard error; the last survival is carried forward as in R."""
    estimate = fitted(cohort)
    table, survival = estimate.event_table, estimate.survival_function_.iloc[:, 0]
    times = [*(time for time in table.index if time <= horizon), horizon]
    areas = [survival[time] * (after - time) for time, after in pairwise(times)]
    variance = 0.0
    for place, time in enumerate(times[:-1]):
        n, n_events = table["at_risk"][time], table["observed"][time]
        if n_events < n:
            variance += sum(areas[place:]) ** 2 * n_events / (n * (n - n_events))
    return sum(areas), math.sqrt(variance)


@many
@given(cohort_lists)
def test_restricted_means_of_random_cohorts(restricted_means: Macro, cohorts: list[Cohort]) -> None:
    found = by_cohort(restricted_means(cohorts), len(cohorts))
    for rows, cohort in zip(found, cohorts, strict=True):
        assert len(rows) == 3
        estimate = fitted(cohort)
        last = max(s.duration for s in cohort)
        for row in rows:
            horizon = row["horizon"]
            assert row["n_at_risk"] == sum(s.duration >= horizon for s in cohort)
            survival = float(estimate.predict(horizon))
            assert row["is_beyond_follow_up"] == (last < horizon and survival > 0)
            if row["is_beyond_follow_up"]:
                assert row["survival"] is None and row["restricted_mean"] is None
                assert row["restricted_mean_std_error"] is None and row["ci_low"] is None
                assert row["restricted_mean_low"] is None and row["restricted_mean_high"] is None
                continue
            mean, error = area_and_error(cohort, horizon)
            if horizon == HORIZON:  # lifelines integrates slowly
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    reference = restricted_mean_survival_time(estimate, horizon)
                assert close(row["restricted_mean"], reference)
            assert close(row["survival"], survival)
            assert close(row["restricted_mean"], mean)
            assert close(row["restricted_mean_std_error"], error)
            if error == 0:
                assert row["restricted_mean_low"] is None and row["restricted_mean_high"] is None
            else:
                low, high = mean - 1.959963984540054 * error, mean + 1.959963984540054 * error
                assert close(row["restricted_mean_low"], max(low, 0.0))
                assert close(row["restricted_mean_high"], min(high, horizon))


# ---- Log-rank ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def log_rank(macro: Callable[[str], Macro]) -> Macro:
    return macro("{{ log_rank_tests('subjects', ['cohort'], 'arm', 'duration', 'is_event') }}")


def is_comparable(one: Cohort, other: Cohort) -> bool:
    """Is there an event while both arms have somebody at risk, but for a certain one of all?"""
    both = [*one, *other]
    return any(
        any(s.duration >= time for s in one)
        and any(s.duration >= time for s in other)
        and any(s.duration > time or (s.duration == time and s.cause is None) for s in both)
        for time in {s.duration for s in both if s.cause is not None}
    )


def assert_log_rank(row: Row, one: Cohort, other: Cohort) -> None:
    assert (row["n_subjects"], row["other_n_subjects"]) == (len(one), len(other))
    assert row["n_events"] == sum(s.cause is not None for s in one)
    assert row["other_n_events"] == sum(s.cause is not None for s in other)
    if not is_comparable(one, other):
        assert row["chi_square"] is None and row["p_value"] is None, row
        return
    times, events = times_and_events(one)
    other_times, other_events = times_and_events(other)
    expected = logrank_test(times, other_times, events, other_events)
    assert close(row["chi_square"], expected.test_statistic), row
    assert close(row["p_value"], expected.p_value), row
    chi_square, p_value = survdiff(
        np.array(times + other_times, dtype=float),
        np.array(events + other_events, dtype=int),
        np.array([0] * len(one) + [1] * len(other)),
    )
    assert close(row["chi_square"], chi_square) and close(row["p_value"], p_value)


@many
@given(cohort_lists)
def test_log_rank_of_random_cohorts(log_rank: Macro, cohorts: list[Cohort]) -> None:
    found = by_cohort(log_rank(cohorts), len(cohorts))
    for rows, cohort in zip(found, cohorts, strict=True):
        arms = {arm: [s for s in cohort if s.arm == arm] for arm in "ABC"}
        pairs = [pair for pair in combinations("ABC", 2) if all(arms[arm] for arm in pair)]
        assert sorted((row["arm"], row["other_arm"]) for row in rows) == pairs
        for row in rows:
            assert_log_rank(row, arms[row["arm"]], arms[row["other_arm"]])


# ---- Competing events ----------------------------------------------------------------------------

CAUSES = ["loss", "colectomy"]  # death competes too, without rows of its own


@pytest.fixture(scope="session")
def incidences(macro: Callable[[str], Macro]) -> Macro:
    return macro(
        "{{ cumulative_incidences('subjects', ['cohort'], 'duration', 'cause', "
        + json.dumps(CAUSES)
        + ") }}"
    )


def rows_of(rows: Sequence[Row], cause: str) -> list[Row]:
    return [row for row in rows if row["cause"] == cause]


def assert_interval(row: Row, cohort: Cohort) -> None:
    n_so_far = sum(s.cause == row["cause"] and s.duration <= row["duration"] for s in cohort)
    reason: str | None
    if len(cohort) == 1:
        reason = "one_patient"
    elif n_so_far == 0:
        reason = "no_events"
    else:
        reason = "everybody" if close(row["incidence"], 1.0, 1e-9) else None
    assert row["interval_missing_reason"] == reason, row
    if reason is None:
        reach = math.exp(
            1.959963984540054 * row["std_error"] / (row["incidence"] * -math.log(row["incidence"]))
        )
        assert close(row["ci_low"], row["incidence"] ** reach)
        assert close(row["ci_high"], row["incidence"] ** (1 / reach))
    else:
        assert row["ci_low"] is None and row["ci_high"] is None


@many
@given(cohort_lists)
def test_incidences_of_random_cohorts(incidences: Macro, cohorts: list[Cohort]) -> None:
    """Against statsmodels, which knows ties, and the delta method as a double sum."""
    found = by_cohort(incidences(cohorts), len(cohorts))
    for rows, cohort in zip(found, cohorts, strict=True):
        times = np.array([s.duration for s in cohort])
        codes: dict[str | None, int] = {None: 0, "loss": 1, "colectomy": 2, "death": 3}
        status = np.array([codes[s.cause] for s in cohort])
        for cause in CAUSES:
            mine = rows_of(rows, cause)
            assert [row["duration"] for row in mine] == sorted({0, *times.tolist()})
            expected = incidence_by_definition(cohort, cause)
            for row, (value, error) in zip(mine, expected, strict=True):
                assert row["n_at_risk"] == sum(times >= row["duration"])
                assert row["n_events"] == sum(
                    (s.cause, s.duration) == (cause, row["duration"]) for s in cohort
                )
                assert close(row["incidence"], value), row
                if value > 1 - 1e-9:
                    assert row["std_error"] is None, row
                else:
                    assert close(row["std_error"], error), row
                assert_interval(row, cohort)
            code = codes[cause]
            if (status == code).any():
                with np.errstate(all="ignore"):
                    reference = CumIncidenceRight(times, status)
                values = dict(zip(reference.times, reference.cinc[code - 1], strict=True))
                for row in mine:
                    if row["duration"] in values:
                        assert close(row["incidence"], values[row["duration"]]), row


def incidence_by_definition(cohort: Cohort, cause: str) -> list[tuple[float, float]]:
    """Aalen-Johansen estimate and delta-method standard error at each time, 0 included."""
    steps = []
    survival, incidence = 1.0, 0.0
    result = []
    for time in sorted({0, *(s.duration for s in cohort)}):
        n = sum(s.duration >= time for s in cohort)
        n_any = sum(s.duration == time and s.cause is not None for s in cohort)
        n_cause = sum(s.duration == time and s.cause == cause for s in cohort)
        incidence += survival * n_cause / n
        steps.append((n, n_any, n_cause, survival, incidence))
        variance = 0.0
        for n_then, any_then, cause_then, survival_then, incidence_then in steps:
            rest = incidence - incidence_then
            if any_then < n_then:
                variance += rest**2 * any_then / (n_then * (n_then - any_then))
            variance += survival_then**2 * cause_then * (n_then - cause_then) / n_then**3
            variance -= 2 * rest * survival_then * cause_then / n_then**2
        survival *= 1 - n_any / n
        result.append((incidence, math.sqrt(max(variance, 0.0))))
    return result


def test_incidences_without_ties_are_those_of_lifelines(incidences: Macro) -> None:
    chance = random.Random(2)
    cohorts = [
        [
            Subject("A", day, chance.choice([None, "loss", "colectomy", "death"]))
            for day in chance.sample(range(1, 400), n)
        ]
        for n in (chance.randint(2, 40) for _ in range(500))
    ]
    found = by_cohort(incidences(cohorts), len(cohorts))
    n_compared = 0
    for rows, cohort in zip(found, cohorts, strict=True):
        durations = [s.duration for s in cohort]
        for cause in CAUSES[:1]:
            if not any(s.cause == cause for s in cohort):
                continue
            codes = [0 if s.cause is None else 1 if s.cause == cause else 2 for s in cohort]
            reference = AalenJohansenFitter(seed=0).fit(durations, codes, event_of_interest=1)
            values = reference.cumulative_density_.iloc[:, 0]
            variances = reference.variance_
            for row in rows_of(rows, cause):
                n_compared += 1
                assert close(row["incidence"], values[row["duration"]]), row
                if row["n_at_risk"] > 1:
                    assert close(row["std_error"] ** 2, variances[row["duration"]]), row
    assert n_compared > 5_000


# ---- R -------------------------------------------------------------------------------------------


def read_r(name: str) -> list[dict[str, str]]:
    with (R_RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def data_set(name: str) -> dict[str, Cohort]:
    """A data set of R's survival package by its groups."""
    cohorts: dict[str, Cohort] = defaultdict(list)
    for row in read_r(name):
        cause = "death" if row["event"] == "1" else None
        cohorts[row["group"]].append(Subject(row["group"], int(row["time"]), cause))
    return cohorts


def number(cell: str) -> float | None:
    return None if cell in ("NA", "NaN", "") else float(cell)


@needs_r_results
@pytest.mark.parametrize("name", DATA_SETS)
def test_kaplan_meier_as_in_r(kaplan_meier: Macro, name: str) -> None:
    cohorts = data_set(name)
    found = by_cohort(kaplan_meier(list(cohorts.values())), len(cohorts))
    curves = dict(zip(cohorts, found, strict=True))
    printed = [row for row in read_r(f"{name}_km") if row["conf_type"] == "log-log"]
    assert printed
    for expected in printed:
        [row] = [r for r in curves[expected["group"]] if r["duration"] == int(expected["time"])]
        assert row["n_at_risk"] == int(expected["n_risk"])
        assert row["n_events"] == int(expected["n_event"])
        assert row["n_censored"] == int(expected["n_censor"])
        assert close(row["survival"], float(expected["surv"]))
        for column, theirs in (
            ("std_error", "std_err_greenwood"),
            ("ci_low", "lower95"),
            ("ci_high", "upper95"),
        ):
            value = number(expected[theirs])
            assert row[column] is None if value is None else close(row[column], value), row


@needs_r_results
@pytest.mark.parametrize("name", DATA_SETS)
def test_medians_and_restricted_means_as_in_r(
    medians: Macro, restricted_means: Macro, name: str
) -> None:
    cohorts = data_set(name)
    groups = list(cohorts)
    found = by_cohort(medians(list(cohorts.values())), len(cohorts))
    longest = max(s.duration for cohort in cohorts.values() for s in cohort)
    for expected in read_r(f"{name}_medians"):
        [row] = found[groups.index(expected["group"])]
        assert close(row["median_midpoint"], float(expected["median"]))
        assert row["median_low"] == number(expected["loglog_lower"])
        assert row["median_high"] == number(expected["loglog_upper"])
        # R's restricted means go to the longest time of all groups.
        mean, error = area_and_error(cohorts[expected["group"]], longest)
        assert close(mean, float(expected["rmean"])) and close(error, float(expected["se(rmean)"]))
    if name == "lung":
        rows = by_cohort(restricted_means(list(cohorts.values())), len(cohorts))
        [row] = [row for row in rows[0] if row["horizon"] == longest]
        expected = read_r("lung_medians")[0]
        assert close(row["restricted_mean"], float(expected["rmean"]))
        assert close(row["restricted_mean_std_error"], float(expected["se(rmean)"]))


@needs_r_results
@pytest.mark.parametrize("expected", read_r("logrank") if R_RESULTS.is_dir() else [])
def test_log_rank_as_in_r(log_rank: Macro, medians: Macro, expected: dict[str, Any]) -> None:
    both = [s for cohort in data_set(expected["dataset"]).values() for s in cohort]
    [row] = log_rank([both])
    assert row["n_subjects"] + row["other_n_subjects"] == int(expected["n"])
    assert row["n_events"] + row["other_n_events"] == int(expected["events"])
    assert close(row["chi_square"], float(expected["logrank_chisq"]))
    assert close(row["p_value"], float(expected["logrank_p"]))
    [overall] = medians([both])
    assert close(overall["median_midpoint"], float(expected["median_overall"]))
