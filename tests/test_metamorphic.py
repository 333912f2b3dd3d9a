"""Relations between the marts of two studies of which one is the other, changed.

They need no oracle: what each change must leave equal is named in its test, and what it must
change is computed from the marts before it.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salvage.project import public_marts
from tests.expected_marts import difference, named_as_published
from tests.harness import Marts, Project, Warehouse
from tests.oracle.oracle import (
    TABLES,
    Column,
    Record,
    Row,
    fold,
    observation_end,
    parse_cell,
    read_record,
    trim,
)
from tests.oracle.strategies import (
    DRUG_NAMES,
    PROCEDURE_NAMES,
    Cohort,
    cohorts,
    dirty_cohorts,
    seeded_cohort,
)

PATIENT_MARTS = {
    "dim_patients",
    "fct_drug_eras",
    "fct_salvage_episodes",
    "fct_remissions",
    "fct_adverse_events",
    "fct_decision_trace",
    "fct_treatment_lines",
}
TRACE, LOST = "fct_decision_trace", "agg_lost_before_salvage"
REMISSION, SAFETY = "agg_remission_by_arm", "agg_adverse_events_by_arm"
TERMS = "agg_adverse_events_by_term"
ATTRITION, COMPARISON = "agg_cohort_attrition", "agg_published_comparison"
SURVIVAL = {
    "agg_remission_survival",
    "agg_remission_survival_grid",
    "agg_colectomy_free_survival",
    "agg_remission_loss_incidence",
    "agg_survival_at_horizons",
    "agg_arm_comparison",
}
# About the published figures or the protocols alone: no cohort changes it
ARMS = "dim_protocol_arms"
CONSTANT = {"dq_published_integrity", ARMS}
DEFINITIONS = "agg_definition_sensitivity"
PATHS, STOPS = "agg_treatment_paths", "agg_treatment_after_stop"
AGGREGATES = {
    REMISSION,
    SAFETY,
    TERMS,
    ATTRITION,
    COMPARISON,
    DEFINITIONS,
    LOST,
    PATHS,
    STOPS,
    *SURVIVAL,
}
LEDGER, QUARANTINE, UNMAPPED = "dq_row_ledger", "dq_quarantine", "dq_unmapped_names"
QUALITY = {LEDGER, QUARANTINE, UNMAPPED}

N_EXAMPLES = int(os.environ.get("SALVAGE_HYPOTHESIS_EXAMPLES", "10"))
relation = settings(max_examples=N_EXAMPLES)

# Small cohorts of Hypothesis's, which shrink, and larger seeded ones; with the shipped protocol's
# names and drugs, so that agg_published_comparison has something to set beside
seeds = st.integers(0, 2**32 - 1)
many_clean = seeds.map(lambda seed: seeded_cohort(seed, 60))
many_dirty = seeds.map(lambda seed: seeded_cohort(seed, 60, dirty=True))
clean_studies = (cohorts() | many_clean).map(named_as_published)
dirty_studies = (dirty_cohorts() | many_dirty).map(named_as_published)
shuffles = seeds.map(random.Random)


def test_every_mart_is_of_a_kind() -> None:
    assert set(public_marts()) == PATIENT_MARTS | AGGREGATES | QUALITY | CONSTANT


def assert_equal(before: Marts, after: Marts, marts: set[str]) -> None:
    unequal = {mart: difference(before[mart], after[mart]) for mart in sorted(marts)}
    assert {mart: text for mart, text in unequal.items() if text is not None} == {}


Cells = Callable[[str, Column, str], str]


def with_cells(cohort: Cohort, change: Cells) -> Cohort:
    """The cohort with every cell of a complete record changed; gets table, column and cell."""
    tables: dict[str, list[Record]] = {}
    for table, records in cohort.tables.items():
        tables[table] = []
        for record in records:
            cells = record.cells
            if cells is not None and len(cells) == len(TABLES[table]):
                columns = TABLES[table]
                cells = [
                    change(table, column, cell) for column, cell in zip(columns, cells, strict=True)
                ]
            tables[table].append(Record(record.line_number, cells, record.has_wrong_field_count))
    return cohort._replace(tables=tables)


def value_of(cell: str, kind: str) -> Any:
    """The typed value of a cell; None where it is empty or not of its kind."""
    try:
        return parse_cell(trim(cell), kind)
    except ValueError:
        return None


# ---- Order of rows ------------------------------------------------------------------------------


@relation
@given(cohort=dirty_studies, generator=shuffles)
def test_permuting_rows(warehouse: Warehouse, cohort: Cohort, generator: random.Random) -> None:
    """Leaves all marts equal but for the lines that dq_quarantine and dq_unmapped_names name.

    Of a record and its copies the first counts as accepted, which may be another one now:
    dq_unmapped_names keeps its number of rows only.
    """
    tables, new_lines = {}, {}
    for table, records in cohort.tables.items():
        shuffled = generator.sample(records, len(records))
        lines = [record.line_number for record in records]
        tables[table] = [
            Record(line, record.cells, record.has_wrong_field_count)
            for line, record in zip(lines, shuffled, strict=True)
        ]
        for line, record in zip(lines, shuffled, strict=True):
            new_lines[table, record.line_number] = line
    before = warehouse.build(*cohort)
    after = warehouse.build(*cohort._replace(tables=tables))

    assert_equal(before, after, PATIENT_MARTS | AGGREGATES | {LEDGER})
    for row in before[QUARANTINE]:
        row["line_number"] = new_lines[row["table_name"], row["line_number"]]
    assert_equal(before, after, {QUARANTINE})
    for marts in (before, after):
        for row in marts[UNMAPPED]:
            del row["line_number"]
    assert_equal(before, after, {UNMAPPED})


# ---- Ids ----------------------------------------------------------------------------------------

PATIENT, EXPOSURE = "patient_id", "exposure_id"
KEYS = {table: columns[0].name for table, columns in TABLES.items()}


def ids(cohort: Cohort) -> dict[str, list[str]]:
    """The ids of each id column, sorted."""
    found: dict[str, set[str]] = {name: set() for name in KEYS.values()}
    for table, records in cohort.tables.items():
        for record in records:
            for column, cell in zip(TABLES[table], record.cells or [], strict=False):
                if column.kind == "id" and value_of(cell, "id") is not None:
                    found[column.name].add(trim(cell))
    return {name: sorted(values) for name, values in found.items()}


def with_ids(cohort: Cohort, new_ids: Mapping[str, Mapping[str, str]]) -> Cohort:
    """The cohort with its ids replaced, the white space around them kept."""

    def rename(table: str, column: Column, cell: str) -> str:
        if column.kind != "id" or value_of(cell, "id") is None:
            return cell
        renamed = cell.replace(trim(cell), new_ids[column.name][trim(cell)])
        # A cell that is too long by its white space stays as long as it was
        return renamed.ljust(len(cell))[: len(cell)] if len(cell) >= 1000 else renamed

    return with_cells(cohort, rename)


def renamed(marts: Marts, new_ids: Mapping[str, Mapping[str, str]]) -> Marts:
    """The marts with their ids replaced; an id that is not in `new_ids` stays."""
    for row in marts.get(TRACE, []):
        # Each exposure's id keeps its place, since exposure ids keep their order
        ids_of = new_ids.get(KEYS[row["source_table"]], {})
        old = row["source_record_ids"].split(",")
        row["source_record_ids"] = ",".join(ids_of.get(one, one) for one in old)
    # Of a pair of arms
    new_ids = {**new_ids, "other_arm_id": new_ids.get("arm_id", {})}
    return {
        mart: [
            {
                name: new_ids[name].get(value, value) if name in new_ids else value
                for name, value in row.items()
            }
            for row in rows
        ]
        for mart, rows in marts.items()
    }


@relation
@given(cohort=dirty_studies, generator=shuffles)
def test_renaming_ids(warehouse: Warehouse, cohort: Cohort, generator: random.Random) -> None:
    """Leaves all marts equal but for the ids themselves.

    Exposure ids keep their order, since it breaks the tie between two last exposures of one
    era; all others lose it.
    """
    new_ids = {}
    for name, old in ids(cohort).items():
        new = [f"n{number:05}" for number in range(len(old))]
        if name != EXPOSURE:
            generator.shuffle(new)
        new_ids[name] = dict(zip(old, new, strict=True))
    before = renamed(warehouse.build(*cohort), new_ids)
    after = warehouse.build(*with_ids(cohort, new_ids))
    assert_equal(before, after, PATIENT_MARTS | AGGREGATES | QUALITY)


@relation
@given(cohort=cohorts() | many_clean)
def test_renaming_protocols_and_arms(warehouse: Warehouse, cohort: Cohort) -> None:
    """Leaves all marts equal but for the ids, where the arms keep their order (SPEC 3: ties).

    Not asked of agg_published_comparison, which is about one protocol's name.
    """
    reference = cohort.reference
    arm_ids = sorted({arm["arm_id"] for arm in reference["protocol_arms"]})
    new_ids = {
        "protocol_id": {"study": "z.9", "Study.2": "Y"},
        "arm_id": {old: f"arm:{number}" for number, old in enumerate(arm_ids)},
    }
    changed = reference | {
        table: renamed({table: reference[table]}, new_ids)[table]
        for table in ("protocols", "protocol_arms")
    }
    before = renamed(warehouse.build(*cohort), new_ids)
    after = warehouse.build(*cohort._replace(reference=changed))
    aggregates = AGGREGATES - {COMPARISON}
    assert_equal(before, after, PATIENT_MARTS | QUALITY | aggregates | {ARMS})


# ---- Dates --------------------------------------------------------------------------------------


@relation
@given(cohort=dirty_studies, n_days=st.sampled_from([1, 28, 29, 365, 366, 1461, 36_525]))
def test_shifting_all_dates(warehouse: Warehouse, cohort: Cohort, n_days: int) -> None:
    """Shifts every date of every mart and leaves the rest equal, across leap years too."""
    in_far_future = any(
        value_of(cell, "date") and value_of(cell, "date").year > 9000
        for record in cohort.tables["patients"]
        for column, cell in zip(TABLES["patients"], record.cells or [], strict=False)
        if column.kind == "date"
    )
    shift = timedelta(days=-n_days if in_far_future else n_days)

    def later(table: str, column: Column, cell: str) -> str:
        day = value_of(cell, column.kind) if column.kind == "date" else None
        return cell if day is None else cell.replace(trim(cell), (day + shift).isoformat())

    cutoff = cohort.data_cutoff_date
    shifted = with_cells(cohort, later)._replace(data_cutoff_date=cutoff and cutoff + shift)
    before, after = warehouse.build(*cohort), warehouse.build(*shifted)
    for rows in before.values():
        for row in rows:
            row |= {name: day + shift for name, day in row.items() if isinstance(day, date)}
    for row in before[TRACE]:
        row["explanation"] = re.sub(
            r"\d{4}-\d\d-\d\d",
            lambda found: (date.fromisoformat(found[0]) + shift).isoformat(),
            row["explanation"],
        )
    assert_equal(before, after, PATIENT_MARTS | AGGREGATES | QUALITY)


# ---- Exposures ----------------------------------------------------------------------------------


@relation
@given(cohort=clean_studies, data=st.data())
def test_splitting_an_exposure(warehouse: Warehouse, cohort: Cohort, data: st.DataObject) -> None:
    """Into [start, day] and [day + 1, end], the stop reason on the last part.

    One era has one exposure more and the ledger one accepted record more, and the trace names
    the new record where it names the old one; all else is equal.
    Asked of exposures whose end no other one of patient and drug shares (the split moves the
    start that breaks this tie), and of ingredients with an era gap of at least one day.
    """
    reference = cohort.reference | {
        "ingredients": [
            row | {"era_gap_days": 1 if row["era_gap_days"] == 0 else row["era_gap_days"]}
            for row in cohort.reference["ingredients"]
        ]
    }
    cohort = cohort._replace(reference=reference)
    courses = last_days(cohort)
    splittable = [
        (record, row, end)
        for record, row, ingredient, end in courses
        if row["start_date"] < end
        and [(p["patient_id"], i, e) for _, p, i, e in courses].count(
            (row["patient_id"], ingredient, end)
        )
        == 1
    ]
    assume(splittable)
    record, row, end = data.draw(st.sampled_from(splittable))
    n_days = data.draw(st.integers(0, (end - row["start_date"]).days - 1))
    day = row["start_date"] + timedelta(days=n_days)
    first = cells_by_name(record) | {
        "end_date": day.isoformat(),
        "stop_reason": data.draw(st.sampled_from(["", "failure", "other"])),
    }
    last = cells_by_name(record) | {
        "exposure_id": data.draw(st.sampled_from(["0new", "znew"])),
        "start_date": (day + timedelta(days=1)).isoformat(),
    }
    exposures = cohort.tables["drug_exposures"]
    parts = [
        Record(record.line_number, list(first.values())),
        Record(exposures[-1].line_number + 100, list(last.values())),
    ]
    kept = [other for other in exposures if other is not record]
    split = cohort._replace(tables=cohort.tables | {"drug_exposures": kept + parts})
    before, after = warehouse.build(*cohort), warehouse.build(*split)
    for trace in before[TRACE]:
        ids_of = trace["source_record_ids"].split(",")
        if trace["source_table"] == "drug_exposures" and row["exposure_id"] in ids_of:
            trace["source_record_ids"] = ",".join(sorted([*ids_of, last["exposure_id"]]))

    assert_equal(before, after, PATIENT_MARTS - {"fct_drug_eras"} | AGGREGATES)
    assert_equal(before, after, {QUARANTINE, UNMAPPED})
    ingredient = ingredient_of(cohort, row)
    for era in before["fct_drug_eras"]:
        is_course = (era["patient_id"], era["ingredient"]) == (row["patient_id"], ingredient)
        if is_course and era["era_start_date"] <= row["start_date"] <= era["era_end_date"]:
            era["n_exposures"] += 1
    for file in before[LEDGER]:
        if file["table_name"] == "drug_exposures":
            file["n_records"] += 1
            file["n_accepted"] += 1
    assert_equal(before, after, {"fct_drug_eras", LEDGER})


def cells_by_name(record: Record) -> dict[str, str]:
    names = [column.name for column in TABLES["drug_exposures"]]
    return dict(zip(names, record.cells or [], strict=True))


def ingredient_of(cohort: Cohort, exposure: Row) -> str | None:
    for row in cohort.reference["drug_names"]:
        if fold(row["drug_name"]) == fold(exposure["drug_name"]):
            return str(row["ingredient"])
    return None


def last_days(cohort: Cohort) -> list[tuple[Record, Row, str, date]]:
    """Each mapped exposure of a clean cohort with its ingredient and last day observed."""
    observed_until = {}
    for record in cohort.tables["patients"]:
        patient = read_record(TABLES["patients"], record)
        assert isinstance(patient, dict)
        last_day = observation_end(patient, cohort.data_cutoff_date)
        observed_until[patient["patient_id"]] = last_day
    courses = []
    for record in cohort.tables["drug_exposures"]:
        row = read_record(TABLES["drug_exposures"], record)
        assert isinstance(row, dict)
        last_day = observed_until[row["patient_id"]]
        if ingredient := ingredient_of(cohort, row):
            courses.append((record, row, ingredient, min(row["end_date"] or last_day, last_day)))
    return courses


# ---- Names --------------------------------------------------------------------------------------


@relation
@given(cohort=clean_studies, generator=shuffles)
def test_other_names_for_the_same(
    warehouse: Warehouse, cohort: Cohort, generator: random.Random
) -> None:
    """Brand names, case, full-width letters and white space: all marts but two columns equal.

    dim_patients and fct_adverse_events show diagnosis and event as the clinic writes them. Of
    events the case alone makes no difference.
    """
    synonyms = {
        fold(name): names
        for names in [*DRUG_NAMES.values(), *PROCEDURE_NAMES.values()]
        for name in names
    }

    cases = [str.upper, str.lower, str.swapcase]

    def respell(table: str, column: Column, cell: str) -> str:
        if column.name == "event_term":
            return generator.choice(cases)(cell)
        if column.name not in ("drug_name", "procedure_name", "diagnosis") or cell == "":
            return cell
        name = generator.choice(synonyms.get(fold(cell), [cell]))
        name = generator.choice([*cases, full_width])(name)
        return generator.choice(["", " ", "\u3000\t"]) + name.replace(" ", " \u2003 ") + "\n"

    before = warehouse.build(*cohort)
    after = warehouse.build(*with_cells(cohort, respell))
    for marts in (before, after):
        for patient in marts["dim_patients"]:
            patient["diagnosis"] = patient["diagnosis"] and fold(patient["diagnosis"])
        for event in marts["fct_adverse_events"]:
            event["event_term"] = event["event_term"].lower()
    assert_equal(before, after, PATIENT_MARTS | AGGREGATES | QUALITY)


def full_width(name: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in name)


# ---- Unrelated patients -------------------------------------------------------------------------


def unrelated_parts(cohort: Cohort) -> list[set[tuple[str, int]]]:
    """Records as (table, line) in groups that share neither a patient nor a key."""
    groups: list[tuple[set[tuple[str, str]], set[tuple[str, int]]]] = []
    for table, records in cohort.tables.items():
        for record in records:
            names = {
                (column.name, trim(cell))
                for column, cell in zip(TABLES[table], record.cells or [], strict=False)
                if column.kind == "id"
            }
            lines = {(table, record.line_number)}
            for group in [group for group in groups if group[0] & names]:
                groups.remove(group)
                names |= group[0]
                lines |= group[1]
            groups.append((names, lines))
    return [lines for _, lines in groups]


def only(cohort: Cohort, lines: set[tuple[str, int]]) -> Cohort:
    return cohort._replace(
        tables={
            table: [record for record in records if (table, record.line_number) in lines]
            for table, records in cohort.tables.items()
        }
    )


def assert_union(one: Marts, other: Marts, both: Marts) -> None:
    """Patient-level marts and quarantined records unite; counts and days add up.

    Of the aggregates the mean, least and greatest duration follow from those of the parts,
    the rates from the counts; the intervals are functions of the counts.
    """
    for mart in sorted(PATIENT_MARTS | {QUARANTINE, UNMAPPED}):
        assert difference(one[mart] + other[mart], both[mart]) is None, mart
    assert_equal(one, both, CONSTANT)
    keys = {
        LEDGER: ["table_name"],
        ATTRITION: ["protocol_id", "step_number"],
        REMISSION: ["protocol_id", "arm_id"],
        SAFETY: ["protocol_id", "arm_id"],
        DEFINITIONS: ["protocol_id", "arm_id", "definition_id"],
        LOST: ["protocol_id", "arm_id"],
    }
    for mart, key in keys.items():
        by_key = [
            {tuple(row[name] for name in key): row for row in marts[mart]}
            for marts in (one, other, both)
        ]
        assert by_key[0].keys() == by_key[1].keys() == by_key[2].keys()
        for place, row in by_key[2].items():
            assert_sum(by_key[0][place], by_key[1][place], row)
    # A path that nobody took has no row, nor has a drug that nobody stopped or an event that
    # nobody had
    counted = [counts(marts) for marts in (one, other, both)]
    assert counted[0] + counted[1] == counted[2]


def counts(marts: Marts) -> Counter[tuple[str, ...]]:
    """Each count of the marts of paths, stops and events, by mart, key and column.

    Of events not the patients of the arm, which are those of agg_adverse_events_by_arm.
    """
    keys = {
        PATHS: ["path", "ended_by"],
        STOPS: ["ingredient", "outcome"],
        TERMS: ["protocol_id", "arm_id", "event_term"],
    }
    return +Counter(
        {
            (mart, *(str(row[name]) for name in key), column): value
            for mart, key in keys.items()
            for row in marts[mart]
            for column, value in row.items()
            if column.startswith("n_")
            and column != "n_lines"
            and (mart, column) != (TERMS, "n_patients")
        }
    )


def assert_sum(one: Row, other: Row, both: Row) -> None:
    for name in both:
        if name.startswith("n_") or name == "person_days":
            assert both[name] == one[name] + other[name], name
    if "mean_months" in both:
        parts = [part for part in (one, other) if part["n_remissions"]]
        for name, pick in (("min_months", min), ("max_months", max)):
            assert both[name] == pick((part[name] for part in parts), default=None)
        total = sum(part["mean_months"] * part["n_remissions"] for part in parts)
        mean = pytest.approx(total / both["n_remissions"]) if parts else None
        assert both["mean_months"] == mean
    for rate, count in (("remission_rate", "n_remissions"), ("sae_rate", "n_patients_with_sae")):
        if rate in both:
            n = both["n_patients"]
            assert both[rate] == (pytest.approx(both[count] / n) if n else None)
    if "lost_share" in both:
        n = both["n_at_risk"]
        share = pytest.approx(both["n_lost_before_salvage"] / n) if n else None
        assert both["lost_share"] == share


@relation
@given(cohort=dirty_studies, generator=shuffles)
def test_union_of_disjoint_cohorts(
    warehouse: Warehouse, cohort: Cohort, generator: random.Random
) -> None:
    """No patient and no key in both: see assert_union for what the marts of the union are."""
    parts = unrelated_parts(cohort)
    chosen: set[tuple[str, int]] = set()
    for lines in generator.sample(parts, len(parts) // 2):
        chosen |= lines
    rest = set().union(*parts) - chosen
    one, other = (warehouse.build(*only(cohort, lines)) for lines in (chosen, rest))
    assert_union(one, other, warehouse.build(*cohort))


@relation
@given(cohort=dirty_studies, generator=shuffles)
def test_adding_an_unrelated_patient(
    warehouse: Warehouse, cohort: Cohort, generator: random.Random
) -> None:
    """All rows about others stay, whole arms too where the patient is in none of them.

    agg_published_comparison: its rows of such arms. agg_adverse_events_by_term: its rows of
    events that such arms had; of others that the newcomer had they get a row of 0.
    """
    newcomer = generator.choice(unrelated_parts(cohort))
    everyone = {line for lines in unrelated_parts(cohort) for line in lines}
    before = warehouse.build(*only(cohort, everyone - newcomer))
    alone = warehouse.build(*only(cohort, newcomer))
    after = warehouse.build(*cohort)
    assert_union(before, alone, after)
    joined = {(row["protocol_id"], row["arm_id"]) for row in alone["fct_remissions"]}
    joined |= {(protocol_id, "all") for protocol_id, _ in joined}
    for mart in (REMISSION, SAFETY, COMPARISON, TERMS):
        untouched = [
            [
                row
                for row in marts[mart]
                if (row["protocol_id"], row["arm_id"]) not in joined
                and not (mart == TERMS and row["n_events"] == 0)
            ]
            for marts in (before, after)
        ]
        assert difference(*untouched) is None, mart


# ---- Machine ------------------------------------------------------------------------------------


def test_threads_insertion_order_and_run_count(project: Project) -> None:
    """SPEC 9: they never change a mart's content, to the last bit of a float."""
    cohort = named_as_published(seeded_cohort(77, 2000, dirty=True))
    contents = []
    for threads, preserve_insertion_order in ((1, True), (1, False), (4, True), (4, False)):
        warehouse = Warehouse(
            project,
            threads=threads,
            preserve_insertion_order=preserve_insertion_order,
            split_scans=threads > 1,
        )
        for _ in range(2 if threads > 1 else 1):
            marts = warehouse.build(*cohort)
            contents.append({mart: sorted(map(repr, rows)) for mart, rows in marts.items()})
    assert all(content == contents[0] for content in contents)
    assert all(contents[0].values())
