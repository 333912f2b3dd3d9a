"""Every public mart, row by row, against the independent oracle (tests/oracle)."""

import os
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings

from salvage.build import dbt_build
from salvage.gate import load_folder
from salvage.project import public_marts
from tests.expected_marts import difference, differences, expected_marts, named_as_published
from tests.harness import Project, Warehouse, at_cutoff, compile_project
from tests.oracle.folders import write_folder
from tests.oracle.strategies import Cohort, cohorts, dirty_cohorts, seeded_cohort

N_EXAMPLES = int(os.environ.get("SALVAGE_HYPOTHESIS_EXAMPLES", "90"))


def assert_agreement(warehouse: Warehouse, cohort: Cohort) -> None:
    cohort = named_as_published(cohort)
    expected = expected_marts(*cohort)
    found = warehouse.build(*cohort)
    assert differences(expected, found) == {}


def test_every_public_mart_is_compared() -> None:
    assert expected_marts(*seeded_cohort(0, 1)).keys() == set(public_marts())


@settings(max_examples=N_EXAMPLES)
@given(cohort=cohorts())
def test_clean_cohorts(warehouse: Warehouse, cohort: Cohort) -> None:
    assert_agreement(warehouse, cohort)


@settings(max_examples=N_EXAMPLES)
@given(cohort=dirty_cohorts())
def test_dirty_cohorts(warehouse: Warehouse, cohort: Cohort) -> None:
    assert_agreement(warehouse, cohort)


@pytest.mark.parametrize("dirty", [False, True], ids=["clean", "dirty"])
@pytest.mark.parametrize("seed", range(8))
def test_300_patients(warehouse: Warehouse, seed: int, dirty: bool) -> None:
    assert_agreement(warehouse, seeded_cohort(seed, 300, dirty=dirty))


@pytest.mark.parametrize("seed", range(100, 140))
def test_40_patients(warehouse: Warehouse, seed: int) -> None:
    """More studies of their own protocols and cut-offs."""
    assert_agreement(warehouse, seeded_cohort(seed, 40, dirty=seed % 2 == 0))


@pytest.mark.parametrize("seed", range(3))
def test_no_reference_files_of_its_own(warehouse: Warehouse, seed: int) -> None:
    """With the shipped protocol and names none of these patients is in a cohort."""
    cohort = seeded_cohort(seed, 40, dirty=True)
    expected = expected_marts(cohort.tables, None, cohort.data_cutoff_date)
    found = warehouse.build(cohort.tables, None, cohort.data_cutoff_date)
    assert differences(expected, found) == {}


def test_absent_files(warehouse: Warehouse) -> None:
    """SPEC 1: three of the five files may be absent."""
    cohort = seeded_cohort(3, 40)
    tables = {name: cohort.tables[name] for name in ("patients", "drug_exposures")}
    assert_agreement(warehouse, cohort._replace(tables=tables))


# ---- The harness is the real thing ---------------------------------------------------------------


def test_real_build_gives_the_same_marts_and_sql(
    warehouse: Warehouse, project: Project, tmp_path: Path
) -> None:
    """A folder through the gate and dbt, and the same cohort through the harness."""
    cutoff = date(2008, 2, 20)
    cohort = seeded_cohort(12, 200, dirty=True)._replace(data_cutoff_date=cutoff)
    folder = write_folder(cohort.tables, cohort.reference, tmp_path / "input")
    private = tmp_path / "warehouse.duckdb"
    files = load_folder(folder, private, lambda sentence: None, show_progress=False)
    result = dbt_build(
        private, tmp_path, {"data_cutoff_date": cutoff.isoformat()}, show_progress=False
    )
    assert result.errors == []
    assert [test.name for test in result.tests if not test.passed] == []

    found = warehouse.build(*cohort)
    sha256 = {file.table_name: file.sha256 for file in files}
    for mart in ("dq_row_ledger", "dq_quarantine"):
        for row in found[mart]:
            row["file_sha256"] = sha256[row["table_name"]]
    with duckdb.connect(str(private), read_only=True) as connection:
        for mart in public_marts():
            real = connection.execute(f"from marts.{mart}")
            columns = [column[0] for column in real.description or []]
            rows = [dict(zip(columns, row, strict=True)) for row in real.fetchall()]
            assert difference(rows, found[mart]) is None, mart
    assert found["dq_quarantine"] and found["fct_remissions"]

    compiled = {path.stem: path for path in (tmp_path / "target" / "compiled").rglob("*.sql")}
    for model in project.models:
        real_sql = compiled[model.name].read_text(encoding="utf-8")
        assert at_cutoff(model.sql, cutoff) == real_sql, model.name


def test_cutoff_stands_for_no_cutoff_too(project: Project, tmp_path: Path) -> None:
    without = compile_project(tmp_path, data_cutoff_date="")
    assert {model.name: model.sql for model in without.models} == {
        model.name: at_cutoff(model.sql, None) for model in project.models
    }
