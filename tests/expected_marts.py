"""What the marts must hold: the oracle's rows, and in plain Python what it leaves out.

The oracle gives the columns of SPEC section 9. Here every further column of a public mart is
added to it, and the marts that only this project has, so that no public column goes unchecked.
"""

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

from scipy import stats

from salvage.project import PROJECT_DIR
from tests.expected_definitions import expected_definitions
from tests.expected_evidence import add_evidence, wilson
from tests.expected_lines import Observation, Rules, chosen_drugs, expected_line_marts
from tests.expected_survival import add_survival_marts
from tests.expected_trace import eras_by_patient, expected_trace_marts
from tests.harness import Marts, file_sha256
from tests.oracle.oracle import (
    TABLES,
    Reference,
    Row,
    Tables,
    account_for_rows,
    compute_marts,
    fold,
    observation_end,
    read_record,
)
from tests.oracle.strategies import Cohort

NAMED_BY = {
    "ingredients": "ingredient",
    "drug_names": "drug_name",
    "procedure_names": "procedure_name",
}
COUNTED = {
    "agg_remission_by_arm": "n_remissions",
    "agg_adverse_events_by_arm": "n_patients_with_sae",
}
EXACT_AT_BOUNDS = {
    **dict.fromkeys(
        ["wilson_low", "sae_wilson_low", "exact_low", "observed_low", "published_low"], 0.0
    ),
    **dict.fromkeys(
        ["wilson_high", "sae_wilson_high", "exact_high", "observed_high", "published_high"], 1.0
    ),
}
NAME_COLUMNS = {"drug_exposures": "drug_name", "procedures": "procedure_name"}


@cache
def _seed(name: str) -> tuple[dict[str, str], ...]:
    path = PROJECT_DIR / "seeds" / "reference" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def _typed(row: Mapping[str, str], **kinds: Callable[[str], object]) -> Row:
    return {name: None if cell == "" else kinds.get(name, str)(cell) for name, cell in row.items()}


@cache
def shipped_reference() -> Reference:
    """The shipped reference seeds, typed."""

    def is_true(cell: str) -> bool:
        return cell == "true"

    return {
        "protocols": [
            _typed(
                row,
                require_steroid_refractory=is_true,
                require_failure=is_true,
                window_days=int,
                max_overlap_days=int,
                remission_within_days=int,
                ae_risk_window_days=int,
                days_per_month=float,
            )
            for row in _seed("protocols")
        ],
        "protocol_arms": [_typed(row, window_days=int) for row in _seed("protocol_arms")],
        "ingredients": [
            _typed(row, era_gap_days=int, is_rescue=is_true) for row in _seed("ingredients")
        ],
        "drug_names": [_typed(row) for row in _seed("drug_names")],
        "procedure_names": [_typed(row) for row in _seed("procedure_names")],
    }


def merged_reference(own: Reference | None) -> Reference:
    """Shipped and own rows as a study uses them (SPEC 1): own protocols replace, names win."""
    shipped = shipped_reference()
    if own is None:
        return shipped
    merged: dict[str, Sequence[Mapping[str, Any]]] = {
        name: own[name] or shipped[name] for name in ("protocols", "protocol_arms")
    }
    for table, column in NAMED_BY.items():
        own_names = {fold(row[column]) for row in own[table]}
        kept = [row for row in shipped[table] if fold(row[column]) not in own_names]
        merged[table] = [*kept, *own[table]]
    return merged


