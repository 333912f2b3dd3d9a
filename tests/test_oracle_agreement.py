"""Every public mart, row by row, against the independent oracle (tests/oracle)."""

import hashlib
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings

from salvage.project import public_marts
from tests.expected_marts import difference, differences, expected_marts, named_as_published
from tests.harness import Project, Warehouse, at_cutoff, compile_project, named_rows
from tests.oracle.folders import write_folder
from tests.oracle.strategies import Cohort, cohorts, dirty_cohorts, seeded_cohort

N_EXAMPLES = int(os.environ.get("SALVAGE_HYPOTHESIS_EXAMPLES", "50"))


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
@pytest.mark.parametrize("seed", range(4))
def test_300_patients(warehouse: Warehouse, seed: int, dirty: bool) -> None:
    assert_agreement(warehouse, seeded_cohort(seed, 300, dirty=dirty))


@pytest.mark.parametrize("seed", range(100, 120))
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


@pytest.mark.slow
def test_salvage_run_publishes_the_same_marts(
    warehouse: Warehouse, project: Project, tmp_path: Path
) -> None:
    """A folder through the real command, and the same cohort through the harness."""
    cutoff = date(2008, 2, 20)
    cohort = named_as_published(seeded_cohort(3, 200, dirty=True))
    cohort = cohort._replace(data_cutoff_date=cutoff)
    folder = write_folder(cohort.tables, cohort.reference, tmp_path / "input")
    output = tmp_path / "output"
    command = [str(Path(sys.executable).with_name("salvage")), "run", "--input", str(folder)]
    options = ["--output", str(output), "--data-cutoff-date", cutoff.isoformat()]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr

    found = warehouse.build(*cohort)
    for mart in ("dq_row_ledger", "dq_quarantine"):
        for row in found[mart]:
            content = (folder / f"{row['table_name']}.csv").read_bytes()
            row["file_sha256"] = hashlib.sha256(content).hexdigest()
    published = output / "published" / "salvage.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        for mart in public_marts():
            rows = named_rows(connection.execute(f"from marts.{mart}"))
            assert rows, mart
            assert difference(found[mart], rows) is None, mart
        said = connection.execute(
            "select input, is_synthetic, data_cutoff_date from publication.build"
        ).fetchall()
    assert said == [("files", False, cutoff)]

    compiled = {path.stem: path for path in (output / "target" / "compiled").rglob("*.sql")}
    for model in project.models:
        real_sql = compiled[model.name].read_text(encoding="utf-8")
        assert at_cutoff(model.sql, cutoff) == real_sql, model.name


def test_cutoff_stands_for_no_cutoff_too(project: Project, tmp_path: Path) -> None:
    without = compile_project(tmp_path, data_cutoff_date="")
    assert {model.name: model.sql for model in without.models} == {
        model.name: at_cutoff(model.sql, None) for model in project.models
    }
