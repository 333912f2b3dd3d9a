"""The unit tests and data tests of models that only a CDM has run over a CDM made here."""

import json
from pathlib import Path

import duckdb
import pytest

from salvage.build import run_dbt
from salvage.cdm import CdmTable, cdm_tables
from salvage.project import PROJECT_DIR

# Two persons and a drug that one of them got twice: unit tests bring their own rows and need no
# more than tables with columns.
_ROWS: dict[str, list[dict[str, object]]] = {
    "person": [
        {"person_id": 1, "year_of_birth": 1970, "gender_concept_id": 8507},
        {"person_id": 2, "year_of_birth": 1980, "gender_concept_id": 8532},
    ],
    "observation_period": [
        {"person_id": person, "observation_period_end_date": "2020-12-31"} for person in (1, 2)
    ],
    "drug_exposure": [
        {
            "drug_exposure_id": 7,
            "person_id": 1,
            "drug_concept_id": 1118084,
            "drug_exposure_start_date": "2020-01-01",
        }
    ]
    * 2,
    "concept": [
        {
            "concept_id": 1118084,
            "concept_name": "celecoxib",
            "vocabulary_id": "RxNorm",
            "concept_class_id": "Ingredient",
            "standard_concept": "S",
        }
    ],
}


@pytest.fixture(scope="module")
def cdm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CDM as a folder of Parquet files, with every table that the warehouse reads."""
    folder = tmp_path_factory.mktemp("cdm")
    with duckdb.connect() as connection:
        for table in cdm_tables().values():
            _write(connection, folder, table, _ROWS.get(table.name, []))
    return folder


def _write(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    table: CdmTable,
    rows: list[dict[str, object]],
) -> None:
    columns = ", ".join(f"{name} {data_type}" for name, data_type in table.types.items())
    connection.execute(f"create table {table.name} ({columns})")
    for row in rows:
        places = ", ".join("?" for _ in row)
        connection.execute(
            f"insert into {table.name} ({', '.join(row)}) values ({places})", list(row.values())
        )
    connection.execute(
        f"copy {table.name} to '{folder / f'{table.name}.parquet'}' (format parquet)"
    )


def test_unit_tests_over_a_cdm_pass(cdm: Path, tmp_path: Path) -> None:
    """Those of every model that only a CDM has, with its data tests."""
    own = ["path:models/intermediate/omop", "path:models/intermediate/omop_rules"]
    variables = json.dumps({"input": "omop", "omop": str(cdm)})
    outcome = run_dbt(
        ["--warn-error", "--quiet", "build", "--vars", variables]
        + ["--indirect-selection", "empty", "--select", "+resource_type:unit_test"]
        + [f"{folder},resource_type:test" for folder in own],
        tmp_path / "warehouse.duckdb",
        tmp_path,
    )
    assert outcome.success, outcome.exception
    ids = [result.node.unique_id.split(".") for result in outcome.result.results]
    tested = {parts[2] for parts in ids if parts[0] == "unit_test"}
    folder = PROJECT_DIR / "models" / "intermediate" / "omop"
    assert tested >= {path.stem for path in folder.glob("*.sql")} | {
        "int_omop_rule_problems",
        "omop_condition_era",
        "omop_drug_era",
        # They are asked another question over a CDM: was the failed era steroid-refractory?
        "int_candidate_episodes",
        "int_episode_decisions",
        "int_failed_eras_at_risk",
        "int_salvage_episodes",
    }