def expected_marts(
    tables: Tables, own_reference: Reference | None, data_cutoff_date: date | None
) -> Marts:
    """All public marts, every column, for the arguments of `harness.Warehouse.build`."""
    reference = merged_reference(own_reference)
    marts = compute_marts(tables, reference, data_cutoff_date)
    accepted, _, _ = account_for_rows(tables, data_cutoff_date)

    grades = {row["adverse_event_id"]: row["severity_grade"] for row in accepted["adverse_events"]}
    for row in marts["fct_adverse_events"]:
        row["severity_grade"] = grades[row["adverse_event_id"]]
    labels = {
        (arm["protocol_id"], arm["arm_id"]): arm["arm_label"] for arm in reference["protocol_arms"]
    }
    for mart in COUNTED:
        for row in marts[mart]:
            row["arm_label"] = labels.get((row["protocol_id"], row["arm_id"]), "all arms")
    # macros/statistics/wilson_interval.sql: 0 of n and n of n have one bound exactly
    for mart, count in COUNTED.items():
        for row in marts[mart]:
            if row["n_patients"] and row[count] == 0:
                row["wilson_low"] = 0.0
            if row["n_patients"] and row[count] == row["n_patients"]:
                row["wilson_high"] = 1.0
    _add_exact_intervals(marts)
    marts["agg_adverse_events_by_term"] = _events_by_term(marts)
    marts["dim_protocol_arms"] = _protocol_arms(reference)
    _add_colectomies(marts, reference, accepted)
    colectomy_times = add_survival_marts(marts, reference, accepted, data_cutoff_date)
    exposures = expected_exposures(tables, own_reference, data_cutoff_date)
    n_cut = sum(exposure["is_end_date_cut"] for exposure in exposures)
    for row in marts["dq_row_ledger"]:
        row["file_sha256"] = file_sha256(row["table_name"])
        row["n_end_dates_cut"] = n_cut if row["table_name"] == "drug_exposures" else 0
    for row in marts["dq_quarantine"]:
        row["file_name"] = f"{row['table_name']}.csv"
        row["file_sha256"] = file_sha256(row["table_name"])
    marts["dq_unmapped_names"] = _unmapped_names(tables, reference, data_cutoff_date)
    add_evidence(reference, marts, tables, data_cutoff_date, colectomy_times)
    marts["agg_definition_sensitivity"] = expected_definitions(
        marts, accepted, reference, data_cutoff_date
    )
    marts |= expected_trace_marts(reference, accepted, exposures, data_cutoff_date)
    marts |= expected_treatment_marts(tables, own_reference, data_cutoff_date, shipped_rules())
    return marts


@cache
def shipped_rules() -> Rules:
    """The row of the seed treatment_path_rules."""
    (row,) = _seed("treatment_path_rules")
    return Rules(row["drugs"], int(row["combination_overlap_days"]), int(row["after_stop_days"]))


def expected_treatment_marts(
    tables: Tables, own_reference: Reference | None, data_cutoff_date: date | None, rules: Rules
) -> Marts:
    """The marts of treatment lines, under these rules."""
    reference = merged_reference(own_reference)
    exposures = expected_exposures(tables, own_reference, data_cutoff_date)
    observations = {}
    for _, row in accepted_records(tables, data_cutoff_date, "patients"):
        death = row["death_date"]
        is_known = data_cutoff_date is None or (death is not None and death <= data_cutoff_date)
        observations[row["patient_id"]] = Observation(
            observation_end(row, data_cutoff_date), death if is_known else None
        )
    eras = eras_by_patient(reference, exposures)
    return expected_line_marts(rules, chosen_drugs(rules, reference), eras, observations)


def _add_exact_intervals(marts: Marts) -> None:
    """Clopper-Pearson and exact Poisson limits, as SciPy has them."""
    for mart, count in COUNTED.items():
        for row in marts[mart]:
            n_events, n = row[count], row["n_patients"]
            exact = stats.binomtest(n_events, n).proportion_ci(method="exact") if n else None
            row["exact_low"] = float(exact.low) if exact else None
            row["exact_high"] = float(exact.high) if exact else None
    for row in marts["agg_adverse_events_by_arm"]:
        n_events, person_days = row["n_patients_with_sae"], row["person_days"]
        low = stats.chi2.ppf(0.025, 2 * n_events) / 2 if n_events else 0.0
        high = stats.chi2.ppf(0.975, 2 * n_events + 2) / 2
        for column, expected in (("rate_low", low), ("rate_high", high)):
            row[column] = float(100 * expected / (person_days / 365.25)) if person_days else None


