"""What the marts of treatment lines must hold.

In plain Python from issue 5 and docs/decisions/0020: one patient at a time, one day after another,
with sets of days in place of arithmetic on them.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from tests.oracle.oracle import Era, Reference, Row, fold

OUTCOMES = ("restart", "switch", "both", "untreated", "died", "not_observed")


class Rules(NamedTuple):
    """The row of treatment_path_rules."""

    drugs: str
    combination_overlap_days: int
    after_stop_days: int


class Observation(NamedTuple):
    """The last day on which a patient is observed, and the death that the study knows of."""

    end: date
    death: date | None

    @property
    def ends_in_death(self) -> bool:
        return self.end == self.death


def chosen_drugs(rules: Rules, reference: Reference) -> set[str] | None:
    """The drugs whose eras make lines; None: every drug."""
    if rules.drugs == "all":
        return None
    if rules.drugs == "rescue":
        return {fold(row["ingredient"]) for row in reference["ingredients"] if row["is_rescue"]}
    assert rules.drugs == "protocol_arms"
    return {
        fold(arm[f"{place}_ingredient"])
        for arm in reference["protocol_arms"]
        for place in ("failed", "salvage")
    }


def expected_line_marts(
    rules: Rules,
    drugs: set[str] | None,
    eras: Mapping[str, Sequence[Era]],
    observations: Mapping[str, Observation],
) -> dict[str, list[Row]]:
    """`fct_treatment_lines`, `agg_treatment_paths` and `agg_treatment_after_stop`.

    eras: those of each patient, of all drugs. drugs: as `chosen_drugs` says.
    """
    lines: list[Row] = []
    paths: Counter[tuple[tuple[str, ...], str]] = Counter()
    stops: dict[str, list[Row]] = defaultdict(list)
    for patient_id, all_eras in eras.items():
        own = [era for era in all_eras if drugs is None or era.ingredient in drugs]
        if not own:
            continue
        observation = observations[patient_id]
        of_patient = lines_of(rules, own, observation)
        lines += [{"patient_id": patient_id, **line} for line in of_patient]
        treatments = tuple(line["treatment"] for line in of_patient)
        last_day = of_patient[-1]["last_drug_date"]
        paths[treatments, _fate(rules, last_day, observation)] += 1
        for era in own:
            if era.end != observation.end:
                stop = _after_stop(rules, era, own, observation)
                stops[era.ingredient].append({"patient_id": patient_id, **stop})
    return {
        "fct_treatment_lines": lines,
        "agg_treatment_paths": [
            {"path": list(path), "n_lines": len(path), "ended_by": fate, "n_patients": n}
            for (path, fate), n in paths.items()
        ],
        "agg_treatment_after_stop": [
            row for drug, of_drug in stops.items() for row in _stop_counts(drug, of_drug)
        ],
    }


def days(first: date, last: date) -> set[int]:
    """All days from the first to the last, both in it, as ordinals."""
    return set(range(first.toordinal(), last.toordinal() + 1))


def days_after(rules: Rules, stop: date) -> set[int]:
    """The last day of a drug and the days after it that count, as ordinals."""
    return set(range(stop.toordinal(), stop.toordinal() + rules.after_stop_days + 1))


def lines_of(rules: Rules, eras: Sequence[Era], observation: Observation) -> list[Row]:
    """The lines of a patient with these eras."""
    lines: list[Row] = []
    given: list[list[Era]] = []
    for first_day in sorted({era.start for era in eras}):
        begun = [era for era in eras if era.start == first_day]
        # Who has it already and goes on with it for long enough
        kept = [
            era
            for era in eras
            if era.start < first_day
            and len([day for day in days(era.start, era.end) if day >= first_day.toordinal()])
            >= rules.combination_overlap_days
        ]
        if lines:
            _end(rules, lines[-1], given[-1], first_day, begun, kept)
        taken = [*begun, *kept]
        ingredients = sorted(era.ingredient for era in taken)
        assert len(set(ingredients)) == len(ingredients)
        last_drug_date = max(era.end for era in taken)
        is_over = last_drug_date < observation.end
        at_the_end = "death" if observation.ends_in_death else "end_of_observation"
        lines.append(
            {
                "line_number": len(lines) + 1,
                "treatment": " + ".join(ingredients),
                "ingredients": ingredients,
                "line_start_date": first_day,
                "line_end_date": last_drug_date,
                "last_drug_date": last_drug_date,
                "end_reason": "stop" if is_over else at_the_end,
                "is_repeat": bool(lines) and lines[-1]["ingredients"] == ingredients,
                "n_eras": len(begun),
            }
        )
        given.append(taken)
    return lines


def _end(
    rules: Rules,
    line: Row,
    taken: Sequence[Era],
    next_day: date,
    begun: Sequence[Era],
    kept: Sequence[Era],
) -> None:
    """End a line that another one follows."""
    last_day = line["last_drug_date"]
    in_time = next_day <= last_day or next_day.toordinal() in days_after(rules, last_day)
    new_drugs = {era.ingredient for era in begun} - {era.ingredient for era in taken}
    if kept:
        line["end_reason"] = "add"
    elif in_time and new_drugs:
        line["end_reason"] = "switch"
    else:
        line["end_reason"] = "stop"
    line["line_end_date"] = min(last_day, next_day - timedelta(days=1))


def _fate(rules: Rules, last_day: date, observation: Observation) -> str:
    """What follows the last line."""
    window = days_after(rules, last_day)
    if observation.ends_in_death and observation.end.toordinal() in window:
        return "death"
    seen = {day for day in window if day <= observation.end.toordinal()}
    return "no_later_treatment" if seen == window else "end_of_observation"


def _after_stop(rules: Rules, era: Era, eras: Sequence[Era], observation: Observation) -> Row:
    """What followed the last day of an era that ended before observation did."""
    window = days_after(rules, era.end)
    begun = [other for other in eras if other.start.toordinal() in window and other is not era]
    is_restart = any(other.ingredient == era.ingredient for other in begun)
    is_switch = any(other.ingredient != era.ingredient for other in begun)
    fate = _fate(rules, era.end, observation)
    if is_restart or is_switch:
        outcome = "both" if is_restart and is_switch else "restart" if is_restart else "switch"
    else:
        outcome = {
            "death": "died",
            "no_later_treatment": "untreated",
            "end_of_observation": "not_observed",
        }[fate]
    return {
        "outcome": outcome,
        "is_followed_up": fate != "end_of_observation",
        "is_on_other_drug": any(other.start <= era.end < other.end for other in eras),
    }


def _stop_counts(drug: str, stops: Sequence[Row]) -> list[Row]:
    n_followed_up = sum(stop["is_followed_up"] for stop in stops)
    rows = []
    for outcome in OUTCOMES:
        found = [stop for stop in stops if stop["outcome"] == outcome]
        n = sum(stop["is_followed_up"] for stop in found)
        is_share = outcome != "not_observed" and n_followed_up > 0
        rows.append(
            {
                "ingredient": drug,
                "outcome": outcome,
                "n_stops": len(found),
                "n_patients": len({stop["patient_id"] for stop in found}),
                "n_on_other_drug": sum(stop["is_on_other_drug"] for stop in found),
                "n_followed_up": n,
                "n_stops_of_drug": len(stops),
                "n_followed_up_of_drug": n_followed_up,
                "followed_up_share": n / n_followed_up if is_share else None,
            }
        )
    return rows
