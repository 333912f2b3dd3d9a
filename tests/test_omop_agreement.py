"""A CDM and the five files that say the same give the same marts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from salvage.project import public_marts
from tests.expected_marts import differences, named_as_published
from tests.harness import Cdm, Marts, Project, Warehouse, compile_project
from tests.omop_export import (
    DIAGNOSIS,
    Export,
    export_cohort,
    truncated_cdm,
    truncated_tables,
)
from tests.oracle.oracle import Row
from tests.oracle.strategies import seeded_cohort


@pytest.fixture(scope="module")
def omop_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compile_project(tmp_path_factory.mktemp("omop"), is_omop=True)


@pytest.fixture(scope="module")
def omop_warehouse(omop_project: Project) -> Warehouse:
    return Warehouse(omop_project)


def comparable(marts: Marts) -> Marts:
    """The marts without what can only be said of one of the inputs.

    A CDM has no files, lines and hashes, and other column names; the reasons count. Why the
    disease is refractory is told in other words.
    """
    return {
        **{mart: marts[mart] for mart in public_marts()},
        "dq_row_ledger": without(marts["dq_row_ledger"], "file_name", "file_sha256"),
        "dq_quarantine": counted(marts["dq_quarantine"], "table_name", "reason"),
        "dq_unmapped_names": counted(marts["dq_unmapped_names"], "table_name"),
        "fct_decision_trace": [
            {**row, "explanation": None} if row["rule"] == "steroid_refractory" else row
            for row in marts["fct_decision_trace"]
        ],
    }


def without(rows: Sequence[Row], *columns: str) -> list[Row]:
    return [{name: row[name] for name in row if name not in columns} for row in rows]


def counted(rows: Sequence[Row], *columns: str) -> list[Row]:
    counts = Counter(tuple(row[name] for name in columns) for row in rows)
    return [{**dict(zip(columns, values, strict=True)), "n": n} for values, n in counts.items()]


def exported(seed: int, n_patients: int, *, damaged: bool) -> Export:
    return export_cohort(named_as_published(seeded_cohort(seed, n_patients)), seed, damaged=damaged)


def assert_agreement(warehouse: Warehouse, omop_warehouse: Warehouse, export: Export) -> None:
    files = warehouse.build(*export.cohort)
    cdm = omop_warehouse.build_from_cdm(export.cdm, export.rules, export.cohort.data_cutoff_date)
    assert differences(comparable(files), comparable(cdm)) == {}


@pytest.mark.parametrize("damaged", [False, True], ids=["clean", "damaged"])
@pytest.mark.parametrize("seed", range(8))
def test_a_cdm_gives_the_marts_of_the_five_files(
    warehouse: Warehouse, omop_warehouse: Warehouse, seed: int, damaged: bool
) -> None:
    assert_agreement(warehouse, omop_warehouse, exported(seed, 40, damaged=damaged))


# ---- As of a day ---------------------------------------------------------------------------------

# They say what the input holds, not what the rules see of it at the cut-off.
OF_THE_INPUT = (
    "dq_row_ledger",
    "dq_quarantine",
    "dq_unmapped_names",
    "dq_omop_records",
    "omop_drug_era",
    "omop_condition_era",
)


def as_of(marts: Marts) -> Marts:
    """The marts that a cut-off and data that end there share (docs/decisions/0005)."""
    return {
        **{name: rows for name, rows in marts.items() if name not in OF_THE_INPUT},
        "dim_patients": without(marts["dim_patients"], "death_date"),
    }


def a_day_within(export: Export, seed: int) -> date:
    starts = sorted(
        row["drug_exposure_start_date"].toordinal() for row in export.cdm["drug_exposure"]
    )
    day = starts[len(starts) * (1 + seed % 3) // 4] + seed % 4
    return date.fromordinal(min(day, date.max.toordinal()))


def with_diagnoses_around(cdm: Cdm, day: date) -> Cdm:
    """The CDM with a third of its diagnoses made on the day, and a third on the day after."""

    def moved(row: Mapping[str, Any]) -> Mapping[str, Any]:
        kind = row["condition_occurrence_id"] % 3
        if row["condition_concept_id"] != DIAGNOSIS or kind == 0:
            return row
        later = date.fromordinal(min(day.toordinal() + kind - 1, date.max.toordinal()))
        return {**row, "condition_start_date": later}

    return {**cdm, "condition_occurrence": [moved(row) for row in cdm["condition_occurrence"]]}


@pytest.mark.parametrize("seed", range(200, 208))
def test_a_cutoff_is_a_cdm_that_ends_there(omop_warehouse: Warehouse, seed: int) -> None:
    export = exported(seed, 40, damaged=False)
    day = a_day_within(export, seed)
    cdm = with_diagnoses_around(export.cdm, day)
    cut = omop_warehouse.build_from_cdm(cdm, export.rules, day)
    truncated = omop_warehouse.build_from_cdm(truncated_cdm(cdm, day), export.rules)
    assert differences(as_of(cut), as_of(truncated)) == {}


@pytest.mark.parametrize("seed", range(200, 208))
def test_a_cutoff_is_a_folder_that_ends_there(warehouse: Warehouse, seed: int) -> None:
    cohort = (export := exported(seed, 40, damaged=False)).cohort
    day = a_day_within(export, seed)
    cut = warehouse.build(cohort.tables, cohort.reference, day)
    truncated = warehouse.build(truncated_tables(cohort, day), cohort.reference)
    assert differences(as_of(cut), as_of(truncated)) == {}


def test_disagreement_is_noticed(warehouse: Warehouse, omop_warehouse: Warehouse) -> None:
    """One exposure begins on another day in the CDM alone."""
    export = exported(1, 40, damaged=False)
    first, *others = sorted(
        export.cdm["drug_exposure"],
        key=lambda row: (row["drug_exposure_end_date"] is None, row["drug_exposure_id"]),
    )
    other_day = first["drug_exposure_end_date"] - timedelta(1)
    changed = [{**first, "drug_exposure_start_date": other_day}, *others]
    files = warehouse.build(*export.cohort)
    cdm = omop_warehouse.build_from_cdm(
        {**export.cdm, "drug_exposure": changed}, export.rules, export.cohort.data_cutoff_date
    )
    assert "fct_drug_eras" in differences(comparable(files), comparable(cdm))