def _events_by_term(marts: Marts) -> list[Row]:
    """Serious emergent events by term, capitals apart; 0 in the arms that had none of a term."""
    serious = [
        event
        for event in marts["fct_adverse_events"]
        if event["is_serious"] and event["attribution"] == "treatment_emergent"
    ]
    rows = []
    for arm in marts["agg_adverse_events_by_arm"]:
        in_protocol = [event for event in serious if event["protocol_id"] == arm["protocol_id"]]
        for term in {event["event_term"].lower() for event in in_protocol}:
            events = [
                event
                for event in in_protocol
                if event["event_term"].lower() == term and arm["arm_id"] in ("all", event["arm_id"])
            ]
            n, n_with_event = arm["n_patients"], len({event["patient_id"] for event in events})
            exact = stats.binomtest(n_with_event, n).proportion_ci(method="exact") if n else None
            wilson_low, wilson_high = wilson(n_with_event, n)
            rows.append(
                {
                    **{name: arm[name] for name in ("protocol_id", "arm_id", "arm_label")},
                    "event_term": term,
                    "n_patients": n,
                    "n_patients_with_event": n_with_event,
                    "n_events": len(events),
                    "rate": n_with_event / n if n else None,
                    "wilson_low": wilson_low,
                    "wilson_high": wilson_high,
                    "exact_low": float(exact.low) if exact else None,
                    "exact_high": float(exact.high) if exact else None,
                }
            )
    return rows


def _protocol_arms(reference: Reference) -> list[Row]:
    """Every arm with the rules of its protocol; its own window before the protocol's (SPEC 3)."""
    protocols = {row["protocol_id"]: row for row in reference["protocols"]}
    rows = []
    for arm in reference["protocol_arms"]:
        rules = dict(protocols[arm["protocol_id"]])
        if arm["window_days"] is not None:
            rules["window_days"] = arm["window_days"]
        rules["diagnosis"] = rules["diagnosis"] and fold(rules["diagnosis"])
        names = {name: arm[name] for name in ("arm_id", "arm_label")}
        drugs = {name: fold(arm[name]) for name in ("failed_ingredient", "salvage_ingredient")}
        rows.append(rules | names | drugs)
    return rows


def _add_colectomies(
    marts: Marts, reference: Reference, accepted: Mapping[str, Sequence[Row]]
) -> None:
    """The first colectomy on or after salvage (SPEC 4), whatever else happened before it."""
    colectomies = {
        fold(row["procedure_name"])
        for row in reference["procedure_names"]
        if fold(row["procedure_group"]) == "colectomy"
    }
    for row in marts["fct_remissions"]:
        row["colectomy_date"] = min(
            (
                procedure["procedure_date"]
                for procedure in accepted["procedures"]
                if procedure["patient_id"] == row["patient_id"]
                and procedure["procedure_date"] >= row["salvage_start_date"]
                and fold(procedure["procedure_name"]) in colectomies
            ),
            default=None,
        )


def accepted_records(
    tables: Tables, data_cutoff_date: date | None, table: str
) -> list[tuple[int, Row]]:
    """Line and typed row of the accepted records of a table; of equal ones the first line."""
    _, _, quarantine = account_for_rows(tables, data_cutoff_date)
    faulty = {row["line_number"] for row in quarantine if row["table_name"] == table}
    found: dict[tuple[Any, ...], tuple[int, Row]] = {}
    for record in sorted(tables.get(table, []), key=lambda record: record.line_number):
        if record.line_number not in faulty:
            row = read_record(TABLES[table], record)
            assert isinstance(row, dict)
            found.setdefault(tuple(row.values()), (record.line_number, row))
    return list(found.values())


def expected_exposures(
    tables: Tables, own_reference: Reference | None, data_cutoff_date: date | None
) -> list[Row]:
    """Accepted exposures with their ingredient; a late end is cut back and flagged (SPEC 1).

    Patients are numbered by id and ingredients by name, from 1.
    """
    reference = merged_reference(own_reference)
    ingredients = {
        fold(row["drug_name"]): fold(row["ingredient"]) for row in reference["drug_names"]
    }
    known = sorted({fold(row["ingredient"]) for row in reference["ingredients"]})
    ingredient_numbers = {name: number for number, name in enumerate(known, start=1)}
    observed_until = {
        row["patient_id"]: observation_end(row, data_cutoff_date)
        for _, row in accepted_records(tables, data_cutoff_date, "patients")
    }
    patient_numbers = {name: number for number, name in enumerate(sorted(observed_until), start=1)}
    exposures = []
    for line_number, row in accepted_records(tables, data_cutoff_date, "drug_exposures"):
        ingredient = ingredients.get(fold(row["drug_name"]), "unmapped")
        last_day = observed_until[row["patient_id"]]
        is_cut = row["end_date"] is not None and row["end_date"] > last_day
        exposures.append(
            {
                "exposure_id": row["exposure_id"],
                "line_number": line_number,
                "patient_id": row["patient_id"],
                "patient_number": patient_numbers[row["patient_id"]],
                "ingredient": ingredient,
                "ingredient_number": ingredient_numbers.get(ingredient),
                "start_date": row["start_date"],
                "end_date": last_day if is_cut or row["end_date"] is None else row["end_date"],
                "stop_reason": row["stop_reason"],
                "is_end_date_cut": is_cut,
            }
        )
    return exposures


