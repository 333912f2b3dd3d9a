"""Data that nobody here made: GiBleed's colitis patients through the real commands.

Export, run and compare, each as the example's README tells the user to do it.
"""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.gibleed import GIBLEED, needs_gibleed

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "gibleed"
SALVAGE = Path(sys.executable).with_name("salvage")

pytestmark = [needs_gibleed, pytest.mark.slow]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )


def export(folder: Path) -> Path:
    exported = run(
        sys.executable, EXAMPLE / "export_folder.py", "--cdm", GIBLEED, "--output", folder
    )
    assert exported.returncode == 0, exported.stderr
    return folder


def reconcile(published: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, EXAMPLE / "reconcile.py", "--cdm", GIBLEED, "--published", published)


def records(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("gibleed") / "input")


@pytest.fixture(scope="module")
def published(folder: Path) -> Path:
    output = folder.parent / "output"
    built = run(SALVAGE, "run", "--input", folder, "--output", output)
    assert built.returncode == 0, built.stdout + built.stderr
    return output / "published" / "salvage.duckdb"


def test_export_holds_the_413_patients_and_says_nothing_that_the_cdm_does_not_say(
    folder: Path,
) -> None:
    patients = records(folder / "patients.csv")
    events = records(folder / "adverse_events.csv")
    flags = {column for column in events[0] if column.startswith("is_")}

    assert len(patients) == 413
    assert {patient["steroid_refractory"] for patient in patients} == {""}
    assert records(folder / "disease_assessments.csv") == []
    assert {exposure["stop_reason"] for exposure in records(folder / "drug_exposures.csv")} == {""}
    assert {flag for flag in flags for event in events if event[flag]} == {"is_hospitalization"}


def test_the_same_cdm_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    again = export(tmp_path / "input")
    assert {file.name: file.read_bytes() for file in again.iterdir()} == {
        file.name: file.read_bytes() for file in folder.iterdir()
    }


def test_an_incomplete_cdm_is_refused_and_nothing_written(tmp_path: Path) -> None:
    cdm = tmp_path / "cdm"
    cdm.mkdir()
    shutil.copy(GIBLEED / "person.parquet", cdm)
    exported = run(
        sys.executable, EXAMPLE / "export_folder.py", "--cdm", cdm, "--output", tmp_path / "input"
    )
    assert exported.returncode == 2
    assert "concept.parquet" in exported.stderr
    assert not (tmp_path / "input").exists()


def test_published_marts_agree_with_hand_written_sql_over_the_source(published: Path) -> None:
    compared = reconcile(published)
    assert compared.returncode == 0, compared.stdout + compared.stderr


def test_eras_are_those_that_the_cdm_was_shipped_with(published: Path) -> None:
    """Row by row, ends cut to the observation end; the shared data list the known exceptions."""
    differences = """
        with shipped as (
            select
                cast(drug_era.person_id as varchar) as patient_id,
                lower(concept.concept_name) as ingredient,
                drug_era.drug_era_start_date as era_start_date,
                least(drug_era.drug_era_end_date, dim_patients.observation_end_date)
                    as era_end_date,
                drug_era.drug_exposure_count as n_exposures
            from read_parquet($cdm || '/drug_era.parquet') as drug_era
            inner join read_parquet($cdm || '/concept.parquet') as concept
                on drug_era.drug_concept_id = concept.concept_id
            inner join marts.dim_patients
                on cast(drug_era.person_id as varchar) = dim_patients.patient_id
            where drug_era.drug_era_start_date <= dim_patients.observation_end_date
        ),

        known_exceptions as (
            select
                cast(person_id as varchar) as patient_id,
                lower(concept.concept_name) as ingredient,
                cast(drug_era_start_date as date) as era_start_date
            from read_csv($cdm || '/drug_era_known_exceptions.csv')
            inner join read_parquet($cdm || '/concept.parquet') as concept
                on drug_concept_id = concept.concept_id
        ),

        built as (
            select
                patient_id,
                ingredient,
                era_start_date,
                era_end_date,
                n_exposures
            from marts.fct_drug_eras
        ),

        different as (
            (from shipped except all from built)
            union all
            (from built except all from shipped)
        ),

        different_keys as (
            select distinct patient_id, ingredient, era_start_date from different
        ),

        known_keys as (
            from known_exceptions semi join marts.dim_patients using (patient_id)
        )

        (from different_keys except from known_keys)
        union all
        (from known_keys except from different_keys)
    """
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.execute(differences, {"cdm": str(GIBLEED)}).fetchall() == []


@pytest.mark.parametrize(
    "corruption",
    [
        pytest.param(
            "update marts.fct_drug_eras set era_end_date = era_end_date + 1"
            " where ingredient = 'cyclosporine'",
            id="an_era_a_day_too_long",
        ),
        pytest.param(
            "delete from marts.fct_salvage_episodes where gap_days ="
            " (select max(gap_days) from marts.fct_salvage_episodes)",
            id="an_episode_lost",
        ),
        pytest.param(
            "update marts.fct_adverse_events set attribution = 'after_risk_window'"
            " where attribution = 'treatment_emergent' and is_serious",
            id="emergent_events_attributed_elsewhere",
        ),
        pytest.param(
            "update marts.agg_cohort_attrition set n_remaining = n_remaining - 1"
            " where step = 'within_salvage_window'",
            id="a_patient_lost_in_the_attrition",
        ),
    ],
)
def test_reconciliation_notices(corruption: str, published: Path, tmp_path: Path) -> None:
    copy = tmp_path / "salvage.duckdb"
    shutil.copy(published, copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute(corruption)
    assert reconcile(copy).returncode == 1