def _unmapped_names(
    tables: Tables, reference: Reference, data_cutoff_date: date | None
) -> list[Row]:
    """Accepted records whose drug or procedure name nobody knows."""
    rows = []
    for table, column in NAME_COLUMNS.items():
        known = {fold(row[column]) for row in reference[f"{column}s"]}
        for line_number, row in accepted_records(tables, data_cutoff_date, table):
            if fold(row[column]) not in known:
                rows.append(
                    {
                        "table_name": table,
                        "file_name": f"{table}.csv",
                        "line_number": line_number,
                        "column_name": column,
                    }
                )
    return rows


def named_as_published(cohort: Cohort) -> Cohort:
    """The cohort with its first protocol named as the published study's, and published drugs.

    The drugs of its first arm become cyclosporine and infliximab, another one tacrolimus: arms
    are set beside published figures by their drugs. What the exposures say stays: the names map
    to the new ingredients.
    """
    arm = cohort.reference["protocol_arms"][0]
    drugs = [fold(arm[f"{place}_ingredient"]) for place in ("failed", "salvage")]
    others = [row["ingredient"] for row in cohort.reference["ingredients"]]
    drugs += [name for name in others if name not in drugs]
    names = {
        "protocol_id": {"study": "uc_rescue"},
        "arm_id": {"b_arm": "ifx_after_csa", "C_arm": "csa_after_ifx"},
    }
    ingredients = dict(zip(drugs, ["cyclosporine", "infliximab", "tacrolimus"], strict=False))

    def renamed(row: Row) -> Row:
        changed = {
            column: new.get(row[column], row[column])
            for column, new in names.items()
            if column in row
        }
        for column in ("ingredient", "failed_ingredient", "salvage_ingredient"):
            if column in row:
                new_name = str(ingredients.get(fold(row[column]), row[column]))
                changed[column] = new_name.title() if row[column][0].isupper() else new_name
        return row | changed

    tables = ("protocols", "protocol_arms", "ingredients", "drug_names")
    changed = {table: [renamed(row) for row in cohort.reference[table]] for table in tables}
    return cohort._replace(reference=cohort.reference | changed)


# ---- Comparison ---------------------------------------------------------------------------------


def _order(row: Row) -> list[tuple[bool, str]]:
    """Sort key of a row: floats last, since they are only almost equal."""
    columns = sorted(row, key=lambda column: (isinstance(row[column], float), column))
    return [(row[column] is None, repr(row[column])) for column in columns]


def _equal(column: str, one: object, other: object) -> bool:
    """Equal in type and value; floats to 1e-9, but a proportion's bound 0 or 1 exactly."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float) and isinstance(other, float):
        if one == EXACT_AT_BOUNDS.get(column):
            return one == other
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


def difference(expected: Sequence[Row], found: Sequence[Row]) -> str | None:
    """The first difference between two tables, rows in any order; None where they are equal."""
    if len(expected) != len(found):
        return f"{len(expected)} rows expected, {len(found)} found"
    for want, have in zip(sorted(expected, key=_order), sorted(found, key=_order), strict=True):
        if want.keys() != have.keys():
            return f"columns differ: {sorted(want.keys() ^ have.keys())}"
        unequal = [column for column in want if not _equal(column, want[column], have[column])]
        if unequal:
            pairs = [f"{column}: {want[column]!r} / {have[column]!r}" for column in unequal]
            return f"expected / found in {want}: " + "; ".join(pairs)
    return None


def differences(expected: Marts, found: Marts) -> dict[str, str]:
    """The first difference of each mart that differs, by its name."""
    assert expected.keys() == found.keys(), sorted(expected.keys() ^ found.keys())
    compared = {mart: difference(expected[mart], found[mart]) for mart in expected}
    return {mart: text for mart, text in compared.items() if text is not None}
